//! Backups: all metadata in one file of the original's format, to move a cluster here, back, or into a new
//! journal.
//!
//! A backup is a gzip stream of delimited journal entries that make the whole state: what `fsadmin backup` of Alluxio
//! 2.9 writes and `alluxio.master.journal.init.from.backup` reads. `write` makes one from a snapshot of the tree, while
//! clients go on; [`import`] fills an empty journal from one. Neither holds more than a few megabytes, however large the
//! tree is.

mod daily;
mod delimited;
mod error;
mod export;
mod import;
mod kind;
mod order;
mod place;
mod read;
mod write;

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, path::PathBuf, sync::Arc};

use alluxio_conf::{Configuration, key};
use alluxio_fs::FsError;
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::{daily::run_daily, error::BackupError, import::import, place::RootStore};
use self::{place::Place, write::write};
use crate::{
    checkpoint::Checkpointer,
    meta::{self, BackupOrder, BackupOutcome, BackupStatus},
    namespace::Namespace,
};

/// How many are remembered: whoever asked for one has heard of its end long before.
const REMEMBERED: usize = 64;

/// Makes backups of one tree, one at a time.
pub struct Backups {
    conf: Configuration,
    namespace: Arc<Namespace>,
    checkpointer: Arc<Checkpointer>,
    /// `alluxio.master.backup.directory`
    folder: String,
    temporary: PathBuf,
    host: String,
    /// This master serves no more.
    stop: CancellationToken,
    /// The newest last.
    known: Mutex<VecDeque<BackupStatus>>,
}

impl Backups {
    pub fn new(
        conf: &Configuration,
        namespace: Arc<Namespace>,
        checkpointer: Arc<Checkpointer>,
        host: String,
        stop: CancellationToken,
    ) -> Self {
        let temporary =
            conf.get(key::TMP_DIRS).into_iter().next().map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = conf.get(key::MASTER_BACKUP_DIRECTORY);
        let conf = conf.clone();
        Self { conf, namespace, checkpointer, folder, temporary, host, stop, known: Mutex::default() }
    }

    /// Begins one. The receiver hears of its end.
    fn begin(
        self: &Arc<Self>,
        order: &BackupOrder,
    ) -> Result<(BackupStatus, oneshot::Receiver<BackupStatus>), FsError> {
        let folder = self.folder_of(order)?;
        let mut known = self.known.lock();
        if let Some(status) = known.back().filter(|status| status.outcome.is_none()) {
            return Err(FsError::failed_precondition(format!(
                "Backup {} is in progress: one is made at a time. Try again when it is done.",
                status.id
            )));
        }
        let status = BackupStatus {
            id: Uuid::new_v4().to_string(),
            host: self.host.clone(),
            uri: folder.uri(),
            entries: 0,
            outcome: None,
        };
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        known.push_back(status.clone());
        let (done, receiver) = oneshot::channel();
        let this = self.clone();
        let id = status.id.clone();
        tokio::spawn(async move {
            let status = this.make(&id, &folder).await;
            // Who asked may be gone.
            let _ = done.send(status);
        });
        Ok((status, receiver))
    }

    fn folder_of(&self, order: &BackupOrder) -> Result<Place, FsError> {
        let root = self.namespace.peek(|tree| RootStore::of(tree, &self.conf));
        let root = root.ok_or_else(|| FsError::internal("The root has no under storage."))?;
        let folder = order.folder.as_deref().filter(|folder| !folder.is_empty()).unwrap_or(&self.folder);
        if !folder.starts_with('/') && !folder.contains("://") {
            return Err(FsError::invalid_argument(format!(
                "\"{folder}\" is no folder for backups: give an absolute path."
            )));
        }
        Ok(root.place(folder, order.local)?)
    }

    async fn make(self: &Arc<Self>, id: &str, folder: &Place) -> BackupStatus {
        let (this, told) = (self.clone(), id.to_owned());
        let progress = move |entries| {
            this.tell(&told, |status| status.entries = entries);
        };
        let name = file_name(crate::namespace::now_ms());
        let writing = write(&self.namespace, &self.checkpointer, folder, &name, &self.temporary, progress);
        let written = self.stop.run_until_cancelled(writing).await;
        match written.unwrap_or(Err(BackupError::GivenUp)) {
            Ok(written) => {
                tracing::info!(uri = written.uri, entries = written.entries, "backup made");
                self.tell(id, |status| {
                    status.uri = written.uri;
                    status.entries = written.entries;
                    status.outcome = Some(BackupOutcome::Made);
                })
            }
            Err(error) => {
                let error = FsError::from(error);
                tracing::error!(%error, folder = folder.uri(), "no backup was made");
                self.tell(id, |status| status.outcome = Some(BackupOutcome::Failed(error)))
            }
        }
        // It is forgotten only when many others have ended since.
        .unwrap_or_default()
    }

    fn tell(&self, id: &str, change: impl FnOnce(&mut BackupStatus)) -> Option<BackupStatus> {
        let mut known = self.known.lock();
        let status = known.iter_mut().rev().find(|status| status.id == id)?;
        change(status);
        Some(status.clone())
    }
}

/// A backup's name as the original makes it: the day in UTC, and the milliseconds since 1970.
fn file_name(now_ms: i64) -> String {
    let day = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default().strftime("%Y-%m-%d");
    format!("alluxio-backup-{day}-{now_ms}.gz")
}

#[async_trait]
impl meta::Backups for Arc<Backups> {
    async fn back_up(&self, order: BackupOrder) -> Result<BackupStatus, FsError> {
        let (begun, done) = self.begin(&order)?;
        if order.in_background {
            return Ok(begun);
        }
        done.await.map_err(|_| FsError::from(BackupError::GivenUp))
    }

    fn status(&self, id: &str) -> Option<BackupStatus> {
        self.known.lock().iter().rev().find(|status| status.id == id).cloned()
    }
}

//! Backups: all metadata in one file of the original's format, to move a cluster here, back, or into a new
//! journal.
//!
//! A backup is a gzip stream of delimited journal entries that make the whole state: what `fsadmin backup` of Alluxio
//! 2.9 writes and `alluxio.master.journal.init.from.backup` reads. `write` makes one from a snapshot of the tree, while
//! clients go on: on a disk of this host first (`spool`), and from there in its store (`upload`). [`import`] fills an
//! empty journal from one. Neither holds more than a few megabytes in memory, however large the tree is. Where there are
//! standbys, the leader has one of them make it (`delegation`, `delegates`; there: `delegated`).

mod daily;
mod delegated;
mod delegates;
mod delegation;
mod delimited;
mod error;
mod export;
mod gauges;
mod import;
mod kind;
mod order;
mod place;
mod read;
mod spool;
mod upload;
mod write;

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, path::PathBuf, sync::Arc, time::Instant};

use alluxio_conf::{Configuration, key};
use alluxio_fs::FsError;
use alluxio_telemetry::metrics::Metrics;
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[cfg(test)]
pub use self::spool::Portion;
pub use self::{
    daily::run_daily,
    delegated::{Delegated, WantedWalk},
    delegates::{BackupDelegationService, Delegates},
    error::BackupError,
    gauges::none_yet,
    import::import,
    place::RootStore,
    write::hand_over,
};
use self::{delegates::Offer, delegation::Delegation, place::Place, upload::Written, write::write};
use crate::{
    checkpoint::Checkpointer,
    fs::Mandated,
    mandate::Mandate,
    meta::{self, BackupOrder, BackupOutcome, BackupStatus},
    namespace::Namespace,
};

/// How many are remembered: whoever asked for one has heard of its end long before.
const REMEMBERED: usize = 64;

/// What backups are made from, and where that is shown.
pub struct Origin {
    pub namespace: Arc<Namespace>,
    pub checkpointer: Arc<Checkpointer>,
    pub mandate: Mandate,
    pub metrics: Metrics,
    /// As others know this master.
    pub host: String,
    /// This master serves no more.
    pub stop: CancellationToken,
}

/// Makes backups of one tree, one at a time.
pub struct Backups {
    conf: Configuration,
    origin: Origin,
    /// `alluxio.master.backup.directory`
    folder: String,
    temporary: PathBuf,
    delegation: Delegation,
    delegates: Arc<Delegates>,
    /// The newest last.
    known: Mutex<VecDeque<BackupStatus>>,
    ended: Notify,
}

impl Backups {
    pub fn new(conf: &Configuration, origin: Origin) -> Self {
        Self {
            conf: conf.clone(),
            origin,
            folder: conf.get(key::MASTER_BACKUP_DIRECTORY),
            temporary: temporary_folder(conf),
            delegation: Delegation::new(conf),
            delegates: Arc::default(),
            known: Mutex::default(),
            ended: Notify::new(),
        }
    }

    /// Where standbys offer to make them.
    pub fn delegates(&self) -> Arc<Delegates> {
        self.delegates.clone()
    }

    /// Begins one, or finds the one that was begun for the same order.
    fn begin(self: &Arc<Self>, order: &BackupOrder) -> Result<BackupStatus, FsError> {
        let folder = self.folder_of(order)?;
        let id = order.id.unwrap_or_else(Uuid::new_v4).to_string();
        let mut known = self.known.lock();
        if let Some(begun) = known.iter().find(|status| status.id == id) {
            return Ok(begun.clone());
        }
        if let Some(status) = known.back().filter(|status| status.outcome.is_none()) {
            return Err(FsError::failed_precondition(format!(
                "Backup {} is in progress: one is made at a time. Try again when it is done.",
                status.id
            )));
        }
        let asked = self.asked(order)?;
        let status = BackupStatus {
            id: id.clone(),
            host: self.origin.host.clone(),
            uri: folder.uri(),
            entries: 0,
            outcome: None,
        };
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        known.push_back(status.clone());
        drop(known);
        let (this, order) = (self.clone(), order.clone());
        tokio::spawn(async move {
            // Apart, so that also a defect has an end that others hear of, and the next can be made.
            let making = tokio::spawn({
                let (this, id) = (this.clone(), id.clone());
                async move { this.make(&id, &order, &folder, asked).await }
            });
            let made = making.await.unwrap_or_else(|error| Err(error.into()));
            this.ends(&id, made);
        });
        Ok(status)
    }

    fn folder_of(&self, order: &BackupOrder) -> Result<Place, FsError> {
        let root = self.origin.namespace.peek(|tree| RootStore::of(tree, &self.conf));
        let root = root.ok_or_else(|| FsError::internal("The root has no under storage."))?;
        let Place { ufs, path } = root.place(self.folder_text(order), order.local)?;
        // Who does not lead any more completes nothing, and drops none that its successor counts.
        let ufs = Arc::new(Mandated::new(&*ufs, self.origin.mandate.clone()));
        Ok(Place { ufs, path })
    }

    fn folder_text<'a>(&'a self, order: &'a BackupOrder) -> &'a str {
        order.folder.as_deref().filter(|folder| !folder.is_empty()).unwrap_or(&self.folder)
    }

    async fn make(
        self: &Arc<Self>,
        id: &str,
        order: &BackupOrder,
        folder: &Place,
        asked: Option<Vec<Offer>>,
    ) -> Result<Written, BackupError> {
        let begun = Instant::now();
        let making = async {
            let Some(offers) = asked else { return self.make_here(id, folder).await };
            match self.delegate(id, order, offers).await {
                Err(BackupError::NotDelegated { .. }) if order.allow_leader => {
                    self.make_here(id, folder).await
                }
                made => made,
            }
        };
        let written = self.origin.stop.run_until_cancelled(making).await;
        let written = written.unwrap_or(Err(BackupError::GivenUp))?;
        gauges::made(&self.origin.metrics, written.entries, begun.elapsed());
        Ok(written)
    }

    async fn make_here(self: &Arc<Self>, id: &str, folder: &Place) -> Result<Written, BackupError> {
        let (this, told) = (self.clone(), id.to_owned());
        let progress = move |entries| this.tell(&told, |status| status.entries = entries);
        let Origin { namespace, checkpointer, .. } = &self.origin;
        let name = file_name(crate::namespace::now_ms());
        write(namespace, checkpointer, folder, &name, &self.temporary, progress).await
    }

    fn ends(&self, id: &str, made: Result<Written, BackupError>) {
        self.tell(id, |status| match made {
            Ok(written) => {
                tracing::info!(uri = written.uri, entries = written.entries, "backup made");
                status.uri = written.uri;
                status.entries = written.entries;
                status.outcome = Some(BackupOutcome::Made);
            }
            Err(error) => {
                let error = FsError::from(error);
                tracing::error!(%error, folder = status.uri, "no backup was made");
                status.outcome = Some(BackupOutcome::Failed(error));
            }
        });
        self.ended.notify_waiters();
    }

    fn tell(&self, id: &str, change: impl FnOnce(&mut BackupStatus)) {
        let mut known = self.known.lock();
        if let Some(status) = known.iter_mut().rev().find(|status| status.id == id) {
            change(status);
        }
    }
}

/// `alluxio.tmp.dirs`: its first folder.
fn temporary_folder(conf: &Configuration) -> PathBuf {
    conf.get(key::TMP_DIRS).into_iter().next().map_or_else(std::env::temp_dir, PathBuf::from)
}

/// A backup's name as the original makes it: the day in UTC, and the milliseconds since 1970.
fn file_name(now_ms: i64) -> String {
    let day = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default().strftime("%Y-%m-%d");
    format!("alluxio-backup-{day}-{now_ms}.gz")
}

#[async_trait]
impl meta::Backups for Arc<Backups> {
    async fn back_up(&self, order: BackupOrder) -> Result<BackupStatus, FsError> {
        let begun = self.begin(&order)?;
        if order.in_background {
            return Ok(begun);
        }
        loop {
            let ended = self.ended.notified();
            match self.status(&begun.id) {
                Some(status) if status.outcome.is_some() => return Ok(status),
                Some(_) => ended.await,
                // Many others have ended since.
                None => return Ok(begun),
            }
        }
    }

    fn status(&self, id: &str) -> Option<BackupStatus> {
        self.known.lock().iter().rev().find(|status| status.id == id).cloned()
    }
}

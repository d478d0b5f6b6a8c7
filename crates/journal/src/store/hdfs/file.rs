//! Writing one file.
//!
//! The library takes whatever DataNodes the NameNode names, and the NameNode goes on naming one that has died until it has missed it for
//! minutes. So a file begins with a trial: its first bytes are synced, and when that fails the file is created anew, on other DataNodes,
//! in the end with a copy less. From then on a pipeline that loses a DataNode must replace it; where it cannot, the sync fails, and the
//! journal goes on in a new file.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use alluxio_hdfs::{Create, Settings, Writer};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use super::{FILE_PERMISSIONS, Place, term};
use crate::position::FileId;
use crate::store::{OpenFile, StoreError};

/// Copies of the journal's files, unless HDFS is set to more. Where fewer DataNodes live, the NameNode makes do with these.
const COPIES: u32 = 3;
/// What is taken when there are always dead ones among so many.
const REDUCED_COPIES: u32 = 2;
/// How long after that new files begin with the lower number. They get the copy that is missing when they are closed.
const REDUCED_FOR: Duration = Duration::from_secs(60);

/// Trials with all copies, and with fewer. With one DataNode of three dead, a trial with two copies succeeds once in three times.
const TRIALS: u32 = 2;
const REDUCED_TRIALS: u32 = 28;
/// For the first trials; later ones get more. Where a DataNode of the pipeline is dead, the library waits for ever.
const TRIAL_LIMIT: Duration = Duration::from_secs(1);
/// After so many trials the limit has grown by once its first value.
const TRIALS_PER_STEP: u32 = 8;
/// For all of them.
const TRIALS_LIMIT: Duration = Duration::from_secs(30);
/// For a batch of the journal: when a DataNode dies under it, the library waits for ever, and clients wait for the batch.
const BATCH_LIMIT: Duration = Duration::from_secs(5);

/// A pipeline keeps the number of copies it was made with, or its writer is told.
pub(super) fn demand_full_pipelines(settings: &mut Settings) {
    for (name, value) in [("enable", "true"), ("policy", "ALWAYS"), ("best-effort", "false")] {
        let name = format!("dfs.client.block.write.replace-datanode-on-failure.{name}");
        settings.properties.insert(name, value.to_owned());
    }
}

/// How many copies new files get.
#[derive(Debug)]
pub(super) struct Copies {
    wanted: u32,
    reduced: Mutex<Option<Instant>>,
}

impl Copies {
    pub(super) fn wanted(settings: &Settings) -> Self {
        let configured = settings.properties.get("dfs.replication").and_then(|value| value.parse().ok());
        Self { wanted: COPIES.max(configured.unwrap_or(COPIES)), reduced: Mutex::new(None) }
    }

    pub(super) fn most(&self) -> u32 {
        self.wanted
    }

    /// The numbers to try, in this order.
    fn trials(&self) -> impl Iterator<Item = u32> + use<> {
        let reduced = self.reduced.lock().is_some_and(|since| since.elapsed() < REDUCED_FOR);
        let full = if reduced { 0 } else { TRIALS };
        let wanted = self.wanted;
        (0..full).map(move |_| wanted).chain((0..REDUCED_TRIALS).map(|_| REDUCED_COPIES))
    }

    fn worked_with(&self, copies: u32) {
        let mut reduced = self.reduced.lock();
        if copies == self.wanted {
            *reduced = None;
        } else if reduced.is_none_or(|since| since.elapsed() >= REDUCED_FOR) {
            tracing::warn!(
                copies,
                wanted = self.wanted,
                "a DataNode that HDFS believes alive is not: the journal's new files have fewer copies until they are closed"
            );
            *reduced = Some(Instant::now());
        }
    }
}

/// A file that is being written.
pub(super) struct HdfsFile {
    place: Arc<Place>,
    file: FileId,
    path: String,
    /// None after an error, and when it is closed.
    writer: Option<Writer>,
    /// Bytes of it have been synced.
    proven: bool,
    /// Bytes were added since the last sync.
    unsynced: bool,
    open: bool,
    /// For adding bytes, and for a sync.
    limit: Duration,
}

impl HdfsFile {
    pub(super) async fn create(place: Arc<Place>, file: FileId) -> Result<Self, StoreError> {
        let path = place.names.plain(file);
        let copies = place.copies.trials().next().unwrap_or(place.copies.most());
        let transfer = place.hdfs.settings().limits.transfer;
        let limit = if matches!(file, FileId::Segment(_)) { transfer.min(BATCH_LIMIT) } else { transfer };
        let mut created =
            Self { place, file, path, writer: None, proven: false, unsynced: false, open: false, limit };
        match created.create_again(copies).await {
            Ok(()) => Ok(created),
            Err(error) => Err(created.failure("create", error).await),
        }
    }

    async fn create_again(&mut self, copies: u32) -> io::Result<()> {
        let create = Create { replication: Some(copies), block_size: None, permissions: FILE_PERMISSIONS };
        self.writer = Some(self.place.hdfs.create(&self.path, create).await?);
        self.open = true;
        Ok(())
    }

    /// Finds DataNodes that take the first bytes.
    async fn begin(&mut self, data: Bytes) -> io::Result<()> {
        let until = Instant::now() + TRIALS_LIMIT;
        let mut failed = None;
        for (trial, copies) in (0..).zip(self.place.copies.trials()) {
            if let Some(error) = failed.take() {
                if Instant::now() >= until {
                    return Err(error);
                }
                tracing::debug!(%error, path = self.path, copies, "the file is begun again on other DataNodes");
                self.place.hdfs.remove(&self.path).await?;
                self.create_again(copies).await?;
            }
            let limit = TRIAL_LIMIT * (1 + trial / TRIALS_PER_STEP);
            match within(limit, self.write_and_sync(data.clone())).await {
                Ok(()) => {
                    self.proven = true;
                    self.place.copies.worked_with(copies);
                    if copies < self.place.copies.most() {
                        self.place.hdfs.set_replication(&self.path, self.place.copies.most()).await?;
                    }
                    return Ok(());
                }
                Err(error) => {
                    self.writer = None;
                    if !may_be_a_datanode(&error) {
                        return Err(error);
                    }
                    failed = Some(error);
                }
            }
        }
        Err(failed.unwrap_or_else(gone))
    }

    async fn write_and_sync(&mut self, data: Bytes) -> io::Result<()> {
        let writer = self.writer.as_mut().ok_or_else(gone)?;
        writer.append(data).await?;
        writer.sync().await
    }

    /// The error for a failed operation; that the term is sealed, when that is why.
    async fn failure(&mut self, action: &'static str, error: io::Error) -> StoreError {
        self.writer = None;
        if let FileId::Segment(id) = self.file
            && term::is_gone(&self.place, id.term).await
        {
            return StoreError::Sealed { location: self.place.location(), term: id.term };
        }
        self.place.error(action, &self.path, error)
    }
}

#[async_trait]
impl OpenFile for HdfsFile {
    async fn append(&mut self, data: Bytes) -> Result<(), StoreError> {
        if data.is_empty() {
            return Ok(());
        }
        let written = match (&mut self.writer, self.proven) {
            (None, _) => Err(gone()),
            (Some(_), false) => self.begin(data).await,
            (Some(writer), true) => {
                self.unsynced = true;
                within(self.limit, writer.append(data)).await
            }
        };
        match written {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failure("write", error).await),
        }
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        let synced = match &mut self.writer {
            None => Err(gone()),
            Some(writer) if self.unsynced => within(self.limit, writer.sync()).await,
            Some(_) => Ok(()),
        };
        match synced {
            Ok(()) => {
                self.unsynced = false;
                Ok(())
            }
            Err(error) => Err(self.failure("sync", error).await),
        }
    }

    async fn close(mut self: Box<Self>) -> Result<(), StoreError> {
        let closed = match self.writer.take() {
            None => Err(gone()),
            Some(writer) => writer.close().await,
        };
        match closed {
            Ok(()) => {
                self.open = false;
                Ok(())
            }
            Err(error) => Err(self.failure("close", error).await),
        }
    }
}

impl Drop for HdfsFile {
    /// A file that was given up stays open to the NameNode for as long as this process renews its lease, and nobody can read it. It is
    /// closed as it is.
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.open {
            return;
        }
        let (place, path) = (self.place.clone(), std::mem::take(&mut self.path));
        drop(self.writer.take());
        runtime.spawn(async move {
            if let Err(error) = term::recover(&place, std::slice::from_ref(&path)).await {
                tracing::debug!(%error, "a journal file that was given up stays open until the next master");
            }
        });
    }
}

async fn within<T>(limit: Duration, operation: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late =
        || io::Error::new(ErrorKind::TimedOut, format!("no answer from the DataNodes within {limit:?}"));
    tokio::time::timeout(limit, operation).await.unwrap_or_else(|_| Err(late()))
}

/// Whether another choice of DataNodes may help.
fn may_be_a_datanode(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::PermissionDenied
            | ErrorKind::Unsupported
            | ErrorKind::QuotaExceeded
            | ErrorKind::ResourceBusy
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::InvalidInput
    )
}

fn gone() -> io::Error {
    io::Error::new(ErrorKind::BrokenPipe, "the file was given up after an earlier error")
}

//! Writing one file.
//!
//! It begins on DataNodes that have taken its first bytes (`alluxio_hdfs::Beginner`). From then on a pipeline that loses a DataNode must
//! replace it; where it cannot, the sync fails, and the journal goes on in a new file.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use alluxio_hdfs::{Beginner, Create, NewFile, Settings, Trials, Writer};
use async_trait::async_trait;
use bytes::Bytes;

use super::{FILE_PERMISSIONS, Place, term};
use crate::position::FileId;
use crate::store::{OpenFile, StoreError};

/// Copies of the journal's files, unless HDFS is set to more. Where fewer DataNodes live, the NameNode makes do with these.
const COPIES: u32 = 3;

/// For a file's first batch: clients wait for it.
const TRIALS: Trials = Trials {
    limit: Duration::from_secs(1),
    per_step: 8,
    full: 1,
    reduced: 28,
    in_all: Duration::from_secs(30),
    must_sync: true,
};
/// For a batch of the journal: when a DataNode dies under it, the library waits for ever, and clients wait for the batch.
const BATCH_LIMIT: Duration = Duration::from_secs(5);

/// A pipeline keeps the number of copies it was made with, or its writer is told.
pub(super) fn demand_full_pipelines(settings: &mut Settings) {
    for (name, value) in [("enable", "true"), ("policy", "ALWAYS"), ("best-effort", "false")] {
        let name = format!("dfs.client.block.write.replace-datanode-on-failure.{name}");
        settings.properties.insert(name, value.to_owned());
    }
}

/// How many copies the journal's files get.
pub(super) fn copies(settings: &Settings) -> u32 {
    let configured = settings.properties.get("dfs.replication").and_then(|value| value.parse().ok());
    COPIES.max(configured.unwrap_or(COPIES))
}

/// Begins the journal's files.
pub(super) fn beginner(copies: u32) -> Beginner {
    Beginner::new(Some(copies), TRIALS)
}

/// A file that is being written.
pub(super) struct HdfsFile {
    place: Arc<Place>,
    file: FileId,
    path: String,
    /// None after an error, and when it is closed.
    state: Option<State>,
    /// Bytes were added since the last sync.
    unsynced: bool,
    open: bool,
    /// For adding bytes, and for a sync.
    limit: Duration,
}

enum State {
    New(NewFile),
    /// Bytes of it have been synced.
    Begun(Writer),
}

impl HdfsFile {
    pub(super) async fn create(place: Arc<Place>, file: FileId) -> Result<Self, StoreError> {
        let path = place.names.plain(file);
        let transfer = place.hdfs.settings().limits.transfer;
        let limit = if matches!(file, FileId::Segment(_)) { transfer.min(BATCH_LIMIT) } else { transfer };
        let create = Create { replication: None, block_size: None, permissions: FILE_PERMISSIONS };
        let new = place.beginner.create(&place.hdfs, &path, create).await;
        let mut created = Self { place, file, path, state: None, unsynced: false, open: false, limit };
        match new {
            Ok(new) => {
                (created.state, created.open) = (Some(State::New(new)), true);
                Ok(created)
            }
            Err(error) => Err(created.failure("create", error).await),
        }
    }

    /// The error for a failed operation; that the term is sealed, when that is why.
    async fn failure(&mut self, action: &'static str, error: io::Error) -> StoreError {
        self.state = None;
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
        let Place { hdfs, beginner, .. } = &*self.place;
        let written = match self.state.take() {
            None => Err(gone()),
            Some(State::New(file)) => beginner.write(hdfs, file, &data).await,
            Some(State::Begun(mut writer)) => {
                self.unsynced = true;
                within(self.limit, writer.append(data)).await.map(|()| writer)
            }
        };
        match written {
            Ok(writer) => {
                self.state = Some(State::Begun(writer));
                Ok(())
            }
            Err(error) => Err(self.failure("write", error).await),
        }
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        let synced = match &mut self.state {
            None => Err(gone()),
            Some(State::Begun(writer)) if self.unsynced => within(self.limit, writer.sync()).await,
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
        let closed = match self.state.take() {
            None => Err(gone()),
            Some(State::New(file)) => file.into_writer().close().await,
            Some(State::Begun(writer)) => writer.close().await,
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
        drop(self.state.take());
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

fn gone() -> io::Error {
    io::Error::new(ErrorKind::BrokenPipe, "the file was given up after an earlier error")
}

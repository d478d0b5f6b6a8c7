//! Checkpoints: the tree written out while it is served, so that a start need not replay everything
//! and old segments can go.

use std::{sync::Arc, time::Duration};

use alluxio_fs::FsError;
use alluxio_proto::own::CheckpointChunk;
use async_trait::async_trait;
use bytes::Bytes;
use prost::Message;
use tokio_util::sync::CancellationToken;

use crate::{
    meta,
    namespace::Namespace,
    tree::{hash_inode, hash_tables},
    web::TreeHashes,
};

/// Slots per step: copying an inode out takes a few microseconds, and a hold must stay under 5 ms.
const SLOTS_PER_STEP: u32 = 500;

/// How often the number of records since the last checkpoint is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

pub struct Checkpointer {
    namespace: Arc<Namespace>,
    /// `alluxio.master.journal.checkpoint.period.entries`
    period: u64,
    last: tokio::sync::Mutex<u64>,
}

impl Checkpointer {
    /// `last` is the sequence of the checkpoint the tree was restored from.
    pub fn new(namespace: Arc<Namespace>, period: u64, last: u64) -> Self {
        Self { namespace, period, last: tokio::sync::Mutex::new(last) }
    }

    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let since = self.namespace.journal().durable().saturating_sub(*self.last.lock().await);
            if since >= self.period
                && let Err(error) = self.write().await
            {
                tracing::warn!(%error, "no checkpoint was written; it is tried again");
            }
        }
    }

    /// Writes one now, unless nothing has happened since the last. One at a time.
    pub async fn write(&self) -> Result<(), FsError> {
        let mut last = self.last.lock().await;
        let failed = |error: alluxio_journal::JournalError| FsError::unknown(format!("No checkpoint: {error}"));
        let Some((position, tables)) = self
            .namespace
            .snapshot_step(|tree, position| tree.begin_snapshot().map(|tables| (position, tables)))
        else {
            return Err(FsError::unavailable("Another look at the whole tree is under way. Try again."));
        };
        let mut walk = Walk { namespace: &self.namespace, done: false };
        let mut hash = hash_tables(&tables);
        let mut writer = self.namespace.journal().checkpoint_writer(position).await.map_err(failed)?;
        let chunk = CheckpointChunk { tables: Some(tables), inodes: Vec::new() };
        writer.write(chunk.encode_to_vec().into()).await.map_err(failed)?;
        while let Some(inodes) = walk.next() {
            for inode in &inodes {
                hash = hash.wrapping_add(hash_inode(inode));
            }
            let chunk = CheckpointChunk { tables: None, inodes };
            writer.write(chunk.encode_to_vec().into()).await.map_err(failed)?;
            tokio::task::yield_now().await;
        }
        let info = writer.finish(hash, Bytes::new()).await.map_err(failed)?;
        *last = position.sequence;
        tracing::info!(sequence = position.sequence, ?info, "checkpoint written");
        Ok(())
    }

    /// The hash of the tree at one sequence, without writing anything: to compare masters.
    async fn hash_now(&self) -> Result<(u64, u64), FsError> {
        let _only = self.last.lock().await;
        let Some((sequence, tables)) = self
            .namespace
            .snapshot_step(|tree, position| tree.begin_snapshot().map(|tables| (position.sequence, tables)))
        else {
            return Err(FsError::unavailable("Another look at the whole tree is under way. Try again."));
        };
        let mut walk = Walk { namespace: &self.namespace, done: false };
        let mut hash = hash_tables(&tables);
        while let Some(inodes) = walk.next() {
            hash = inodes.iter().fold(hash, |hash, inode| hash.wrapping_add(hash_inode(inode)));
            tokio::task::yield_now().await;
        }
        Ok((sequence, hash))
    }
}

#[async_trait]
impl meta::Checkpointer for Checkpointer {
    async fn checkpoint(&self) -> Result<(), FsError> {
        self.write().await
    }
}

#[async_trait]
impl TreeHashes for Checkpointer {
    async fn tree_hash(&self) -> Result<(u64, u64), FsError> {
        self.hash_now().await
    }
}

/// A snapshot must be walked to its end, also when nobody wants it any more: the tree keeps copies for
/// it until then.
struct Walk<'a> {
    namespace: &'a Namespace,
    done: bool,
}

impl Walk<'_> {
    fn next(&mut self) -> Option<Vec<alluxio_proto::meta::Inode>> {
        let inodes = self.namespace.snapshot_step(|tree, _| tree.continue_snapshot(SLOTS_PER_STEP));
        self.done = inodes.is_none();
        inodes
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        while !self.done {
            self.next();
        }
    }
}

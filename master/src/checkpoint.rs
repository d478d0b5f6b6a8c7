//! Checkpoints: the tree written out while it is served, so that a start need not replay everything
//! and old segments can go.

use std::{sync::Arc, time::Duration};

use alluxio_fs::FsError;
use alluxio_proto::{meta::Inode, own::CheckpointChunk};
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

/// A chunk of a checkpoint ends with the inode that goes beyond this: what one inode may have (see
/// `fs::limits`) fits above it.
const CHUNK_BYTES: usize = 1 << 20;
const _: () = assert!(2 * CHUNK_BYTES < alluxio_journal::MAX_CHUNK);

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

    /// Records since the last checkpoint; `None` while one is written.
    pub fn records_since(&self) -> Option<u64> {
        let last = *self.last.try_lock().ok()?;
        Some(self.namespace.journal().durable().saturating_sub(last))
    }

    /// Writes one now, unless nothing has happened since the last. One at a time.
    pub async fn write(&self) -> Result<(), FsError> {
        let mut last = self.last.lock().await;
        if self.namespace.journal().position().sequence == *last {
            return Ok(());
        }
        let failed =
            |error: alluxio_journal::JournalError| FsError::unknown(format!("No checkpoint: {error}"));
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
            for inodes in portions(inodes) {
                let chunk = CheckpointChunk { tables: None, inodes };
                writer.write(chunk.encode_to_vec().into()).await.map_err(failed)?;
            }
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

/// What one step brought, in chunks of moderate size: it may be a hundred thousand inodes that have changed
/// since the last, and each may have long attributes.
fn portions(inodes: Vec<Inode>) -> Vec<Vec<Inode>> {
    let (mut portions, mut bytes) = (vec![Vec::new()], 0);
    for inode in inodes {
        if bytes >= CHUNK_BYTES {
            portions.push(Vec::new());
            bytes = 0;
        }
        bytes += inode.encoded_len();
        if let Some(portion) = portions.last_mut() {
            portion.push(inode);
        }
    }
    portions
}

/// A snapshot must be walked to its end, also when nobody wants it any more: the tree keeps copies for
/// it until then.
struct Walk<'a> {
    namespace: &'a Namespace,
    done: bool,
}

impl Walk<'_> {
    fn next(&mut self) -> Option<Vec<Inode>> {
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

#[cfg(test)]
mod tests {
    use alluxio_conf::Configuration;
    use alluxio_journal::{
        Existing, Uuid,
        store::{Store, mem::MemStore},
    };
    use alluxio_proto::journal::{InodeFileEntry, JournalEntry};

    use super::*;

    async fn namespace(store: &MemStore) -> Arc<Namespace> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().display().to_string();
        let conf = Configuration::defaults()
            .with(&[("alluxio.master.mount.table.root.ufs", root.as_str())])
            .unwrap();
        let store: Arc<dyn Store> = Arc::new(store.clone());
        Arc::new(crate::start::open_namespace(&conf, store).await.unwrap())
    }

    /// Inodes as large as they may be, all changed before the walker comes to them.
    #[tokio::test]
    async fn a_checkpoint_takes_whatever_the_tree_has() {
        let store = MemStore::new();
        alluxio_journal::format(&store, Uuid::from_u128(3), Existing::Keep).await.unwrap();
        let namespace = namespace(&store).await;
        namespace
            .mutate(&[], None, |_, draft| {
                for n in 1..=400 {
                    draft.push(JournalEntry {
                        inode_file: Some(InodeFileEntry {
                            id: Some(alluxio_fs::ids::file_id(n)),
                            parent_id: Some(0),
                            name: Some(format!("f{n}")),
                            x_attr: [("x".to_owned(), vec![7; 60 << 10])].into(),
                            ..InodeFileEntry::default()
                        }),
                        ..JournalEntry::default()
                    });
                }
                Ok(())
            })
            .await
            .unwrap();
        let checkpointer = Checkpointer::new(namespace.clone(), 1, 0);
        let (sequence, hash) = checkpointer.hash_now().await.unwrap();
        checkpointer.write().await.unwrap();
        assert_eq!(*checkpointer.last.lock().await, sequence);
        checkpointer.write().await.expect("nothing has happened since");
        drop(checkpointer);
        namespace.journal().shutdown().await.unwrap();
        let again = super::tests::namespace(&store).await;
        assert_eq!(again.peek(|tree| tree.hash()), hash);
    }
}

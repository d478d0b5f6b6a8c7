//! Two tasks that follow deletes: one forgets cut-off subtrees by records of bounded size, the other
//! has the workers drop the blocks that no file owns any more.

use std::{sync::Arc, time::Duration};

use alluxio_proto::journal::{JournalEntry, ReapEntry};
use tokio_util::sync::CancellationToken;

use super::FileSystemMaster;
use crate::tree::BlockRange;

/// Inodes per record. A quarter of what one hold of the lock may touch: reaping frees memory, which
/// takes longer than reading it.
const PER_RECORD: i32 = 250;

/// Blocks of a file that is being written that count as one inode more: their lengths lie in memory of
/// their own.
const OPEN_BLOCKS_PER_INODE: i32 = 1_000;

/// Blocks dropped before other tasks have their turn.
const BLOCKS_AT_ONCE: usize = 1_000;

/// How soon reaping is tried again when the journal refuses.
const RETRY: Duration = Duration::from_secs(1);

impl FileSystemMaster {
    /// Forgets what was cut off, also by a master before this one.
    pub async fn run_reaper(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let wanted = self.reaper_wanted.notified();
            while self.namespace.peek(|tree| tree.has_detached()) {
                let step = self.namespace.mutate(&[], None, |tree, draft| {
                    if tree.has_detached() {
                        draft.push(record());
                    }
                    Ok(())
                });
                let failed = tokio::select! {
                    () = stop.cancelled() => return,
                    step = step => step.is_err(),
                };
                // Who writes is told why the journal refuses; the reaper only waits.
                if failed {
                    tokio::time::sleep(RETRY).await;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = wanted => {}
            }
        }
    }

    /// Carries out what records have as their effect outside the tree, once they are durable.
    pub async fn run_effects(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let (sequence, blocks) = tokio::select! {
                () = stop.cancelled() => return,
                effect = self.namespace.effects().next() => effect,
            };
            while self.namespace.journal().wait_durable(sequence).await.is_err() {
                // The journal is being repaired, or has ended and the process with it.
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(RETRY) => {}
                }
            }
            for blocks in blocks {
                self.remove_blocks(blocks).await;
            }
        }
    }

    /// Has all copies of a file's blocks dropped, which may be half a million.
    pub(super) async fn remove_blocks(&self, blocks: BlockRange) {
        let mut ids = blocks.ids();
        loop {
            let some: Vec<i64> = ids.by_ref().take(BLOCKS_AT_ONCE).collect();
            if some.is_empty() {
                return;
            }
            self.blocks.remove_blocks(&some);
            tokio::task::yield_now().await;
        }
    }
}

fn record() -> JournalEntry {
    let reap = ReapEntry { limit: Some(PER_RECORD), open_blocks_per_inode: Some(OPEN_BLOCKS_PER_INODE) };
    JournalEntry { reap: Some(reap), ..JournalEntry::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Or tuning would change what the records in old logs mean.
    #[test]
    fn a_record_says_all_that_decides_how_far_it_goes() {
        let ReapEntry { limit, open_blocks_per_inode } = record().reap.unwrap();
        assert!(limit.is_some() && open_blocks_per_inode.is_some());
    }
}

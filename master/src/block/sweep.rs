//! The sweep walks the location table shard by shard: it drops what lies under retired slots, queues
//! what workers are still to drop, and, now and then, compares everything with the tree.

use std::collections::HashSet;
use std::time::Duration;

use super::location::Slot;
use super::master::BlockMaster;
use super::slots::{CHUNK, RetiredSlots};

/// Time between passes that queue undone frees again: longer than a worker takes to drop a batch.
pub(super) const REQUEUE_INTERVAL: Duration = Duration::from_secs(60);

/// What one pass does besides dropping stale copies.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pass {
    /// Queue marked copies again.
    pub requeue: bool,
    /// Look for blocks that no file owns.
    pub integrity: bool,
}

/// What a pass found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub dropped: usize,
    pub unknown: usize,
}

impl BlockMaster {
    /// Whether a pass would drop or queue something.
    pub(super) fn has_retired_slots(&self) -> bool {
        self.slots.read().has_retired()
    }

    /// Walks the whole table once.
    pub(super) async fn sweep(&self, pass: Pass) -> Found {
        let mut found = Found::default();
        let retired = self.slots.write().begin_pass();
        // Workers with a queue get the rest later: otherwise a pass would queue what is queued already.
        let idle = if pass.requeue { self.slots_without_frees() } else { HashSet::new() };
        for shard in 0..self.table.shard_count() {
            self.sweep_shard(shard, &retired, pass, &idle, &mut found).await;
            if shard % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
        self.slots.write().end_pass();
        found
    }

    async fn sweep_shard(
        &self,
        shard: usize,
        retired: &RetiredSlots,
        pass: Pass,
        idle: &HashSet<Slot>,
        found: &mut Found,
    ) {
        let swept = self.table.sweep(shard, |slot| retired.contains(slot), pass.integrity);
        found.dropped += swept.dropped;
        for (block_id, slot) in swept.freeing {
            if idle.contains(&slot) {
                self.queue_frees(slot, [block_id]);
            }
        }
        for chunk in swept.ids.chunks(CHUNK) {
            let unknown = self.unknown_of(chunk).await;
            found.unknown += unknown.len();
            if self.options.integrity_repair {
                self.remove_blocks(&unknown);
            }
        }
    }

    fn slots_without_frees(&self) -> HashSet<Slot> {
        let workers = self.workers.all();
        let mut idle = HashSet::new();
        for worker in workers {
            let record = worker.record();
            if record.is_active() && record.frees.is_empty() {
                idle.extend(record.slots());
            }
        }
        idle
    }
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;

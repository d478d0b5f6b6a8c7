//! Having workers drop blocks: those of deleted or freed files, and those that no file owns.
//!
//! A copy that is to go is marked in the location table. The mark is the record of what is still to be
//! done, so nothing is lost when a worker's queue is full, an answer gets lost or the worker is slow:
//! the sweep queues marked copies again until the worker reports them removed. Until then they are shown
//! (no one can ask for the blocks of a deleted file). A copy that a worker commits anew has lost its mark: what
//! was carried out is not ordered again. A worker that registers
//! again lists its blocks without marks; what no file owns is found and marked anew.

use std::collections::HashMap;

use super::location::Slot;
use super::master::BlockMaster;
use super::slots::CHUNK;
use super::tree_view::LOOKUP_CHUNK;
use super::worker::Worker;

/// Most blocks queued for one worker; the sweep brings the rest.
const MAX_QUEUED: usize = 100_000;

/// Most blocks in the answer to one heartbeat.
const MAX_PER_COMMAND: usize = 10_000;

impl BlockMaster {
    /// All copies of these blocks are to go. Call it only when the record that says so is durable.
    pub fn remove_blocks(&self, block_ids: &[i64]) {
        for chunk in block_ids.chunks(CHUNK) {
            let mut by_slot: HashMap<Slot, Vec<i64>> = HashMap::new();
            for block_id in chunk {
                for copy in self.table.mark_freeing(*block_id) {
                    by_slot.entry(copy.slot()).or_default().push(*block_id);
                }
            }
            for (slot, ids) in by_slot {
                self.queue_frees(slot, ids);
            }
        }
    }

    pub(super) fn queue_frees(&self, slot: Slot, ids: impl IntoIterator<Item = i64>) {
        let slots = self.slots.read();
        if let Some(worker) = slots.owner(slot) {
            let mut record = worker.record();
            let room = MAX_QUEUED.saturating_sub(record.frees.len());
            record.frees.extend(ids.into_iter().take(room));
        }
    }

    /// What the worker is to drop next. A block that was written again meanwhile is left out.
    pub(super) fn next_frees(&self, worker: &Worker) -> Vec<i64> {
        let (mut ids, held) = {
            let mut record = worker.record();
            let count = record.frees.len().min(MAX_PER_COMMAND);
            let ids: Vec<i64> = record.frees.drain(..count).collect();
            (ids, record.slots().collect::<Vec<_>>())
        };
        // A block may have been queued for two slots of the worker, or twice.
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| held.iter().any(|slot| self.table.is_freeing(*id, *slot)));
        ids
    }

    /// Has workers drop those of `block_ids` that no file owns. In safe mode and before the master
    /// serves nothing is judged; the sweep does it afterwards.
    pub(super) async fn free_unknown(&self, block_ids: &[i64]) {
        if self.safe_mode() {
            return;
        }
        let unknown = self.unknown_of(block_ids).await;
        self.remove_blocks(&unknown);
    }

    /// Those of `block_ids` that durably belong to no file.
    pub(super) async fn unknown_of(&self, block_ids: &[i64]) -> Vec<i64> {
        let mut unknown = Vec::new();
        for chunk in block_ids.chunks(LOOKUP_CHUNK) {
            self.lengths.unknown_of(chunk, &mut unknown);
        }
        if unknown.is_empty() {
            return unknown;
        }
        // The deletion that was seen may not be durable yet; after a crash the file would be back.
        if let Err(error) = self.lengths.settled(&unknown).await {
            tracing::warn!(%error, blocks = unknown.len(), "blocks without a file are kept for now");
            return Vec::new();
        }
        unknown
    }
}

#[cfg(test)]
#[path = "free_tests.rs"]
mod tests;

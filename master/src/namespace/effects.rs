//! What follows from a record outside the tree, only once it is durable (design: effects follow
//! durability). It does not depend on the client still waiting for its answer.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::tree::BlockRange;

/// Blocks to free, in the order of the records that freed them. Bounded by what the journal lets be
/// in flight, plus what the consumer has not fetched: it does no I/O.
#[derive(Default)]
pub struct DurableEffects {
    queue: Mutex<VecDeque<(u64, Vec<BlockRange>)>>,
    pushed: Notify,
}

impl DurableEffects {
    pub(super) fn push(&self, sequence: u64, freed_blocks: Vec<BlockRange>) {
        self.queue.lock().push_back((sequence, freed_blocks));
        self.pushed.notify_one();
    }

    /// The oldest effect with the record it waits for.
    pub async fn next(&self) -> (u64, Vec<BlockRange>) {
        loop {
            let pushed = self.pushed.notified();
            if let Some(effect) = self.queue.lock().pop_front() {
                return effect;
            }
            pushed.await;
        }
    }
}

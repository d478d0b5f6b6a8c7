//! What is lost: blocks of files that are in no under storage, when no live worker has them either. That is never
//! stored; here it is only counted now and then, for whoever watches the cluster.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use alluxio_fs::ids;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::FileSystemMaster;
use crate::{block::Residence, namespace::MAX_INODES_PER_HOLD};

/// The last count.
#[derive(Default)]
pub struct Lost {
    pub blocks: AtomicU64,
    pub files: AtomicU64,
}

impl FileSystemMaster {
    pub async fn run_lost_count(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(self.options.lost_interval.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.count_lost().await,
            }
        }
    }

    /// Goes once through the tree, in bounded steps.
    pub(super) async fn count_lost(&self) {
        // Before the workers are back everything would seem lost.
        if self.blocks.safe_mode() {
            return;
        }
        let (mut blocks, mut files) = (0, 0);
        let mut from = Some(0);
        while let Some(slot) = from {
            let (found, next) = self.namespace.peek(|tree| tree.only_here(slot, MAX_INODES_PER_HOLD));
            for (id, count) in found {
                let container = ids::container_of(id);
                let lost = (0..i64::from(count))
                    .filter(|n| self.blocks.residence(ids::block_id(container, *n)) == Residence::Nowhere)
                    .count();
                blocks += lost as u64;
                files += u64::from(lost > 0);
            }
            from = next;
            tokio::task::yield_now().await;
        }
        self.lost.blocks.store(blocks, Relaxed);
        self.lost.files.store(files, Relaxed);
    }
}

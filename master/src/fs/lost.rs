//! What is lost: blocks of files that are in no under storage, when no live worker has them either. That is never
//! stored; here it is only counted now and then, for whoever watches the cluster.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{FileSystemMaster, info::BLOCKS_AT_ONCE};
use crate::{block::Residence, namespace::MAX_INODES_PER_HOLD, tree::BlockRange};

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
            let count = async {
                ticks.tick().await;
                self.count_lost().await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = count => {}
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
                let lost = self.lost_of(BlockRange::of_file(id, count)).await;
                blocks += lost;
                files += u64::from(lost > 0);
            }
            from = next;
            tokio::task::yield_now().await;
        }
        self.lost.blocks.store(blocks, Relaxed);
        self.lost.files.store(files, Relaxed);
    }

    /// How many of these blocks no live worker has.
    pub(super) async fn lost_of(&self, blocks: BlockRange) -> u64 {
        let mut lost = 0;
        for (number, id) in (1..).zip(blocks.ids()) {
            lost += u64::from(self.blocks.last_residence(id) == Residence::Nowhere);
            if number % BLOCKS_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
        }
        lost
    }
}

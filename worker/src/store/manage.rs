//! Background moves between tiers (`alluxio.worker.management.*`).
//!
//! *Aligning* exchanges cold blocks of a tier for hotter ones of the next; *promoting* fills a tier that has room
//! with the hottest of the next. Both keep out of the way of clients. What exchanges leave in the room that is set
//! apart for them, the keeper's watermarks take away again.

use super::{
    BlockStore, DirId, StoreError,
    catalog::{Exchange, Promotion},
};
use futures::{StreamExt, stream};
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// When clients keep background moves out (`alluxio.worker.management.backoff.strategy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackOff {
    /// While they use any folder.
    Any,
    /// Only from the folders that they use.
    Directory,
}

/// What can be set about background moves.
#[derive(Debug, Clone)]
pub struct ManageOptions {
    pub align: bool,
    pub promote: bool,
    /// Blocks of one round.
    pub align_range: usize,
    pub promote_range: usize,
    /// How full promoting may make a tier.
    pub promote_quota_percent: u64,
    pub back_off: BackOff,
    /// How long a folder rests after a client used it; also the pause when there is nothing to do.
    pub cool_down: Duration,
    /// Moves at the same time.
    pub at_once: usize,
}

/// The pause of a worker that is to rest for no time at all.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// What is to be done next.
enum Task {
    Align(Vec<Exchange>),
    Promote(Vec<Promotion>),
}

impl BlockStore {
    /// Runs until `stop`.
    pub async fn manage_tiers(self, options: ManageOptions, stop: CancellationToken) {
        if self.inner.layout.tiers.len() < 2 || !(options.align || options.promote) {
            return;
        }
        let managing = async {
            loop {
                if !self.manage_once(&options).await {
                    sleep(options.cool_down.max(SHORTEST_PAUSE)).await;
                }
            }
        };
        // A move that has begun goes to its end in its own thread.
        tokio::select! {
            () = stop.cancelled() => {}
            () = managing => {}
        }
    }

    /// One round; `false` when nothing was moved.
    pub(super) async fn manage_once(&self, options: &ManageOptions) -> bool {
        let busy = options.back_off == BackOff::Any && self.inner.activity.is_any_busy(options.cool_down);
        let task = if busy { None } else { self.next_task(options) };
        let moved = match task {
            None => 0,
            Some(Task::Align(pairs)) => {
                let moves = pairs.into_iter().map(|pair| self.exchange(pair, options));
                count(stream::iter(moves).buffer_unordered(options.at_once)).await
            }
            Some(Task::Promote(blocks)) => {
                let moves = blocks.into_iter().map(|promotion| self.raise(promotion, options));
                count(stream::iter(moves).buffer_unordered(options.at_once)).await
            }
        };
        if moved > 0 {
            tracing::debug!(moved, "blocks moved between tiers");
        }
        moved > 0
    }

    /// The first pair of tiers that is not as it should be, the fastest first.
    fn next_task(&self, options: &ManageOptions) -> Option<Task> {
        (0..self.inner.layout.tiers.len() - 1).find_map(|tier| {
            let pairs = match options.align {
                true => self.catalog().exchanges(tier, options.align_range),
                false => Vec::new(),
            };
            if !pairs.is_empty() {
                return Some(Task::Align(pairs));
            }
            let blocks = match options.promote {
                true => {
                    let percent = options.promote_quota_percent;
                    self.catalog().promotions(tier, options.promote_range, percent)
                }
                false => Vec::new(),
            };
            (!blocks.is_empty()).then_some(Task::Promote(blocks))
        })
    }

    async fn exchange(&self, pair: Exchange, options: &ManageOptions) -> bool {
        if self.rests([pair.colder_dir, pair.hotter_dir], options) || !self.catalog().can_exchange(&pair) {
            return false;
        }
        let down = self.relocate_for_exchange(pair.colder, pair.hotter_dir).await;
        // The way up is not tried when the way down failed: it would only fill the faster tier.
        let up = match down {
            Ok(()) => self.relocate_for_exchange(pair.hotter, pair.colder_dir).await,
            failed => failed,
        };
        self.told(up)
    }

    async fn raise(&self, promotion: Promotion, options: &ManageOptions) -> bool {
        if self.rests([promotion.from], options) {
            return false;
        }
        let moved = self.relocate_up(promotion.block, promotion.to).await;
        self.told(moved)
    }

    fn rests<const N: usize>(&self, dirs: [DirId; N], options: &ManageOptions) -> bool {
        dirs.iter().any(|dir| self.inner.activity.is_busy(*dir, options.cool_down))
    }

    /// Whether a block came to a faster tier.
    fn told(&self, moved: Result<(), StoreError>) -> bool {
        match &moved {
            Ok(()) => self.inner.options.counters.promoted.inc(),
            // A reader came, or others took the room: another round will find it.
            Err(error) => tracing::debug!(%error, "block not moved to a faster tier"),
        }
        moved.is_ok()
    }
}

async fn count(moves: impl futures::Stream<Item = bool>) -> usize {
    moves.filter(|moved| std::future::ready(*moved)).count().await
}

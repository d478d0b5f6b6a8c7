//! The question to the leader before blocks are given up.

use alluxio_fs::FsError;
use async_trait::async_trait;
use nix::time::{ClockId, clock_gettime};
use std::{collections::HashSet, time::Duration};

/// A point in time by a clock that goes on while the machine sleeps: what was true before is not true after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// A clock that cannot be read makes everything late.
    pub fn now() -> Moment {
        Moment(clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::MAX, Duration::from))
    }

    pub fn after(self, time: Duration) -> Moment {
        Moment(self.0.saturating_add(time))
    }
}

/// The leader's answer for a batch of blocks. A block in neither of the first two sets must stay: its file is pinned or
/// is waiting to be persisted.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// After this the leader may have changed its mind.
    pub good_until: Moment,
    /// Persisted and not pinned, or owned by no file.
    pub evictable: HashSet<i64>,
    /// Only in Alluxio: the last to go, and only where the worker is configured so.
    pub not_persisted: HashSet<i64>,
    /// Pinned, but persisted as well.
    pub pinned: HashSet<i64>,
    /// The leader is one of the original, which only tells what is pinned: see [`EvictionGate::is_persisted`].
    pub by_pins_only: bool,
}

impl Verdict {
    /// To be asked right before each eviction.
    pub fn is_good(&self) -> bool {
        Moment::now() < self.good_until
    }
}

/// No answer. Nothing is evicted then.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    #[error("the leading master did not say which blocks may be evicted: {0}")]
    NoAnswer(String),
    #[error("the leading master is one of Alluxio 2.9, which does not say what is persisted")]
    OfTheOriginal,
}

impl From<GateError> for FsError {
    fn from(error: GateError) -> FsError {
        let message = error.to_string();
        match error {
            GateError::NoAnswer(_) => FsError::unavailable(message),
            // Asking again does not help.
            GateError::OfTheOriginal => FsError::failed_precondition(message),
        }
    }
}

/// Asks which blocks may be evicted. A seam, so that the store can be tested without a master.
#[async_trait]
pub trait EvictionGate: Send + Sync {
    /// Must answer within a bounded time.
    async fn may_evict(&self, blocks: &[i64]) -> Result<Verdict, GateError>;

    /// Whether the file of a block is persisted, or there is none, as far as the leader can tell within a
    /// bounded time. A verdict by pins does not say so.
    async fn is_persisted(&self, block: i64) -> bool;
}

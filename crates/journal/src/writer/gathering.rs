//! A short wait before a batch, for those who were answered with the last one.
//!
//! Clients that wait for one answer before they send the next record fall into two halves: one half's batch is
//! being synced while the other half's is gathered. Where a sync is slow, it pays to let the first half come back
//! before the next sync starts: both then share it, and each sync carries twice as much.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::shared::Shared;

/// Only after a batch that took longer. Timers tick in milliseconds, so a wait that pays for a fast disk cannot
/// be had.
const SLOW: Duration = Duration::from_millis(3);
/// Only for so many, or it is nothing that they share.
const SOME: usize = 4;
/// The part of the last batch's time that is waited at most.
const SHARE: u32 = 4;
/// Whoever is not back by then is not coming back at once.
const LONGEST: Duration = Duration::from_millis(5);

/// Whom the next batch waits for.
pub(crate) struct Gathering {
    /// As many as there were: answered just now, or queued meanwhile.
    awaited: usize,
    until: Instant,
}

impl Gathering {
    /// After a batch of `answered` records that took `took`, when `queued` others had come meanwhile.
    pub(super) fn after(answered: usize, queued: usize, took: Duration) -> Option<Self> {
        let pays = answered >= SOME && took >= SLOW;
        pays.then(|| Self { awaited: answered + queued, until: Instant::now() + (took / SHARE).min(LONGEST) })
    }

    /// Returns when all are there, or the time is over. A batch that comes later than that does not wait.
    pub(super) async fn wait(self, shared: &Shared) {
        while shared.still_awaits(self.awaited) {
            if timeout_at(self.until, shared.wake.notified()).await.is_err() {
                break;
            }
        }
        shared.awaits_nobody();
    }
}

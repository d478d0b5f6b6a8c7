//! The block master's own task: it finds lost workers and runs the sweep.

use std::sync::Arc;

use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};
use tokio_util::sync::CancellationToken;

use super::master::BlockMaster;
use super::sweep::{Pass, REQUEUE_INTERVAL};
use super::worker::Standing;

impl BlockMaster {
    /// Runs until `shutdown`. Start it once, when the master begins to serve.
    pub async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        let detection = async {
            let mut tick = interval(self.options.detection_interval);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                self.detect_lost_workers();
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = detection => {}
            () = self.sweep_forever() => {}
        }
    }

    /// Passes run one after the other, never two at a time: a slot may be given again after a pass.
    async fn sweep_forever(&self) {
        // What was reported in safe mode has not been compared with the tree.
        let mut integrity_due = Some(Instant::now() + self.options.connect_wait);
        let mut requeue = interval_at(Instant::now() + REQUEUE_INTERVAL, REQUEUE_INTERVAL);
        requeue.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let integrity = async {
                match integrity_due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let mut pass = Pass::default();
            tokio::select! {
                () = integrity => {}
                _ = requeue.tick() => pass.requeue = true,
                () = self.sweep_wanted.notified() => {}
            }
            let now = Instant::now();
            if integrity_due.is_some_and(|due| due <= now) {
                pass.integrity = !self.safe_mode();
                integrity_due = if pass.integrity {
                    self.options.integrity_interval.map(|every| now + every)
                } else {
                    // Not serving yet, or only just.
                    Some(now + self.options.connect_wait.max(REQUEUE_INTERVAL))
                };
            }
            let undone = pass.requeue && self.table.freeing_count() > 0;
            if pass.integrity || undone || self.has_retired_slots() {
                let found = self.sweep(pass).await;
                if found.unknown > 0 {
                    tracing::warn!(
                        blocks = found.unknown,
                        freed = self.options.integrity_repair,
                        "workers hold blocks of no file"
                    );
                }
            }
        }
    }

    /// Declares silent workers lost and forgets those that were lost for long.
    pub(super) fn detect_lost_workers(&self) {
        for worker in self.workers.known() {
            let mut record = worker.record();
            let silent = record.last_contact.elapsed();
            let past = |limit: Option<std::time::Duration>| limit.is_some_and(|limit| silent > limit);
            match record.standing {
                Standing::Active if past(self.options.worker_timeout) => {
                    record.standing = Standing::Lost;
                    drop(record);
                    tracing::warn!(
                        worker = worker.id,
                        address = %worker.endpoint(),
                        silent_s = silent.as_secs(),
                        "worker lost"
                    );
                }
                Standing::Active | Standing::Forgotten => {}
                // A worker in the middle of a registration is not silent: every message counts as contact.
                _ if past(self.options.deletion_timeout) => {
                    drop(record);
                    self.workers.remove(worker.id);
                    self.retire(&worker);
                    tracing::info!(worker = worker.id, address = %worker.endpoint(), "lost worker forgotten");
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;

//! From standing by to leading: for which workers a new leader need not wait.
//!
//! While it stands by, a block master takes the reports of our workers and holds each answer back for a while. When
//! it takes over, it begins a new *turn* and answers at once. A report that knows of the turn was made after the
//! former leader had ended, so this block master then has all of that worker's blocks that anybody was told of.

use std::collections::BTreeSet;
use std::time::Duration;

use alluxio_fs::FsError;
use alluxio_proto::grpc::CommandType;
use tokio::sync::watch;
use tokio::time::Instant;

use super::heartbeat::Heartbeat;
use super::master::BlockMaster;
use super::worker::{Endpoint, Reports, Standing};

/// For the reports of workers whose blocks are known: they come at once, unless the worker has died.
const SHORTLY: Duration = Duration::from_millis(500);
/// Whose last report is older may have told the former leader much since. It is waited for like those who are not
/// known.
const LATELY: Duration = Duration::from_secs(10);

/// What a worker tells a master between heartbeats.
pub struct Report {
    pub place: Reports,
    /// The turn that it knows; none when this is only a part of what there is to tell.
    pub turn: Option<u64>,
    /// The leader has taken it out of service.
    pub decommissioned: bool,
    pub changes: Heartbeat,
}

/// The workers that safe mode waits for.
#[derive(Default)]
pub(super) struct Awaited {
    /// Their blocks are known, but for the newest changes.
    known: BTreeSet<Endpoint>,
    others: BTreeSet<Endpoint>,
}

impl BlockMaster {
    /// The leader before has ended, and this master will lead: workers are to report at once.
    pub fn take_over(&self) {
        self.turn.send_modify(|turn| *turn += 1);
    }

    /// The number of the turn; it also rings when this master begins to serve.
    pub(super) fn turns(&self) -> watch::Receiver<u64> {
        self.turn.subscribe()
    }

    pub(super) fn is_serving(&self) -> bool {
        self.serving_since.lock().is_some()
    }

    /// The tree is complete and this master leads: safe mode begins to run out.
    pub fn start_serving(&self) {
        *self.serving_since.lock() = Some(Instant::now());
        // Who waits for an answer to a report goes on with heartbeats.
        self.turn.send_modify(|_| {});
    }

    /// Safe mode ends when the leader's `workers` of before are back, if that is earlier than else. Those who report
    /// to this master are back with a report that was made after the former leader's end.
    pub fn wait_for(&self, workers: Option<Vec<Endpoint>>) {
        // Held from before the look: who reports meanwhile is taken off afterwards.
        let mut awaited = self.awaited.lock();
        let turn = *self.turn.borrow();
        let (mut known, mut back) = (BTreeSet::new(), BTreeSet::new());
        for worker in self.workers.all() {
            let record = worker.record();
            if record.is_active() && record.last_contact.elapsed() < LATELY {
                let of = if record.heard_in == Some(turn) { &mut back } else { &mut known };
                of.insert(Endpoint::of(&record.address));
            }
        }
        *awaited = workers.map(|workers| {
            let others =
                workers.into_iter().filter(|worker| !known.contains(worker) && !back.contains(worker));
            Awaited { others: others.collect(), known }
        });
    }

    /// Nothing of what this worker has is missing any more.
    pub(super) fn is_back(&self, worker: &Endpoint) {
        if let Some(awaited) = &mut *self.awaited.lock() {
            awaited.known.remove(worker);
            awaited.others.remove(worker);
        }
    }

    /// Whether workers may still be missing because the master has just begun: what depends on where
    /// blocks are has no answer yet, and nothing is freed.
    pub fn safe_mode(&self) -> bool {
        let Some(since) = *self.serving_since.lock() else { return true };
        let served = since.elapsed();
        served < self.options.connect_wait
            && self.awaited.lock().as_ref().is_none_or(|awaited| {
                !awaited.others.is_empty() || (!awaited.known.is_empty() && served < SHORTLY)
            })
    }

    /// A registration has ended that reports go on from.
    pub(super) fn reports_begin(&self, worker_id: i64, reports: Reports) -> Result<(), FsError> {
        self.workers.find(worker_id)?.record().reports = Some(reports);
        Ok(())
    }

    /// The worker of this registration shuts down; a later one of the same address stays.
    pub(super) fn leave(&self, worker_id: i64, registration: u64) -> Result<(), FsError> {
        let reports = self.workers.find(worker_id)?.record().reports;
        if reports.is_some_and(|last| last.registration == registration) {
            self.deregister(worker_id)?;
        }
        Ok(())
    }

    /// Takes what a worker tells between heartbeats. Nothing is ordered. False when nothing was taken, and the worker
    /// must register.
    pub async fn report(&self, worker_id: i64, report: Report) -> Result<bool, FsError> {
        let Some(worker) = self.workers.get(worker_id) else { return Ok(false) };
        let serving = self.is_serving();
        {
            let mut record = worker.record();
            if !record.reports.is_some_and(|last| report.place.goes_on_from(last)) {
                return Ok(false);
            }
            // Who leads decides that; the others hear of it by the worker.
            match record.standing {
                Standing::Active if !serving && report.decommissioned => {
                    record.standing = Standing::Decommissioned;
                }
                // As with a leader, it serves again when it has listed all.
                Standing::Decommissioned if !serving && !report.decommissioned => return Ok(false),
                _ => {}
            }
            record.reports = Some(report.place);
        }
        if self.take(&worker, report.changes).await? == Some(CommandType::Register) {
            return Ok(false);
        }
        if let Some(turn) = report.turn.filter(|turn| *turn == *self.turn.borrow()) {
            worker.record().heard_in = Some(turn);
            self.is_back(&worker.endpoint());
        }
        Ok(true)
    }
}

#[cfg(test)]
#[path = "take_over_tests.rs"]
mod tests;

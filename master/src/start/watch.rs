//! Metrics of what lies below the services: the journal and the calls.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use alluxio_journal::{Flush, Journal};
use alluxio_rpc::RpcServer;
use alluxio_telemetry::metrics::{Metrics, key};

use crate::{backup, namespace::now_ms};

pub(super) fn start(metrics: &Metrics) {
    metrics.gauge(key::MASTER_START_TIME).set(now_ms());
    backup::none_yet(metrics);
}

/// From now on; this master has just begun to lead, after a replay that took so long.
pub(super) fn journal(metrics: &Metrics, journal: &Journal, checkpoint: u64, replayed: Duration) {
    let millis = i64::try_from(replayed.as_millis()).unwrap_or(i64::MAX);
    metrics.gauge(key::MASTER_UFS_JOURNAL_INITIAL_REPLAY_TIME_MS).set(millis);
    metrics.timer(key::MASTER_JOURNAL_GAIN_PRIMACY_TIMER).record(replayed);
    metrics.gauge(key::MASTER_LAST_GAIN_PRIMACY_TIME).set(now_ms());

    let stats = journal.stats();
    // What was checkpointed before the restart counts, too.
    stats.checkpoint_sequence.fetch_max(checkpoint, Relaxed);
    let (timer, failures) =
        (metrics.timer(key::MASTER_JOURNAL_FLUSH_TIMER), metrics.counter(key::MASTER_JOURNAL_FLUSH_FAILURE));
    stats.watch(move |flush| match flush {
        Flush::Done(time) => timer.record(time),
        Flush::Failed => failures.inc(),
    });
}

pub(super) fn calls(metrics: &Metrics, server: RpcServer) -> RpcServer {
    let timer = metrics.timer(key::MASTER_TOTAL_RPCS);
    server.watch_calls(move |time| timer.record(time))
}

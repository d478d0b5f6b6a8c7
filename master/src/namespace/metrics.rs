//! What the journal's writer counts, as gauges of our own. The original has no counterpart: what it calls a
//! flush is one record's.

use std::sync::atomic::{AtomicU64, Ordering};

use alluxio_journal::JournalStats;
use alluxio_telemetry::metrics::Metrics;

use super::Namespace;

impl Namespace {
    /// Registers them: together they say how many records share a sync, and how long one takes.
    pub fn register_metrics(&self, metrics: &Metrics) {
        let gauge = |name: &str, counter: fn(&JournalStats) -> &AtomicU64| {
            // The counters alone: the registry outlives the master in a process that restarts one.
            let stats = self.journal.stats();
            metrics.own_gauge_fn(name, move || counter(&stats).load(Ordering::Relaxed));
        };
        gauge("Master.JournalBatches", |stats| &stats.flushes);
        gauge("Master.JournalBatchRecords", |stats| &stats.records);
        gauge("Master.JournalBatchRecordsMax", |stats| &stats.batch_records_max);
        gauge("Master.JournalBatchBytes", |stats| &stats.bytes);
        gauge("Master.JournalBatchNanos", |stats| &stats.flush_nanos);
        gauge("Master.JournalBatchNanosMax", |stats| &stats.flush_nanos_max);
        gauge("Master.JournalFenceNanos", |stats| &stats.fence_nanos);
        gauge("Master.JournalQueuedRecords", |stats| &stats.queued_records);
    }
}

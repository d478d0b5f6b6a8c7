//! What the journal's writer counts, and the gauges of our own among it. The original has no counterpart: what it calls a
//! flush is one record's.

use std::sync::atomic::{AtomicU64, Ordering};

use alluxio_journal::JournalStats;
use alluxio_telemetry::metrics::Metrics;

use super::Namespace;

impl Namespace {
    /// Durable records that the last checkpoint does not hold.
    pub fn records_since_checkpoint(&self) -> u64 {
        self.journal
            .durable()
            .saturating_sub(self.journal.stats().checkpoint_sequence.load(Ordering::Relaxed))
    }

    /// When the last checkpoint since the start was written, in milliseconds since 1970; 0 without one.
    pub fn last_checkpoint_ms(&self) -> u64 {
        self.journal.stats().checkpoint_ms.load(Ordering::Relaxed)
    }

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

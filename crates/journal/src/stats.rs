//! Counters of a journal, to be read by whoever exports metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counters since the journal was opened. Times are in nanoseconds. Each is exact by itself; two of them read
/// one after the other may belong to different moments.
#[derive(Debug, Default)]
pub struct JournalStats {
    /// Batches written, synced and past the fence.
    pub flushes: AtomicU64,
    /// Time from the start of the write until the fence had answered, of all batches.
    pub flush_nanos: AtomicU64,
    /// The longest of them.
    pub flush_nanos_max: AtomicU64,
    /// The part of `flush_nanos` that the fence took.
    pub fence_nanos: AtomicU64,
    /// Bytes written.
    pub bytes: AtomicU64,
    /// Records written.
    pub records: AtomicU64,
    /// Records in the largest batch.
    pub batch_records_max: AtomicU64,
    /// Failed attempts to write a batch.
    pub failures: AtomicU64,
    /// Segments begun.
    pub segments: AtomicU64,
    /// Sequence of the last record handed over.
    pub last_sequence: AtomicU64,
    /// Records handed over and not yet durable.
    pub queued_records: AtomicU64,
    /// Bytes of them.
    pub queued_bytes: AtomicU64,
    /// Checkpoints written and verified.
    pub checkpoints: AtomicU64,
    /// Sequence of the newest checkpoint.
    pub checkpoint_sequence: AtomicU64,
}

impl JournalStats {
    pub(crate) fn flushed(&self, records: usize, bytes: usize, whole: Duration, fence: Duration) {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.flushes.fetch_add(1, Relaxed);
        self.flush_nanos.fetch_add(nanos(whole), Relaxed);
        self.flush_nanos_max.fetch_max(nanos(whole), Relaxed);
        self.fence_nanos.fetch_add(nanos(fence), Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.records.fetch_add(records as u64, Relaxed);
        self.batch_records_max.fetch_max(records as u64, Relaxed);
    }
}

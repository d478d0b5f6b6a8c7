//! Counters of a journal, to be read by whoever exports metrics.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    /// When it was verified, in milliseconds since 1970; 0 before the first.
    pub checkpoint_ms: AtomicU64,
    watcher: Watcher,
}

/// One attempt to write a batch, as it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Written, synced and past the fence, in this time.
    Done(Duration),
    /// It will be tried again.
    Failed,
}

/// Who is told about flushes one by one.
#[derive(Default)]
struct Watcher(OnceLock<Box<dyn Fn(Flush) + Send + Sync>>);

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.get().is_some() { "watched" } else { "unwatched" })
    }
}

impl JournalStats {
    /// Has `watcher` told about each flush from now on, on the writer's task: it must not block. The first who
    /// asks is told, nobody after.
    pub fn watch(&self, watcher: impl Fn(Flush) + Send + Sync + 'static) {
        if self.watcher.0.set(Box::new(watcher)).is_err() {
            tracing::warn!("the journal's flushes are watched already");
        }
    }

    fn tell(&self, flush: Flush) {
        if let Some(watcher) = self.watcher.0.get() {
            watcher(flush);
        }
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Relaxed);
        self.tell(Flush::Failed);
    }

    pub(crate) fn checkpointed(&self, sequence: u64) {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.checkpoints.fetch_add(1, Relaxed);
        self.checkpoint_sequence.fetch_max(sequence, Relaxed);
        self.checkpoint_ms.store(u64::try_from(since.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn flushed(&self, records: usize, bytes: usize, whole: Duration, fence: Duration) {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.flushes.fetch_add(1, Relaxed);
        self.flush_nanos.fetch_add(nanos(whole), Relaxed);
        self.flush_nanos_max.fetch_max(nanos(whole), Relaxed);
        self.fence_nanos.fetch_add(nanos(fence), Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.records.fetch_add(records as u64, Relaxed);
        self.batch_records_max.fetch_max(records as u64, Relaxed);
        self.tell(Flush::Done(whole));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn each_flush_is_told_to_the_one_who_watches() {
        let stats = JournalStats::default();
        stats.failed();
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        stats.watch(move |flush| tell.lock().unwrap().push(flush));
        stats.watch(|_| unreachable!("one is enough"));
        stats.failed();
        stats.flushed(1, 10, Duration::from_secs(2), Duration::from_secs(1));
        assert_eq!(*told.lock().unwrap(), [Flush::Failed, Flush::Done(Duration::from_secs(2))]);
        assert_eq!(stats.failures.load(Relaxed), 2);
        assert_eq!(stats.checkpoint_ms.load(Relaxed), 0);
        stats.checkpointed(7);
        assert!(stats.checkpoint_ms.load(Relaxed) > 0);
    }
}

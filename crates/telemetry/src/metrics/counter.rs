//! Counts of events and of things under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A count. Cheap to clone; all clones count together. It may go down: the original counts what is under way
/// (`Worker.ActiveClients`) with counters, too.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<AtomicI64>);

// Relaxed everywhere: a count orders nothing, and a reader needs no more than a recent value.
impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// One less.
    pub fn dec(&self) {
        self.add(-1);
    }

    /// `count` more. Wraps instead of stopping the process.
    pub fn add(&self, count: i64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// So many bytes more.
    pub fn add_bytes(&self, bytes: u64) {
        self.add(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// The count now.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

//! Until when a leader may answer.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::boot_time;

/// Until when this master may act as the leader, on its own clock. It is looked at right before each answer: no
/// other master leads before it has run out, as ZooKeeper keeps a session for its whole timeout after the last
/// message from it.
#[derive(Debug, Default)]
pub struct Lease {
    /// Nanoseconds since the machine started.
    until: AtomicU64,
    /// For how long a renewal makes it valid.
    length: Duration,
}

impl Lease {
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.left().is_zero()
    }

    /// For how long it is still valid: what starts now and takes longer must not be started.
    #[must_use]
    pub fn left(&self) -> Duration {
        let until = Duration::from_nanos(self.until.load(Ordering::Acquire));
        // Without the clock nothing is known to be valid.
        boot_time::now().map_or(Duration::ZERO, |now| until.saturating_sub(now))
    }

    /// One that is not valid yet.
    pub(crate) fn of(length: Duration) -> Self {
        Self { until: AtomicU64::default(), length }
    }

    /// How long it is valid after a renewal that took no time.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.length
    }

    /// One that nobody renews, and of whose length so much is left: for tests of what goes by a lease.
    #[must_use]
    pub fn lasting(left: Duration, length: Duration) -> Self {
        let lease = Self::of(length);
        lease.set(boot_time::now().unwrap_or_default() + left);
        lease
    }

    /// The moment until which it is valid; zero ends it.
    pub(crate) fn set(&self, until: Duration) {
        let nanos = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.until.store(nanos, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_out_and_can_be_ended() {
        let lease = Lease::default();
        assert!(!lease.is_valid());
        let now = boot_time::now().unwrap();
        lease.set(now + Duration::from_secs(60));
        assert!(lease.is_valid() && lease.left() > Duration::from_secs(50));
        lease.set(now);
        assert!(!lease.is_valid());
        lease.set(now + Duration::from_secs(60));
        lease.set(Duration::ZERO);
        assert!(!lease.is_valid());
    }
}

//! Register leases: they bound how many workers register at a time.

use std::collections::BTreeMap;

use alluxio_fs::FsError;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::options::LeaseOptions;

/// The leases given out. A lease ends when its worker has registered, or when it expired and another
/// worker needs the place.
pub(super) struct Leases {
    options: Option<LeaseOptions>,
    held: Mutex<BTreeMap<i64, Instant>>,
}

impl Leases {
    pub fn new(options: Option<LeaseOptions>) -> Self {
        Self { options, held: Mutex::default() }
    }

    /// When the lease of `worker` expires; `None` when too many others hold one.
    pub fn acquire(&self, worker: i64, now: Instant) -> Option<Instant> {
        let Some(options) = self.options else { return Some(now) };
        let mut held = self.held.lock();
        if !held.contains_key(&worker) && held.len() >= options.count {
            held.retain(|_, expiry| *expiry > now);
            if held.len() >= options.count {
                return None;
            }
        }
        let expiry = now + options.ttl;
        held.insert(worker, expiry);
        Some(expiry)
    }

    /// Whether `worker` may begin to register.
    pub fn check(&self, worker: i64) -> Result<(), FsError> {
        if self.options.is_none() || self.held.lock().contains_key(&worker) {
            return Ok(());
        }
        Err(FsError::unavailable(format!(
            "Worker {worker} holds no register lease, or it expired. Request one before registering."
        )))
    }

    pub fn release(&self, worker: i64) {
        self.held.lock().remove(&worker);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn leases_are_counted_renewed_and_expire() {
        let leases = Leases::new(Some(LeaseOptions { count: 2, ttl: Duration::from_secs(60) }));
        let start = Instant::now();
        assert!(leases.check(1).is_err());
        assert!(leases.acquire(1, start).is_some() && leases.acquire(2, start).is_some());
        assert_eq!(leases.acquire(3, start), None);
        assert!(leases.check(1).is_ok() && leases.check(3).is_err());

        let later = start + Duration::from_secs(30);
        assert_eq!(leases.acquire(1, later), Some(later + Duration::from_secs(60)), "renewed");
        let after = start + Duration::from_secs(61);
        assert!(leases.acquire(3, after).is_some(), "in the place of 2");
        assert!(leases.check(2).is_err());
        leases.release(1);
        assert!(leases.acquire(2, after).is_some());
    }

    #[test]
    fn without_leases_everyone_may_register() {
        let leases = Leases::new(None);
        assert!(leases.acquire(1, Instant::now()).is_some());
        assert!(leases.check(7).is_ok());
    }
}

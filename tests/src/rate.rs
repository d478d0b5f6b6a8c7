//! A limit of bytes per second that connections share.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Timers are late by some milliseconds: so much is caught up with.
const CATCH_UP: Duration = Duration::from_millis(10);

/// Bytes go one after the other, each when those before it are through.
pub(crate) struct Rate(Mutex<Instant>);

impl Rate {
    pub(crate) fn new() -> Rate {
        Rate(Mutex::new(Instant::now()))
    }

    /// Waits until these bytes are through.
    pub(crate) async fn pass(&self, bytes: usize, per_second: u64) {
        sleep_until(self.book(Instant::now(), bytes, per_second)).await;
    }

    fn book(&self, now: Instant, bytes: usize, per_second: u64) -> Instant {
        let takes = Duration::from_secs_f64(bytes as f64 / per_second.max(1) as f64);
        // A time is whole, whatever its last user died of.
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *free = (*free).max(now.checked_sub(CATCH_UP).unwrap_or(now)) + takes;
        *free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_not_saved_up() {
        let rate = Rate::new();
        let later = Instant::now() + Duration::from_secs(60);
        let until = (0..10).map(|_| rate.book(later, 100, 1_000)).last();
        assert_eq!(until, Some(later - CATCH_UP + Duration::from_secs(1)));
    }

    #[test]
    fn who_is_late_catches_up() {
        let rate = Rate::new();
        let begin = Instant::now() + Duration::from_secs(60);
        let mut now = begin;
        for _ in 0..1_000 {
            // Each wait ends a little late.
            now = rate.book(now, 1, 1_000) + Duration::from_millis(3);
        }
        let took = now - begin;
        assert!(took > Duration::from_millis(980) && took < Duration::from_millis(1_010), "{took:?}");
    }
}

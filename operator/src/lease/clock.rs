//! The clock of the lease: it does not jump, and does not stop while the machine sleeps.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Time since the machine started.
pub fn now() -> Duration {
    // Fails only for a clock that the kernel does not have; this one is there since Linux 2.6.39. Were it ever to fail,
    // the end of time is the safe answer: every tenure is over then.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::MAX, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_forward() {
        let before = now();
        std::thread::sleep(Duration::from_millis(2));
        let passed = now() - before;
        assert!(passed >= Duration::from_millis(2) && passed < Duration::from_secs(60), "{passed:?}");
    }
}

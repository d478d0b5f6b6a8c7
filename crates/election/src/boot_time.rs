//! The clock of leases.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Time since the machine started, also while it slept: a lease must run out during a sleep, too. `None` when
/// there is no such clock.
pub(crate) fn now() -> Option<Duration> {
    clock_gettime(ClockId::CLOCK_BOOTTIME).ok().map(Duration::from)
}

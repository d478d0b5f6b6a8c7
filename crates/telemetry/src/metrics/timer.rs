//! How often something happens and how long it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::meter::{Meter, Rates};
use super::reservoir::{Distribution, Reservoir};

/// Durations. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Timer(Arc<State>);

#[derive(Debug)]
struct State {
    began: Instant,
    meter: Meter,
    total_nanos: AtomicU64,
    longest_nanos: AtomicU64,
    recent: Reservoir,
}

impl Default for Timer {
    fn default() -> Self {
        Self(Arc::new(State {
            began: Instant::now(),
            meter: Meter::default(),
            total_nanos: AtomicU64::new(0),
            longest_nanos: AtomicU64::new(0),
            recent: Reservoir::default(),
        }))
    }
}

impl Timer {
    /// Adds one duration.
    pub fn record(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.meter.inc();
        self.0.total_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.0.longest_nanos.fetch_max(nanos, Ordering::Relaxed);
        self.0.recent.record(nanos, self.0.began.elapsed());
    }

    /// Starts to measure; the duration is added when the answer is dropped.
    #[must_use = "dropped at once it measures nothing"]
    pub fn start(&self) -> Running {
        Running { timer: self.clone(), since: Instant::now() }
    }

    /// How many durations were added.
    pub fn count(&self) -> u64 {
        self.0.meter.count()
    }

    /// The sum of all durations.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.0.total_nanos.load(Ordering::Relaxed))
    }

    /// The longest duration of all, exactly.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.0.longest_nanos.load(Ordering::Relaxed))
    }

    /// How often.
    pub fn rates(&self) -> Rates {
        self.0.meter.rates()
    }

    /// The durations of the last minutes.
    pub fn recent(&self) -> Distribution {
        self.0.recent.distribution(self.0.began.elapsed())
    }
}

/// A duration being measured.
#[derive(Debug)]
pub struct Running {
    timer: Timer,
    since: Instant,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.timer.record(self.since.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_and_the_longest_is_exact() {
        let timer = Timer::default();
        timer.record(Duration::from_nanos(1_234_567));
        timer.record(Duration::from_nanos(234));
        drop(timer.start());
        assert_eq!(timer.count(), 3);
        assert_eq!(timer.longest(), Duration::from_nanos(1_234_567));
        assert_eq!(timer.recent().max(), timer.longest());
        assert!(timer.total() >= Duration::from_nanos(1_234_801));
        assert!(timer.rates().mean > 0.0);
    }
}

//! Counts with rates over the last 1, 5 and 15 minutes.
//!
//! The arithmetic is that of Unix load averages, as in Dropwizard's `Meter`: every five seconds each average moves
//! towards the rate of those five seconds by the factor `1 - e^(-5 s / window)`. Whoever counts or reads first
//! after such a tick does it, so there is no thread and no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TICK: u64 = 5_000_000_000;
const WINDOWS_SECONDS: [f64; 3] = [60.0, 300.0, 900.0];
/// Bits of a NaN: no tick happened yet. The first one sets the averages instead of moving them.
const UNSET: u64 = f64::NAN.to_bits();

/// Events and how often they come. Cheap to clone; all clones count together.
#[derive(Clone, Debug)]
pub struct Meter(Arc<State>);

#[derive(Debug)]
struct State {
    began: Instant,
    count: AtomicU64,
    /// Since the last tick.
    fresh: AtomicU64,
    /// Nanoseconds from `began` to the last tick.
    ticked: AtomicU64,
    /// Events per nanosecond as bits of an f64.
    averages: [AtomicU64; 3],
}

/// Events per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Over the meter's life.
    pub mean: f64,
    /// Over about a minute.
    pub one: f64,
    /// Over about five minutes.
    pub five: f64,
    /// Over about fifteen minutes.
    pub fifteen: f64,
}

impl Default for Meter {
    fn default() -> Self {
        Self(Arc::new(State {
            began: Instant::now(),
            count: AtomicU64::new(0),
            fresh: AtomicU64::new(0),
            ticked: AtomicU64::new(0),
            averages: [UNSET; 3].map(AtomicU64::new),
        }))
    }
}

impl Meter {
    /// One event.
    pub fn inc(&self) {
        self.mark(1);
    }

    /// `count` events (or bytes).
    pub fn mark(&self, count: u64) {
        self.mark_at(count, self.0.began.elapsed());
    }

    /// All events so far.
    pub fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// The rates now.
    pub fn rates(&self) -> Rates {
        self.rates_at(self.0.began.elapsed())
    }

    fn mark_at(&self, count: u64, now: Duration) {
        self.tick(now);
        self.0.count.fetch_add(count, Ordering::Relaxed);
        self.0.fresh.fetch_add(count, Ordering::Relaxed);
    }

    fn rates_at(&self, now: Duration) -> Rates {
        self.tick(now);
        let [one, five, fifteen] = [0, 1, 2].map(|window| {
            let average = f64::from_bits(self.0.averages[window].load(Ordering::Relaxed));
            if average.is_nan() { 0.0 } else { average }
        });
        let life = now.as_secs_f64();
        let mean = if life > 0.0 { self.count() as f64 / life } else { 0.0 };
        Rates { mean, one, five, fifteen }
    }

    /// Moves the averages when five seconds or more have passed.
    fn tick(&self, now: Duration) {
        let State { ticked, fresh, averages, .. } = &*self.0;
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let last = ticked.load(Ordering::Relaxed);
        let passed = now.saturating_sub(last) / TICK;
        if passed == 0 {
            return;
        }
        // One winner ticks. Others go on with the old averages: at most one tick late.
        if ticked.compare_exchange(last, last + passed * TICK, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return;
        }
        let rate = fresh.swap(0, Ordering::Relaxed) as f64 / (TICK as f64 / 1e9);
        for (average, window) in averages.iter().zip(WINDOWS_SECONDS) {
            let keep = (-(TICK as f64 / 1e9) / window).exp();
            let old = f64::from_bits(average.load(Ordering::Relaxed));
            let new = if old.is_nan() { rate } else { old * keep + rate * (1.0 - keep) };
            // The ticks after the first had no events.
            let idle = i32::try_from(passed - 1).unwrap_or(i32::MAX);
            average.store((new * keep.powi(idle)).to_bits(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_steady_stream_shows_its_rate() {
        let meter = Meter::default();
        for second in 0..=60 {
            meter.mark_at(10, seconds(second));
        }
        let rates = meter.rates_at(seconds(60));
        assert!((rates.one - 10.0).abs() < 0.5 && (rates.fifteen - 10.0).abs() < 0.5, "{rates:?}");
        assert_eq!(meter.count(), 610);
    }

    #[test]
    fn silence_decays_as_load_averages_do() {
        let meter = Meter::default();
        meter.mark_at(300, seconds(1));
        assert_eq!(meter.rates_at(seconds(5)).one, 60.0);
        let after = meter.rates_at(seconds(65));
        // One window later e^-1 is left.
        assert!((after.one - 60.0 / std::f64::consts::E).abs() < 1e-9, "{after:?}");
        assert!((after.five - 60.0 * (-0.2f64).exp()).abs() < 1e-9, "{after:?}");
        assert!((after.mean - 300.0 / 65.0).abs() < 1e-9);
        let long_after = meter.rates_at(seconds(10_000_000));
        assert!(long_after.fifteen < 1e-9, "{long_after:?}");
    }

    #[test]
    fn no_event_is_lost_between_threads() {
        let meter = Meter::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| meter.mark(2)));
            }
        });
        assert_eq!(meter.count(), 80_000);
    }
}

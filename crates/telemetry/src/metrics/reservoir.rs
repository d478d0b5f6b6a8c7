//! Durations of the last minutes, for quantiles.
//!
//! Three windows of two minutes each hold counts in buckets whose width is 1/16 of their value, from 64 ns to
//! about 5 hours. So a quantile is at most 3 % off, an entry costs a few atomic additions, and what happened six
//! minutes ago is forgotten, about as fast as by the original's decaying sample.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

const WINDOWS: u64 = 3;
const WINDOW_NANOS: u64 = 120_000_000_000;
/// Values below 2^6 ns share the first bucket, values from 2^44 ns on the last.
const LEAST_POWER: u32 = 6;
const GREATEST_POWER: u32 = 44;
/// Each power of two is cut into 2^4 buckets.
const CUT: u32 = 4;
const BUCKETS: usize = ((GREATEST_POWER - LEAST_POWER) << CUT) as usize;

#[derive(Debug)]
struct Window {
    /// Which two minutes since the beginning, plus one; 0: never used.
    period: AtomicU64,
    least: AtomicU64,
    greatest: AtomicU64,
    buckets: Box<[AtomicU32]>,
}

impl Window {
    fn new() -> Self {
        Self {
            period: AtomicU64::new(0),
            least: AtomicU64::new(u64::MAX),
            greatest: AtomicU64::new(0),
            buckets: (0..BUCKETS).map(|_| AtomicU32::new(0)).collect(),
        }
    }
}

/// The windows; 7 KB, taken with the first value.
#[derive(Debug, Default)]
pub(super) struct Reservoir(OnceLock<[Window; WINDOWS as usize]>);

impl Reservoir {
    pub(super) fn record(&self, nanos: u64, now: Duration) {
        let windows = self.0.get_or_init(|| std::array::from_fn(|_| Window::new()));
        let period = period(now);
        let window = &windows[(period % WINDOWS) as usize];
        let held = window.period.load(Ordering::Acquire);
        // A new period takes the oldest window over. The winner clears it; a value that another thread adds
        // meanwhile may be cleared with it: quantiles may miss it, counts and sums (kept by the timer) do not.
        if held < period
            && window.period.compare_exchange(held, period, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        {
            window.least.store(u64::MAX, Ordering::Relaxed);
            window.greatest.store(0, Ordering::Relaxed);
            window.buckets.iter().for_each(|bucket| bucket.store(0, Ordering::Relaxed));
        }
        window.least.fetch_min(nanos, Ordering::Relaxed);
        window.greatest.fetch_max(nanos, Ordering::Relaxed);
        window.buckets[bucket_of(nanos)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn distribution(&self, now: Duration) -> Distribution {
        let mut counts = vec![0u64; BUCKETS];
        let (mut least, mut greatest) = (u64::MAX, 0);
        let oldest = period(now).saturating_sub(WINDOWS - 1);
        for window in self.0.get().into_iter().flatten() {
            if window.period.load(Ordering::Acquire) < oldest.max(1) {
                continue;
            }
            least = least.min(window.least.load(Ordering::Relaxed));
            greatest = greatest.max(window.greatest.load(Ordering::Relaxed));
            for (sum, bucket) in counts.iter_mut().zip(&window.buckets) {
                *sum += u64::from(bucket.load(Ordering::Relaxed));
            }
        }
        Distribution::new(counts, least, greatest)
    }
}

fn period(now: Duration) -> u64 {
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX) / WINDOW_NANOS + 1
}

fn bucket_of(nanos: u64) -> usize {
    let Some(power) = nanos.checked_ilog2().filter(|power| *power >= LEAST_POWER) else { return 0 };
    if power >= GREATEST_POWER {
        return BUCKETS - 1;
    }
    let part = (nanos >> (power - CUT)) & ((1 << CUT) - 1);
    (((power - LEAST_POWER) as usize) << CUT) + part as usize
}

/// The middle of a bucket.
fn value_of(bucket: usize) -> f64 {
    let power = LEAST_POWER + (bucket >> CUT) as u32;
    let part = (bucket & ((1 << CUT) - 1)) as f64;
    let width = 2f64.powi((power - CUT) as i32);
    2f64.powi(power as i32) + width * (part + 0.5)
}

/// How long things took in the last minutes. Durations are zero when nothing happened.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    counts: Vec<u64>,
    count: u64,
    least: f64,
    greatest: f64,
}

impl Distribution {
    fn new(counts: Vec<u64>, least: u64, greatest: u64) -> Self {
        let count = counts.iter().sum();
        if count == 0 {
            return Self::default();
        }
        let greatest = greatest as f64;
        Self { counts, count, least: (least as f64).min(greatest), greatest }
    }

    /// Values known.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The shortest.
    pub fn min(&self) -> Duration {
        nanos(self.least)
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        nanos(self.greatest)
    }

    /// The value that the share `quantile` (0 to 1) of all does not exceed, within 3 %.
    pub fn quantile(&self, quantile: f64) -> Duration {
        let rank = (quantile.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return nanos(self.bounded(bucket));
            }
        }
        self.max()
    }

    /// The mean, within 3 %.
    pub fn mean(&self) -> Duration {
        nanos(self.mean_nanos())
    }

    /// The standard deviation, about.
    pub fn deviation(&self) -> Duration {
        if self.count < 2 {
            return Duration::ZERO;
        }
        let mean = self.mean_nanos();
        let squares = self.weighted(|value| (value - mean).powi(2));
        nanos((squares / (self.count - 1) as f64).sqrt())
    }

    fn mean_nanos(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.weighted(|value| value) / self.count as f64 }
    }

    fn weighted(&self, weight: impl Fn(f64) -> f64) -> f64 {
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(bucket, count)| weight(self.bounded(bucket)) * *count as f64).sum()
    }

    /// The extremes are known exactly: no bucket's middle lies beyond them.
    fn bounded(&self, bucket: usize) -> f64 {
        value_of(bucket).clamp(self.least, self.greatest)
    }
}

fn nanos(nanos: f64) -> Duration {
    Duration::from_nanos(nanos as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_of_a_known_row() {
        let reservoir = Reservoir::default();
        for millis in 1..=1000 {
            reservoir.record(millis * 1_000_000, Duration::from_secs(1));
        }
        let row = reservoir.distribution(Duration::from_secs(2));
        for (quantile, millis) in [(0.5, 500.0), (0.95, 950.0), (0.999, 999.0)] {
            let found = row.quantile(quantile).as_secs_f64() * 1000.0;
            assert!((found - millis).abs() / millis < 0.032, "{quantile}: {found}");
        }
        assert_eq!((row.min().as_millis(), row.max().as_millis(), row.count()), (1, 1000, 1000));
        assert!((row.mean().as_secs_f64() - 0.5005).abs() < 0.005);
        assert!((row.deviation().as_secs_f64() - 0.2888).abs() < 0.01);
    }

    #[test]
    fn old_values_are_forgotten() {
        let reservoir = Reservoir::default();
        reservoir.record(5_000_000_000, Duration::ZERO);
        reservoir.record(1_000, Duration::from_secs(200));
        assert_eq!(reservoir.distribution(Duration::from_secs(200)).count(), 2);
        let later = reservoir.distribution(Duration::from_secs(400));
        assert_eq!((later.count(), later.max()), (1, Duration::from_nanos(1_000)));
        assert_eq!(reservoir.distribution(Duration::from_secs(10_000)).count(), 0);
        // The window of long ago is taken over, not added to.
        reservoir.record(2_000, Duration::from_secs(360 * 1000));
        let last = reservoir.distribution(Duration::from_secs(360 * 1000));
        assert_eq!((last.count(), last.max()), (1, Duration::from_nanos(2_000)));
    }

    #[test]
    fn nothing_is_zero() {
        let nothing = Reservoir::default().distribution(Duration::from_secs(9));
        assert_eq!((nothing.quantile(0.5), nothing.mean(), nothing.max()), Default::default());
    }

    proptest! {
        #[test]
        fn a_bucket_holds_what_is_near_its_middle(nanos in 64u64..(1 << 44)) {
            let middle = value_of(bucket_of(nanos));
            prop_assert!((middle - nanos as f64).abs() / nanos as f64 <= 1.0 / 32.0 + 1e-9);
        }

        #[test]
        fn buckets_grow_with_values(a: u64, b: u64) {
            let (a, b) = (a.min(b), a.max(b));
            prop_assert!(bucket_of(a) <= bucket_of(b) && bucket_of(b) < BUCKETS);
        }
    }
}

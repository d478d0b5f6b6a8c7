//! How long reconciles took, as the operator tells it in `/metrics`.

use std::fmt::{self, Display, Formatter};

use anyhow::{Context, Result};

const SECONDS: &str = "alluxio_operator_reconcile_seconds";
const RESULTS: &str = "alluxio_operator_reconciles_total";

#[derive(Clone, Debug, PartialEq)]
pub struct Reconciles {
    /// By the bounds in seconds, how many took no longer; the last bound is infinite.
    within: Vec<(f64, u64)>,
    pub failed: u64,
}

impl Reconciles {
    pub fn of(metrics: &str) -> Result<Self> {
        let mut within = Vec::new();
        let mut failed = 0;
        for line in metrics.lines() {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            if let Some(bound) =
                name.strip_prefix(SECONDS).and_then(|name| name.strip_prefix("_bucket{le=\""))
            {
                let bound = bound.trim_end_matches("\"}").parse().with_context(|| line.to_owned())?;
                within.push((bound, value.parse().with_context(|| line.to_owned())?));
            }
            if name.strip_prefix(RESULTS).is_some_and(|labels| labels.contains("failed")) {
                failed = value.parse().with_context(|| line.to_owned())?;
            }
        }
        Ok(Self { within, failed })
    }

    pub fn count(&self) -> u64 {
        self.within.last().map_or(0, |(_, count)| *count)
    }

    /// The smallest bound in seconds that so many of a hundred kept.
    pub fn percentile(&self, percent: u64) -> f64 {
        let kept = self.within.iter().find(|(_, count)| count * 100 >= self.count() * percent);
        kept.map_or(f64::INFINITY, |(bound, _)| *bound)
    }

    /// Those after an earlier look.
    pub fn since(&self, before: &Self) -> Self {
        let earlier =
            |bound: f64| before.within.iter().find(|(of, _)| *of == bound).map_or(0, |(_, count)| *count);
        let within = self.within.iter().map(|(bound, count)| (*bound, count - earlier(*bound))).collect();
        Self { within, failed: self.failed - before.failed }
    }
}

impl Display for Reconciles {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let (half, most, nearly_all) = (self.percentile(50), self.percentile(90), self.percentile(99));
        write!(
            out,
            "{} reconciles, {} failed; p50 within {half} s, p90 within {most} s, p99 within {nearly_all} s",
            self.count(),
            self.failed
        )
    }
}

#[test]
fn percentiles_are_the_bounds_of_the_buckets() -> Result<()> {
    let text = |slow: u64, failed: u64| {
        format!(
            "# TYPE {SECONDS} histogram\n{SECONDS}_bucket{{le=\"0.5\"}} 90\n{SECONDS}_bucket{{le=\"1\"}} 99\n{SECONDS}_bucket{{le=\"+Inf\"}} {}\n\
             {SECONDS}_sum 3\n{SECONDS}_count {}\n{RESULTS}{{result=\"failed\"}} {failed}\n{RESULTS}{{result=\"ok\"}} 9\n",
            99 + slow,
            99 + slow
        )
    };
    let (good, bad) = (Reconciles::of(&text(1, 2))?, Reconciles::of(&text(3, 5))?);
    assert_eq!((good.count(), good.failed), (100, 2));
    assert_eq!((good.percentile(50), good.percentile(90), good.percentile(99)), (0.5, 0.5, 1.0));
    assert_eq!(bad.percentile(99), f64::INFINITY);
    let later = bad.since(&good);
    assert_eq!((later.count(), later.failed, later.percentile(50)), (2, 3, f64::INFINITY));
    Ok(())
}

//! What is put around every driver, whatever store it serves: figures, repetition, a limit of calls at a time and a
//! limit of time ([decision 24](../../../../docs/decisions/0024-layers-around-under-storages.md) says why in this order).
//!
//! A layer sees each call before the driver does, as one future ([`Layer::once`]). [`Layered`] is the one wrapper that
//! makes calls of an [`UnderFs`] such futures.

mod call;
mod figures;
mod layered;
mod limit;
mod repetition;
mod time_limit;

use std::sync::Arc;

use alluxio_conf::{Configuration, KeyName, Source, key};
use alluxio_telemetry::metrics::Metrics;

use call::{Call, Method};
use figures::Figures;
use layered::Layered;
use limit::Limit;
use repetition::{Attempts, Repetition};
use time_limit::TimeLimit;

use crate::under_fs::UnderFs;

/// Calls of one mount at a time, unless `alluxio.underfs.io.threads` is set. The original's default for that is made
/// for threads; a call that waits takes none here.
const CALLS: usize = 128;

/// A driver with all layers. The outermost sees a call first.
/// `retries`: the driver repeats by itself what failed for the moment.
pub(crate) fn around(
    driver: Arc<dyn UnderFs>,
    retries: bool,
    site: &Configuration,
    metrics: &Metrics,
) -> Arc<dyn UnderFs> {
    const THREADS: alluxio_conf::Key<alluxio_conf::Int> = key::UNDERFS_IO_THREADS;
    let calls = match site.source_of(THREADS.name()) {
        Source::Default => CALLS,
        _ => usize::try_from(site.get(THREADS)).unwrap_or(CALLS),
    };
    let slow = site.get(key::UNDERFS_LOGGING_THRESHOLD).duration().unwrap_or_default();
    let figures = Figures::new(metrics.clone(), site.role(), &*driver, slow);
    let timed = Arc::new(Layered::new(driver, TimeLimit::default()));
    let limited: Arc<dyn UnderFs> = Arc::new(Layered::new(timed, Limit::new(calls)));
    let repeated = if retries { limited } else { Arc::new(Layered::new(limited, Repetition)) };
    Arc::new(Layered::new(repeated, figures))
}

#[cfg(test)]
mod tests;

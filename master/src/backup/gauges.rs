//! What the original shows of the last backup and the last start from one: `Master.LastBackup*`.

use std::time::Duration;

use alluxio_telemetry::metrics::{
    Gauge, Metrics,
    key::{self, Key},
};

/// As the original: -1 until there was one.
pub fn none_yet(metrics: &Metrics) {
    for key in [
        key::MASTER_LAST_BACKUP_ENTRIES_COUNT,
        key::MASTER_LAST_BACKUP_TIME_MS,
        key::MASTER_LAST_BACKUP_RESTORE_COUNT,
        key::MASTER_LAST_BACKUP_RESTORE_TIME_MS,
    ] {
        metrics.gauge(key).set(-1);
    }
}

pub(super) fn made(metrics: &Metrics, entries: u64, took: Duration) {
    set(metrics, key::MASTER_LAST_BACKUP_ENTRIES_COUNT, entries.into());
    set(metrics, key::MASTER_LAST_BACKUP_TIME_MS, took.as_millis());
}

pub(super) fn taken_over(metrics: &Metrics, entries: u64, took: Duration) {
    set(metrics, key::MASTER_LAST_BACKUP_RESTORE_COUNT, entries.into());
    set(metrics, key::MASTER_LAST_BACKUP_RESTORE_TIME_MS, took.as_millis());
}

fn set(metrics: &Metrics, key: Key<Gauge>, value: u128) {
    metrics.gauge(key).set(i64::try_from(value).unwrap_or(i64::MAX));
}

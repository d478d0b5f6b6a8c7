//! A backup every day, and no more than so many of them: `alluxio.master.daily.backup.*`.

use std::{sync::Arc, time::Duration};

use alluxio_conf::{Configuration, key};
use alluxio_fs::FsError;
use alluxio_ufs::ListOptions;
use jiff::civil::Time;
use tokio_util::sync::CancellationToken;

use super::{Backups, place::Place};
use crate::{
    fs::ufs_error,
    meta::{BackupOrder, BackupOutcome, Backups as _},
    namespace::now_ms,
};

const DAY_MS: i64 = 24 * 3_600_000;

/// Makes them until `stop`, when they are switched on.
pub async fn run_daily(conf: Configuration, backups: Arc<Backups>, stop: CancellationToken) {
    if !conf.get(key::MASTER_DAILY_BACKUP_ENABLED) {
        return;
    }
    let time = conf.get(key::MASTER_DAILY_BACKUP_TIME);
    let Ok(at) = Time::strptime("%H:%M", &time) else {
        tracing::error!(
            "alluxio.master.daily.backup.time={time} is no time of day: write it as 05:00 (UTC). No daily backup is made"
        );
        return;
    };
    let retained = usize::try_from(conf.get(key::MASTER_DAILY_BACKUP_FILES_RETAINED)).unwrap_or(usize::MAX);
    loop {
        let wait = until(at, now_ms());
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            outcome = day(&backups, retained) => if let Err(error) = outcome {
                tracing::error!(%error, "the daily backup failed; the next one is tried tomorrow");
            },
        }
    }
}

/// How long it is until the next `at` o'clock, UTC.
fn until(at: Time, now_ms: i64) -> Duration {
    let at = (i64::from(at.hour()) * 60 + i64::from(at.minute())) * 60_000;
    match (at - now_ms).rem_euclid(DAY_MS) {
        0 => Duration::from_millis(DAY_MS as u64),
        wait => Duration::from_millis(wait as u64),
    }
}

/// Makes one, and drops those that are too many.
pub(super) async fn day(backups: &Arc<Backups>, retained: usize) -> Result<(), FsError> {
    let status = backups.back_up(BackupOrder::default()).await?;
    match status.outcome {
        Some(BackupOutcome::Failed(error)) => Err(error),
        _ => drop_old(backups, retained).await,
    }
}

/// Leaves the newest ones, those that somebody has made by hand among them.
async fn drop_old(backups: &Backups, retained: usize) -> Result<(), FsError> {
    let folder = backups.folder_of(&BackupOrder::default())?;
    let mut found = list(&folder).await?;
    found.sort_unstable();
    found.truncate(found.len().saturating_sub(retained));
    for (_, name) in found {
        // What says that it is whole goes first.
        for file in [&format!("{name}.complete"), &name] {
            let place = folder.child(file)?;
            place.ufs.delete_file(&place.path).await.map_err(ufs_error)?;
        }
        tracing::info!("{name} is dropped: there are {retained} newer backups in {}", folder.uri());
    }
    Ok(())
}

/// The backups in a folder: when they were made, and their names.
async fn list(folder: &Place) -> Result<Vec<(i64, String)>, FsError> {
    let mut lister = folder.ufs.list(&folder.path, ListOptions::default()).await.map_err(ufs_error)?;
    let mut found = Vec::new();
    while let Some(page) = lister.next().await.map_err(ufs_error)? {
        found.extend(page.entries.iter().filter_map(|entry| {
            let name = entry.path.name();
            Some((made_at(name)?, name.to_owned()))
        }));
    }
    Ok(found)
}

/// From the name of a backup, milliseconds since 1970; `None` for another file.
fn made_at(name: &str) -> Option<i64> {
    let parts = name.strip_prefix("alluxio-backup-")?.strip_suffix(".gz")?;
    let mut numbers = parts.split('-').map(str::parse::<i64>);
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(_)), Some(Ok(_)), Some(Ok(_)), Some(Ok(millis)), None) => Some(millis),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_time_of_day() {
        let at = |text| Time::strptime("%H:%M", text).unwrap();
        let hours = |text, now: i64| until(at(text), now * 3_600_000 + 20 * DAY_MS).as_secs() / 3600;
        assert_eq!((hours("05:00", 3), hours("5:00", 6), hours("05:00", 5)), (2, 23, 24));
        assert_eq!(until(at("00:30"), 0), Duration::from_secs(1800));
    }

    #[test]
    fn backups_are_known_by_their_names() {
        assert_eq!(made_at("alluxio-backup-2024-01-31-1706659200000.gz"), Some(1_706_659_200_000));
        assert_eq!(made_at(&super::super::file_name(1_706_659_200_000)), Some(1_706_659_200_000));
        for other in [
            "alluxio-backup-2024-01-31-1706659200000.gz.complete",
            "alluxio-backup-2024-01-31.gz",
            "alluxio-backup-2024-01-31-1706659200000-1.gz",
            "backup.gz",
        ] {
            assert_eq!(made_at(other), None, "{other}");
        }
    }
}

//! A backup every day, and no more than so many of them: `alluxio.master.daily.backup.*`.

use std::{collections::HashSet, sync::Arc, time::Duration};

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
/// How often the clock is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

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
    let mut made = None;
    loop {
        let due = next(at, now_ms(), made);
        tokio::select! {
            () = stop.cancelled() => return,
            came = comes(due) => if !came { continue },
        }
        made = Some(due);
        tokio::select! {
            () = stop.cancelled() => return,
            outcome = day(&backups, retained) => if let Err(error) = outcome {
                tracing::error!(%error, "the daily backup failed; the next one is tried tomorrow");
            },
        }
    }
}

/// Returns at that time, by a clock that may be set on the way. False: it was set back so far that another time is due.
async fn comes(due_ms: i64) -> bool {
    loop {
        let left = due_ms - now_ms();
        if left > 2 * DAY_MS {
            return false;
        }
        let Ok(left) = u64::try_from(left) else { return true };
        tokio::time::sleep(Duration::from_millis(left).clamp(Duration::from_millis(1), LOOK_EVERY)).await;
    }
}

/// The next `at` o'clock, UTC, in milliseconds since 1970: after now, and after that of the last one where the clock
/// was set back since.
fn next(at: Time, now_ms: i64, last_ms: Option<i64>) -> i64 {
    let at = (i64::from(at.hour()) * 60 + i64::from(at.minute())) * 60_000;
    let after = |ms: i64| ms + 1 + (at - ms - 1).rem_euclid(DAY_MS);
    match last_ms.map(|last| after(now_ms.max(last))) {
        // By a whole day or more: then it is the last one that had a wrong time.
        Some(next) if next - now_ms <= 2 * DAY_MS => next,
        _ => after(now_ms),
    }
}

/// Makes one, and drops those that are too many.
pub(super) async fn day(backups: &Arc<Backups>, retained: usize) -> Result<(), FsError> {
    // Nobody is there to allow it, and it holds nobody up. In a folder that each host may have for itself the leader makes
    // it: there it drops the old ones.
    let bypass_delegation = backups.folder_of(&BackupOrder::default())?.is_of_host();
    let order = BackupOrder { allow_leader: true, bypass_delegation, ..BackupOrder::default() };
    let status = backups.back_up(order).await?;
    match status.outcome {
        Some(BackupOutcome::Failed(error)) => Err(error),
        _ => drop_old(backups, retained).await,
    }
}

/// Leaves the newest whole ones, those that somebody has made by hand among them. What is not whole goes with those that
/// are newer: it was cut off right before its end. A newer one may be a backup that is being written.
pub(super) async fn drop_old(backups: &Backups, retained: usize) -> Result<(), FsError> {
    let folder = backups.folder_of(&BackupOrder::default())?;
    let mut found = list(&folder).await?;
    found.sort_unstable();
    let too_many = found.iter().rev().filter(|backup| backup.is_whole).nth(retained);
    let newest = too_many.map(|backup| backup.made_at);
    for Found { name, .. } in found.iter().filter(|backup| Some(backup.made_at) <= newest) {
        // What says that it is whole goes first.
        for file in [&format!("{name}.complete"), name] {
            let place = folder.child(file)?;
            place.ufs.delete_file(&place.path).await.map_err(ufs_error)?;
        }
        tracing::info!("{name} is dropped: there are {retained} newer backups in {}", folder.uri());
    }
    Ok(())
}

/// A file that has the name of a backup.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    made_at: i64,
    name: String,
    is_whole: bool,
}

/// The backups in a folder.
async fn list(folder: &Place) -> Result<Vec<Found>, FsError> {
    let mut lister = folder.ufs.list(&folder.path, ListOptions::default()).await.map_err(ufs_error)?;
    let (mut found, mut complete) = (Vec::new(), HashSet::new());
    while let Some(page) = lister.next().await.map_err(ufs_error)? {
        for entry in &page.entries {
            let name = entry.path.name();
            if let Some(made_at) = made_at(name) {
                found.push(Found { made_at, name: name.to_owned(), is_whole: false });
            } else if let Some(whole) = name.strip_suffix(".complete") {
                complete.insert(whole.to_owned());
            }
        }
    }
    for backup in &mut found {
        backup.is_whole = complete.contains(&backup.name);
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

    const HOUR: i64 = 3_600_000;

    #[test]
    fn the_next_time_of_day() {
        let next = |text, now: i64, last| next(Time::strptime("%H:%M", text).unwrap(), now, last);
        let hours = |text, hour: i64| (next(text, hour * HOUR + 20 * DAY_MS, None) - 20 * DAY_MS) / HOUR;
        assert_eq!((hours("05:00", 3), hours("5:00", 6), hours("05:00", 5)), (5, 29, 29));
        assert_eq!(next("00:30", 0, None), HOUR / 2);
    }

    #[test]
    fn a_clock_that_is_set_back_brings_no_second_backup() {
        let five = |day: i64| day * DAY_MS + 5 * HOUR;
        let next = |now, last| next(Time::strptime("%H:%M", "05:00").unwrap(), now, Some(last));
        assert_eq!(next(five(20) + 1, five(20)), five(21));
        assert_eq!(next(five(20) - 2_000, five(20)), five(21), "the same day again");
        assert_eq!(next(five(20) - HOUR, five(2_000)), five(20), "the former time was wrong");
    }

    #[tokio::test]
    async fn a_time_that_has_come_or_is_wrong_is_not_waited_for() {
        assert!(comes(now_ms() - 1).await && comes(now_ms() + 2).await);
        assert!(!comes(now_ms() + 3 * DAY_MS).await);
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

//! Why a backup was not made or not read, in words that say what to do.

use std::time::Duration;

use alluxio_fs::{ErrorKind, FsError};
use alluxio_ufs::UfsError;
use thiserror::Error;
use tokio::task::JoinError;

#[derive(Debug, Error)]
pub enum BackupError {
    #[error("{0}")]
    Ufs(#[from] UfsError),
    #[error("{0}")]
    Fs(#[from] FsError),
    #[error(
        "{uri} cannot be taken for a backup: give a file that `alluxio fsadmin backup` has made, such as \
         /alluxio_backups/alluxio-backup-2024-01-31-1706659200000.gz"
    )]
    NoFile { uri: String },
    #[error("there is no backup {uri}: check alluxio.master.journal.init.from.backup")]
    Missing { uri: String },
    #[error(
        "{uri} is no backup: it is not compressed by gzip. Give the .gz file that `alluxio fsadmin backup` has made"
    )]
    NotGzip { uri: String },
    #[error(
        "the backup {uri} is torn: it ends after {entries} entries, in the middle. It was not written or not \
         copied to its end; take another one. A whole one has a file {uri}.complete beside it where it was made"
    )]
    Torn { uri: String, entries: u64 },
    #[error(
        "the backup {uri} is damaged after {entries} entries: {reason}. Take another one, or another copy of it"
    )]
    Damaged { uri: String, entries: u64, reason: String },
    #[error(
        "entry {entry} of the backup {uri} is of a kind that this version does not know: field {field} of \
         JournalEntry{name}. Nothing was taken over"
    )]
    UnknownKind { uri: String, entry: u64, field: u32, name: String },
    #[error("the backup {uri} holds no directory tree: none of its {entries} entries is the root directory")]
    NoRoot { uri: String, entries: u64 },
    #[error(
        "entry {entry} of the backup {uri} does not fit what came before it: {reason}. What came before it may be \
         taken over: take another backup, and run `alluxio formatMasters` before you start with that"
    )]
    DoesNotFit { uri: String, entry: u64, reason: String },
    #[error(
        "{folder} is no folder for backups: give an absolute path, or an address such as hdfs://host:port/path"
    )]
    NoFolder { folder: String },
    #[error("{folder} is not on this master's host: give a path with --local, or leave --local out")]
    NotLocal { folder: String },
    #[error(
        "a temporary file for the backup could not be written: {0}. Set alluxio.tmp.dirs to a folder with room \
         for all of a backup"
    )]
    Spool(std::io::Error),
    #[error(
        "the under storage has not completed the backup for {} seconds. Look whether it is there when the under \
         storage answers: it is whole only with a file of its name and .complete beside it", .0.as_secs()
    )]
    NotClosed(Duration),
    #[error("the backup ended by a defect of this master; its log says more. Try again")]
    Panicked,
    #[error("the backup was given up: this master is stopping, or is no more what it was, leader or standby")]
    GivenUp,
    #[error("this standby has nothing in memory yet: it is reading the journal")]
    NothingInMemory,
    #[error("this standby has not read what must be in the backup within {} seconds", .0.as_secs())]
    Behind(Duration),
    #[error(
        "No standby makes the backup: {reason}. Try again, or have the leader make it: `--bypass-delegation`."
    )]
    NotDelegated { reason: String },
    #[error("the standby on {host} could not make the backup: {reason}")]
    Delegated { host: String, reason: String },
    #[error("the standby on {host}, which was making the backup, is gone or leads now. Try again")]
    DelegateLost { host: String },
    #[error("the standby on {host} has said nothing of the backup for {} seconds: it is given up. Try again", limit.as_secs())]
    DelegateSilent { host: String, limit: Duration },
}

impl From<JoinError> for BackupError {
    fn from(error: JoinError) -> Self {
        // Else the runtime ends.
        if error.is_panic() { Self::Panicked } else { Self::GivenUp }
    }
}

impl From<BackupError> for FsError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Fs(error) => error,
            BackupError::Ufs(error) => crate::fs::ufs_error(error),
            BackupError::GivenUp => FsError::unavailable(error.to_string()),
            BackupError::NotDelegated { .. } => FsError::failed_precondition(error.to_string()),
            BackupError::DelegateLost { .. } | BackupError::DelegateSilent { .. } => {
                FsError::new(ErrorKind::Aborted, error.to_string())
            }
            BackupError::NoFolder { .. } | BackupError::NotLocal { .. } => {
                FsError::invalid_argument(error.to_string())
            }
            error => FsError::unknown(error.to_string()),
        }
    }
}

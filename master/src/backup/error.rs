//! Why a backup was not made or not read, in words that say what to do.

use alluxio_fs::FsError;
use alluxio_ufs::UfsError;
use thiserror::Error;

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
    #[error("the backup could not be written: {0}")]
    Write(std::io::Error),
    #[error(
        "a temporary file for the backup could not be written: {0}. Set alluxio.tmp.dirs to a folder with room"
    )]
    Spool(std::io::Error),
    #[error("the backup was given up: this master is stopping")]
    GivenUp,
}

impl From<BackupError> for FsError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Fs(error) => error,
            BackupError::Ufs(error) => crate::fs::ufs_error(error),
            BackupError::GivenUp => FsError::unavailable(error.to_string()),
            error => FsError::unknown(error.to_string()),
        }
    }
}

//! Why a master does not start. Each is one line that says what to do.

use std::{io, time::Duration};

use alluxio_fs::FsError;
use alluxio_journal::{JournalError, Uuid};
use alluxio_rpc::RpcError;
use alluxio_ufs::{UfsError, UfsErrorKind};
use thiserror::Error;

use super::JournalPlaceError;
use crate::{
    backup::BackupError,
    tree::{ApplyError, RestoreError},
};

#[derive(Debug, Error)]
pub enum StartError {
    #[error(
        "cannot listen on {address} ({source}). Stop what uses that port, or set {property} to another one."
    )]
    Bind { address: String, property: String, source: io::Error },
    #[error("the address of a listener cannot be found out: {0}")]
    Address(io::Error),
    #[error(transparent)]
    JournalPlace(#[from] JournalPlaceError),
    #[error("the journal's store has given nothing for {0:?}")]
    StandsStill(Duration),
    #[error("{0}")]
    Journal(#[from] JournalError),
    #[error(
        "{location} holds the journal of cluster {found}, and this master is one of cluster {told}: bring the folder back, or correct \
         {property}. Nothing was changed"
    )]
    OtherJournal { location: String, found: Uuid, told: Uuid, property: String },
    #[error(
        "{property} is no id of a cluster: write the one that `alluxio clusterMarker show` tells, or take it out"
    )]
    NoClusterId { property: String },
    #[error(
        "the record with sequence {sequence} cannot be replayed: {source}. Nothing was changed; keep the journal and report this."
    )]
    Replay { sequence: u64, source: ApplyError },
    #[error("the record with sequence {sequence} is not a journal entry: {source}")]
    Decode { sequence: u64, source: prost::DecodeError },
    #[error("the checkpoint at sequence {sequence} cannot be restored: {source}")]
    Restore { sequence: u64, source: RestoreError },
    #[error("the checkpoint at sequence {sequence} has a chunk that cannot be read: {source}")]
    DecodeCheckpoint { sequence: u64, source: prost::DecodeError },
    #[error(
        "the checkpoint at sequence {sequence} holds what this version does not know (its hash is {expected:016x}, \
         and {found:016x} without that). Nothing was changed; start the version that wrote it, or a later one."
    )]
    TreeHash { sequence: u64, expected: u64, found: u64 },
    #[error("the root under storage cannot be used: {0}")]
    RootUfs(UfsError),
    #[error(
        "the root under storage {uri} does not exist. Create it, or set {property} to a folder that does."
    )]
    NoRootUfs { uri: String, property: String },
    #[error("{0}")]
    Backup(#[from] BackupError),
    #[error(
        "{location} holds a part of a backup: taking it over was cut off. Run `alluxio formatJournal`, then start \
         again with alluxio.master.journal.init.from.backup."
    )]
    HalfImported { location: String },
    #[error("the first records could not be written: {0}")]
    Bootstrap(FsError),
    #[error("{0}")]
    Rpc(RpcError),
    #[error("this master cannot stand for election: {0}")]
    Election(FsError),
}

impl StartError {
    /// Whether it may go away without anybody changing this master: the store of the journal, or the under storage of the root,
    /// cannot be reached, or fails.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::RootUfs(error) => error.kind().is_temporary() || error.kind() == UfsErrorKind::Io,
            Self::Journal(JournalError::Store(error)) => {
                error.io_kind().is_some_and(|kind| !needs_a_person(kind))
            }
            _ => false,
        }
    }
}

/// What a store answers that can be reached.
fn needs_a_person(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{
        AlreadyExists, InvalidData, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied,
        QuotaExceeded, ReadOnlyFilesystem, StorageFull, Unsupported,
    };
    matches!(
        kind,
        AlreadyExists
            | InvalidData
            | InvalidInput
            | IsADirectory
            | NotADirectory
            | NotFound
            | PermissionDenied
            | QuotaExceeded
            | ReadOnlyFilesystem
            | StorageFull
            | Unsupported
    )
}

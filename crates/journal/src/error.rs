//! What can go wrong with a journal, in words that say what to do.

use std::sync::Arc;

use uuid::Uuid;

use crate::core::header::FORMAT_VERSION;
use crate::marker::Owner;
use crate::store::StoreError;

/// An error of the journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no journal.
    #[error("{location} holds no journal: run `alluxio formatJournal` once to make one")]
    NotFormatted {
        /// Where.
        location: String,
    },
    /// There was a journal, and its deletion was cut short.
    #[error(
        "the journal of cluster {cluster} in {location} was being deleted, and parts of it are left: run `alluxio clusterMarker \
         remove` again, or `alluxio formatJournal` to make a new one"
    )]
    HalfDeleted {
        /// Where.
        location: String,
        /// Whose.
        cluster: Uuid,
        /// Who had it made.
        owner: Option<Owner>,
    },
    /// There is a journal already.
    #[error("{location} already holds a journal, of cluster {cluster}; formatting would delete it")]
    AlreadyFormatted {
        /// Where.
        location: String,
        /// Whose.
        cluster: String,
    },
    /// There is a Java master's journal.
    #[error(
        "{location} holds the journal of a Java master ({found}), which this version cannot take over; a backup of \
         it can be. Run `alluxio fsadmin backup` on the Java cluster, stop its masters, set \
         alluxio.master.journal.folder to a new folder and alluxio.master.journal.init.from.backup to the backup, \
         run `alluxio formatJournal` and start. docs/moving-in.md tells more"
    )]
    Java {
        /// Where.
        location: String,
        /// What tells.
        found: String,
    },
    /// Something is damaged. Nothing was skipped.
    #[error(
        "the journal is corrupt: {file}, offset {offset}, record {sequence}: {reason}. Nothing was skipped; \
         restore that file from a copy, or start over from a backup"
    )]
    Corrupt {
        /// The damaged file.
        file: String,
        /// Where in it.
        offset: u64,
        /// The record that should be there.
        sequence: u64,
        /// What is wrong.
        reason: String,
    },
    /// A file that is needed is not there.
    #[error(
        "the journal is incomplete: the records before {sequence} are in {file}, which is not there, and no \
         valid checkpoint covers them{checkpoints}. Restore that file from a copy, or start over from a backup"
    )]
    Missing {
        /// The file.
        file: String,
        /// The first record that is there.
        sequence: u64,
        /// What is wrong with the checkpoints that are there; empty when there are none.
        checkpoints: String,
    },
    /// Written by a later release.
    #[error(
        "{file} has journal format {found}; this release reads up to {FORMAT_VERSION}: use a later release"
    )]
    Newer {
        /// The file.
        file: String,
        /// Its format.
        found: u32,
    },
    /// Another cluster's file.
    #[error(
        "{file} belongs to cluster {found}, this journal to cluster {cluster}: it was copied here by mistake"
    )]
    OtherCluster {
        /// The file.
        file: String,
        /// Its cluster.
        found: Uuid,
        /// The journal's.
        cluster: Uuid,
    },
    /// There is another journal now.
    #[error(
        "{location} holds the journal of cluster {found} now, and this master is one of cluster {cluster}: bring the folder back. \
         Nothing was changed"
    )]
    Replaced {
        /// Where.
        location: String,
        /// Whose is there.
        found: Uuid,
        /// Whose was there.
        cluster: Uuid,
    },
    /// Nothing can be written at the moment; nothing has happened.
    #[error("the journal cannot be written at the moment: {reason}")]
    Unavailable {
        /// Why.
        reason: Arc<str>,
    },
    /// A record was handed over, and whether it will be durable is not known.
    #[error("the journal could not be written ({reason}); whether the change will survive is not known")]
    OutcomeUnknown {
        /// Why.
        reason: Arc<str>,
    },
    /// This master is no longer the writer. What it has in memory may not be in the log.
    #[error("this master may not write the journal any more: {reason}")]
    Deposed {
        /// Why.
        reason: Arc<str>,
    },
    /// The journal has been shut down.
    #[error("the journal is closed")]
    Closed,
    /// Recovery was used out of order.
    #[error("the journal cannot be opened for writing before all of it has been replayed")]
    NotReplayed,
    /// A checkpoint is being written already.
    #[error("a checkpoint is being written already")]
    CheckpointRunning,
    /// The state is being walked through for another purpose.
    #[error(
        "the tree is being walked through already, so no checkpoint can be made of it; it is tried again"
    )]
    WalkRunning,
    /// A piece of a checkpoint is too long.
    #[error("a checkpoint's {what} has {length} bytes, at most {limit} are allowed")]
    TooLong {
        /// Which piece.
        what: &'static str,
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A checkpoint does not read back as it was written.
    #[error("checkpoint {file} is not valid: {reason}")]
    BadCheckpoint {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
}

impl JournalError {
    /// Whether a client should be told UNAVAILABLE: it may try again here or at another master.
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::OutcomeUnknown { .. } | Self::Deposed { .. } | Self::Closed
        )
    }
}

/// The result of a journal operation.
pub type Result<T> = std::result::Result<T, JournalError>;

//! Where a journal lies: what the journal needs from a store, and the stores there are.
//!
//! The trait is cut so that a mounted path and HDFS both fit. It asks for no append after close, no overwrite,
//! and no listing that is consistent with a concurrent writer. What differs between them (how a term is claimed
//! and sealed, how a writer learns that it is deposed) is behind [`Store::claim`], [`Store::seal`],
//! [`Store::secure`] and [`Fence`].

mod error;
pub mod hdfs;
pub mod local;
pub mod mem;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::error::StoreError;
use crate::position::{FileId, SegmentId};

/// What Java masters leave in their journal folder: `<Name>/v1` for the UFS journal, `raft` for the embedded one
/// (protocol notes 6.1).
const JAVA_FOLDERS: [&str; 8] = [
    "FileSystemMaster/v1",
    "BlockMaster/v1",
    "MetaMaster/v1",
    "MetricsMaster/v1",
    "JournalMaster/v1",
    "ThrottleMaster/v1",
    "TableMaster/v1",
    "raft",
];

/// What lies in the folder of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderState {
    /// No marker: nothing is there, or what is there is not a journal.
    NotFormatted,
    /// A marker is there.
    Formatted,
    /// The journal of a Java master; the text names what was found.
    Java(String),
}

/// A file and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The file.
    pub file: FileId,
    /// Its length; a file that is being written may be longer by now.
    pub length: u64,
}

/// The answer to a claim.
pub enum Claim {
    /// The term is ours, for as long as its fence answers.
    Won(Box<dyn Fence>),
    /// Another master has it, or has claimed a later one meanwhile.
    Taken,
}

/// Exclusive use of a journal, until dropped.
pub struct Hold {
    _guard: Arc<dyn Any + Send + Sync>,
}

impl Hold {
    /// A hold that ends when `guard` is dropped.
    pub fn new(guard: Arc<dyn Any + Send + Sync>) -> Self {
        Self { _guard: guard }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold")
    }
}

/// A place for one journal.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// The place, as a user knows it.
    fn location(&self) -> String;

    /// A file, as a user can find it.
    fn shown(&self, file: FileId) -> String {
        format!("{}/{file}", self.location())
    }

    /// Whether others can read what has been synced of a file that is still being written.
    fn tails(&self) -> bool {
        false
    }

    /// Whether others can read nothing of a file that is still being written, not even its header.
    fn hides_open_files(&self) -> bool {
        false
    }

    /// What lies there. Changes nothing, not even in an empty place.
    async fn state(&self) -> Result<FolderState, StoreError>;

    /// Makes the folders that a journal needs.
    async fn prepare(&self) -> Result<(), StoreError>;

    /// Takes the place for this process, where the store can tell. A second live user is refused.
    async fn hold(&self) -> Result<Hold, StoreError>;

    /// All segments and checkpoints, and drafts of these.
    async fn list(&self) -> Result<Vec<Listed>, StoreError>;

    /// Reads up to `length` bytes; fewer only at the end of the file. Sees what other clients of the store have
    /// synced.
    async fn read(&self, file: FileId, offset: u64, length: usize) -> Result<Bytes, StoreError>;

    /// Creates a file; fails when it exists or its folder does not.
    async fn create(&self, file: FileId) -> Result<Box<dyn OpenFile>, StoreError>;

    /// Gives a closed file its final name, replacing what has it. Survives a crash once it has returned.
    async fn rename(&self, from: FileId, to: FileId) -> Result<(), StoreError>;

    /// Removes a file; one that is not there is no error. Survives a crash once it has returned.
    async fn remove(&self, file: FileId) -> Result<(), StoreError>;

    /// All terms that anyone has claimed or tried to.
    async fn terms(&self) -> Result<Vec<u64>, StoreError>;

    /// Claims a term for `owner` (text for people), exclusively, and survives a crash once it has returned.
    async fn claim(&self, term: u64, owner: &str) -> Result<Claim, StoreError>;

    /// Deposes the masters of all terms below `term`. Once it has returned, no [`Fence::check`] of theirs
    /// succeeds, now or after any crash; and everything whose check had succeeded is seen by [`Self::read`].
    async fn seal(&self, term: u64) -> Result<(), StoreError>;

    /// Makes the first `length` bytes of a sealed segment durable, and out of the reach of its old writer:
    /// either as they are, or as a copy with the name `copy`. Gives the name that holds them.
    async fn secure(&self, segment: SegmentId, length: u64, copy: SegmentId)
    -> Result<SegmentId, StoreError>;

    /// Removes what is left of a sealed term that has no segments any more.
    async fn forget(&self, term: u64) -> Result<(), StoreError>;
}

/// A file that is being written.
#[async_trait]
pub trait OpenFile: Send {
    /// Adds bytes. After an error the file's end is undefined.
    async fn append(&mut self, data: Bytes) -> Result<(), StoreError>;

    /// Once it has returned, all bytes appended and the file's name survive a crash of every machine. After an
    /// error nothing is known about the bytes since the last success, and no later success says anything.
    async fn sync(&mut self) -> Result<(), StoreError>;

    /// Both.
    async fn commit(&mut self, data: Bytes) -> Result<(), StoreError> {
        self.append(data).await?;
        self.sync().await
    }

    /// Ends writing. Dropping the file without this ends writing too, without syncing anything.
    async fn close(self: Box<Self>) -> Result<(), StoreError>;
}

/// How the writer of a term learns whether it is deposed.
#[async_trait]
pub trait Fence: Send {
    /// Succeeds only if the term has not been sealed. Called after each sync and before anything is answered; an
    /// error means that the writer steps down, or asks again.
    async fn check(&mut self) -> Result<(), StoreError>;

    /// Whether, after this error, a later check can still tell for certain. Where it cannot, the writer steps down.
    fn may_confirm_later(&self, _error: &StoreError) -> bool {
        false
    }
}

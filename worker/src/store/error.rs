//! What can go wrong in the store.

use std::{io, path::PathBuf};

/// An error of the block store. The texts reach clients.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("BlockMeta not found for blockId {0}")]
    NotFound(i64),
    #[error("Block {0} is already committed on this worker")]
    AlreadyExists(i64),
    #[error("Block {0} is being written by another session")]
    BeingWritten(i64),
    #[error("Block {0} is not being written by session {1}")]
    NoSuchTemp(i64, i64),
    #[error(
        "Not enough space left on worker {worker} to store blockId {block}: {wanted} bytes asked for, {why}"
    )]
    NoSpace { worker: String, block: i64, wanted: u64, why: String },
    #[error("Block {0} is in use and cannot be moved now")]
    InUse(i64),
    #[error("No storage folder of this worker matches {0}")]
    NoSuchPlace(String),
    #[error("the file of block {block} holds {actual} bytes where {expected} belong: {}", path.display())]
    WrongLength { block: i64, path: PathBuf, expected: u64, actual: u64 },
    #[error("cannot {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{} belongs to another worker that runs on this host: stop it or set other folders", .0.display())]
    Owned(PathBuf),
    #[error("the work on block files was cut off by the end of the process")]
    Stopped,
}

impl StoreError {
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.into();
        move |source| StoreError::Io { action, path, source }
    }
}

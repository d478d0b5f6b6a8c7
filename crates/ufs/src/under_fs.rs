//! The contract every under storage keeps.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::capability::Capabilities;
use crate::error::Result;
use crate::fingerprint::Fingerprint;
use crate::listing::{ListOptions, UfsLister};
use crate::options::{CreateOptions, MkdirsOptions};
use crate::path::UfsPath;
use crate::status::{Space, UfsStatus};
use crate::uri::UfsUri;

/// Whether a change may begin, or go on with its next step.
pub type GoOn = Arc<dyn Fn() -> bool + Send + Sync>;

/// One mounted under storage.
///
/// Calls are safe to make at the same time and to drop half-way: a dropped call may still take effect, but
/// leaves nothing half-done that a later one could trip over. No call bounds its own time; callers do.
#[async_trait]
pub trait UnderFs: fmt::Debug + Send + Sync {
    /// The address that was mounted; paths are relative to it.
    fn uri(&self) -> &UfsUri;

    /// The type's name in mount tables and fingerprints: `local`, `hdfs`, `s3`.
    fn ufs_type(&self) -> &'static str;

    /// What this store can do.
    fn capabilities(&self) -> Capabilities;

    /// What is at `path`; none when there is nothing, or nothing that can be a file or folder in Alluxio
    /// (devices, sockets, pipes).
    async fn status(&self, path: &UfsPath) -> Result<Option<UfsStatus>>;

    /// Starts to list a folder: `NotFound` or `NotDirectory` come from the first page at the latest.
    async fn list(&self, directory: &UfsPath, options: ListOptions) -> Result<Box<dyn UfsLister>>;

    /// Opens a file to read `length` bytes from `offset` on, or to its end. A range beyond the end is cut there,
    /// without an error: the caller compares lengths.
    async fn open(&self, path: &UfsPath, offset: u64, length: Option<u64>) -> Result<Box<dyn UfsReader>>;

    /// Starts to write a file; see [`Capabilities::atomic_create`] for what others see meanwhile.
    async fn create(&self, path: &UfsPath, options: CreateOptions) -> Result<Box<dyn UfsWriter>>;

    /// Makes a folder. False: it was there already. A file of that name is `AlreadyExists`.
    async fn mkdirs(&self, path: &UfsPath, options: MkdirsOptions) -> Result<bool>;

    /// Deletes a file. That nothing is there is no error: false where the store can tell.
    async fn delete_file(&self, path: &UfsPath) -> Result<bool>;

    /// Deletes a folder, with all it holds when `recursive`; else `DirectoryNotEmpty` when it holds something.
    /// That nothing is there is no error: false where the store can tell.
    async fn delete_directory(&self, path: &UfsPath, recursive: bool) -> Result<bool>;

    /// The same store, whose changes ask `go_on` right before they begin, and before each step where they take many, on a
    /// thread that may block. Where it says no, what was not changed stays, and the answer is `Unavailable`.
    fn gated(&self, go_on: GoOn) -> Arc<dyn UnderFs>;

    /// Renames a file. Never replaces: an existing target is `AlreadyExists`.
    async fn rename_file(&self, from: &UfsPath, to: &UfsPath) -> Result<()>;

    /// Renames a folder. Never replaces: an existing target is `AlreadyExists`.
    async fn rename_directory(&self, from: &UfsPath, to: &UfsPath) -> Result<()>;

    /// Sets owner and group by name. False: nothing was changed because the store keeps no owners or the process
    /// has not the right. A name that the store does not know is `InvalidArgument`.
    async fn set_owner(&self, path: &UfsPath, owner: Option<&str>, group: Option<&str>) -> Result<bool>;

    /// Sets the permission bits. False: the store keeps none.
    async fn set_mode(&self, path: &UfsPath, mode: u16) -> Result<bool>;

    /// Total, used and free bytes; none where the store cannot tell.
    async fn space(&self) -> Result<Option<Space>>;

    /// What to compare later to see whether `path` changed; none when there is nothing.
    async fn fingerprint(&self, path: &UfsPath) -> Result<Option<Fingerprint>> {
        Ok(self.status(path).await?.map(|status| status.fingerprint(self.ufs_type())))
    }

    /// Reads a range into memory; shorter than `length` at the file's end. For callers with small, bounded ranges.
    async fn read_range(&self, path: &UfsPath, offset: u64, length: usize) -> Result<Bytes> {
        let mut reader = self.open(path, offset, Some(length as u64)).await?;
        let mut range = BytesMut::with_capacity(length);
        loop {
            let chunk = reader.read(length - range.len()).await?;
            if chunk.is_empty() {
                return Ok(range.freeze());
            }
            if range.is_empty() && chunk.len() == length {
                return Ok(chunk);
            }
            range.extend_from_slice(&chunk);
            if range.len() == length {
                return Ok(range.freeze());
            }
        }
    }
}

/// A range of a file being read from front to back.
#[async_trait]
pub trait UfsReader: Send {
    /// Up to `max` further bytes; fewer is no sign of the end, none is (or `max` was 0).
    async fn read(&mut self, max: usize) -> Result<Bytes>;

    /// The content hash of what is being read, as [`UfsStatus`] has it; none where the store cannot tell. All bytes are of
    /// this version: a file that is replaced meanwhile is an error of the read ([`UfsErrorKind::Changed`](crate::UfsErrorKind::Changed)).
    async fn content_hash(&mut self) -> Result<Option<String>>;
}

/// A file being written from front to back. Dropped without `close` it is discarded.
#[async_trait]
pub trait UfsWriter: Send {
    /// Appends `data`. After an error, or when the call was dropped half-way, the file can only be discarded.
    async fn write(&mut self, data: Bytes) -> Result<()>;

    /// Completes the file under its name and tells what was made. On an error nothing new is visible, unless
    /// the error came from making the name durable.
    async fn close(self: Box<Self>) -> Result<UfsStatus>;

    /// Discards what was written.
    async fn abort(self: Box<Self>) -> Result<()>;
}

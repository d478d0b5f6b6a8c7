//! Somebody who wants a block that is being fetched.

use super::{AHEAD, Came, End, Fetch, Fetches};
use crate::streams::{BufferPool, cold_source::UnderReader};
use alluxio_fs::FsError;
use bytes::Bytes;
use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};
use tokio::sync::watch;

/// See the module. Dropped, it follows no more.
pub struct Follower {
    fetches: Fetches,
    fetch: Arc<Fetch>,
    came: watch::Receiver<Came>,
}

/// What a follower was given.
pub enum Followed {
    Piece(Bytes),
    /// The file in the under storage ends here.
    End,
    /// No more comes this way, as the block cannot be cached: the rest must be read from the under storage, of this
    /// version where it is known.
    Alone(Option<String>),
}

impl Follower {
    pub(super) fn new(fetches: Fetches, fetch: Arc<Fetch>) -> Follower {
        let came = fetch.came.subscribe();
        Follower { fetches, fetch, came }
    }

    /// Up to `most` bytes from `position`, when they have come.
    pub async fn read(&mut self, position: u64, most: usize, pool: &BufferPool) -> Result<Followed, FsError> {
        self.fetch.want(position + most as u64 + AHEAD);
        let came = self.wait_for(|came| came.bytes > position || came.end.is_some()).await;
        if let Some(file) = came.file.filter(|_| came.bytes > position) {
            let size = (came.bytes - position).min(most as u64) as usize;
            return Ok(match piece(file, position, size, pool).await {
                Ok(piece) => Followed::Piece(piece),
                // The cache's disk is no reason not to read.
                Err(error) => {
                    tracing::warn!(block = self.fetch.block, %error, "a block that is being cached cannot be read there");
                    Followed::Alone(came.version)
                }
            });
        }
        match came.end {
            Some(End::Failed(error)) => Err(error),
            Some(End::Short) => Ok(Followed::End),
            Some(End::Kept | End::NotKept(_)) | None => Ok(Followed::Alone(came.version)),
        }
    }

    /// A reader of the whole block, where one is left: at most one follower gets it.
    pub fn take_spare(&self) -> Option<UnderReader> {
        self.fetch.spare.lock().take()
    }

    /// Waits until the block is in the cache.
    pub async fn kept(&mut self) -> Result<(), FsError> {
        self.fetch.want(u64::MAX);
        let came = self.wait_for(|came| came.end.is_some()).await;
        match came.end {
            Some(End::Kept) => Ok(()),
            Some(End::Failed(error) | End::NotKept(error)) => Err(error),
            Some(End::Short) => Err(FsError::out_of_range(format!(
                "block {} has {} bytes in {} where {} are expected",
                self.fetch.block, came.bytes, self.fetch.under.path, self.fetch.under.length
            ))),
            None => Err(FsError::internal("Caching was cut off.")),
        }
    }

    async fn wait_for(&mut self, it: impl FnMut(&Came) -> bool) -> Came {
        match self.came.wait_for(it).await {
            Ok(came) => came.clone(),
            // Only without a sender, which is in the fetch that is held here.
            Err(_) => Came::default(),
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.fetches.leave(&self.fetch);
    }
}

async fn piece(file: Arc<File>, position: u64, size: usize, pool: &BufferPool) -> io::Result<Bytes> {
    let pool = pool.clone();
    let read = tokio::task::spawn_blocking(move || {
        let mut buffer = pool.take(size);
        file.read_exact_at(buffer.space(), position).map(|()| buffer.freeze(size))
    });
    read.await?
}

//! Open files and fences of the store in memory.

use async_trait::async_trait;
use bytes::Bytes;

use super::MemStore;
use crate::position::FileId;
use crate::store::{Fence, OpenFile, StoreError};

pub(super) struct MemFile {
    pub(super) store: MemStore,
    pub(super) name: FileId,
    /// The file itself: it stays writable when its name is gone.
    pub(super) inode: u64,
}

#[async_trait]
impl OpenFile for MemFile {
    async fn append(&mut self, data: Bytes) -> Result<(), StoreError> {
        let inode = self.inode;
        self.store.run("write", self.name, |disk| disk.append(inode, &data)).await
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        let inode = self.inode;
        self.store.run("sync", self.name, |disk| disk.sync(inode)).await
    }

    async fn close(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Drop for MemFile {
    fn drop(&mut self) {
        self.store.closed(self.inode);
    }
}

pub(super) struct MemFence {
    pub(super) store: MemStore,
    pub(super) term: u64,
}

#[async_trait]
impl Fence for MemFence {
    async fn check(&mut self) -> Result<(), StoreError> {
        let term = self.term;
        let valid = self.store.run("rename", format!("token {term}"), |disk| Ok(disk.token(term))).await?;
        if valid { Ok(()) } else { Err(StoreError::Sealed { location: "memory".to_owned(), term }) }
    }
}

//! A block held for reading: while the lease lives the block is neither deleted nor renamed.

use super::{BlockStore, StoreError, activity::InUse, catalog::Found};
use std::{
    fs::File,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// See the module. Dropping it lets the block go.
pub struct BlockLease {
    store: BlockStore,
    block: i64,
    found: Found,
    _in_use: InUse,
}

impl BlockLease {
    pub(super) fn new(store: BlockStore, block: i64, found: Found) -> BlockLease {
        let in_use = store.inner.activity.begin(found.dir);
        BlockLease { store, block, found, _in_use: in_use }
    }

    pub fn length(&self) -> u64 {
        self.found.length
    }

    /// The file, for short-circuit clients.
    pub fn path(&self) -> &Path {
        &self.found.path
    }

    /// Opens the file. A block whose file is gone or has another length is dropped from the store: it
    /// would be served truncated.
    pub async fn open(&self) -> Result<File, StoreError> {
        let (path, block, expected) = (self.found.path.clone(), self.block, self.found.length);
        let opened = BlockStore::blocking(move || open_checked(path, block, expected)).await;
        match &opened {
            Err(StoreError::WrongLength { .. }) => self.drop_block(),
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => self.drop_block(),
            Err(StoreError::Io { .. }) => self.examine_folder(),
            _ => {}
        }
        opened
    }

    fn drop_block(&self) {
        tracing::error!(block = self.block, file = %self.found.path.display(),
            "block file is damaged or gone; the block is dropped");
        // Unknown or already leaving is what is wanted.
        let _ = self.store.remove(self.block);
    }

    /// An access failed for another reason than a missing file.
    pub fn examine_folder(&self) {
        let (store, dir) = (self.store.clone(), self.found.dir);
        tokio::task::spawn_blocking(move || store.examine(dir));
    }
}

impl Drop for BlockLease {
    fn drop(&mut self) {
        let mut catalog = self.store.catalog();
        catalog.release(self.block, self.found.serial);
        if catalog.has_doomed() {
            self.store.inner.wake.notify_one();
        }
    }
}

fn open_checked(path: PathBuf, block: i64, expected: u64) -> Result<File, StoreError> {
    let file = File::open(&path).map_err(StoreError::io("open the block file", &path))?;
    let actual = file.metadata().map_err(StoreError::io("look at the block file", &path))?.len();
    if actual != expected {
        return Err(StoreError::WrongLength { block, path, expected, actual });
    }
    Ok(file)
}

//! Writing one file: appends and syncs on the blocking pool.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{folder, run};
use crate::store::{OpenFile, StoreError};

/// Bytes copied at a time.
const COPY_BLOCK: usize = 1 << 20;

/// A file that is being written.
pub(super) struct LocalFile {
    path: PathBuf,
    file: Arc<fs::File>,
    held: Option<Arc<fs::File>>,
    /// The folder has been synced since the file was created, so the file's name survives a crash.
    name_synced: bool,
}

/// Creates a file that must not exist yet.
pub(super) fn create(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new().write(true).create_new(true).open(path)
}

/// Copies the first `length` bytes to a new file, and makes the copy durable.
///
/// A copy rather than a sync of the original: the bytes may be in the page cache only, left there by a write
/// whose sync failed, and syncing them again would report success without writing them. And the old writer may
/// still have the original open; it cannot reach the copy.
pub(super) fn copy_prefix(from: &Path, length: u64, to: &Path) -> io::Result<()> {
    let source = fs::File::open(from)?;
    let mut target = create(to)?;
    let mut block = vec![0; COPY_BLOCK];
    let mut copied = 0;
    while copied < length {
        let wanted = block.len().min(usize::try_from(length - copied).unwrap_or(usize::MAX));
        source.read_exact_at(&mut block[..wanted], copied)?;
        target.write_all(&block[..wanted])?;
        copied += wanted as u64;
    }
    target.sync_all()?;
    folder::sync_parent(to)
}

impl LocalFile {
    pub(super) fn new(path: PathBuf, file: fs::File, held: Option<Arc<fs::File>>) -> Self {
        Self { path, file: Arc::new(file), held, name_synced: false }
    }

    async fn run(
        &self,
        action: &'static str,
        operation: impl FnOnce(&fs::File, &Path) -> io::Result<()> + Send + 'static,
    ) -> Result<(), StoreError> {
        let file = self.file.clone();
        run(self.held.clone(), action, self.path.clone(), move |path| operation(&file, path)).await
    }
}

fn sync(file: &fs::File, path: &Path, name_synced: bool) -> io::Result<()> {
    // fdatasync also makes the new length durable, which is all of the metadata that reading needs.
    file.sync_data()?;
    if name_synced { Ok(()) } else { folder::sync_parent(path) }
}

#[async_trait]
impl OpenFile for LocalFile {
    async fn append(&mut self, data: Bytes) -> Result<(), StoreError> {
        self.run("write", move |mut file, _| file.write_all(&data)).await
    }

    async fn sync(&mut self) -> Result<(), StoreError> {
        let name_synced = self.name_synced;
        self.run("sync", move |file, path| sync(file, path, name_synced)).await?;
        self.name_synced = true;
        Ok(())
    }

    async fn commit(&mut self, data: Bytes) -> Result<(), StoreError> {
        // One trip to the blocking pool for both: the trip costs about as much as the write.
        let name_synced = self.name_synced;
        self.run("write", move |mut file, path| {
            file.write_all(&data)?;
            sync(file, path, name_synced)
        })
        .await?;
        self.name_synced = true;
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<(), StoreError> {
        // close(2) reports nothing that a successful sync has not reported before.
        Ok(())
    }
}

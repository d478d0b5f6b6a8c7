//! Range reads: pread on the blocking pool.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::status::modified_ms;
use super::{Folder, LocalUfs};
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;
use crate::status::UfsStatus;
use crate::under_fs::UfsReader;

/// A file as it was when it was opened.
#[derive(Debug)]
pub(super) struct Opened {
    file: File,
    hash: String,
}

impl Folder {
    /// Opens a file to read it.
    pub(super) fn open(&self, path: &UfsPath) -> Result<Opened> {
        let here = self.locate(path);
        // Looked at before it is opened: opening a pipe would wait for a writer.
        let metadata = std::fs::metadata(&here).map_err(self.io(Operation::Open, path))?;
        if metadata.is_dir() {
            return Err(self.error(UfsErrorKind::IsDirectory, Operation::Open, path));
        }
        if !metadata.is_file() {
            return Err(self
                .error(UfsErrorKind::NotFound, Operation::Open, path)
                .because("it is neither a file nor a directory"));
        }
        let opened = File::open(here).and_then(|file| Ok(Opened { hash: hash_of(&file)?, file }));
        opened.map_err(self.io(Operation::Open, path))
    }
}

/// A range of an open file.
#[derive(Debug)]
pub(super) struct LocalReader {
    ufs: LocalUfs,
    path: UfsPath,
    opened: Arc<Opened>,
    next: u64,
    end: u64,
}

impl LocalReader {
    pub(super) fn new(
        ufs: LocalUfs,
        path: UfsPath,
        opened: Opened,
        offset: u64,
        length: Option<u64>,
    ) -> Self {
        let end = length.map_or(u64::MAX, |length| offset.saturating_add(length));
        Self { ufs, path, opened: Arc::new(opened), next: offset, end }
    }
}

#[async_trait]
impl UfsReader for LocalReader {
    async fn read(&mut self, max: usize) -> Result<Bytes> {
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        let (wanted, offset) = (max.min(left), self.next);
        if wanted == 0 {
            return Ok(Bytes::new());
        }
        let (opened, path) = (self.opened.clone(), self.path.clone());
        let read = move |folder: &Arc<Folder>| {
            let read = read_at(&opened.file, offset, wanted).and_then(|chunk| {
                // A file that is written over in place, not replaced, is another one from then on.
                Ok((hash_of(&opened.file)? == opened.hash).then_some(chunk))
            });
            read.map_err(folder.io(Operation::Read, &path))?
                .ok_or_else(|| folder.error(UfsErrorKind::Changed, Operation::Read, &path))
        };
        let chunk = self.ufs.blocking(Operation::Read, &self.path, read).await?;
        self.next += chunk.len() as u64;
        Ok(chunk)
    }

    async fn content_hash(&mut self) -> Result<Option<String>> {
        Ok(Some(self.opened.hash.clone()))
    }
}

/// As the file's status has it.
fn hash_of(file: &File) -> std::io::Result<String> {
    let metadata = file.metadata()?;
    Ok(UfsStatus::approximate_hash(metadata.len(), modified_ms(&metadata)))
}

/// Reads until `wanted` bytes are there or the file ends.
fn read_at(file: &File, offset: u64, wanted: usize) -> std::io::Result<Bytes> {
    // No larger than what the file holds, so that a wide range of a short file costs no memory.
    let held = usize::try_from(file.metadata()?.len().saturating_sub(offset)).unwrap_or(usize::MAX);
    let mut chunk = vec![0; wanted.min(held)];
    let mut filled = 0;
    while filled < chunk.len() {
        match file.read_at(&mut chunk[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    chunk.truncate(filled);
    Ok(Bytes::from(chunk))
}

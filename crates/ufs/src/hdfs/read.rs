//! Reading ranges of files.

use std::sync::Arc;

use alluxio_hdfs::Reader;
use async_trait::async_trait;
use bytes::Bytes;

use super::Inner;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;
use crate::under_fs::UfsReader;

pub(super) struct HdfsReader {
    inner: Arc<Inner>,
    path: UfsPath,
    range: Reader,
}

impl Inner {
    pub(super) async fn open(
        self: &Arc<Self>,
        path: &UfsPath,
        offset: u64,
        length: Option<u64>,
    ) -> Result<HdfsReader> {
        let opened = self.hdfs.open(&self.locate(path), offset, length).await;
        match opened.map_err(self.failed(Operation::Open, path)) {
            Ok(range) => Ok(HdfsReader { inner: self.clone(), path: path.clone(), range }),
            // Of a folder HDFS says that no file is there.
            Err(error) if error.kind() == UfsErrorKind::NotFound => {
                let found = self.look(Operation::Open, path).await?;
                Err(match found.is_some_and(|entry| entry.is_folder) {
                    true => self.error(UfsErrorKind::IsDirectory, Operation::Open, path),
                    false => error,
                })
            }
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl UfsReader for HdfsReader {
    async fn read(&mut self, max: usize) -> Result<Bytes> {
        self.range.read(max).await.map_err(self.inner.failed(Operation::Read, &self.path))
    }

    /// Asked for after the blocks: what is of one version now has been of it then. A file that is replaced later keeps the
    /// blocks that are read here, or they are gone and the read fails.
    async fn content_hash(&mut self) -> Result<Option<String>> {
        let found = self.inner.look(Operation::Read, &self.path).await?;
        let found =
            found.ok_or_else(|| self.inner.error(UfsErrorKind::Changed, Operation::Read, &self.path))?;
        Ok(self.inner.status_of(self.path.clone(), &found).content_hash)
    }
}

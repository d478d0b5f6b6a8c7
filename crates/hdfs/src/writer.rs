//! A file that is being written.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::time::Duration;

use bytes::Bytes;
use hdfs_native::file::FileWriter;

use crate::error::{HdfsError, convert};

/// A file that is being written. After an error it is only good for being dropped.
pub struct Writer {
    file: FileWriter,
    limit: Duration,
}

impl Writer {
    pub(crate) fn new(file: FileWriter, limit: Duration) -> Self {
        Self { file, limit }
    }

    /// Adds bytes.
    pub async fn append(&mut self, data: Bytes) -> io::Result<()> {
        within(self.limit, self.file.write_bytes(data)).await.map(drop)
    }

    /// Once it has returned, all bytes are on the disks of all DataNodes that have the last block.
    pub async fn sync(&mut self) -> io::Result<()> {
        within(self.limit, self.file.hsync()).await
    }

    /// The same where it is possible: erasure-coded files are only closed.
    pub async fn sync_if_it_can(&mut self) -> io::Result<()> {
        match self.sync().await {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
            done => done,
        }
    }

    /// Ends writing: the file can be read as a whole.
    pub async fn close(mut self) -> io::Result<()> {
        within(self.limit, self.file.close()).await
    }
}

async fn within<T>(limit: Duration, call: impl Future<Output = hdfs_native::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result.map_err(convert),
        Err(_) => Err(HdfsError::late(limit)),
    }
}

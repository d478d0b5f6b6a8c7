//! A range of a file that is being read.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use hdfs_native::file::FileReader;

use crate::error::{HdfsError, convert};

/// A range of a file, from front to back.
pub struct Reader {
    data: BoxStream<'static, hdfs_native::Result<Bytes>>,
    /// What came and was not asked for yet.
    rest: Bytes,
    limit: Duration,
}

impl Reader {
    pub(crate) fn new(file: &FileReader, offset: u64, length: Option<u64>, limit: Duration) -> Self {
        let end = file.file_length();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(end);
        let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
        // The library panics when it is asked for more than there is.
        let data = file.read_range_stream(start, length.min(end - start)).boxed();
        Self { data, rest: Bytes::new(), limit }
    }

    /// Up to `max` further bytes; none at the end.
    pub async fn read(&mut self, max: usize) -> io::Result<Bytes> {
        while self.rest.is_empty() && max > 0 {
            let next = tokio::time::timeout(self.limit, self.data.next()).await;
            match next.map_err(|_| HdfsError::late(self.limit))? {
                None => break,
                Some(data) => self.rest = data.map_err(convert)?,
            }
        }
        Ok(self.rest.split_to(max.min(self.rest.len())))
    }
}

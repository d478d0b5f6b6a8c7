//! Reading a block from a worker.

use std::time::Duration;

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::block::{ReadRequest, ReadResponse};
use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tonic::Streaming;

use super::{WorkerClient, settings::within};

/// A range of a block, chunk by chunk. Dropping it ends the stream.
pub struct BlockReader {
    address: String,
    block_id: i64,
    replies: Streaming<ReadResponse>,
    /// The position read up to, told to the worker. Only the newest counts, so a slow connection
    /// costs no queue; dropping it half-closes the stream.
    received: watch::Sender<i64>,
    end: i64,
    patience: Duration,
}

impl WorkerClient {
    /// Opens a stream for the range that `request` gives. A missing chunk size comes from the
    /// configuration.
    ///
    /// # Errors
    /// What the worker answers: NOT_FOUND for a block it neither has nor is told where to find.
    pub async fn read_block(&self, mut request: ReadRequest) -> FsResult<BlockReader> {
        let chunk = i64::try_from(self.settings.read_chunk).unwrap_or(i64::MAX);
        request.chunk_size.get_or_insert(chunk);
        let (start, length, block_id) = (request.offset(), request.length(), request.block_id());
        let (received, positions) = watch::channel(start);
        let first = request.clone();
        let acknowledgements = WatchStream::from_changes(positions)
            .map(move |position| ReadRequest { offset_received: Some(position), ..request.clone() });
        let requests = futures::stream::iter([first]).chain(acknowledgements);
        let patience = self.settings.read_patience;
        let mut stub = self.stub();
        let opened = stub.read_block(requests);
        let replies = within(patience, &self.address, "answer a read", opened).await??.into_inner();
        Ok(BlockReader {
            address: self.address.clone(),
            block_id,
            replies,
            received,
            end: start.saturating_add(length),
            patience,
        })
    }
}

impl BlockReader {
    /// The next chunk; none when the range, or the block, is at its end.
    ///
    /// # Errors
    /// What the worker answers, DEADLINE_EXCEEDED when nothing comes for
    /// `alluxio.user.streaming.data.read.timeout`.
    pub async fn next(&mut self) -> FsResult<Option<Bytes>> {
        let next = within(self.patience, &self.address, "send data", self.replies.message());
        let Some(reply) = next.await?? else { return Ok(None) };
        let Some(data) = reply.chunk.and_then(|chunk| chunk.data) else {
            return Err(self.odd("answered without data"));
        };
        let length = i64::try_from(data.len()).unwrap_or(i64::MAX);
        let position = self.received.borrow().saturating_add(length);
        if position > self.end {
            return Err(self.odd("sent more than was asked for"));
        }
        self.received.send_replace(position);
        Ok(Some(data))
    }

    /// The position in the block up to which data has come.
    pub fn position(&self) -> i64 {
        *self.received.borrow()
    }

    fn odd(&self, what: &str) -> FsError {
        FsError::internal(format!("Worker {} {what} while block {} was read.", self.address, self.block_id))
    }
}

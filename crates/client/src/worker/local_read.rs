//! Reading a block of a worker on this host from its file.

use std::{fs::File, os::unix::fs::FileExt, sync::Arc};

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::block::{OpenLocalBlockRequest, OpenLocalBlockResponse};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::{WorkerClient, settings::within};

/// An open block file. The worker keeps the block where it is as long as this lives.
pub struct LocalBlockReader {
    file: Arc<File>,
    path: String,
    position: u64,
    end: u64,
    chunk: usize,
    /// Both halves of the stream that pins the block; dropping the sender unpins it.
    _pin: (mpsc::Sender<OpenLocalBlockRequest>, Streaming<OpenLocalBlockResponse>),
}

impl WorkerClient {
    /// Asks for the block's file and opens it, for `length` bytes from `offset`.
    ///
    /// # Errors
    /// NOT_FOUND when the worker does not have the block, FAILED_PRECONDITION when its file cannot be
    /// opened from here: in both cases a stream may do.
    pub async fn open_local_block(
        &self,
        block_id: i64,
        promote: bool,
        offset: u64,
        length: u64,
    ) -> FsResult<LocalBlockReader> {
        let request = OpenLocalBlockRequest { block_id: Some(block_id), promote: Some(promote) };
        let (sender, receiver) = mpsc::channel(1);
        // The channel is empty and the receiver lives, so this neither waits nor fails.
        sender.send(request).await.map_err(|error| FsError::internal(error.to_string()))?;
        let opened = async {
            let mut replies = self.stub().open_local_block(ReceiverStream::new(receiver)).await?.into_inner();
            let reply = replies.message().await?;
            Ok::<_, FsError>((reply, replies))
        };
        let (reply, replies) =
            within(self.settings.read_patience, &self.address, "open a block", opened).await??;
        let path = reply.and_then(|reply| reply.path).ok_or_else(|| {
            FsError::internal(format!("Worker {} opened block {block_id} without a path.", self.address))
        })?;
        Ok(LocalBlockReader {
            file: Arc::new(open(path.clone()).await?),
            path,
            position: offset,
            end: offset.saturating_add(length),
            chunk: self.settings.local_read_chunk,
            _pin: (sender, replies),
        })
    }
}

impl LocalBlockReader {
    /// The next chunk; none at the end of the range or of the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn next(&mut self) -> FsResult<Option<Bytes>> {
        let want =
            usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX).min(self.chunk);
        if want == 0 {
            return Ok(None);
        }
        let (file, position) = (Arc::clone(&self.file), self.position);
        let read = tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; want];
            let read = file.read_at(&mut buffer, position)?;
            buffer.truncate(read);
            Ok::<_, std::io::Error>(Bytes::from(buffer))
        });
        let data = read
            .await
            .map_err(|error| FsError::internal(error.to_string()))?
            .map_err(|error| FsError::unknown(format!("Cannot read block file {}: {error}", self.path)))?;
        self.position += data.len() as u64;
        Ok((!data.is_empty()).then_some(data))
    }
}

async fn open(path: String) -> FsResult<File> {
    let shown = path.clone();
    tokio::task::spawn_blocking(move || File::open(path))
        .await
        .map_err(|error| FsError::internal(error.to_string()))?
        .map_err(|error| FsError::failed_precondition(format!("Cannot open block file {shown}: {error}")))
}

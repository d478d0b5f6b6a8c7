//! Writing a block of a worker on this host into its file.

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::block::{CreateLocalBlockRequest, CreateLocalBlockResponse};
use bytes::Bytes;
use tokio::{fs::File, io::AsyncWriteExt, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::DropGuard;
use tonic::Streaming;

use super::{
    WorkerClient,
    abort::Abort,
    settings::{StreamSettings, within},
};

/// The temporary file of a new block. [`close`](Self::close) commits it; dropping this makes the worker
/// remove it.
pub struct LocalBlockWriter {
    address: String,
    settings: StreamSettings,
    request: CreateLocalBlockRequest,
    path: String,
    file: File,
    position: u64,
    /// What the worker has set aside for the block.
    reserved: u64,
    /// Before `requests`: fields are dropped in this order, and a dropped sender is an orderly end.
    /// After the end was sent it does nothing.
    _abort: DropGuard,
    /// None once the end was sent.
    requests: Option<mpsc::Sender<CreateLocalBlockRequest>>,
    replies: Streaming<CreateLocalBlockResponse>,
}

impl WorkerClient {
    /// Asks for a place for a new block and opens it.
    ///
    /// # Errors
    /// What the worker answers (RESOURCE_EXHAUSTED when it is full), FAILED_PRECONDITION when its file
    /// cannot be opened from here: then a stream may do.
    pub async fn create_local_block(&self, request: CreateLocalBlockRequest) -> FsResult<LocalBlockWriter> {
        let (sender, receiver) = mpsc::channel(1);
        let abort = Abort::default();
        // After `sender`, so that on an error it is dropped, and the stream broken off, before it.
        let on_error = abort.on_drop();
        // The channel is empty and the receiver lives, so this neither waits nor fails.
        sender.send(request.clone()).await.map_err(|error| FsError::internal(error.to_string()))?;
        let mut stub = self.abortable(&abort);
        let created = async {
            let mut replies = stub.create_local_block(ReceiverStream::new(receiver)).await?.into_inner();
            let reply = replies.message().await?;
            Ok::<_, FsError>((reply, replies))
        };
        let (reply, replies) =
            within(self.settings.write_patience, &self.address, "create a block", created).await??;
        let path = reply.and_then(|reply| reply.path).ok_or_else(|| {
            FsError::internal(format!("Worker {} created a block without a path.", self.address))
        })?;
        let file =
            File::options().write(true).create(true).truncate(true).open(&path).await.map_err(|error| {
                FsError::failed_precondition(format!("Cannot open block file {path}: {error}"))
            })?;
        Ok(LocalBlockWriter {
            address: self.address.clone(),
            settings: self.settings,
            reserved: u64::try_from(request.space_to_reserve()).unwrap_or(0),
            request,
            path,
            file,
            position: 0,
            _abort: on_error,
            requests: Some(sender),
            replies,
        })
    }
}

impl LocalBlockWriter {
    /// Writes data, after the worker has set space aside for it.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED when the worker has no more space; when the file cannot be written.
    pub async fn write(&mut self, data: Bytes) -> FsResult<()> {
        let end = self.position + data.len() as u64;
        if end > self.reserved {
            self.reserve((end - self.reserved).max(self.settings.reserve)).await?;
        }
        self.file.write_all(&data).await.map_err(|error| self.failed(&error))?;
        self.position = end;
        Ok(())
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn flush(&mut self) -> FsResult<()> {
        self.file.flush().await.map_err(|error| self.failed(&error))
    }

    /// Commits the block and waits for the worker's word.
    ///
    /// # Errors
    /// What the worker answers; then nothing was committed.
    pub async fn close(mut self) -> FsResult<()> {
        // An error here drops the stream, which throws the block away.
        self.flush().await?;
        self.requests = None;
        let patience = self.settings.close_patience;
        match within(patience, &self.address, "commit a block", self.replies.message()).await?? {
            None => Ok(()),
            Some(_) => Err(FsError::internal(format!("Worker {} answered a commit oddly.", self.address))),
        }
    }

    /// How much was written.
    pub fn position(&self) -> u64 {
        self.position
    }

    async fn reserve(&mut self, more: u64) -> FsResult<()> {
        let request = CreateLocalBlockRequest {
            space_to_reserve: Some(i64::try_from(more).unwrap_or(i64::MAX)),
            only_reserve_space: Some(true),
            ..self.request.clone()
        };
        let (requests, replies) = (&self.requests, &mut self.replies);
        let asked = async {
            if let Some(requests) = requests {
                // Fails when the worker ended the stream; the reply below then tells why.
                let _ = requests.send(request).await;
            }
            replies.message().await
        };
        let reply = within(self.settings.write_patience, &self.address, "reserve space", asked).await??;
        if reply.is_none() {
            return Err(FsError::unavailable(format!("Worker {} ended a write by itself.", self.address)));
        }
        self.reserved += more;
        Ok(())
    }

    fn failed(&self, error: &std::io::Error) -> FsError {
        FsError::unknown(format!("Cannot write block file {}: {error}", self.path))
    }
}

//! Writing a block, or a file of the under storage, through a worker.

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::block::{
    Chunk, WriteRequest, WriteRequestCommand, WriteResponse, block_worker_client::BlockWorkerClient,
    write_request::Value,
};
use bytes::Bytes;
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinHandle},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::DropGuard;
use tonic::Status;

use super::{
    WorkerClient,
    abort::{Abort, AbortableChannel},
    settings::{StreamSettings, within},
};

/// Replies waiting to be read: one per flush, and flushes wait for theirs.
const REPLIES: usize = 4;

/// A write stream. [`close`](Self::close) commits what was written; dropping it throws it away.
pub struct BlockWriter {
    address: String,
    command: WriteRequestCommand,
    settings: StreamSettings,
    position: u64,
    /// Before `requests`: fields are dropped in this order, and a dropped sender is an orderly end.
    /// After the end was sent it does nothing.
    _abort: DropGuard,
    /// None once the end was sent.
    requests: Option<mpsc::Sender<WriteRequest>>,
    replies: mpsc::Receiver<WriteResponse>,
    /// Runs the call: a worker answers nothing, not even headers, before the first flush or the end.
    call: JoinHandle<Result<(), Status>>,
}

impl WorkerClient {
    /// Opens a stream with its first command. The worker is known to be there when this returns; what
    /// it thinks of the command shows with the first flush or the end.
    ///
    /// # Errors
    /// UNAVAILABLE when the worker cannot be reached.
    pub async fn write_block(&self, command: WriteRequestCommand) -> FsResult<BlockWriter> {
        self.connect().await?;
        let abort = Abort::default();
        let (requests, receiver) = mpsc::channel(self.settings.write_queue);
        let (reply_sender, replies) = mpsc::channel(REPLIES);
        let stub = self.abortable(&abort);
        let mut writer = BlockWriter {
            address: self.address.clone(),
            command: command.clone(),
            settings: self.settings,
            position: 0,
            _abort: abort.on_drop(),
            requests: Some(requests),
            replies,
            call: tokio::spawn(run(stub, receiver, reply_sender)),
        };
        writer.send(Value::Command(command)).await?;
        Ok(writer)
    }
}

async fn run(
    mut stub: BlockWorkerClient<AbortableChannel>,
    requests: mpsc::Receiver<WriteRequest>,
    sender: mpsc::Sender<WriteResponse>,
) -> Result<(), Status> {
    let mut replies = stub.write_block(ReceiverStream::new(requests)).await?.into_inner();
    while let Some(reply) = replies.message().await? {
        if sender.send(reply).await.is_err() {
            // The writer is gone: nobody wants to know.
            break;
        }
    }
    Ok(())
}

impl BlockWriter {
    /// Sends data, in chunks that a worker takes. Waits when the worker is slower.
    ///
    /// # Errors
    /// What the worker answered, as soon as it is known; the stream is then of no more use.
    pub async fn write(&mut self, mut data: Bytes) -> FsResult<()> {
        while !data.is_empty() {
            let chunk = data.split_to(data.len().min(self.settings.write_chunk));
            let length = chunk.len() as u64;
            self.send(Value::Chunk(Chunk { data: Some(chunk) })).await?;
            self.position += length;
        }
        Ok(())
    }

    /// Waits until the worker has all that was written.
    ///
    /// # Errors
    /// What the worker answers.
    pub async fn flush(&mut self) -> FsResult<()> {
        if self.position == 0 {
            return Ok(());
        }
        let offset = i64::try_from(self.position).unwrap_or(i64::MAX);
        let command = WriteRequestCommand { offset: Some(offset), flush: Some(true), ..self.command.clone() };
        self.send(Value::Command(command)).await?;
        let patience = self.settings.flush_patience;
        let reply = within(patience, &self.address, "answer a flush", self.replies.recv()).await?;
        match reply {
            Some(reply) if reply.offset() == offset => Ok(()),
            Some(reply) => Err(FsError::internal(format!(
                "Worker {} has {} bytes where {offset} were sent.",
                self.address,
                reply.offset()
            ))),
            None => Err(self.failure().await),
        }
    }

    /// Commits what was written and waits for the worker's word. The content hash, if the under
    /// storage has one.
    ///
    /// # Errors
    /// What the worker answers; then nothing was committed.
    pub async fn close(mut self) -> FsResult<Option<String>> {
        self.requests = None;
        let (replies, call) = (&mut self.replies, &mut self.call);
        let end = async {
            let mut hash = None;
            while let Some(reply) = replies.recv().await {
                hash = reply.content_hash.or(hash);
            }
            (hash, call.await)
        };
        let (hash, ended) =
            within(self.settings.close_patience, &self.address, "finish a write", end).await?;
        ended.map_err(|error| self.broken(&error))??;
        Ok(hash)
    }

    /// Throws away what was written. (Dropping does the same.)
    pub fn cancel(self) {
        drop(self);
    }

    /// How much was written.
    pub fn position(&self) -> u64 {
        self.position
    }

    async fn send(&mut self, value: Value) -> FsResult<()> {
        let Some(requests) = &self.requests else {
            return Err(FsError::internal("The write stream is already closed."));
        };
        let sent = requests.send(WriteRequest { value: Some(value) });
        match within(self.settings.write_patience, &self.address, "take data", sent).await? {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure().await),
        }
    }

    /// Why the stream ended before we ended it.
    async fn failure(&mut self) -> FsError {
        match within(self.settings.write_patience, &self.address, "end a write", &mut self.call).await {
            Ok(Ok(Err(status))) => status.into(),
            Ok(Ok(Ok(()))) => {
                FsError::unavailable(format!("Worker {} ended a write by itself.", self.address))
            }
            Ok(Err(error)) => self.broken(&error),
            Err(error) => error,
        }
    }

    /// The task of the call failed; that is no answer of the worker.
    fn broken(&self, error: &JoinError) -> FsError {
        FsError::internal(format!("The write to {} ended early: {error}", self.address))
    }
}

impl Drop for BlockWriter {
    fn drop(&mut self) {
        // Nothing waits for the answer any more. (`abort` breaks the request off, see there.)
        self.call.abort();
    }
}

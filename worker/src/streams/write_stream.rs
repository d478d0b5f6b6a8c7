//! WriteBlock: what all kinds of written streams share.

use super::{
    admission::Ticket,
    first_of,
    replies::{Replier, Replies, replies},
    way::Way,
    write_block::{BlockSink, check_offset},
    write_ufs_file::UfsFileSink,
};
use crate::core::Core;
use alluxio_fs::FsError;
use alluxio_proto::grpc::block::{
    RequestType, WriteRequest, WriteRequestCommand, WriteResponse, write_request::Value,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use tonic::{Status, Streaming};

/// Where written bytes go.
#[async_trait]
pub trait Sink: Send {
    fn position(&self) -> u64;
    async fn write(&mut self, data: Bytes) -> Result<(), Status>;
    async fn flush(&mut self) -> Result<(), Status>;
    /// All bytes came. A response is sent before the stream ends.
    async fn complete(self: Box<Self>) -> Result<Option<WriteResponse>, Status>;
    async fn cancel(self: Box<Self>);
}

pub type WriteReplies = Replies<WriteResponse>;

/// Replies that may wait for the client: one per flush, which it waits for.
const REPLIES: usize = 4;

pub async fn serve(
    core: Arc<Core>,
    requests: Streaming<WriteRequest>,
    way: Way,
) -> Result<WriteReplies, Status> {
    let ticket = core.admission.write()?;
    let (replier, replies) = replies(REPLIES);
    tokio::spawn(run(core, requests, way, replier, ticket));
    Ok(replies)
}

async fn run(
    core: Arc<Core>,
    mut requests: Streaming<WriteRequest>,
    way: Way,
    replies: Replier<WriteResponse>,
    _ticket: Ticket,
) {
    let result = match start(&core, &mut requests, way).await {
        Ok(sink) => take(sink, &mut requests, &replies).await,
        Err(status) => Err(status),
    };
    let last = match result {
        Ok(response) => response.map(Ok),
        Err(status) => {
            tracing::debug!(%status, "write stream failed");
            Some(Err(status))
        }
    };
    if let Some(last) = last {
        // Nobody listens any more: the stream was reset.
        let _ = replies.send(last).await;
    }
    replies.finish();
}

async fn start(
    core: &Arc<Core>,
    requests: &mut Streaming<WriteRequest>,
    way: Way,
) -> Result<Box<dyn Sink>, Status> {
    let first = first_of(requests, core.settings.first_request).await?.and_then(|request| request.value);
    let Some(Value::Command(command)) = first else {
        return Err(FsError::invalid_argument("A write stream must begin with a command.").into());
    };
    check_offset(&command, 0)?;
    match command.r#type() {
        RequestType::AlluxioBlock => Ok(Box::new(BlockSink::start(Arc::clone(core), &command, way).await?)),
        RequestType::UfsFile => Ok(Box::new(UfsFileSink::start(core, &command).await?)),
        RequestType::UfsFallbackBlock => Err(FsError::failed_precondition(
            "This worker does not keep blocks of unfinished files in the under storage. \
             Set alluxio.user.file.ufs.tier.enabled=false on the client.",
        )
        .into()),
    }
}

async fn take(
    mut sink: Box<dyn Sink>,
    requests: &mut Streaming<WriteRequest>,
    replies: &Replier<WriteResponse>,
) -> Result<Option<WriteResponse>, Status> {
    loop {
        let step = match requests.message().await {
            Ok(Some(WriteRequest { value: Some(Value::Chunk(chunk)) })) => {
                write(sink.as_mut(), chunk.data.unwrap_or_default()).await
            }
            Ok(Some(WriteRequest { value: Some(Value::Command(command)) })) => {
                obey(sink.as_mut(), &command, replies).await
            }
            Ok(Some(WriteRequest { value: None })) => {
                Err(FsError::invalid_argument("A write request has neither a command nor a chunk.").into())
            }
            // The client closed its side: see half_close.rs for why this is not a cancel.
            Ok(None) => return sink.complete().await,
            Err(status) => Err(status),
        };
        if let Err(status) = step {
            sink.cancel().await;
            return Err(status);
        }
    }
}

async fn write(sink: &mut dyn Sink, data: Bytes) -> Result<(), Status> {
    if data.is_empty() {
        return Err(FsError::unknown("A write request has an empty chunk.").into());
    }
    sink.write(data).await
}

async fn obey(
    sink: &mut dyn Sink,
    command: &WriteRequestCommand,
    replies: &Replier<WriteResponse>,
) -> Result<(), Status> {
    check_offset(command, sink.position())?;
    if command.flush.unwrap_or(false) {
        sink.flush().await?;
        let reply = WriteResponse { offset: Some(sink.position() as i64), content_hash: None };
        // A failed send means a reset stream, which the next request shows.
        let _ = replies.send(Ok(reply)).await;
    }
    Ok(())
}

/// The text that the original answers.
pub fn offsets_do_not_match(received: i64, expected: u64) -> Status {
    FsError::invalid_argument(format!("Offsets do not match [received: {received}, expected: {expected}]."))
        .into()
}

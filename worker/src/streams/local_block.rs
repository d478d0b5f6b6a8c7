//! Short circuit: clients on the same host open and write block files themselves.

use super::{
    admission::Ticket,
    block_id, first_of,
    replies::{Replier, Replies, replies},
    write_block::place,
};
use crate::core::Core;
use alluxio_fs::FsError;
use alluxio_proto::grpc::block::{
    CreateLocalBlockRequest, CreateLocalBlockResponse, OpenLocalBlockRequest, OpenLocalBlockResponse,
};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

pub type OpenReplies = ReceiverStream<Result<OpenLocalBlockResponse, Status>>;
pub type CreateReplies = Replies<CreateLocalBlockResponse>;

/// Tells the path of a block and keeps it in place until the client ends the stream.
pub async fn open(
    core: Arc<Core>,
    mut requests: Streaming<OpenLocalBlockRequest>,
) -> Result<OpenReplies, Status> {
    let ticket = core.admission.read()?;
    let first = first_of(&mut requests, core.settings.first_request).await?;
    let first = first.ok_or_else(|| FsError::invalid_argument("The stream ended without a request."))?;
    let block = block_id(first.block_id)?;
    // NOT_FOUND sends the client to ReadBlock.
    let lease = core
        .store
        .lease(block)
        .ok_or_else(|| FsError::not_found(format!("BlockMeta not found for blockId {block}")))?;
    // Opened once here: a damaged or vanished file must not reach the client.
    lease.open().await?;
    core.metrics.blocks_read_local.inc();

    let (replies, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        let _ticket: Ticket = ticket;
        let path = lease.path().display().to_string();
        if replies.send(Ok(OpenLocalBlockResponse { path: Some(path) })).await.is_ok() {
            // The client says nothing more; it closes or resets the stream when it is done.
            match requests.message().await {
                Ok(None) | Err(_) => {}
                Ok(Some(_)) => {
                    let status = FsError::invalid_argument("The stream holds a block already.").into();
                    // A failed send means that the client left.
                    let _ = replies.send(Err(status)).await;
                }
            }
        }
        drop(lease);
        if first.promote.unwrap_or(false) {
            core.store.promote(block).await;
        }
    });
    Ok(ReceiverStream::new(receiver))
}

/// Gives a client a file to write, with room as it asks for more; commits when it is done.
pub async fn create(
    core: Arc<Core>,
    requests: Streaming<CreateLocalBlockRequest>,
) -> Result<CreateReplies, Status> {
    let ticket = core.admission.write()?;
    let (replier, replies) = replies(2);
    tokio::spawn(async move {
        let _ticket: Ticket = ticket;
        if let Err(status) = write(&core, requests, &replier).await {
            tracing::debug!(%status, "local block not written");
            // A failed send means that the client left.
            let _ = replier.send(Err(status)).await;
        }
        replier.finish();
    });
    Ok(replies)
}

async fn write(
    core: &Arc<Core>,
    mut requests: Streaming<CreateLocalBlockRequest>,
    replies: &Replier<CreateLocalBlockResponse>,
) -> Result<(), Status> {
    let first = first_of(&mut requests, core.settings.first_request).await?;
    let first = first.ok_or_else(|| FsError::invalid_argument("The stream ended without a request."))?;
    let block = block_id(first.block_id)?;
    if first.only_reserve_space.unwrap_or(false) {
        return Err(FsError::invalid_argument("Room was asked for before a block was made.").into());
    }
    let place = place(first.tier, first.medium_type.as_deref(), core.settings.layout.tiers.len())?;
    let mut temp = core.store.create(block, &place, room(&first)).await?;
    let path = Some(temp.path().display().to_string());
    if replies.send(Ok(CreateLocalBlockResponse { path })).await.is_err() {
        return Ok(()); // the client left: the block is given up
    }
    // A reset is an error here (half_close.rs), and gives the block up.
    while let Some(request) = requests.message().await? {
        if !request.only_reserve_space.unwrap_or(false) {
            return Err(FsError::invalid_argument("The stream writes a block already.").into());
        }
        temp.reserve_more(room(&request)).await?;
        if replies.send(Ok(CreateLocalBlockResponse { path: None })).await.is_err() {
            return Ok(());
        }
    }
    let length = core.commits.commit(temp, true, first.pin_on_create.unwrap_or(false)).await?;
    core.metrics.bytes_written_local.add(length);
    Ok(())
}

fn room(request: &CreateLocalBlockRequest) -> u64 {
    u64::try_from(request.space_to_reserve.unwrap_or(0)).unwrap_or(0)
}

//! ReadBlock: finds the block, sends it, watches the client.

use super::{
    admission::Ticket,
    cached_source, cold_source, first_of, peer_source,
    read_plan::ReadPlan,
    reply_queue::{Acknowledgements, ReplyChunks, ReplyWriter, reply_queue},
    way::Way,
};
use crate::core::Core;
use alluxio_fs::FsError;
use alluxio_proto::grpc::block::ReadRequest;
use futures::StreamExt;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Status, Streaming};

/// What all reads together hold for clients to take; each may hold one chunk whatever the number.
const READ_AHEAD_OF_ALL: usize = 256 << 20;

/// The client's side of a stream, read until this is dropped.
pub type Listening = AbortOnDropHandle<()>;

/// Starts one stream; its chunks come out of the queue.
pub async fn serve(
    core: Arc<Core>,
    mut requests: Streaming<ReadRequest>,
    way: Way,
) -> Result<(ReplyChunks, Listening), Status> {
    let ticket = core.admission.read()?;
    let first = first_of(&mut requests, core.settings.first_request).await?;
    let first = first.ok_or_else(|| FsError::invalid_argument("The stream ended without a request."))?;
    let plan = ReadPlan::parse(&first, core.settings.read_chunk_limit)?;

    let (writer, acks, chunks) = reply_queue();
    let listening = AbortOnDropHandle::new(tokio::spawn(listen(requests, acks, plan.offset)));
    tokio::spawn(run(core, plan, way, writer, ticket));
    Ok((chunks, listening))
}

/// After the first message a client only acknowledges, and half-closes or resets when it has enough.
async fn listen(mut requests: Streaming<ReadRequest>, acks: Acknowledgements, start: u64) {
    while let Some(Ok(request)) = requests.next().await {
        if let Some(received) = request.offset_received {
            acks.acknowledge(u64::try_from(received).unwrap_or(0).saturating_sub(start));
        }
    }
    acks.finished();
}

async fn run(core: Arc<Core>, plan: ReadPlan, way: Way, writer: ReplyWriter, _ticket: Ticket) {
    let sending = send(&core, &plan, way, &writer);
    tokio::pin!(sending);
    let result = tokio::select! {
        result = &mut sending => result,
        () = stalled(&writer, core.settings.stalled_reader) => {
            tracing::warn!(block = plan.block, "a client stopped reading; its stream is dropped");
            writer.give_up(Status::deadline_exceeded(format!(
                "The client took nothing of block {} for {:?}.", plan.block, core.settings.stalled_reader
            )));
            return;
        }
    };
    match result {
        Ok(()) => writer.end(Ok(())),
        Err(status) => {
            tracing::debug!(block = plan.block, %status, "block not read");
            writer.end(Err(status));
        }
    }
}

async fn send(core: &Arc<Core>, plan: &ReadPlan, way: Way, writer: &ReplyWriter) -> Result<(), Status> {
    let read_ahead = core.settings.read_ahead.min(READ_AHEAD_OF_ALL / core.admission.active_readers().max(1));
    if let Some(lease) = core.store.lease(plan.block) {
        let sent = cached_source::send(&lease, plan, writer, &core.buffers, read_ahead).await;
        drop(lease);
        // A damaged block was dropped from the store: the under storage may still have it.
        let damaged = sent.is_err() && core.store.length_of(plan.block).is_none() && writer.nothing_sent();
        if !(damaged && plan.under.is_some()) {
            let sent = sent?;
            core.metrics.bytes_read_cache.add(sent);
            core.metrics.bytes_read(way).add(sent);
            core.metrics.blocks_read_remote.inc();
            if plan.promote {
                let (store, block) = (core.store.clone(), plan.block);
                tokio::spawn(async move { store.promote(block).await });
            }
            return Ok(());
        }
    }
    let sent = match &plan.under {
        Some(under) => cold_source::send(core, plan, under, writer, read_ahead).await?,
        None if plan.elsewhere => peer_source::send(core, plan, writer, read_ahead).await?,
        None => {
            return Err(FsError::not_found(format!("BlockMeta not found for blockId {}", plan.block)).into());
        }
    };
    core.metrics.bytes_read(way).add(sent);
    Ok(())
}

/// Ends when the client made no progress for `patience` although there was something for it.
async fn stalled(writer: &ReplyWriter, patience: Duration) {
    let mut seen = writer.progress();
    loop {
        sleep_until(Instant::now() + patience).await;
        let now = writer.progress();
        if now == seen && writer.has_waiting() {
            return;
        }
        seen = now;
    }
}

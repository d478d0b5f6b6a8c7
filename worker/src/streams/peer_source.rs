//! Reads a block that only other workers have. A Java client does not go to a worker that is out of service, although the
//! master says that only this one has a block of a file to be persisted. It asks any other worker instead, for a block
//! that was written to the under storage ahead of its file. We write none, so the block is looked for where it is.

use super::{
    read_plan::ReadPlan,
    reply_queue::{Gone, ReplyWriter},
};
use crate::core::Core;
use alluxio_client::worker_host;
use alluxio_fs::FsError;
use bytes::Bytes;
use tonic::Status;

/// Sends the planned range of the block. Returns the bytes sent.
pub async fn send(
    core: &Core,
    plan: &ReadPlan,
    writer: &ReplyWriter,
    read_ahead: usize,
) -> Result<u64, Status> {
    let info = core.link.block_info(plan.block).await?;
    let length = plan.clamp(u64::try_from(info.length()).unwrap_or(0))?;
    if length == 0 {
        writer.push(Bytes::new());
        return Ok(0);
    }
    let mut last = FsError::not_found(format!("block {} is on no worker", plan.block));
    for location in info.locations {
        let address = location.worker_address.unwrap_or_default();
        let Ok(port) = u16::try_from(address.data_port()) else { continue };
        let host = worker_host(&address);
        if core.is_self(host, port) {
            continue; // it was looked for here
        }
        match pass_on(core, plan, length, (host, port), writer, read_ahead).await {
            Err(error) if writer.nothing_sent() => last = error,
            sent => return Ok(sent?),
        }
    }
    Err(last.into())
}

async fn pass_on(
    core: &Core,
    plan: &ReadPlan,
    length: u64,
    (host, port): (&str, u16),
    writer: &ReplyWriter,
    read_ahead: usize,
) -> Result<u64, FsError> {
    let mut reader = core.peers.read_part(host, port, plan, length).await?;
    let mut sent = 0;
    loop {
        if writer.ready(read_ahead).await == Err(Gone) {
            return Ok(sent);
        }
        let Some(chunk) = reader.next().await? else { return Ok(sent) };
        sent += chunk.len() as u64;
        writer.push(chunk);
    }
}

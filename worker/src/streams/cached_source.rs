//! Reads a block that this worker holds.

use super::{
    buffers::BufferPool,
    read_plan::ReadPlan,
    reply_queue::{Gone, ReplyWriter},
};
use crate::store::{BlockLease, StoreError};
use std::{fs::File, os::unix::fs::FileExt, sync::Arc};
use tonic::Status;

/// Sends the planned range of the leased block.
pub async fn send(
    lease: &BlockLease,
    plan: &ReadPlan,
    writer: &ReplyWriter,
    pool: &BufferPool,
    read_ahead: usize,
) -> Result<u64, Status> {
    let length = plan.clamp(lease.length()).map_err(Status::from)?;
    if length == 0 {
        // At the end of the block: clients expect one chunk, with nothing in it.
        writer.push(Default::default());
        return Ok(0);
    }
    let file = Arc::new(lease.open().await?);
    let end = plan.offset + length;
    let mut position = plan.offset;
    while position < end {
        if writer.ready(read_ahead).await == Err(Gone) {
            return Ok(position - plan.offset);
        }
        let size = (end - position).min(plan.chunk as u64) as usize;
        let (file, pool) = (Arc::clone(&file), pool.clone());
        let chunk = tokio::task::spawn_blocking(move || {
            let mut buffer = pool.take(size);
            read_exact_at(&file, buffer.space(), position).map(|()| buffer.freeze(size))
        })
        .await
        .map_err(|_| StoreError::Stopped)?;
        let chunk = chunk.map_err(|source| {
            lease.examine_folder();
            Status::from(StoreError::Io { action: "read the block file", path: lease.path().into(), source })
        })?;
        writer.push(chunk);
        position += size as u64;
    }
    Ok(length)
}

fn read_exact_at(file: &File, buffer: &mut [u8], position: u64) -> std::io::Result<()> {
    file.read_exact_at(buffer, position)
}

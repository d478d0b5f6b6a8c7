//! Reads a block from the under storage, and keeps it on the way when all of it passes.

use super::{
    gather::gather,
    read_plan::{ReadPlan, UnderBlock},
    reply_queue::{Gone, ReplyWriter},
};
use crate::{
    core::Core,
    failure,
    store::{Place, TempBlock},
    under::Mount,
};
use alluxio_fs::FsError;
use alluxio_ufs::UfsReader;
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tonic::Status;

/// How long the end of the stream waits for the leader to hear of the kept block. It goes on in the
/// background after that; Java clients wait 5 s for the end.
const COMMIT_PATIENCE: Duration = Duration::from_secs(3);

/// Sends the planned range of the block. Returns the bytes sent.
pub async fn send(
    core: &Core,
    plan: &ReadPlan,
    under: &UnderBlock,
    writer: &ReplyWriter,
    read_ahead: usize,
) -> Result<u64, Status> {
    // Without a length the file's own end bounds the read.
    let length = match under.length {
        0 => plan.length,
        block_length => plan.clamp(block_length).map_err(Status::from)?,
    };
    if length == 0 {
        writer.push(Bytes::new());
        return Ok(0);
    }
    let mut reader = open(core, plan.block, under, plan.offset, length).await?;
    let mut kept = keep_on_the_way(core, plan, under).await;
    let mut sent = 0;
    while sent < length {
        let gone = writer.ready(read_ahead).await == Err(Gone);
        if gone {
            return Ok(sent);
        }
        let most = (length - sent).min(plan.chunk as u64) as usize;
        let chunk = reader.read(most).await?;
        if chunk.is_empty() {
            // The file became shorter. The client notices and asks the master to look again.
            tracing::warn!(
                block = plan.block,
                file = under.path,
                sent,
                expected = length,
                "file in the under storage is shorter than the block"
            );
            if sent == 0 {
                writer.push(Bytes::new());
            }
            return Ok(sent);
        }
        sent += chunk.len() as u64;
        if let Some(temp) = &mut kept
            && let Err(error) = temp.append(chunk.clone()).await
        {
            tracing::info!(block = plan.block, %error, "block read but not kept");
            kept = None;
        }
        writer.push(chunk);
    }
    core.metrics.blocks_read_ufs.inc();
    if let Some(temp) = kept {
        let commit = core.commits.commit_in_background(temp, false, false);
        // A failure is logged there; the reader has its data.
        let _ = tokio::time::timeout(COMMIT_PATIENCE, commit).await;
    }
    Ok(sent)
}

/// A range of a file in an under storage, counted as it is read.
pub struct UnderReader {
    reader: Box<dyn UfsReader>,
    mount: Arc<Mount>,
}

impl UnderReader {
    /// Empty at the end.
    pub async fn read(&mut self, most: usize) -> Result<Bytes, FsError> {
        let chunk = gather(self.reader.as_mut(), most).await.map_err(|error| failure::of_ufs(&error))?;
        self.mount.bytes.read.add(chunk.len() as u64);
        Ok(chunk)
    }
}

/// Opens a range of a block's file. `offset` is within the block.
pub async fn open(
    core: &Core,
    block: i64,
    under: &UnderBlock,
    offset: u64,
    length: u64,
) -> Result<UnderReader, FsError> {
    let mount = core.mounts.get(under.mount).await?;
    let path = mount.to_read().uri().relative(&under.path).map_err(|error| failure::of_ufs(&error))?;
    let reader = mount.to_read().open(&path, under.offset_in_file + offset, Some(length)).await;
    let mut reader = reader.map_err(|error| failure::of_ufs(&error))?;
    if let Some(hash) = reader.content_hash().await.map_err(|error| failure::of_ufs(&error))? {
        core.versions.check(&core.link, block, &under.path, &hash).await?;
    }
    Ok(UnderReader { reader, mount })
}

/// A temporary block, when the whole block is about to pass and there is room. Reading goes on without.
async fn keep_on_the_way(core: &Core, plan: &ReadPlan, under: &UnderBlock) -> Option<TempBlock> {
    let whole = plan.offset == 0 && under.length > 0 && plan.length >= under.length;
    if !whole || under.no_cache || core.store.holds(plan.block) {
        return None;
    }
    match core.store.create(plan.block, &Place::tier(0), under.length).await {
        Ok(temp) => Some(temp),
        Err(error) => {
            tracing::debug!(block = plan.block, %error, "block not kept");
            None
        }
    }
}

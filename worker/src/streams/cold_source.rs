//! Reads a block from the under storage, and keeps it on the way when all of it passes.

use super::{
    fetch::{Followed, Follower},
    gather::gather,
    read_plan::{ReadPlan, UnderBlock},
    reply_queue::{Gone, ReplyWriter},
};
use crate::{
    core::Core,
    failure,
    under::{Mount, replaced},
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
    core: &Arc<Core>,
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
    let mut source = Source::new(core, plan, under);
    let mut sent = 0;
    while sent < length {
        let gone = writer.ready(read_ahead).await == Err(Gone);
        if gone {
            return Ok(sent);
        }
        let chunk = source.next(plan.offset + sent, length - sent).await?;
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
        writer.push(chunk);
    }
    core.metrics.blocks_read_ufs.inc();
    if let Some(mut follower) = source.followed.filter(|_| is_whole(plan, under)) {
        // A failure is logged by the fetch; the reader has its data.
        let _ = tokio::time::timeout(COMMIT_PATIENCE, follower.kept()).await;
    }
    Ok(sent)
}

/// Where the chunks come from: a fetch of the block, or a reader of one's own.
struct Source<'a> {
    core: &'a Core,
    plan: &'a ReadPlan,
    under: &'a UnderBlock,
    followed: Option<Follower>,
    own: Option<UnderReader>,
    /// What was sent so far is of this version.
    version: Option<String>,
}

impl<'a> Source<'a> {
    fn new(core: &'a Arc<Core>, plan: &'a ReadPlan, under: &'a UnderBlock) -> Source<'a> {
        let keeps = !under.no_cache && core.admission.takes_blocks().is_ok();
        let followed = if is_whole(plan, under) && keeps {
            core.fetches.follow(core, plan.block, under)
        } else {
            core.fetches.follow_running(plan.block, under, plan.offset)
        };
        Source { core, plan, under, followed, own: None, version: None }
    }

    /// Some of the `rest` from `position` on; nothing at the end of the file.
    async fn next(&mut self, position: u64, rest: u64) -> Result<Bytes, FsError> {
        let most = rest.min(self.plan.chunk as u64) as usize;
        if let Some(follower) = &mut self.followed {
            match follower.read(position, most, &self.core.buffers).await? {
                Followed::Piece(piece) => return Ok(piece),
                Followed::End => return Ok(Bytes::new()),
                Followed::Alone(version) => {
                    if position == 0 && is_whole(self.plan, self.under) {
                        self.own = follower.take_spare();
                    }
                    self.followed = None;
                    self.version = version.filter(|_| position > self.plan.offset);
                }
            }
        }
        let mut reader = match self.own.take() {
            Some(reader) => reader,
            None => self.open(position, rest).await?,
        };
        let chunk = reader.read(most).await?;
        self.own = Some(reader);
        Ok(chunk)
    }

    async fn open(&mut self, position: u64, rest: u64) -> Result<UnderReader, FsError> {
        let reader = open(self.core, self.plan.block, self.under, position, rest).await?;
        match (&self.version, reader.version()) {
            (Some(before), Some(now)) if before != now => Err(replaced(&self.under.path)),
            _ => Ok(reader),
        }
    }
}

/// Whether all of the block passes.
fn is_whole(plan: &ReadPlan, under: &UnderBlock) -> bool {
    plan.offset == 0 && under.length > 0 && plan.length >= under.length
}

/// A range of a file in an under storage, counted as it is read.
pub struct UnderReader {
    reader: Box<dyn UfsReader>,
    mount: Arc<Mount>,
    version: Option<String>,
}

impl UnderReader {
    /// The content hash of what is read, where the store can tell.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

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
    let version = reader.content_hash().await.map_err(|error| failure::of_ufs(&error))?;
    if let Some(hash) = &version {
        core.versions.check(&core.link, block, &under.path, hash).await?;
    }
    Ok(UnderReader { reader, mount, version })
}

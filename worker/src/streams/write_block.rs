//! A block written by a stream.

use super::{
    way::Way,
    write_stream::{Sink, offsets_do_not_match},
};
use crate::{
    core::Core,
    store::{Place, TempBlock},
};
use alluxio_fs::FsError;
use alluxio_proto::grpc::block::{WriteRequestCommand, WriteResponse};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use tonic::Status;

pub struct BlockSink {
    core: Arc<Core>,
    temp: TempBlock,
    way: Way,
    /// The file will be persisted later: the block stays until then.
    guarded: bool,
}

/// Where a client asks a new block to go.
pub fn place(tier: Option<i32>, medium: Option<&str>, tiers: usize) -> Result<Place, FsError> {
    if let Some(medium) = medium.filter(|medium| !medium.is_empty()) {
        return Ok(Place::medium(medium));
    }
    let asked = i64::from(tier.unwrap_or(0));
    // Negative numbers count from the slowest tier: -1 is the last one.
    let tiers_count = tiers as i64;
    let index = if asked < 0 { (tiers_count + asked).max(0) } else { asked.min(tiers_count - 1) };
    usize::try_from(index)
        .map(Place::tier)
        .map_err(|_| FsError::invalid_argument(format!("No tier {asked}.")))
}

impl BlockSink {
    pub async fn start(
        core: Arc<Core>,
        command: &WriteRequestCommand,
        way: Way,
    ) -> Result<BlockSink, Status> {
        let block = super::block_id(command.id)?;
        let place = place(command.tier, command.medium_type.as_deref(), core.settings.layout.tiers.len())?;
        let reserve = u64::try_from(command.space_to_reserve.unwrap_or(0)).unwrap_or(0);
        let temp = core.store.create(block, &place, reserve).await?;
        Ok(BlockSink { core, temp, way, guarded: command.pin_on_create.unwrap_or(false) })
    }
}

#[async_trait]
impl Sink for BlockSink {
    fn position(&self) -> u64 {
        self.temp.written()
    }

    async fn write(&mut self, data: Bytes) -> Result<(), Status> {
        Ok(self.temp.append(data).await?)
    }

    async fn flush(&mut self) -> Result<(), Status> {
        Ok(self.temp.flush().await?)
    }

    async fn complete(self: Box<Self>) -> Result<Option<WriteResponse>, Status> {
        self.core.metrics.bytes_written(self.way).add(self.temp.written());
        self.core.commits.commit(self.temp, true, self.guarded).await?;
        Ok(None)
    }

    async fn cancel(self: Box<Self>) {
        // Dropping the temporary block gives its file and room back.
        self.core.metrics.blocks_cancelled.inc();
    }
}

/// The check of a command's offset, shared with files.
pub fn check_offset(command: &WriteRequestCommand, position: u64) -> Result<(), Status> {
    match command.offset {
        Some(offset) if u64::try_from(offset) != Ok(position) => Err(offsets_do_not_match(offset, position)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_count_from_both_ends_and_a_medium_wins() {
        assert_eq!(place(Some(0), None, 2).unwrap(), Place::tier(0));
        assert_eq!(place(Some(1), Some(""), 2).unwrap(), Place::tier(1));
        assert_eq!(place(Some(-1), None, 2).unwrap(), Place::tier(1));
        assert_eq!(place(Some(9), None, 2).unwrap(), Place::tier(1));
        assert_eq!(place(Some(0), Some("SSD"), 2).unwrap(), Place::medium("SSD"));
    }
}

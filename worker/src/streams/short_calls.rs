//! The calls that are no streams: remove, move, free.

use crate::{
    core::Core,
    store::{EvictionGate, Place, StoreError},
};
use alluxio_fs::FsError;
use alluxio_proto::grpc::block::{MoveBlockRequest, RemoveBlockRequest};

/// Blocks the leader is asked about at once.
const BATCH: usize = 1000;

pub async fn remove(core: &Core, request: &RemoveBlockRequest) -> Result<(), FsError> {
    let block = request.block_id.ok_or_else(|| FsError::invalid_argument("block_id is missing."))?;
    Ok(core.store.remove(block)?)
}

pub async fn relocate(core: &Core, request: &MoveBlockRequest) -> Result<(), FsError> {
    let block = request.block_id.ok_or_else(|| FsError::invalid_argument("block_id is missing."))?;
    let medium = request.medium_type.as_deref().unwrap_or_default();
    Ok(core.store.relocate(block, &Place::medium(medium), true).await?)
}

/// Removes every block that the leader lets go. Blocks of files that exist only in Alluxio or are pinned
/// stay, and are told: this must not lose data.
pub async fn free_worker(core: &Core) -> Result<(), FsError> {
    let mut kept = 0;
    for batch in core.store.block_ids().chunks(BATCH) {
        let verdict = core.gate.may_evict(batch).await?;
        for block in batch {
            let persisted = !verdict.by_pins_only || core.gate.is_persisted(*block).await;
            if !persisted || !verdict.evictable.contains(block) || !verdict.is_good() {
                kept += 1;
                continue;
            }
            match core.store.remove(*block) {
                Ok(()) | Err(StoreError::NotFound(_)) => {}
                Err(_) => kept += 1,
            }
        }
    }
    match kept {
        0 => Ok(()),
        _ => Err(FsError::failed_precondition(format!(
            "{kept} blocks were kept: their files are pinned or not persisted. Persist or unpin them first."
        ))),
    }
}

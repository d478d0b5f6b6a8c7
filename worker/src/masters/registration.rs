//! Registration: all blocks of this worker, in bounded batches or, where the leader is to have it so, at once.

use super::MasterLink;
use crate::{
    core::Core,
    store::{BlockList, Listener},
};
use alluxio_fs::FsError;
use alluxio_proto::grpc::{
    BlockStoreLocationProto, BuildVersion,
    block::{
        BlockIdList, LocationBlockIdListEntry, RegisterWorkerPOptions, RegisterWorkerPRequest, StorageList,
    },
};
use std::collections::BTreeMap;
use tokio::time::{Instant, sleep};

/// Gets an id and tells the master everything; returns the id. From the moment the list of blocks is
/// taken, changes are collected for the heartbeats, so nothing is lost while the batches travel.
pub(super) async fn register(core: &Core, link: &MasterLink, listener: Listener) -> Result<i64, FsError> {
    let deadline = Instant::now() + core.settings.register_deadline;
    let id = link.worker_id(&core.address).await?;
    if core.settings.lease_enabled {
        lease(core, link, id, deadline).await?;
    }
    core.store.restore_quarantined().await;
    if core.settings.register_stream {
        let (first, rest) = all(core, id, listener, core.settings.register_batch);
        link.register(first, rest).await?;
    } else {
        let (first, _) = all(core, id, listener, usize::MAX);
        link.register_at_once(first, core.settings.register_deadline).await?;
    }
    Ok(id)
}

/// What a registration tells: a first message with everything but the remaining blocks, which follow. From here on
/// the listener has what changes.
pub(super) fn all(
    core: &Core,
    id: i64,
    listener: Listener,
    batch: usize,
) -> (RegisterWorkerPRequest, Vec<Vec<LocationBlockIdListEntry>>) {
    let mut batches = batches(core.store.list_all(listener), batch).into_iter();
    let usage = core.store.usage();
    let first = RegisterWorkerPRequest {
        worker_id: Some(id),
        storage_tiers: usage.tiers.clone(),
        total_bytes_on_tiers: usage.capacity_by_tier(),
        used_bytes_on_tiers: usage.used_by_tier(),
        lost_storage: lost_storage(&usage.lost),
        options: Some(options()),
        current_blocks: batches.next().unwrap_or_default(),
        ..RegisterWorkerPRequest::default()
    };
    (first, batches.collect())
}

async fn lease(core: &Core, link: &MasterLink, id: i64, deadline: Instant) -> Result<(), FsError> {
    let mut wait = core.settings.lease_sleep_min;
    while !link.register_lease(id, core.store.usage().blocks).await? {
        if Instant::now() + wait > deadline {
            return Err(FsError::unavailable("The master lets too many workers register; no turn came."));
        }
        sleep(wait).await;
        wait = (wait * 2).min(core.settings.lease_sleep_max);
    }
    Ok(())
}

/// The blocks, at most `size` in a batch.
fn batches(blocks: BlockList, size: usize) -> Vec<Vec<LocationBlockIdListEntry>> {
    let size = size.max(1);
    let mut done = Vec::new();
    let mut current = Vec::new();
    let mut room = size;
    for ((tier, medium), mut ids) in blocks {
        while !ids.is_empty() {
            let rest = ids.split_off(room.min(ids.len()));
            room -= ids.len();
            current.push(entry(tier.clone(), medium.clone(), std::mem::replace(&mut ids, rest)));
            if room == 0 {
                done.push(std::mem::take(&mut current));
                room = size;
            }
        }
    }
    if !current.is_empty() {
        done.push(current);
    }
    done
}

pub(super) fn entry(tier: String, medium: String, ids: Vec<i64>) -> LocationBlockIdListEntry {
    LocationBlockIdListEntry {
        key: Some(BlockStoreLocationProto { tier_alias: Some(tier), medium_type: Some(medium) }),
        value: Some(BlockIdList { block_id: ids }),
    }
}

pub(super) fn lost_storage(lost: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, StorageList> {
    lost.iter().map(|(tier, dirs)| (tier.clone(), StorageList { storage: dirs.clone() })).collect()
}

fn options() -> RegisterWorkerPOptions {
    RegisterWorkerPOptions {
        build_version: Some(BuildVersion {
            version: Some(env!("CARGO_PKG_VERSION").into()),
            revision: Some(String::new()),
        }),
        num_v_cpu: std::thread::available_parallelism().ok().and_then(|cpus| i32::try_from(cpus.get()).ok()),
        configs: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, std::ops::Range<i64>)]) -> BlockList {
        let of = |(tier, ids): &(&str, std::ops::Range<i64>)| {
            ((tier.to_string(), tier.to_string()), ids.clone().collect())
        };
        entries.iter().map(of).collect()
    }

    #[test]
    fn all_blocks_travel_in_bounded_batches() {
        let ids = |entry: &LocationBlockIdListEntry| entry.value.clone().unwrap().block_id;
        let sent = batches(list(&[("MEM", 0..7), ("SSD", 7..11)]), 4);
        let sizes: Vec<usize> = sent.iter().map(|batch| batch.iter().map(|e| ids(e).len()).sum()).collect();
        assert_eq!(sizes, vec![4, 4, 3]);
        let all: Vec<i64> = sent.iter().flatten().flat_map(ids).collect();
        assert_eq!(all, (0..11).collect::<Vec<_>>());
        assert!(batches(BlockList::new(), 4).is_empty());
    }
}

//! Block heartbeats of a registered worker.

use super::{
    WorkerState, orders,
    registration::{entry, lost_storage},
    session::{Ended, Registration},
    told::{ToldMaster, ToldMasters},
};
use crate::{
    core::Core,
    store::{Delta, Usage},
};
use alluxio_fs::{ErrorKind, FsError};
use alluxio_proto::grpc::{
    Command, CommandType,
    block::{BlockHeartbeatPOptions, BlockHeartbeatPRequest},
};
use std::{collections::BTreeMap, time::Instant};
use tokio::time::{MissedTickBehavior, interval};

/// Tells the leader what changed and does what it orders, until it does not know this worker any more, or does not
/// lead.
pub(super) async fn beat(
    core: &Core,
    told: &ToldMasters,
    leader: &ToldMaster,
    state: &WorkerState,
    registration: Registration,
) -> Ended {
    let mut ticks = interval(core.settings.heartbeat_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let since = Instant::now();
    let mut missed = 0_u32;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            // A commit found that the master forgot the id.
            () = state.registration_wanted(registration) => {
                forgotten(leader).await;
                return Ended::Unknown;
            }
        }
        match send(core, leader, registration.id).await {
            Ok(command) => {
                if missed > 0 {
                    tracing::info!(missed, "heartbeats arrive again");
                }
                missed = 0;
                if orders::obey(core, state, command, since).await {
                    forgotten(leader).await;
                    return Ended::Unknown;
                }
            }
            Err(error) => {
                if error.kind == ErrorKind::NotFound {
                    forgotten(leader).await;
                    return Ended::Unknown;
                }
                missed += 1;
                if missed == 1 {
                    tracing::warn!(%error, "heartbeat did not arrive");
                }
                told.cluster().doubt(&leader.address);
                if told.leader().await.is_ok_and(|leads| leads.address != leader.address) {
                    return Ended::Replaced;
                }
            }
        }
    }
}

/// One heartbeat. Nothing else is told to this master meanwhile.
async fn send(core: &Core, leader: &ToldMaster, id: i64) -> Result<Command, FsError> {
    let mut known = leader.known.lock().await;
    let Some(sending) = known.changes(core.settings.report_limit) else {
        return Err(FsError::not_found("Too many changes were not reported."));
    };
    let usage = core.store.usage();
    let mut request = request(id, &sending.delta, &usage, &known.lost);
    let mut share = core.metrics.for_cluster();
    if let Some(options) = &mut request.options {
        options.metrics = std::mem::take(&mut share.metrics);
    }
    let command = leader.link.block_heartbeat(request).await?;
    sending.arrived();
    known.lost = usage.lost;
    // A master that does not know this worker took nothing.
    if command.command_type() != CommandType::Register {
        core.metrics.heard(&share);
    }
    Ok(command)
}

/// It is to be told all again.
async fn forgotten(leader: &ToldMaster) {
    leader.known.lock().await.id = None;
}

/// What is told of `delta` and `usage`; of failed folders those that were not `told` before: the original's masters
/// append what they hear to a list, and the registration told the rest.
pub(super) fn request(id: i64, delta: &Delta, usage: &Usage, told: &Lost) -> BlockHeartbeatPRequest {
    BlockHeartbeatPRequest {
        worker_id: Some(id),
        used_bytes_on_tiers: usage.used_by_tier(),
        removed_block_ids: delta.removed.clone(),
        added_blocks: delta
            .added
            .iter()
            .map(|((tier, medium), ids)| entry(tier.clone(), medium.clone(), ids.clone()))
            .collect(),
        lost_storage: lost_storage(&new(&usage.lost, told)),
        options: Some(BlockHeartbeatPOptions {
            metrics: Vec::new(),
            capacity_bytes_on_tiers: usage.capacity_by_tier(),
        }),
        ..Default::default()
    }
}

/// Failed folders by tier.
pub(super) type Lost = BTreeMap<String, Vec<String>>;

fn new(lost: &Lost, told: &Lost) -> Lost {
    let mut new = lost.clone();
    for (tier, dirs) in &mut new {
        dirs.retain(|dir| !told.get(tier).is_some_and(|known| known.contains(dir)));
    }
    new.retain(|_, dirs| !dirs.is_empty());
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_folder_is_told_once() {
        let of = |dirs: &[&str]| Lost::from([("SSD".into(), dirs.iter().map(|d| d.to_string()).collect())]);
        assert_eq!(new(&of(&["/a", "/b"]), &of(&["/a"])), of(&["/b"]));
        assert!(new(&of(&["/a"]), &of(&["/a"])).is_empty());
    }
}

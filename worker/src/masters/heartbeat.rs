//! Block heartbeats of a registered worker.

use super::{
    MasterLink, WorkerState, orders,
    registration::{entry, lost_storage},
    session::{Ended, Registration},
};
use crate::{
    core::Core,
    store::{Delta, Listener, Usage},
};
use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::{
    CommandType,
    block::{BlockHeartbeatPOptions, BlockHeartbeatPRequest},
};
use std::{collections::BTreeMap, time::Instant};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Tells the master what changed and does what it orders, until it does not know this worker any more.
pub(super) async fn beat(
    core: &Core,
    link: &MasterLink,
    state: &WorkerState,
    listener: Listener,
    registration: Registration,
    stop: &CancellationToken,
) -> Ended {
    let mut ticks = interval(core.settings.heartbeat_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let since = Instant::now();
    let mut missed = 0_u32;
    // Told once: the original's masters append what they hear to a list. The registration told the rest.
    let mut told = core.store.usage().lost;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ended::Stopped,
            _ = ticks.tick() => {}
            // A commit found that the master forgot the id.
            () = state.registration_wanted(registration) => return Ended::Unknown,
        }
        let Some(delta) = core.store.delta(listener, core.settings.report_limit) else {
            tracing::info!("too many changes were not reported; registering again");
            return Ended::Unknown;
        };
        let usage = core.store.usage();
        let mut request = request(registration.id, &delta, &usage, &told);
        let mut share = core.metrics.for_cluster();
        if let Some(options) = &mut request.options {
            options.metrics = std::mem::take(&mut share.metrics);
        }
        match link.block_heartbeat(request).await {
            Ok(command) => {
                told = usage.lost;
                // A master that does not know this worker took nothing.
                if command.command_type() != CommandType::Register {
                    core.metrics.heard(&share);
                }
                if missed > 0 {
                    tracing::info!(missed, "heartbeats arrive again");
                }
                missed = 0;
                if orders::obey(core, state, command, since).await {
                    return Ended::Unknown;
                }
            }
            Err(error) => {
                core.store.undelivered(listener, &delta);
                if error.kind == ErrorKind::NotFound {
                    return Ended::Unknown;
                }
                missed += 1;
                if missed == 1 {
                    tracing::warn!(%error, "heartbeat did not arrive");
                }
            }
        }
    }
}

fn request(id: i64, delta: &Delta, usage: &Usage, told: &Lost) -> BlockHeartbeatPRequest {
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
type Lost = BTreeMap<String, Vec<String>>;

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

//! As many copies of a file's blocks as it is to have (`fs setReplication`, `alluxio.user.file.replication.*`): where there are too
//! few, another worker copies the block; where there are too many, one drops its copy. A file that is still to be persisted
//! has at least the copies that make it durable. Of a file that is pinned to media (`fs pin`) a copy is moved there.

use std::{sync::Arc, time::Duration};

use alluxio_client::worker_host;
use alluxio_fs::FsError;
use alluxio_proto::grpc::{BlockLocation, WorkerNetAddress, block::CacheRequest};
use futures::{StreamExt, stream};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    fs::{FileSystemMaster, info::BLOCKS_AT_ONCE},
    namespace::MAX_INODES_PER_HOLD,
    tree::{CopyLimits, Slot},
};

/// Blocks copied or dropped at the same time: enough to keep workers busy, few enough to leave room for readers.
const AT_ONCE: usize = 16;

/// What could not be done in one check.
#[derive(Default)]
struct Failures {
    count: u64,
    first: Option<String>,
}

/// One change that brings a block nearer to what is wanted.
#[derive(Debug, PartialEq)]
enum Change {
    Copy { block: i64, length: i64, from: Box<WorkerNetAddress>, to: Arc<WorkerNetAddress> },
    Move { block: i64, at: Box<WorkerNetAddress>, medium: String },
    Drop { block: i64, at: Box<WorkerNetAddress> },
}

impl FileSystemMaster {
    pub async fn run_replication_check(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(self.options.replication_interval.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let check = async {
                ticks.tick().await;
                self.check_replication().await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = check => {}
            }
        }
    }

    /// Goes once through the tree, in bounded steps. What fails is tried again by the next check.
    pub(super) async fn check_replication(&self) {
        // Before the workers are back everything would seem to have too few copies.
        if self.blocks.safe_mode() {
            return;
        }
        let mut failures = Failures::default();
        let mut from = Some(Slot::default());
        while let Some(slot) = from {
            let (files, next) = self.namespace.peek(|tree| tree.with_copy_limits(slot, MAX_INODES_PER_HOLD));
            // A copy dropped for a record that a crash takes back would be missed.
            if !files.is_empty()
                && let Err(error) = self.namespace.settled().await
            {
                tracing::debug!(%error, "the check of replication waits");
                return;
            }
            self.adjust(&files, &mut failures).await;
            from = next;
            tokio::task::yield_now().await;
        }
        // One line per check, however many blocks are concerned.
        if let Some(first) = failures.first {
            let count = failures.count;
            tracing::warn!(
                count,
                first,
                "copies of blocks could not be made, moved or dropped now; the next check tries again"
            );
        }
    }

    async fn adjust(&self, files: &[CopyLimits], failures: &mut Failures) {
        let workers = self.blocks.active_workers();
        let mut changes = Vec::new();
        let mut looked = 0_u32;
        for file in files {
            for (number, block) in (0..).zip(file.blocks.range.ids()) {
                let length = file.blocks.length(number).unwrap_or(0);
                changes.extend(self.changes(file, block, length, &workers));
                looked += 1;
                if looked.is_multiple_of(BLOCKS_AT_ONCE) {
                    self.carry_out_all(std::mem::take(&mut changes), failures).await;
                    tokio::task::yield_now().await;
                }
            }
        }
        self.carry_out_all(changes, failures).await;
    }

    async fn carry_out_all(&self, changes: Vec<Change>, failures: &mut Failures) {
        let mut carried_out = stream::iter(changes)
            .map(|change| async move { (self.carry_out(&change).await, change) })
            .buffer_unordered(AT_ONCE);
        while let Some((outcome, change)) = carried_out.next().await {
            if let Err(error) = outcome {
                failures.count += 1;
                failures.first.get_or_insert_with(|| format!("{change:?}: {error}"));
            }
        }
    }

    fn changes(
        &self,
        file: &CopyLimits,
        block: i64,
        length: i64,
        workers: &[(i64, Arc<WorkerNetAddress>)],
    ) -> Vec<Change> {
        let locations = self.blocks.locations(block);
        let in_place =
            |location: &BlockLocation| file.media.iter().any(|medium| medium == location.medium_type());
        let misplaced = !file.media.is_empty() && !locations.iter().any(in_place);
        let mut holders: Vec<(i64, WorkerNetAddress)> = locations
            .into_iter()
            .filter_map(|location| Some((location.worker_id?, location.worker_address?)))
            .collect();
        let count = holders.len();
        if let (true, Some((_, at)), Some(medium)) = (misplaced, holders.first(), file.media.first()) {
            // Its number is the next check's.
            return vec![Change::Move { block, at: Box::new(at.clone()), medium: medium.clone() }];
        }
        if let Some((_, source)) = holders.first().filter(|_| count < file.min && length > 0) {
            let lacking: Vec<_> =
                workers.iter().filter(|(id, _)| holders.iter().all(|(holder, _)| holder != id)).collect();
            if lacking.is_empty() {
                return Vec::new();
            }
            // Blocks begin with different workers, so that all of them get some.
            let first = usize::try_from(block).unwrap_or(0) % lacking.len();
            let targets = lacking.iter().cycle().skip(first).take(lacking.len().min(file.min - count));
            return targets
                .map(|(_, to)| Change::Copy { block, length, from: Box::new(source.clone()), to: to.clone() })
                .collect();
        }
        let Some(max) = file.max.filter(|max| count > *max) else { return Vec::new() };
        // The first are on the fastest tiers: they stay.
        holders.split_off(max).into_iter().map(|(_, at)| Change::Drop { block, at: Box::new(at) }).collect()
    }

    async fn carry_out(&self, change: &Change) -> Result<(), FsError> {
        let calls = self.caching.calls();
        match change {
            Change::Copy { block, length, from, to } => {
                let port = if from.data_port() > 0 { from.data_port() } else { from.rpc_port() };
                let request = CacheRequest {
                    block_id: Some(*block),
                    source_host: Some(worker_host(from).to_owned()),
                    source_port: Some(port),
                    length: Some(*length),
                    ..CacheRequest::default()
                };
                calls.cache(to, request).await
            }
            Change::Move { block, at, medium } => calls.relocate(at, *block, medium).await,
            Change::Drop { block, at } => calls.remove(at, *block).await,
        }
    }
}

#[cfg(test)]
#[path = "replicas_tests.rs"]
mod tests;

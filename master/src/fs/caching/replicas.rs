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
    block::BlockLocations,
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
    Copy {
        block: i64,
        length: i64,
        from: Box<WorkerNetAddress>,
        to: Arc<WorkerNetAddress>,
    },
    /// By the first of its holders that can.
    Move {
        block: i64,
        at: Vec<WorkerNetAddress>,
        media: Vec<String>,
    },
    Drop {
        file: i64,
        block: i64,
        length: i64,
        at: Box<WorkerNetAddress>,
    },
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
        let holders = holders(locations);
        let count = holders.len();
        let source = || match holders.first() {
            Some((_, at)) => Some(at.clone()),
            // On workers out of service copies do not count, but they can be read.
            None => {
                self.blocks.last_locations(block).into_iter().find_map(|location| location.worker_address)
            }
        };
        // Copies first: where no worker has the medium they are made all the same.
        if count < file.min
            && length > 0
            && let Some(source) = source()
        {
            let lacking: Vec<_> =
                workers.iter().filter(|(id, _)| holders.iter().all(|(holder, _)| holder != id)).collect();
            if !lacking.is_empty() {
                // Blocks begin with different workers, so that all of them get some.
                let first = usize::try_from(block).unwrap_or(0) % lacking.len();
                let targets = lacking.iter().cycle().skip(first).take(lacking.len().min(file.min - count));
                return targets
                    .map(|(_, to)| Change::Copy {
                        block,
                        length,
                        from: Box::new(source.clone()),
                        to: to.clone(),
                    })
                    .collect();
            }
        }
        if misplaced && count > 0 {
            // Its number is the next check's.
            let at = holders.into_iter().map(|(_, at)| at).collect();
            return vec![Change::Move { block, at, media: file.media.clone() }];
        }
        let Some(max) = file.max.filter(|max| count > *max) else { return Vec::new() };
        // The first are on the fastest tiers: they stay.
        let too_many = holders.into_iter().skip(max);
        too_many.map(|(_, at)| Change::Drop { file: file.id, block, length, at: Box::new(at) }).collect()
    }

    async fn carry_out(&self, change: &Change) -> Result<(), FsError> {
        let calls = self.caching.calls();
        match change {
            Change::Copy { block, length, from, to } => calls.cache(to, copy(*block, *length, from)).await,
            Change::Move { block, at, media } => {
                let mut moved = Ok(());
                for at in at {
                    for medium in media {
                        moved = calls.relocate(at, *block, medium).await;
                        if moved.is_ok() {
                            return moved;
                        }
                    }
                }
                moved
            }
            Change::Drop { file, block, length, at } => self.drop_copy(*file, *block, *length, at).await,
        }
    }

    /// Drops a copy, if there still are too many: since that was found many other calls may have waited for their workers.
    /// Of a file that is here only, one that stays must first say that it is there: a worker that died a moment ago is
    /// not missed yet.
    async fn drop_copy(
        &self,
        file: i64,
        block: i64,
        length: i64,
        at: &WorkerNetAddress,
    ) -> Result<(), FsError> {
        let limits = self.namespace.peek(|tree| {
            let (slot, inode) = tree.by_id(file)?;
            let limits = tree.with_copy_limits(slot, 1).0.pop()?;
            Some((limits.max?, inode.is_persisted()))
        });
        let Some((max, persisted)) = limits else { return Ok(()) };
        let mut stay = holders(self.blocks.locations(block));
        if !stay.iter().skip(max).any(|(_, address)| address == at) {
            return Ok(());
        }
        stay.truncate(max);
        let calls = self.caching.calls();
        if !persisted {
            // Asked to have it, one that has it says so at once, and one that has lost it gets it again.
            let mut answer = Err(FsError::unavailable("it is the last copy"));
            for (_, address) in &stay {
                answer = calls.cache(address, copy(block, length, at)).await;
                if answer.is_ok() {
                    break;
                }
            }
            answer?;
        }
        calls.remove(at, block).await
    }
}

/// Who has a block, those on the fastest tiers first.
fn holders(locations: BlockLocations) -> Vec<(i64, WorkerNetAddress)> {
    locations
        .into_iter()
        .filter_map(|location| Some((location.worker_id?, location.worker_address?)))
        .collect()
}

/// The request to have a block copied from a worker.
fn copy(block: i64, length: i64, from: &WorkerNetAddress) -> CacheRequest {
    let port = if from.data_port() > 0 { from.data_port() } else { from.rpc_port() };
    CacheRequest {
        block_id: Some(block),
        source_host: Some(worker_host(from).to_owned()),
        source_port: Some(port),
        length: Some(length),
        ..CacheRequest::default()
    }
}

#[cfg(test)]
#[path = "replicas_tests.rs"]
mod tests;

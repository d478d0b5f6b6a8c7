//! What workers tell between registrations, and what they are told.

use std::collections::BTreeMap;

use alluxio_fs::FsError;
use alluxio_proto::grpc::{
    Command, CommandType,
    block::{BlockHeartbeatPRequest, LocationBlockIdListEntry, StorageList},
};
use tokio::time::Instant;

use super::master::BlockMaster;
use super::slots::CHUNK;
use super::worker::{Noted, Standing, Worker};

/// What changed at a worker since its last heartbeat.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat {
    pub used: BTreeMap<String, i64>,
    /// Empty when unchanged.
    pub capacity: BTreeMap<String, i64>,
    pub removed: Vec<i64>,
    pub added: Vec<LocationBlockIdListEntry>,
    pub lost_storage: BTreeMap<String, StorageList>,
}

impl Heartbeat {
    /// As it is on the wire, without the metrics.
    pub(super) fn of(request: BlockHeartbeatPRequest) -> Self {
        Self {
            used: request.used_bytes_on_tiers,
            capacity: request.options.map(|options| options.capacity_bytes_on_tiers).unwrap_or_default(),
            removed: request.removed_block_ids,
            added: request.added_blocks,
            lost_storage: request.lost_storage,
        }
    }
}

impl BlockMaster {
    /// Takes a heartbeat and says what the worker is to do.
    pub async fn heartbeat(&self, worker_id: i64, report: Heartbeat) -> Result<Command, FsError> {
        let Some(worker) = self.workers.get(worker_id) else { return Ok(command(CommandType::Register)) };
        let instead = self.take(&worker, report).await?;
        if instead != Some(CommandType::Register) {
            self.is_back(&worker.endpoint());
        }
        if let Some(instead) = instead {
            return Ok(command(instead));
        }
        let free = self.next_frees(&worker);
        if free.is_empty() {
            return Ok(command(CommandType::Nothing));
        }
        Ok(Command { command_type: Some(CommandType::Free as i32), data: free })
    }

    /// Takes what a worker tells; what it is to do when it does not serve at present.
    pub(super) async fn take(
        &self,
        worker: &Worker,
        report: Heartbeat,
    ) -> Result<Option<CommandType>, FsError> {
        let instead = {
            let mut record = worker.record();
            match record.standing {
                Standing::Active | Standing::Decommissioned | Standing::Disabled => {
                    record.last_contact = Instant::now();
                    record.facts.used = report.used;
                    if !report.capacity.is_empty() {
                        record.facts.capacity = report.capacity;
                    }
                    for (tier, lost) in report.lost_storage {
                        record.facts.lost_storage.entry(tier).or_default().storage.extend(lost.storage);
                    }
                    // What it has still counts where nobody else has it.
                    (!record.is_active()).then_some(CommandType::Decommissioned)
                }
                Standing::Unregistered | Standing::Lost | Standing::Forgotten => {
                    // It will list all its blocks: the changes in this report are part of that.
                    record.start_noting();
                    return Ok(Some(CommandType::Register));
                }
            }
        };
        for chunk in report.removed.chunks(CHUNK) {
            let changes: Vec<Noted> = chunk.iter().map(|id| Noted::Removed(*id)).collect();
            self.apply(worker, &changes);
        }
        for entry in &report.added {
            let key = entry.key.as_ref();
            let (tier, medium) = key.map_or(("", ""), |key| (key.tier_alias(), key.medium_type()));
            let ids = entry.value.as_ref().map_or(&[][..], |list| &list.block_id);
            for chunk in ids.chunks(CHUNK) {
                let storage = self.storages.intern(tier, medium)?;
                let changes: Vec<Noted> = chunk.iter().map(|id| Noted::Added(*id, storage)).collect();
                self.apply(worker, &changes);
                self.free_unknown(chunk).await;
            }
        }
        Ok(instead)
    }

    /// A worker has written or cached a block: its length becomes durable, then the copy counts.
    pub async fn commit_block(
        &self,
        worker_id: i64,
        block_id: i64,
        length: i64,
        tier: &str,
        medium: &str,
        used_on_tier: Option<i64>,
    ) -> Result<(), FsError> {
        // An unknown worker changes nothing.
        self.workers.find(worker_id)?;
        self.commits.commit_block(block_id, length).await?;
        self.commit(worker_id, block_id, tier, medium, used_on_tier).await
    }

    /// A worker holds a new copy of a block whose length is durable. It counts also while the worker
    /// registers, and before, when it is lost and about to register again.
    pub async fn commit(
        &self,
        worker_id: i64,
        block_id: i64,
        tier: &str,
        medium: &str,
        used_on_tier: Option<i64>,
    ) -> Result<(), FsError> {
        let worker = self.workers.find(worker_id)?;
        let storage = self.storages.intern(tier, medium)?;
        {
            let mut record = worker.record();
            if record.is_active() {
                record.last_contact = Instant::now();
            }
            if let Some(used) = used_on_tier {
                record.facts.used.insert(tier.to_owned(), used);
            }
        }
        self.apply(&worker, &[Noted::Added(block_id, storage)]);
        // The file may have been deleted after its length was journaled and before the copy was entered:
        // then the delete did not see this copy.
        self.free_unknown(&[block_id]).await;
        Ok(())
    }

    /// The worker at this id leaves for good; a later return is a new registration.
    pub fn deregister(&self, worker_id: i64) -> Result<(), FsError> {
        let worker = self
            .workers
            .remove(worker_id)
            .ok_or_else(|| FsError::not_found(format!("No worker with workerId {worker_id} is found.")))?;
        tracing::info!(worker = worker_id, address = %worker.endpoint(), "worker left");
        self.retire(&worker);
        Ok(())
    }
}

fn command(kind: CommandType) -> Command {
    Command { command_type: Some(kind as i32), data: Vec::new() }
}

#[cfg(test)]
#[path = "heartbeat_tests.rs"]
mod tests;

//! How a worker registers: it lists all its blocks, in one message or many.
//!
//! Each attempt lists into a slot of its own, so a stream that breaks leaves nothing behind, and a
//! worker that registers again keeps its old locations until the new list is complete. Blocks that
//! are committed or removed meanwhile are applied at once to every slot of the worker and *noted* as
//! well, from `GetWorkerId` on (the worker takes its list after that): these notes are replayed over the
//! list before the slot takes over, so a commit survives whether the list has it or not, and an eviction
//! too.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use alluxio_fs::FsError;
use alluxio_proto::grpc::{WorkerNetAddress, block::LocationBlockIdListEntry};
use tokio::time::Instant;

use super::location::{Location, Slot};
use super::master::BlockMaster;
use super::slots::CHUNK;
use super::worker::{Attempt, Endpoint, Noted, Registration, Standing, Worker};

/// A registration under way. Dropping it before [`BlockMaster::finish_registration`] gives it up.
pub struct RegistrationAttempt {
    master: Arc<BlockMaster>,
    worker: Arc<Worker>,
    number: u64,
    slot: Slot,
    /// The first noted change that its list may not have.
    replay_from: u64,
}

impl Drop for RegistrationAttempt {
    fn drop(&mut self) {
        let mut slots = self.master.slots.write();
        let mut record = self.worker.record();
        // The slot is another's business once the attempt has finished or was superseded.
        if record.attempt.as_ref().is_some_and(|attempt| attempt.number == self.number) {
            record.attempt = None;
            slots.retire(self.slot);
            self.master.sweep_wanted.notify_one();
        }
    }
}

impl BlockMaster {
    /// The id of the worker at `address`; the first call for an address makes one.
    pub fn worker_id(&self, address: WorkerNetAddress) -> Result<i64, FsError> {
        self.workers.id_for(address)
    }

    /// Takes over an id that the worker has from another master.
    pub fn adopt_worker_id(&self, id: i64, address: WorkerNetAddress) -> Result<(), FsError> {
        if let Some(replaced) = self.workers.adopt(id, address)? {
            self.retire(&replaced);
        }
        Ok(())
    }

    /// When the worker's register lease expires; `None` when it has to ask again later.
    pub fn request_lease(&self, worker_id: i64) -> Option<Instant> {
        self.leases.acquire(worker_id, Instant::now())
    }

    /// Begins a registration; an earlier one of the same worker is given up.
    pub fn begin_registration(
        self: &Arc<Self>,
        worker_id: i64,
        registration: Registration,
    ) -> Result<RegistrationAttempt, FsError> {
        let worker = self.workers.find(worker_id)?;
        let endpoint = worker.endpoint();
        if self.workers.is_disabled(&endpoint) {
            return Err(refused(&endpoint));
        }
        self.leases.check(worker_id)?;
        let (number, slot, replay_from) = {
            let mut slots = self.slots.write();
            self.check_host(&endpoint)?;
            let slot = slots.give(&worker)?;
            let mut record = worker.record();
            if record.standing == Standing::Forgotten {
                slots.retire(slot);
                return Err(replaced(worker_id));
            }
            if record.standing == Standing::Decommissioned {
                // It returns; not before the end of the list, and not if it is taken out again until then.
                record.standing = Standing::Lost;
            }
            record.attempts += 1;
            let number = record.attempts;
            let attempt = Attempt { number, slot, registration };
            if let Some(superseded) = record.attempt.replace(attempt) {
                slots.retire(superseded.slot);
            }
            record.start_noting();
            record.last_contact = Instant::now();
            (number, slot, record.listing_from)
        };
        Ok(RegistrationAttempt { master: Arc::clone(self), worker, number, slot, replay_from })
    }

    /// Adds one message's blocks to the list. Blocks that no file owns are marked as to be dropped.
    pub async fn list_blocks(
        &self,
        attempt: &RegistrationAttempt,
        blocks: &[LocationBlockIdListEntry],
    ) -> Result<(), FsError> {
        for entry in blocks {
            let key = entry.key.as_ref();
            let (tier, medium) = key.map_or(("", ""), |key| (key.tier_alias(), key.medium_type()));
            let ids = entry.value.as_ref().map_or(&[][..], |list| &list.block_id);
            if ids.is_empty() {
                continue;
            }
            let storage = self.storages.intern(tier, medium)?;
            for chunk in ids.chunks(CHUNK) {
                let location = Location::new(attempt.slot, storage);
                self.list_chunk(attempt, chunk, location)?;
                self.free_unknown(chunk).await;
                // A list of millions must not keep other tasks of this thread waiting.
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    fn list_chunk(
        &self,
        attempt: &RegistrationAttempt,
        ids: &[i64],
        location: Location,
    ) -> Result<(), FsError> {
        let slots = self.slots.read();
        {
            let mut record = attempt.worker.record();
            if record.attempt.as_ref().map(|current| current.number) != Some(attempt.number) {
                return Err(replaced(attempt.worker.id));
            }
            record.last_contact = Instant::now();
        }
        let added = ids.iter().filter(|id| self.table.put(**id, location)).count();
        slots.count(attempt.slot, added as i64);
        Ok(())
    }

    /// The list that this leader has asked for is complete: nothing of what the worker has is missing.
    pub async fn finish_registration(&self, attempt: RegistrationAttempt) -> Result<(), FsError> {
        let worker = Arc::clone(&attempt.worker);
        self.take_list(attempt).await?;
        self.is_back(&worker.endpoint());
        Ok(())
    }

    /// The list is complete: from here on the worker is active and the list is what it holds.
    pub(super) async fn take_list(&self, attempt: RegistrationAttempt) -> Result<(), FsError> {
        let worker = &attempt.worker;
        let mut replayed = attempt.replay_from;
        loop {
            let (changes, next) = worker.record().noted_from(replayed, CHUNK);
            if changes.is_empty() {
                if self.switch_over(&attempt, next)? {
                    break;
                }
                continue;
            }
            self.apply_under(&self.slots.read(), &[attempt.slot], &changes);
            replayed = next;
            // What was deleted since it was noted must not come back.
            let added = changes.iter().filter_map(|change| match change {
                Noted::Added(id, _) => Some(*id),
                Noted::Removed(_) => None,
            });
            self.free_unknown(&added.collect::<Vec<_>>()).await;
        }
        self.leases.release(worker.id);
        self.sweep_wanted.notify_one();
        tracing::info!(worker = worker.id, address = %worker.endpoint(), "worker registered");
        Ok(())
    }

    /// Makes the attempt's slot the worker's, unless more than the first `replayed` changes were noted.
    fn switch_over(&self, attempt: &RegistrationAttempt, replayed: u64) -> Result<bool, FsError> {
        let mut slots = self.slots.write();
        let mut record = attempt.worker.record();
        if record.noted_total != replayed {
            return Ok(false);
        }
        if matches!(record.standing, Standing::Decommissioned | Standing::Disabled) {
            return Err(FsError::failed_precondition(format!(
                "Worker {} was decommissioned while it registered.",
                Endpoint::of(&record.address)
            )));
        }
        let Some(current) = record.attempt.take_if(|current| current.number == attempt.number) else {
            return Err(replaced(attempt.worker.id));
        };
        if let Some(old) = record.slot.replace(current.slot) {
            slots.retire(old);
        }
        record.stop_noting();
        record.facts = current.registration;
        record.standing = Standing::Active;
        record.last_contact = Instant::now();
        record.start_time_ms = now_ms();
        Ok(true)
    }

    /// Applies changes (at most [`CHUNK`]) to every slot of the worker.
    pub(super) fn apply(&self, worker: &Worker, changes: &[Noted]) {
        // Held over both steps, so that no slot is retired in between and given to another worker.
        let slots = self.slots.read();
        let held: Vec<Slot> = {
            let mut record = worker.record();
            changes.iter().for_each(|change| record.note(*change));
            record.slots().collect()
        };
        self.apply_under(&slots, &held, changes);
    }

    fn apply_under(&self, slots: &super::slots::SlotTable, held: &[Slot], changes: &[Noted]) {
        for slot in held.iter().filter(|slot| slots.owner(**slot).is_some()) {
            let mut change_of_count = 0;
            for change in changes {
                change_of_count += match *change {
                    Noted::Added(id, storage) => i64::from(self.table.put(id, Location::new(*slot, storage))),
                    Noted::Removed(id) => -i64::from(self.table.remove(id, *slot)),
                };
            }
            slots.count(*slot, change_of_count);
        }
    }

    /// All that was listed under the worker's slots is stale from here on; the worker is forgotten.
    pub(super) fn retire(&self, worker: &Worker) {
        let mut slots = self.slots.write();
        let mut record = worker.record();
        record.slots().for_each(|slot| slots.retire(slot));
        record.slot = None;
        record.attempt = None;
        record.standing = Standing::Forgotten;
        record.frees.clear();
        drop(record);
        drop(slots);
        self.leases.release(worker.id);
        self.sweep_wanted.notify_one();
    }
}

fn refused(endpoint: &Endpoint) -> FsError {
    FsError::failed_precondition(format!(
        "Worker {endpoint} is disabled. Run `alluxio fsadmin enableWorker` to let it register again."
    ))
}

fn replaced(worker_id: i64) -> FsError {
    FsError::aborted(format!("The registration of worker {worker_id} was replaced by a newer one."))
}

pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "registration_tests.rs"]
mod tests;

//! The tree behind its lock, and the rules by which it is changed and read.
//!
//! A change: reserve room in the journal, take the lock, check and draft *one* record, apply it,
//! append it, release the lock, wait until it is durable, answer. A read: take the lock, copy out,
//! release it, wait until what was seen (or missed) is durable, answer. There is no I/O and no await
//! under the lock, and no hold touches more than [`MAX_INODES_PER_HOLD`] inodes.

mod draft;
mod effects;
mod grants;
mod in_flight;
mod metrics;
mod reservations;
mod running;
mod tracked_lock;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_journal::{Journal, JournalError, Permit, Position};
use alluxio_proto::journal::JournalEntry;
use tokio::sync::Notify;

pub use self::{
    draft::Draft,
    effects::DurableEffects,
    grants::{EvictionGrants, VALID as EVICTION_VALID},
    reservations::{Claim, Reservation, Reservations, Scope},
    running::RunningOperations,
    tracked_lock::TrackedLock,
};
use self::{
    grants::Wanted,
    in_flight::InFlight,
    reservations::{Gone, Patience},
};
use crate::tree::{Effects, Lookup, Tree};

/// No hold of the tree's lock touches more inodes.
pub const MAX_INODES_PER_HOLD: usize = 1_000;

/// Where an inode is found by its path and changed, or described with all it has, which takes up to ten
/// microseconds: a hold with as many takes less than 2 ms, and leaves room for a processor that is busy.
pub const MAX_CHANGES_PER_HOLD: usize = 200;

/// Bytes that changes may have copied ahead of a running snapshot's walker before writers wait for it. Checked
/// under the lock, so what one record changes is the most that comes on top (docs/decisions/0013).
const MAX_SNAPSHOT_BACKLOG: usize = 64 << 20;

/// A change that needs a larger record is refused: the journal ends when it is handed one above its own limit.
pub(crate) const MAX_RECORD_BYTES: usize = 64 << 20;
const _: () = assert!(MAX_RECORD_BYTES <= alluxio_journal::MAX_PAYLOAD);

/// The tree and what is not durable of it yet.
struct State {
    tree: Tree,
    in_flight: InFlight,
}

/// What came of an attempt to change the tree.
enum Attempt<T> {
    /// The answer, and the newest record that it rests on.
    Planned(Result<T, FsError>, u64),
    /// Somebody has reserved one of the paths, until he is gone.
    Reserved(Gone),
    /// A worker may be evicting blocks that the change is to hold.
    Granted(Wanted),
    /// The walker of a snapshot has to catch up first.
    Behind,
}

/// See the [module](self).
pub struct Namespace {
    state: TrackedLock<State>,
    journal: Journal,
    reservations: Arc<Reservations>,
    running: RunningOperations,
    effects: DurableEffects,
    eviction_grants: EvictionGrants,
    /// A record did not fit the tree: the memory may not be trusted any more.
    broken: AtomicBool,
    broke: Notify,
    snapshot_moved: Notify,
}

impl Namespace {
    pub fn new(tree: Tree, journal: Journal) -> Self {
        Self {
            eviction_grants: EvictionGrants::new(tree.next_container()),
            state: TrackedLock::new(State { tree, in_flight: InFlight::default() }),
            journal,
            reservations: Arc::default(),
            running: RunningOperations::default(),
            effects: DurableEffects::default(),
            broken: AtomicBool::new(false),
            broke: Notify::new(),
            snapshot_moved: Notify::new(),
        }
    }

    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    pub fn reservations(&self) -> &Arc<Reservations> {
        &self.reservations
    }

    pub fn running(&self) -> &RunningOperations {
        &self.running
    }

    pub fn effects(&self) -> &DurableEffects {
        &self.effects
    }

    pub fn eviction_grants(&self) -> &EvictionGrants {
        &self.eviction_grants
    }

    /// The longest time the lock was held, in nanoseconds.
    pub fn longest_hold_nanos(&self) -> u64 {
        self.state.longest_hold_nanos()
    }

    /// The most processor time that one hold of the lock took, in nanoseconds.
    pub fn longest_hold_cpu_nanos(&self) -> u64 {
        self.state.most_cpu_nanos()
    }

    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Returns when the memory has been found inconsistent.
    pub async fn broken(&self) {
        loop {
            let broke = self.broke.notified();
            if self.is_broken() {
                return;
            }
            broke.await;
        }
    }

    /// Changes the tree. `plan` looks at the tree and drafts the records; it is called again when it
    /// has to wait for somebody who reserved one of `paths`, or who may be evicting. The reply, success or error, is given only
    /// when everything it rests on is durable.
    pub async fn mutate<T>(
        &self,
        paths: &[&AlluxioPath],
        holder: Option<&Reservation>,
        mut plan: impl FnMut(&Tree, &mut Draft) -> Result<T, FsError>,
    ) -> Result<T, FsError> {
        let mut patience = Patience::default();
        // Kept to the end: what was waited for must not be given out again before the change.
        let mut wanted = Vec::new();
        loop {
            let permit = self.journal.reserve().await.map_err(refused)?;
            let moved = self.snapshot_moved.notified();
            match self.try_mutate(paths, holder, &mut plan, permit)? {
                Attempt::Planned(planned, seen) => {
                    self.settle(seen).await?;
                    return planned;
                }
                Attempt::Reserved(gone) => patience.wait(gone).await?,
                Attempt::Granted(wait) => {
                    wait.over().await;
                    wanted.push(wait);
                }
                Attempt::Behind => moved.await,
            }
        }
    }

    /// The part of [`Self::mutate`] under the lock.
    fn try_mutate<T>(
        &self,
        paths: &[&AlluxioPath],
        holder: Option<&Reservation>,
        plan: &mut impl FnMut(&Tree, &mut Draft) -> Result<T, FsError>,
        permit: Permit,
    ) -> Result<Attempt<T>, FsError> {
        let mut state = self.state.write();
        self.check_whole()?;
        if state.tree.snapshot_backlog() >= MAX_SNAPSHOT_BACKLOG {
            return Ok(Attempt::Behind);
        }
        if let Some(gone) = self.reservations.blocks(paths, holder) {
            return Ok(Attempt::Reserved(gone));
        }
        let mut draft = Draft::new(now_ms());
        let planned = plan(&state.tree, &mut draft);
        if planned.is_err() || draft.is_empty() {
            // Which records an error rests on is not worth finding out: all there are.
            return Ok(Attempt::Planned(planned, state.in_flight.highest()));
        }
        let (entry, payload) = draft.finish();
        if let Some(wanted) = self.eviction_grants.in_the_way_of(&entry) {
            return Ok(Attempt::Granted(wanted));
        }
        if payload.len() > MAX_RECORD_BYTES {
            return Err(FsError::resource_exhausted(format!(
                "The change needs a record of {} bytes, and {MAX_RECORD_BYTES} are the most. Change less at once.",
                payload.len()
            )));
        }
        let seen = self.commit(&mut state, &entry, payload, permit)?;
        Ok(Attempt::Planned(planned, seen))
    }

    /// Applies and appends one record under the lock.
    fn commit(
        &self,
        state: &mut State,
        entry: &JournalEntry,
        payload: Vec<u8>,
        permit: Permit,
    ) -> Result<u64, FsError> {
        let mut effects = Effects::default();
        // A panic half-way leaves the tree as undefined as an error.
        let doubt = Doubt(self);
        if let Err(error) = state.tree.apply(entry, &mut effects) {
            tracing::error!(%error, "a drafted record does not fit the tree; this master stops serving");
            return Err(broken());
        }
        std::mem::forget(doubt);
        // Who waits does so by sequence, so the ticket's own way of waiting is not needed.
        let sequence = permit.append(payload.into()).sequence();
        let durable = self.journal.durable();
        state.in_flight.forget_until(durable);
        state.in_flight.note(sequence, effects.touched, effects.touched_names);
        if !effects.freed_blocks.is_empty() {
            self.effects.push(sequence, effects.freed_blocks);
        }
        Ok(sequence)
    }

    /// Looks at one path. The reply waits for what is in flight on the path's components only.
    pub async fn read_path<T>(
        &self,
        path: &AlluxioPath,
        look: impl FnOnce(&Tree, &Lookup) -> Result<T, FsError>,
    ) -> Result<T, FsError> {
        let (result, seen) = {
            let state = self.state.read();
            self.check_whole()?;
            let lookup = state.tree.lookup(path);
            (look(&state.tree, &lookup), state.in_flight.seen(&state.tree, path, &lookup))
        };
        self.settle(seen).await?;
        result
    }

    /// Looks at anything; the reply waits for all that is in flight.
    pub async fn read<T>(&self, look: impl FnOnce(&Tree) -> Result<T, FsError>) -> Result<T, FsError> {
        let (result, seen) = {
            let state = self.state.read();
            self.check_whole()?;
            (look(&state.tree), state.in_flight.highest())
        };
        self.settle(seen).await?;
        result
    }

    /// Looks without waiting: for decisions that are checked again before anything follows from them.
    pub fn peek<T>(&self, look: impl FnOnce(&Tree) -> T) -> T {
        look(&self.state.read().tree)
    }

    /// Returns when all records so far are durable.
    pub async fn settled(&self) -> Result<(), FsError> {
        let seen = self.state.read().in_flight.highest();
        self.settle(seen).await
    }

    /// One step of a snapshot: see [`Tree::begin_snapshot`]. The position is that of the tree.
    pub fn snapshot_step<T>(&self, step: impl FnOnce(&mut Tree, Position) -> T) -> T {
        let result = {
            let mut state = self.state.write();
            let position = self.journal.position();
            step(&mut state.tree, position)
        };
        self.snapshot_moved.notify_waiters();
        result
    }

    async fn settle(&self, sequence: u64) -> Result<(), FsError> {
        if sequence > self.journal.durable() {
            self.journal.wait_durable(sequence).await.map_err(refused)?;
        }
        Ok(())
    }

    fn check_whole(&self) -> Result<(), FsError> {
        if self.is_broken() { Err(broken()) } else { Ok(()) }
    }
}

/// While a record is being applied: dropped before that is done, the memory may not be trusted any more.
struct Doubt<'a>(&'a Namespace);

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        self.0.broken.store(true, Ordering::Release);
        self.0.broke.notify_waiters();
    }
}

/// Milliseconds since 1970. Only operations ask; what they find out goes into the record.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

fn refused(error: JournalError) -> FsError {
    FsError::unavailable(error.to_string())
}

fn broken() -> FsError {
    FsError::unavailable(
        "This master has found its memory inconsistent and is stopping. See its log, and restart it.",
    )
}

#[cfg(test)]
mod tests;

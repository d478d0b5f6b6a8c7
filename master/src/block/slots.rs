//! Who a slot belongs to. A slot is one incarnation of a worker; when the worker registers again, is
//! deleted or leaves, its slot is *retired*: from then on nothing shows the slot's locations. The
//! sweep drops them in its own time, and only a whole pass later is the slot given out again.
//!
//! Lock order: this lock, then a shard of the table or a worker's record. Whoever adds locations holds
//! this lock shared while it does (for at most [`CHUNK`] blocks), so once `retire` returns, nothing is
//! added under that slot any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use alluxio_fs::FsError;
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::location::Slot;
use super::worker::Worker;

/// Most blocks touched under one hold of a lock.
pub(super) const CHUNK: usize = 1_000;

enum Entry {
    Vacant,
    Owned { worker: Arc<Worker>, blocks: AtomicI64 },
    Retired { in_pass: u64 },
}

/// The slots, behind their lock.
pub(super) struct SlotTable {
    entries: Vec<Entry>,
    vacant: Vec<Slot>,
    retired: usize,
    /// The sweep's pass that is running or comes next.
    pass: u64,
}

/// See the module.
pub(super) struct Slots(RwLock<SlotTable>);

impl Slots {
    pub fn new() -> Self {
        Self(RwLock::new(SlotTable { entries: Vec::new(), vacant: Vec::new(), retired: 0, pass: 0 }))
    }

    pub fn read(&self) -> RwLockReadGuard<'_, SlotTable> {
        self.0.read()
    }

    pub fn write(&self) -> RwLockWriteGuard<'_, SlotTable> {
        self.0.write()
    }
}

impl SlotTable {
    /// A slot that no location refers to.
    pub fn give(&mut self, worker: &Arc<Worker>) -> Result<Slot, FsError> {
        let owned = Entry::Owned { worker: Arc::clone(worker), blocks: AtomicI64::new(0) };
        if let Some(slot) = self.vacant.pop() {
            self.entries[slot.index()] = owned;
            return Ok(slot);
        }
        if self.entries.len() == Slot::COUNT {
            return Err(FsError::unavailable(
                "Too many workers registered since the last sweep of block locations. Register again later.",
            ));
        }
        self.entries.push(owned);
        Ok(Slot::new(self.entries.len() - 1))
    }

    pub fn retire(&mut self, slot: Slot) {
        let in_pass = self.pass;
        if let Some(entry @ Entry::Owned { .. }) = self.entries.get_mut(slot.index()) {
            *entry = Entry::Retired { in_pass };
            self.retired += 1;
        }
    }

    pub fn owner(&self, slot: Slot) -> Option<&Arc<Worker>> {
        match self.entries.get(slot.index()) {
            Some(Entry::Owned { worker, .. }) => Some(worker),
            _ => None,
        }
    }

    pub fn block_count(&self, slot: Slot) -> i64 {
        match self.entries.get(slot.index()) {
            Some(Entry::Owned { blocks, .. }) => blocks.load(Ordering::Relaxed),
            _ => 0,
        }
    }

    pub fn count(&self, slot: Slot, change: i64) {
        if let Some(Entry::Owned { blocks, .. }) = self.entries.get(slot.index()) {
            blocks.fetch_add(change, Ordering::Relaxed);
        }
    }

    pub fn has_retired(&self) -> bool {
        self.retired > 0
    }

    /// Begins a pass of the sweep: the slots retired before now, as a bit per slot.
    pub fn begin_pass(&mut self) -> RetiredSlots {
        self.pass += 1;
        let mut bits = vec![0u64; self.entries.len().div_ceil(64)];
        for (index, entry) in self.entries.iter().enumerate() {
            if matches!(entry, Entry::Retired { .. }) {
                bits[index / 64] |= 1 << (index % 64);
            }
        }
        RetiredSlots(bits)
    }

    /// Ends a pass that saw every shard: slots retired before it began may be given out again.
    pub fn end_pass(&mut self) {
        for (index, entry) in self.entries.iter_mut().enumerate() {
            if matches!(entry, Entry::Retired { in_pass } if *in_pass < self.pass) {
                *entry = Entry::Vacant;
                self.vacant.push(Slot::new(index));
                self.retired -= 1;
            }
        }
    }
}

/// The slots that were retired when a pass began.
pub(super) struct RetiredSlots(Vec<u64>);

impl RetiredSlots {
    pub fn contains(&self, slot: Slot) -> bool {
        self.0.get(slot.index() / 64).is_some_and(|bits| bits >> (slot.index() % 64) & 1 == 1)
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|bits| *bits == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_given_again_only_after_a_whole_pass() {
        let slots = Slots::new();
        let worker = Worker::for_test(1, "w1");
        let mut table = slots.write();
        let first = table.give(&worker).unwrap();
        table.count(first, 3);
        assert_eq!(table.block_count(first), 3);

        let pass = table.begin_pass();
        assert!(pass.is_empty());
        table.retire(first);
        assert!(table.owner(first).is_none());
        table.end_pass();
        assert!(table.has_retired(), "retired while the pass ran: it may have missed shards");
        assert_ne!(table.give(&worker).unwrap(), first);

        assert!(table.begin_pass().contains(first));
        table.end_pass();
        assert!(!table.has_retired());
        assert_eq!(table.give(&worker).unwrap(), first);
        assert_eq!(table.block_count(first), 0);
    }
}

//! A snapshot of the whole tree at one sequence number, taken while the tree goes on changing.
//!
//! At the cut every inode in the slab belongs to it. A walker copies them in chunks under a short
//! lock; whoever is about to change an inode that the walker has not reached copies what it was
//! first. One bit per inode says whether it is done with (copied, or born after the cut); its meaning
//! turns with every snapshot, so nobody has to reset it, and every snapshot is walked to its end: one that
//! was given up by whoever wants the next.

use alluxio_proto::meta;

use super::{Tree, hash::TreeHash, inode::Slot, stored::Stored, tables::Tables};

/// A step ends with the inode that goes beyond this: some have long attributes.
const BYTES_PER_STEP: usize = 1 << 20;

/// Copies per piece of what was kept: a growing list of all would move them all.
const PIECE: usize = 256;

#[derive(Default)]
pub(super) struct Snapshot {
    /// The next slot the walker visits, and where the slab ended at the cut.
    next: Slot,
    end: Slot,
    kept: Kept,
    /// Nobody wants it any more: nothing is copied, the bits only have to be brought in order.
    given_up: bool,
}

/// Inodes as they were at the cut, changed or removed since. The walker's next chunk takes them along, so
/// they are never more than what changes between two chunks.
#[derive(Default)]
pub struct Kept {
    pieces: Vec<Vec<Stored>>,
    bytes: usize,
}

impl Kept {
    fn push(&mut self, stored: Stored) {
        self.bytes += stored.bytes();
        match self.pieces.last_mut().filter(|piece| piece.len() < PIECE) {
            Some(piece) => piece.push(stored),
            None => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(stored);
                self.pieces.push(piece);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// What they take in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// To be called without the lock: every file's blocks are laid out.
    pub fn into_messages(self) -> impl Iterator<Item = meta::Inode> {
        self.pieces.into_iter().flatten().map(Stored::into_message)
    }
}

impl Tree {
    /// Cuts, and returns what is no inode. `None` while another snapshot runs, or one that was given up is
    /// not walked to its end ([`Self::clear_given_up`]).
    pub fn begin_snapshot(&mut self) -> Option<Tables> {
        if self.snapshot.is_some() {
            return None;
        }
        self.snapshot = Some(Snapshot { end: self.slab.end(), ..Snapshot::default() });
        Some(self.tables())
    }

    /// Copies at most `limit` slots more, plus what changed since the last step. `None` after the last.
    pub fn continue_snapshot(&mut self, limit: u32) -> Option<Kept> {
        let mut snapshot = self.snapshot.take_if(|snapshot| !snapshot.given_up)?;
        let mut copied = std::mem::take(&mut snapshot.kept);
        if snapshot.next == snapshot.end && copied.is_empty() {
            self.end_snapshot();
            return None;
        }
        let until = snapshot.next.saturating_add(limit).min(snapshot.end);
        let before = copied.bytes;
        while snapshot.next < until && copied.bytes - before < BYTES_PER_STEP {
            if self.take_bit(snapshot.next)
                && let Some(stored) = self.stored(snapshot.next)
            {
                copied.push(stored);
            }
            snapshot.next += 1;
        }
        self.snapshot = Some(snapshot);
        Some(copied)
    }

    /// Ends the copying at once. What was kept is handed out, to be dropped without the lock.
    pub fn give_up_snapshot(&mut self) -> Kept {
        let Some(snapshot) = &mut self.snapshot else { return Kept::default() };
        snapshot.given_up = true;
        std::mem::take(&mut snapshot.kept)
    }

    /// One step, of `limit` slots, towards the end of a snapshot that was given up. False when there is none
    /// (any more).
    pub fn clear_given_up(&mut self, limit: u32) -> bool {
        let Some(mut snapshot) = self.snapshot.take_if(|snapshot| snapshot.given_up) else { return false };
        let until = snapshot.next.saturating_add(limit).min(snapshot.end);
        (snapshot.next..until).for_each(|slot| {
            self.take_bit(slot);
        });
        snapshot.next = until;
        if until == snapshot.end {
            self.end_snapshot();
            return false;
        }
        self.snapshot = Some(snapshot);
        true
    }

    /// From now on the bit that all inodes have means that they are in no snapshot.
    fn end_snapshot(&mut self) {
        self.snapshot_parity = !self.snapshot_parity;
    }

    /// Marks an inode as done with; whether it was not.
    fn take_bit(&mut self, slot: Slot) -> bool {
        let done = !self.snapshot_parity;
        let Some(inode) = self.slab.get_mut(slot).filter(|inode| inode.in_snapshot() != done) else {
            return false;
        };
        inode.set_in_snapshot(done);
        true
    }

    /// Called before anything about an inode changes, or it goes.
    pub(super) fn keep_for_snapshot(&mut self, slot: Slot) {
        let Some(given_up) = self.snapshot.as_ref().map(|snapshot| snapshot.given_up) else { return };
        if !self.take_bit(slot) || given_up {
            return;
        }
        let stored = self.stored(slot);
        if let (Some(snapshot), Some(stored)) = (&mut self.snapshot, stored) {
            snapshot.kept.push(stored);
        }
    }

    /// How many bytes wait for the walker; writers wait when it falls behind.
    pub fn snapshot_backlog(&self) -> usize {
        self.snapshot.as_ref().map_or(0, |snapshot| snapshot.kept.bytes)
    }

    /// The hash of the tree as it is, with nothing in between. For tests and offline tools: it looks
    /// at every inode in one go.
    pub fn hash(&self) -> u64 {
        let mut hash = TreeHash::default();
        self.tables().messages(usize::MAX).for_each(|tables| hash.add_tables(tables));
        for stored in (0..self.slab.end()).filter_map(|slot| self.stored(slot)) {
            hash.add_inode(&stored.into_message());
        }
        hash.get()
    }
}

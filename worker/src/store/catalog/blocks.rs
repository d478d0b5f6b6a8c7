//! Finished blocks: taking them up, finding them, counting their readers, reporting them.

use super::{Catalog, DirId, Entry, State};
use crate::store::changes::{BlockList, Delta, Listener};
use std::path::PathBuf;

/// A block held for reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    pub dir: DirId,
    pub length: u64,
    pub(in crate::store) serial: u64,
}

impl Catalog {
    /// Takes up a block file found at start or in the quarantine. `false`: the id is held already, or is being
    /// written.
    ///
    /// A folder whose quota was lowered may then hold more than it: nothing is deleted here (the bytes may
    /// be the only copy), new blocks go elsewhere and eviction brings it back.
    pub fn adopt(&mut self, dir: DirId, block: i64, length: u64) -> bool {
        if self.holds(block) {
            return false;
        }
        self.dir_mut(dir).used += length;
        self.insert(block, dir, length, State::Ready, false);
        true
    }

    /// The caller has counted `length` in the folder already.
    pub(super) fn insert(&mut self, block: i64, dir: DirId, length: u64, state: State, guarded: bool) {
        let rank = self.clock.touch(None);
        self.serial += 1;
        let entry =
            Entry { dir, length, rank, readers: 0, state, guarded, known: false, serial: self.serial };
        self.blocks.insert(block, entry);
        self.dir_mut(dir).order.insert(rank, block);
        if state == State::Ready {
            self.changes.record(block);
        }
    }

    /// The leader answered CommitBlock: the block is reported from now on and may be evicted.
    pub fn confirm(&mut self, block: i64) {
        if let Some(entry) = self.blocks.get_mut(&block) {
            entry.known = true;
            if entry.state == State::Uncommitted {
                entry.state = State::Ready;
            }
            self.changes.record(block);
        }
    }

    /// Counts a reader in. `None`: no such block, or it is going away.
    pub fn acquire(&mut self, block: i64) -> Option<Found> {
        let entry = self.blocks.get_mut(&block).filter(|entry| entry.state != State::Leaving)?;
        entry.readers += 1;
        let old = entry.rank;
        entry.rank = self.clock.touch(Some(old));
        let (rank, dir, length, serial) = (entry.rank, entry.dir, entry.length, entry.serial);
        let folder = self.dir_mut(dir);
        folder.order.remove(old, block);
        folder.order.insert(rank, block);
        Some(Found { path: folder.blocks_root.join(block.to_string()), dir, length, serial })
    }

    /// Counts a reader out. The last reader of a leaving block dooms its file.
    pub fn release(&mut self, block: i64, serial: u64) {
        let Some(entry) = self.blocks.get_mut(&block).filter(|entry| entry.serial == serial) else {
            return; // its folder was lost meanwhile
        };
        entry.readers = entry.readers.saturating_sub(1);
        if entry.state == State::Leaving && entry.readers == 0 {
            self.doom(block);
        }
    }

    /// Length and folder, without counting a reader.
    pub fn peek(&self, block: i64) -> Option<(DirId, u64)> {
        let entry = self.blocks.get(&block).filter(|entry| entry.state != State::Leaving)?;
        Some((entry.dir, entry.length))
    }

    /// The file, without counting a reader or an access.
    pub fn path_of(&self, block: i64) -> Option<PathBuf> {
        let (dir, _) = self.peek(block)?;
        Some(self.dir(dir).blocks_root.join(block.to_string()))
    }

    /// Whether the block may be readable, or its name is in use.
    pub fn holds(&self, block: i64) -> bool {
        let named = self.temps.contains_key(&block) || self.moving.contains(&block);
        named || self.blocks.contains_key(&block)
    }

    pub fn block_ids(&self) -> Vec<i64> {
        self.blocks.iter().filter(|(_, entry)| entry.reported()).map(|(block, _)| *block).collect()
    }

    /// Everything held, for a registration, and from here on the listener's changes.
    pub fn list_all(&mut self, listener: Listener) -> BlockList {
        self.changes.restart(listener);
        let mut list = BlockList::new();
        for (block, entry) in self.blocks.iter().filter(|(_, entry)| entry.reported()) {
            let dir = &self.dirs[usize::from(entry.dir.0)];
            list.entry((dir.alias.clone(), dir.medium.clone())).or_default().push(*block);
        }
        list
    }

    /// The changes since the last report that arrived; `None` when only a registration can tell all.
    pub fn delta(&mut self, listener: Listener, limit: usize) -> Option<Delta> {
        let ids = self.changes.take(listener, limit)?;
        let mut delta = Delta::default();
        for block in &ids {
            match self.blocks.get(block) {
                Some(entry) if entry.reported() => {
                    let dir = &self.dirs[usize::from(entry.dir.0)];
                    delta.added.entry((dir.alias.clone(), dir.medium.clone())).or_default().push(*block);
                }
                // Also one that is uncommitted: an earlier block of this id is gone (its folder was lost), and
                // confirming the new one records it again.
                _ => delta.removed.push(*block),
            }
        }
        delta.ids = ids;
        Some(delta)
    }
}

impl Entry {
    /// Whether masters are told of the block. An uncommitted one is unknown to them: a report would make
    /// the master order it freed while its CommitBlock is on the way.
    pub(super) fn reported(&self) -> bool {
        !matches!(self.state, State::Uncommitted | State::Leaving)
    }
}

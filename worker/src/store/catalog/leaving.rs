//! Blocks on their way out.

use super::{Catalog, DirId, State};
use crate::store::access::Rank;
use std::path::PathBuf;

/// A block that could be evicted as far as this worker knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub block: i64,
    pub length: u64,
    pub guarded: bool,
    pub(in crate::store) rank: Rank,
}

/// A file to delete; its bytes count until [`Catalog::buried`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    pub path: PathBuf,
    pub dir: DirId,
    pub bytes: u64,
    /// The block and its serial; `None` for an unfinished one.
    pub(in crate::store) block: Option<(i64, u64)>,
}

/// What became of an order to remove a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Its file is in the list of doomed ones.
    Doomed,
    /// It has readers and goes with the last of them.
    Deferred,
    /// Its CommitBlock is on the way: the order cannot mean this block yet.
    Uncommitted,
    Unknown,
}

impl Catalog {
    /// The coldest blocks of a folder that no reader, pin or pending commit holds, after `after`.
    pub fn candidates(&self, dir: DirId, after: Option<(Rank, i64)>, limit: usize) -> Vec<Candidate> {
        let order = &self.dir(dir).order;
        order
            .coldest_first(after)
            .filter_map(|(rank, block)| {
                let entry = self.blocks.get(&block)?;
                let free = entry.state == State::Ready && entry.readers == 0 && !self.is_pinned(block);
                free.then_some(Candidate { block, length: entry.length, guarded: entry.guarded, rank })
            })
            .take(limit)
            .collect()
    }

    /// Evicts a block if that is still allowed: readers, a pin or a move may have come since it was
    /// chosen.
    pub fn evict(&mut self, block: i64) -> bool {
        let pinned = self.is_pinned(block);
        match self.blocks.get_mut(&block) {
            Some(entry) if entry.state == State::Ready && entry.readers == 0 && !pinned => {
                self.leave(block);
                true
            }
            _ => false,
        }
    }

    /// Removes a block by order of a master or an administrator. Readers may finish.
    pub fn remove(&mut self, block: i64) -> Removal {
        match self.blocks.get(&block) {
            None => Removal::Unknown,
            Some(entry) if entry.state == State::Uncommitted => Removal::Uncommitted,
            Some(entry) if entry.state == State::Leaving => Removal::Deferred,
            Some(entry) => {
                let readers = entry.readers;
                self.leave(block);
                if readers == 0 { Removal::Doomed } else { Removal::Deferred }
            }
        }
    }

    /// The same, but hands the file to the caller instead of the list of doomed ones: nobody else may delete
    /// it meanwhile. It must come back by [`Catalog::buried`] or [`Catalog::quarantined`].
    pub fn remove_to_keep(&mut self, block: i64) -> Option<Doomed> {
        if self.remove(block) != Removal::Doomed {
            return None;
        }
        // Just put there.
        let doomed = self.doomed.pop_back()?;
        self.dir_mut(doomed.dir).burying += 1;
        Some(doomed)
    }

    /// Drops a block whose CommitBlock failed for good.
    pub fn discard_uncommitted(&mut self, block: i64) {
        if self.blocks.get(&block).is_some_and(|entry| entry.state == State::Uncommitted) {
            self.leave(block);
        }
    }

    /// Whether a master knew the block in this process's life.
    pub fn is_known(&self, block: i64) -> bool {
        self.blocks.get(&block).is_some_and(|entry| entry.known)
    }

    fn leave(&mut self, block: i64) {
        self.changes.record(block);
        if let Some(entry) = self.blocks.get_mut(&block) {
            entry.state = State::Leaving;
            if entry.readers == 0 {
                self.doom(block);
            }
        }
    }

    pub(super) fn doom(&mut self, block: i64) {
        if let Some(entry) = self.blocks.get(&block) {
            let path = self.dir(entry.dir).blocks_root.join(block.to_string());
            let (dir, bytes, serial) = (entry.dir, entry.length, entry.serial);
            self.doomed.push_back(Doomed { path, dir, bytes, block: Some((block, serial)) });
        }
    }

    /// Takes files to delete. Each must come back by [`Catalog::buried`].
    pub fn take_doomed(&mut self, limit: usize) -> Vec<Doomed> {
        let count = limit.min(self.doomed.len());
        let taken: Vec<Doomed> = self.doomed.drain(..count).collect();
        for doomed in &taken {
            self.dir_mut(doomed.dir).burying += 1;
        }
        taken
    }

    /// Whether files that were taken from the list of doomed ones still count.
    pub fn is_burying(&self, dir: DirId) -> bool {
        let dir = self.dir(dir);
        !dir.lost && dir.burying > 0
    }

    pub fn has_doomed(&self) -> bool {
        !self.doomed.is_empty()
    }

    /// The file is gone from the disk: its bytes are free, its id can be used again.
    pub fn buried(&mut self, doomed: &Doomed) {
        self.dir_mut(doomed.dir).burying -= 1;
        if self.dir(doomed.dir).lost {
            return;
        }
        if let Some((block, serial)) = doomed.block
            && let Some(entry) = self.blocks.get(&block).filter(|entry| entry.serial == serial)
        {
            let rank = entry.rank;
            self.blocks.remove(&block);
            self.dir_mut(doomed.dir).order.remove(rank, block);
        }
        let dir = self.dir_mut(doomed.dir);
        dir.used = dir.used.saturating_sub(doomed.bytes);
    }

    /// Bytes of a folder that are in use only until they are wanted.
    pub fn in_quarantine(&self, dir: DirId) -> u64 {
        self.dir(dir).quarantined
    }

    /// The file was moved to the quarantine: the id is gone, the bytes stay in use until they are wanted.
    pub fn quarantined(&mut self, doomed: &Doomed) {
        self.buried(doomed);
        self.count_quarantined(doomed.dir, doomed.bytes);
    }

    /// Counts bytes of the quarantine in.
    pub fn count_quarantined(&mut self, dir: DirId, bytes: u64) {
        let dir = self.dir_mut(dir);
        dir.used += bytes;
        dir.quarantined += bytes;
    }

    /// A quarantined file is gone.
    pub fn release_quarantined(&mut self, dir: DirId, bytes: u64) {
        let dir = self.dir_mut(dir);
        dir.used = dir.used.saturating_sub(bytes);
        dir.quarantined = dir.quarantined.saturating_sub(bytes);
    }
}

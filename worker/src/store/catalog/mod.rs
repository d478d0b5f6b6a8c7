//! Every block, unfinished block and byte of quota of this worker, in memory.
//!
//! Pure: it touches no disk, reads no clock and takes no lock, so its laws are property-tested alone
//! (`catalog_tests.rs`). [`super::BlockStore`] keeps it under one mutex and does the file work before or
//! after, never during, a call.
//!
//! Bytes are counted from the moment they are promised (a writer's reservation, a move's target) until
//! the file that held them is gone from the disk.

mod blocks;
mod dirs;
mod leaving;
mod moving;
mod pages;
mod ranking;
mod temps;

use super::{
    access::{AccessOrder, Clock, OrderKind, Rank},
    allocate::{Allocator, AllocatorKind},
    changes::Changes,
    layout::Layout,
};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    path::PathBuf,
    sync::Arc,
};

pub use blocks::Found;
pub use leaving::{Candidate, Doomed, Removal};
pub use moving::Move;
pub use pages::Cursor;
pub use ranking::{Exchange, Promotion};
pub use temps::Refusal;

/// A storage folder, by its place in the layout (tier by tier).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DirId(pub u16);

/// Where a new block should go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The tier to try first, counted from the fastest.
    pub tier: Option<usize>,
    /// Only folders of this medium.
    pub medium: Option<String>,
}

impl Place {
    pub fn anywhere() -> Place {
        Place::default()
    }

    pub fn tier(tier: usize) -> Place {
        Place { tier: Some(tier), medium: None }
    }

    pub fn medium(medium: &str) -> Place {
        Place { tier: None, medium: Some(medium.to_owned()) }
    }
}

/// What a block is going through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Under its final name, but the leader has not answered CommitBlock yet. Not reported, not evicted.
    Uncommitted,
    Ready,
    /// Being copied to another folder; still read from the old one.
    Moving,
    /// Read from the new folder; the old file is being deleted.
    Settling,
    /// Goes away: no new readers; deleted when the last reader has left.
    Leaving,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    dir: DirId,
    length: u64,
    rank: Rank,
    readers: u32,
    state: State,
    /// Written for a file that will be persisted: kept until the leader calls it persisted, whatever the
    /// setting for other blocks.
    guarded: bool,
    /// A master answered for this block in this process's life. Others may be unknown to the master.
    known: bool,
    /// Tells this entry from an earlier one of the same id, for releases that come late.
    serial: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Temp {
    session: i64,
    dir: DirId,
    reserved: u64,
}

#[derive(Debug)]
pub(super) struct Dir {
    tier: usize,
    alias: String,
    medium: String,
    path: PathBuf,
    blocks_root: PathBuf,
    temp_root: PathBuf,
    quota: u64,
    /// Part of the quota that only exchanges between tiers use.
    reserve: u64,
    used: u64,
    /// Part of `used` that is still on disk but counts as free: freed blocks in quarantine.
    quarantined: u64,
    /// Files that left the list of doomed ones and still count in `used`.
    burying: usize,
    order: AccessOrder,
    lost: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Catalog {
    layout: Layout,
    dirs: Vec<Dir>,
    blocks: HashMap<i64, Entry>,
    temps: HashMap<i64, Temp>,
    /// Blocks of moves under way. A move writes and deletes files of the block's name in two folders, also when
    /// the block is gone meanwhile: nobody else may use that name before it ended.
    moving: HashSet<i64>,
    doomed: VecDeque<Doomed>,
    /// File ids whose blocks stay: pinned, or waiting to be persisted.
    pinned: Arc<HashSet<i64>>,
    clock: Clock,
    allocator: Allocator,
    serial: u64,
    pub(super) changes: Changes,
}

impl Catalog {
    pub fn new(layout: Layout, order: OrderKind, allocator: AllocatorKind) -> Catalog {
        let mut dirs = Vec::new();
        for (tier, spec) in layout.tiers.iter().enumerate() {
            for dir in &spec.dirs {
                dirs.push(Dir {
                    tier,
                    alias: spec.alias.clone(),
                    medium: dir.medium.clone(),
                    path: dir.path.clone(),
                    blocks_root: layout.blocks_root(dir),
                    temp_root: layout.temp_root(dir),
                    quota: dir.quota,
                    reserve: layout.reserve_of(dir.quota),
                    used: 0,
                    quarantined: 0,
                    burying: 0,
                    order: AccessOrder::default(),
                    lost: false,
                });
            }
        }
        Catalog {
            layout,
            dirs,
            blocks: HashMap::new(),
            temps: HashMap::new(),
            moving: HashSet::new(),
            doomed: VecDeque::new(),
            pinned: Arc::default(),
            clock: Clock::new(order),
            allocator: Allocator::new(allocator),
            serial: 0,
            changes: Changes::default(),
        }
    }

    /// Replaces the set of files whose blocks stay.
    pub fn set_pinned(&mut self, files: Arc<HashSet<i64>>) {
        self.pinned = files;
    }

    fn is_pinned(&self, block: i64) -> bool {
        self.pinned.contains(&alluxio_fs::ids::file_id_of_block(block))
    }

    pub(super) fn dir(&self, id: DirId) -> &Dir {
        &self.dirs[usize::from(id.0)]
    }

    fn dir_mut(&mut self, id: DirId) -> &mut Dir {
        &mut self.dirs[usize::from(id.0)]
    }

    /// What must hold after every step; for tests.
    #[cfg(test)]
    pub fn check(&self) {
        for (index, dir) in self.dirs.iter().enumerate().filter(|(_, dir)| !dir.lost) {
            let id = DirId(index as u16);
            let blocks: u64 = self.blocks.values().filter(|b| b.dir == id).map(|b| b.length).sum();
            let temps: u64 = self.temps.values().filter(|t| t.dir == id).map(|t| t.reserved).sum();
            // Moves and temp files that await deletion account for the rest.
            assert!(blocks + temps <= dir.used, "{} + {} > {} in {}", blocks, temps, dir.used, index);
            assert!(dir.used <= dir.quota, "folder {} uses {} of {}", index, dir.used, dir.quota);
            let ordered: HashSet<i64> = dir.order.coldest_first(None).map(|(_, block)| block).collect();
            let held: HashSet<i64> =
                self.blocks.iter().filter(|(_, b)| b.dir == id).map(|(block, _)| *block).collect();
            assert_eq!(ordered, held);
        }
    }
}

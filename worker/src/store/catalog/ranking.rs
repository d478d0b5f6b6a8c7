//! Which blocks belong on another tier, by how they are used.

use super::{Catalog, DirId, State};
use crate::store::access::Rank;

/// Blocks looked at in one folder: the catalog's lock is held meanwhile. Where as many are pinned or in use, others
/// have to wait until that changes.
const LOOKED_AT: usize = 1000;

/// Two blocks that should change places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// On the faster tier.
    pub colder: i64,
    pub colder_dir: DirId,
    /// On the slower one.
    pub hotter: i64,
    pub hotter_dir: DirId,
}

/// A block that may be moved.
struct Movable {
    rank: Rank,
    block: i64,
    length: u64,
    dir: DirId,
}

impl Catalog {
    pub fn tiers(&self) -> usize {
        self.layout.tiers.len()
    }

    /// The coldest blocks of a tier against the hottest of the next one, as long as those are hotter.
    pub fn exchanges(&self, faster: usize, most: usize) -> Vec<Exchange> {
        let colder = self.coldest(faster, most);
        let hotter = self.hottest(faster + 1, most);
        let pairs = colder.into_iter().zip(hotter).take_while(|(colder, hotter)| colder.rank < hotter.rank);
        pairs
            .map(|(colder, hotter)| Exchange {
                colder: colder.block,
                colder_dir: colder.dir,
                hotter: hotter.block,
                hotter_dir: hotter.dir,
            })
            .collect()
    }

    /// The hottest blocks of the next tier that fit into this one until `quota_percent` of it are in use; each with
    /// its folder.
    pub fn promotions(&self, faster: usize, most: usize, quota_percent: u64) -> Vec<(i64, DirId)> {
        let (mut capacity, mut free) = (0, 0);
        for dir in self.dirs.iter().filter(|dir| dir.tier == faster && !dir.lost) {
            capacity += dir.quota;
            free += dir.free();
        }
        let mut chosen = Vec::new();
        for movable in self.hottest(faster + 1, most) {
            let used = u128::from(capacity - free);
            if used * 100 >= u128::from(capacity) * u128::from(quota_percent) || movable.length > free {
                break;
            }
            free -= movable.length;
            chosen.push((movable.block, movable.dir));
        }
        chosen
    }

    fn coldest(&self, tier: usize, most: usize) -> Vec<Movable> {
        let mut all: Vec<_> = self
            .dirs_of(tier)
            .flat_map(|(id, dir)| self.movable(id, dir.order.coldest_first(None)).take(most))
            .collect();
        all.sort_unstable_by_key(|movable| movable.rank);
        all.truncate(most);
        all
    }

    fn hottest(&self, tier: usize, most: usize) -> Vec<Movable> {
        let mut all: Vec<_> = self
            .dirs_of(tier)
            .flat_map(|(id, dir)| self.movable(id, dir.order.hottest_first()).take(most))
            .collect();
        all.sort_unstable_by_key(|movable| std::cmp::Reverse(movable.rank));
        all.truncate(most);
        all
    }

    fn dirs_of(&self, tier: usize) -> impl Iterator<Item = (DirId, &super::Dir)> {
        let dirs = self.dirs.iter().enumerate().map(|(index, dir)| (DirId(index as u16), dir));
        dirs.filter(move |(_, dir)| dir.tier == tier && !dir.lost)
    }

    /// As for eviction: what nobody reads, no pin holds and the leader knows.
    fn movable(&self, dir: DirId, order: impl Iterator<Item = (Rank, i64)>) -> impl Iterator<Item = Movable> {
        order.take(LOOKED_AT).filter_map(move |(rank, block)| {
            let entry = self.blocks.get(&block)?;
            let free = entry.state == State::Ready && entry.readers == 0 && !self.is_pinned(block);
            free.then_some(Movable { rank, block, length: entry.length, dir })
        })
    }
}

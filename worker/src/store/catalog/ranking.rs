//! Which blocks belong on another tier, by how they are used.

use super::{Catalog, DirId, Entry, State};
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

/// A block that goes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promotion {
    pub block: i64,
    pub from: DirId,
    pub to: DirId,
}

/// A block that may be moved.
#[derive(Debug, Clone, Copy)]
struct Movable {
    rank: Rank,
    block: i64,
    length: u64,
    dir: DirId,
    guarded: bool,
}

#[derive(Clone, Copy)]
enum First {
    Coldest,
    Hottest,
}

impl Catalog {
    /// The coldest blocks of a tier against the hottest of the next one, as long as those are hotter and both
    /// find room in each other's folder.
    pub fn exchanges(&self, faster: usize, most: usize) -> Vec<Exchange> {
        let colder = self.movable_of(faster, most, First::Coldest);
        let hotter = self.movable_of(faster + 1, most, First::Hottest);
        let mut used: Vec<u64> = self.dirs.iter().map(|dir| dir.used).collect();
        let (mut next_cold, mut next_hot) = (0, 0);
        let mut pairs = Vec::new();
        while let (Some(cold), Some(hot)) = (colder.get(next_cold), hotter.get(next_hot))
            && cold.rank < hot.rank
        {
            if self.change_places(cold, hot, &mut used) {
                pairs.push(Exchange {
                    colder: cold.block,
                    colder_dir: cold.dir,
                    hotter: hot.block,
                    hotter_dir: hot.dir,
                });
                next_cold += 1;
                next_hot += 1;
            } else if cold.length > self.dir(hot.dir).free_for_exchange() {
                next_cold += 1;
            } else {
                next_hot += 1;
            }
        }
        pairs
    }

    /// Whether a pair can still be exchanged as things are now. Asked before the first of them moves: it would
    /// have gone down for nothing.
    pub fn can_exchange(&self, pair: &Exchange) -> bool {
        let found = |block, dir| self.movable(block).filter(|movable| movable.dir == dir);
        let mut used: Vec<u64> = self.dirs.iter().map(|dir| dir.used).collect();
        match (found(pair.colder, pair.colder_dir), found(pair.hotter, pair.hotter_dir)) {
            (Some(cold), Some(hot)) => self.change_places(&cold, &hot, &mut used),
            _ => false,
        }
    }

    /// Counts an exchange in `used` when it is possible: the colder block goes down first. A folder must not pass
    /// its watermark by it, or the keeper would move blocks back for ever.
    fn change_places(&self, cold: &Movable, hot: &Movable, used: &mut [u64]) -> bool {
        let (up, down) = (self.dir(cold.dir), self.dir(hot.dir));
        let (up_index, down_index) = (usize::from(cold.dir.0), usize::from(hot.dir.0));
        let up_used = (used[up_index] + hot.length).saturating_sub(cold.length);
        let down_used = used[down_index] + cold.length;
        let room = !up.lost && !down.lost && up_used <= up.quota && down_used <= down.quota;
        let down_used = down_used.saturating_sub(hot.length);
        let settles = (hot.length <= cold.length || !self.is_over(up, up_used))
            && (cold.length <= hot.length || !self.is_over(down, down_used));
        let possible = room && settles && self.may_go_to(hot.guarded, hot.dir, cold.dir);
        if possible {
            (used[up_index], used[down_index]) = (up_used, down_used);
        }
        possible
    }

    /// The hottest blocks of the next tier that fit into this one until `quota_percent` of it are in use, each
    /// with the folder it comes to. No folder passes its watermark by it: the keeper would bring the blocks down
    /// again.
    pub fn promotions(&self, faster: usize, most: usize, quota_percent: u64) -> Vec<Promotion> {
        let mut targets: Vec<(DirId, u64, u64)> =
            self.dirs_of(faster).map(|(id, dir)| (id, dir.free(), dir.used)).collect();
        let capacity: u64 = self.dirs_of(faster).map(|(_, dir)| dir.quota).sum();
        let mut used = capacity - targets.iter().map(|(_, free, _)| free).sum::<u64>();
        let mut chosen = Vec::new();
        for hot in self.movable_of(faster + 1, most, First::Hottest) {
            let length = hot.length;
            if u128::from(used + length) * 100 > u128::from(capacity) * u128::from(quota_percent) {
                continue;
            }
            let fits = |(to, free, used): &&mut (DirId, u64, u64)| {
                *free >= length
                    && !self.is_over(self.dir(*to), *used + length)
                    && self.may_go_to(hot.guarded, hot.dir, *to)
            };
            let Some(target) = targets.iter_mut().filter(fits).max_by_key(|(_, free, _)| *free) else {
                continue;
            };
            let (to, free, dir_used) = target;
            *free -= length;
            *dir_used += length;
            used += length;
            chosen.push(Promotion { block: hot.block, from: hot.dir, to: *to });
        }
        chosen
    }

    /// The first blocks of a tier, from either end of the order, that may be moved.
    fn movable_of(&self, tier: usize, most: usize, first: First) -> Vec<Movable> {
        let of_dir = |dir: &super::Dir| -> Vec<Movable> {
            let order: Box<dyn Iterator<Item = (Rank, i64)>> = match first {
                First::Coldest => Box::new(dir.order.coldest_first(None)),
                First::Hottest => Box::new(dir.order.hottest_first()),
            };
            order.take(LOOKED_AT).filter_map(|(_, block)| self.movable(block)).take(most).collect()
        };
        let mut all: Vec<_> = self.dirs_of(tier).flat_map(|(_, dir)| of_dir(dir)).collect();
        all.sort_unstable_by_key(|movable| movable.rank);
        if matches!(first, First::Hottest) {
            all.reverse();
        }
        all.truncate(most);
        all
    }

    fn dirs_of(&self, tier: usize) -> impl Iterator<Item = (DirId, &super::Dir)> {
        let dirs = self.dirs.iter().enumerate().map(|(index, dir)| (DirId(index as u16), dir));
        dirs.filter(move |(_, dir)| dir.tier == tier && !dir.lost)
    }

    /// As for eviction: what nobody reads, no pin holds and the leader knows.
    fn movable(&self, block: i64) -> Option<Movable> {
        let entry = self.blocks.get(&block)?;
        let free = entry.state == State::Ready && entry.readers == 0 && !self.is_pinned(block);
        let Entry { rank, length, dir, guarded, .. } = *entry;
        free.then_some(Movable { rank, block, length, dir, guarded })
    }
}

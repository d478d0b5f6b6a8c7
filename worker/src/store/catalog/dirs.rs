//! Folders: room, search order, loss, usage.

use super::{Catalog, Dir, DirId, Place};
use crate::store::usage::{DirUsage, Usage};
use std::path::PathBuf;

impl Dir {
    /// What blocks may fill, short of exchanges between tiers.
    fn usable(&self) -> u64 {
        self.quota - self.reserve
    }

    /// Bytes that can be promised.
    pub(super) fn free(&self) -> u64 {
        if self.lost { 0 } else { self.usable().saturating_sub(self.used) }
    }

    /// The same for one half of an exchange.
    pub(super) fn free_for_exchange(&self) -> u64 {
        if self.lost { 0 } else { self.quota.saturating_sub(self.used) }
    }
}

impl Catalog {
    /// The folder that takes `bytes` now: first where asked, then, unless bound to a medium, in any tier
    /// from the fastest down.
    pub(super) fn choose(&mut self, place: &Place, bytes: u64) -> Option<DirId> {
        for group in self.groups(place) {
            let free: Vec<_> = group.into_iter().map(|id| (id, self.dir(id).free())).collect();
            if let Some(dir) = self.allocator.choose(&free, bytes) {
                return Some(dir);
            }
        }
        None
    }

    /// Folders to look at, a group per tier, in order of preference.
    pub fn groups(&self, place: &Place) -> Vec<Vec<DirId>> {
        let mut tiers: Vec<usize> = (0..self.layout.tiers.len()).collect();
        if let Some(first) = place.tier {
            tiers.sort_by_key(|tier| *tier != first);
        }
        let fits = |dir: &Dir, tier: usize| {
            dir.tier == tier && !dir.lost && place.medium.as_ref().is_none_or(|medium| *medium == dir.medium)
        };
        tiers
            .into_iter()
            .map(|tier| {
                (0..self.dirs.len())
                    .filter(|index| fits(&self.dirs[*index], tier))
                    .map(|index| DirId(index as u16))
                    .collect()
            })
            .filter(|group: &Vec<DirId>| !group.is_empty())
            .collect()
    }

    /// Folders in which a move to `place` may end: of the tier that is asked for, never of another one.
    pub fn targets(&self, place: &Place) -> Vec<DirId> {
        let fits = |dir: &DirId| place.tier.is_none_or(|tier| self.dir(*dir).tier == tier);
        self.groups(place).into_iter().flatten().filter(fits).collect()
    }

    pub fn free(&self, dir: DirId) -> u64 {
        self.dir(dir).free()
    }

    /// The largest block that fits when all others are gone.
    pub fn usable(&self, dir: DirId) -> u64 {
        self.dir(dir).usable()
    }

    /// How many bytes background eviction should free in each folder whose tier is above its watermark.
    pub fn over_watermark(&self) -> Vec<(DirId, u64)> {
        let mut due = Vec::new();
        for (index, dir) in self.dirs.iter().enumerate().filter(|(_, dir)| !dir.lost) {
            if self.is_over(dir, dir.used) {
                let target = self.watched(dir) * self.layout.tiers[dir.tier].low_watermark;
                let used = dir.used.saturating_sub(dir.quarantined);
                due.push((DirId(index as u16), used.saturating_sub(target as u64)));
            }
        }
        due
    }

    /// Whether the folder would be above its high watermark with so many bytes in use.
    pub(super) fn is_over(&self, dir: &Dir, used: u64) -> bool {
        let used = used.saturating_sub(dir.quarantined);
        used as f64 > self.watched(dir) * self.layout.tiers[dir.tier].high_watermark
    }

    /// What watermarks are a share of.
    fn watched(&self, dir: &Dir) -> f64 {
        (if self.layout.swap_restore { dir.usable() } else { dir.quota }) as f64
    }

    /// Whether a block may go from one folder to another: what waits to be persisted does not go from a medium
    /// that keeps it to one that forgets it.
    pub(super) fn may_go_to(&self, guarded: bool, from: DirId, to: DirId) -> bool {
        !guarded || self.in_memory(from) || !self.in_memory(to)
    }

    /// A folder that failed: its blocks are gone, masters will hear it. Returns whether it was not known.
    pub fn lose_dir(&mut self, dir: DirId) -> bool {
        if self.dir(dir).lost {
            return false;
        }
        self.dir_mut(dir).lost = true;
        let gone: Vec<i64> =
            self.blocks.iter().filter(|(_, entry)| entry.dir == dir).map(|(block, _)| *block).collect();
        for block in gone {
            self.blocks.remove(&block);
            self.changes.record(block);
        }
        self.temps.retain(|_, temp| temp.dir != dir);
        self.doomed.retain(|doomed| doomed.dir != dir);
        let folder = self.dir_mut(dir);
        (folder.used, folder.quarantined) = (0, 0);
        folder.order = Default::default();
        true
    }

    /// Folders in use, with their block roots, to be probed.
    pub fn live_dirs(&self) -> Vec<(DirId, PathBuf)> {
        let live = self.dirs.iter().enumerate().filter(|(_, dir)| !dir.lost);
        live.map(|(index, dir)| (DirId(index as u16), dir.blocks_root.clone())).collect()
    }

    pub fn blocks_root(&self, dir: DirId) -> PathBuf {
        self.dir(dir).blocks_root.clone()
    }

    /// Whether data there is lost with the machine's power anyway, so that syncing it is idle.
    pub fn in_memory(&self, dir: DirId) -> bool {
        self.dir(dir).medium == "MEM"
    }

    pub fn tier_and_medium(&self, dir: DirId) -> (String, String) {
        let dir = self.dir(dir);
        (dir.alias.clone(), dir.medium.clone())
    }

    pub fn tier_of(&self, dir: DirId) -> usize {
        self.dir(dir).tier
    }

    pub fn usage(&self) -> Usage {
        let mut usage = Usage {
            tiers: self.layout.tiers.iter().map(|tier| tier.alias.clone()).collect(),
            blocks: self.blocks.len(),
            ..Usage::default()
        };
        for dir in &self.dirs {
            if dir.lost {
                let list = usage.lost.entry(dir.alias.clone()).or_default();
                list.push(dir.path.display().to_string());
                continue;
            }
            usage.dirs.push(DirUsage {
                path: dir.path.clone(),
                tier: dir.alias.clone(),
                medium: dir.medium.clone(),
                quota: dir.quota,
                used: dir.used.saturating_sub(dir.quarantined),
            });
        }
        usage
    }
}

//! Forgetting what recursive deletes cut off. A delete takes the subtree's root out of its parent in
//! one record, whatever its size; records of their own then forget it, a bounded number of inodes
//! each, so that no lock is held long and replay does the same in the same order.

use alluxio_proto::journal::ReapEntry;

use super::{Effects, Tree};

/// What a record means that does not say. Never to be changed.
const OPEN_BLOCKS_PER_INODE: i32 = 1_000;

impl Tree {
    /// Forgets at most `limit` inodes, fewer when they are being written and have many blocks, or lie deep.
    pub(super) fn reap(&mut self, entry: &ReapEntry, effects: &mut Effects) {
        let limit = entry.limit().max(0) as usize;
        let per_inode = entry.open_blocks_per_inode.unwrap_or(OPEN_BLOCKS_PER_INODE).max(1) as usize;
        // Each counts for itself, so that a chain of directories is as bounded as a wide one.
        let (mut left, mut descents) = (limit, limit);
        while left > 0
            && descents > 0
            && let Some(id) = self.detached.pop_front()
        {
            let Some(slot) = self.slab.find(id) else { continue };
            let Some(inode) = self.slab.get(slot) else { continue };
            let children = if inode.is_directory() { self.directories.get_mut(inode.data) } else { None };
            match children.and_then(super::children::Children::pop) {
                Some(child) => {
                    // Depth first: the queue holds one entry per level, not one per inode.
                    self.detached.push_front(id);
                    let Some(inode) = self.slab.get(child) else { continue };
                    if inode.is_directory() {
                        let id = inode.id;
                        self.keep_for_snapshot(child);
                        if let Some(inode) = self.slab.get_mut(child) {
                            inode.parent = super::NO_SLOT;
                        }
                        self.detached.push_front(id);
                        descents -= 1;
                    } else {
                        let open = if inode.is_completed() { 0 } else { inode.blocks as usize };
                        self.forget(child, effects);
                        left = left.saturating_sub(1 + open / per_inode);
                    }
                }
                None => {
                    self.forget(slot, effects);
                    left -= 1;
                }
            }
        }
    }
}

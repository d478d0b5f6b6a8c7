//! Forgetting what recursive deletes cut off. A delete takes the subtree's root out of its parent in
//! one record, whatever its size; records of their own then forget it, a bounded number of inodes
//! each, so that no lock is held long and replay does the same in the same order.

use super::{Effects, Tree};

/// Blocks that count as one inode more: naming a block for removal takes a small part of the time that
/// forgetting an inode takes.
const BLOCKS_PER_INODE: usize = 32;

impl Tree {
    /// Forgets at most `limit` inodes, fewer when they have many blocks or lie deep.
    pub(super) fn reap(&mut self, limit: usize, effects: &mut Effects) {
        // Each counts for itself, so that a chain of directories is as bounded as a wide one.
        let (mut left, mut descents) = (limit, limit);
        while left > 0
            && descents > 0
            && let Some(slot) = self.detached.pop_front()
        {
            let Some(inode) = self.slab.get(slot) else { continue };
            let children = if inode.is_directory() { self.directories.get_mut(inode.data) } else { None };
            match children.and_then(super::children::Children::pop) {
                Some(child) => {
                    // Depth first: the queue holds one entry per level, not one per inode.
                    self.detached.push_front(slot);
                    let Some(inode) = self.slab.get(child) else { continue };
                    if inode.is_directory() {
                        self.keep_for_snapshot(child);
                        if let Some(inode) = self.slab.get_mut(child) {
                            inode.parent = super::NO_SLOT;
                        }
                        self.detached.push_front(child);
                        descents -= 1;
                    } else {
                        let blocks = inode.blocks as usize / BLOCKS_PER_INODE;
                        self.forget(child, effects);
                        left = left.saturating_sub(1 + blocks);
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

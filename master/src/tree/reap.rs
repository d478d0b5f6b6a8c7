//! Forgetting what recursive deletes cut off. A delete takes the subtree's root out of its parent in
//! one record, whatever its size; records of their own then forget it, a bounded number of inodes
//! each, so that no lock is held long and replay does the same in the same order.

use super::{Effects, Tree};

impl Tree {
    /// Forgets at most `limit` inodes.
    pub(super) fn reap(&mut self, limit: usize, effects: &mut Effects) {
        let mut left = limit;
        while left > 0
            && let Some(slot) = self.detached.pop_front()
        {
            let Some(inode) = self.slab.get(slot) else { continue };
            let children = if inode.is_directory() { self.directories.get_mut(inode.data) } else { None };
            match children.and_then(super::children::Children::pop) {
                Some(child) => {
                    // Depth first: the queue holds one entry per level, not one per inode.
                    self.detached.push_front(slot);
                    if self.slab.get(child).is_some_and(|inode| inode.is_directory()) {
                        self.keep_for_snapshot(child);
                        if let Some(inode) = self.slab.get_mut(child) {
                            inode.parent = super::NO_SLOT;
                        }
                        self.detached.push_front(child);
                    } else {
                        self.forget(child, effects);
                        left -= 1;
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

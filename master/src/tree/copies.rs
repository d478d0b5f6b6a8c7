//! How many copies a file's blocks are to have, and on what.

use super::{
    FileBlocks, Tree,
    inode::{Inode, Persistence, Slot},
};

/// Between how many copies each block of a file is to have.
#[derive(Clone, Debug)]
pub struct CopyLimits {
    pub id: i64,
    pub blocks: FileBlocks,
    pub min: usize,
    /// `None`: as many as readers make.
    pub max: Option<usize>,
    /// One copy is to be on one of these, if there are any.
    pub media: Vec<String>,
}

impl Tree {
    /// `None` where nothing is limited.
    pub(super) fn copy_limits(&self, slot: Slot, inode: &Inode) -> Option<CopyLimits> {
        if inode.is_directory() || !inode.is_completed() || inode.block_count() == 0 {
            return None;
        }
        let rare = self.rare(slot, inode)?;
        let number = |value: i32| usize::try_from(value).ok();
        let (mut min, mut max) = (number(rare.replication_min).unwrap_or(0), number(rare.replication_max));
        if inode.persistence() == Persistence::ToBePersisted {
            let durable = number(rare.replication_durable).unwrap_or(0);
            (min, max) = (min.max(durable), max.map(|max| max.max(durable)));
        }
        if !inode.is_persisted() {
            // The last copy is all there is.
            max = max.map(|max| max.max(1));
        }
        let media = if inode.is_pinned() { rare.media.clone() } else { Vec::new() };
        // What has no copy cannot be copied.
        if min <= 1 && max.is_none() && media.is_empty() {
            return None;
        }
        Some(CopyLimits { id: inode.id, blocks: self.blocks_of(slot, inode), min, max, media })
    }
}

//! A `FileInfo` of an inode, as protocol.md 3.2 of the wire notes says: what is always set, and what a
//! Java client would trip over if it were missing.

use alluxio_fs::{AccessControlList, AlluxioPath, ids};
use alluxio_proto::grpc::{
    BlockInfo, TtlAction,
    file::{FileBlockInfo, FileInfo},
};

use super::FileSystemMaster;
use crate::{
    block::Residence,
    tree::{Inode, Mount, Rare, Slot, Tree},
};

/// What of a `FileInfo` the tree knows; locations come from the block master, outside the lock.
pub fn file_info(
    tree: &Tree,
    slot: Slot,
    inode: &Inode,
    path: &AlluxioPath,
    mount: Option<&Mount>,
) -> FileInfo {
    let default = Rare::default();
    let rare = tree.rare(slot, inode).unwrap_or(&default);
    let (owner, group) = (tree.owner(inode), tree.group(inode));
    let directory = inode.is_directory();
    let container = ids::container_of(inode.id);
    let blocks = (0..inode.blocks).map(|n| ids::block_id(container, i64::from(n)));
    let block_size = tree.block_size(inode);
    let block_info = |n: u32| {
        let length = tree.block_length(slot, inode, n)?;
        Some(FileBlockInfo {
            block_info: Some(BlockInfo {
                block_id: Some(ids::block_id(container, i64::from(n))),
                length: Some(length),
                locations: Vec::new(),
            }),
            // Nothing bounds what a file that is being written may come to.
            offset: Some(i64::from(n).saturating_mul(block_size)),
            ..FileBlockInfo::default()
        })
    };
    FileInfo {
        file_id: Some(inode.id),
        name: Some(inode.name.to_string()),
        path: Some(path.to_string()),
        ufs_path: Some(mount.and_then(|mount| mount.ufs_path(path)).unwrap_or_default()),
        length: Some(if directory { tree.child_count(inode) as i64 } else { inode.file_length() }),
        block_size_bytes: Some(block_size),
        creation_time_ms: Some(inode.created_ms),
        completed: Some(directory || inode.is_completed()),
        folder: Some(directory),
        pinned: Some(inode.is_pinned()),
        cacheable: Some(!directory && inode.is_cacheable()),
        persisted: Some(inode.is_persisted()),
        block_ids: blocks.collect(),
        last_modification_time_ms: Some(inode.modified_ms),
        ttl: Some(rare.ttl_ms),
        owner: Some(owner.to_owned()),
        group: Some(group.to_owned()),
        mode: Some(i32::from(inode.mode().get())),
        persistence_state: Some(inode.persistence().as_str().to_owned()),
        mount_point: Some(inode.is_mount_point() || ids::ROOT_ID == inode.id),
        file_block_infos: (0..inode.blocks).filter_map(block_info).collect(),
        ttl_action: Some(if rare.ttl_ms < 0 { TtlAction::Free } else { rare.ttl_action } as i32),
        mount_id: Some(mount.map_or(-1, |mount| mount.id)),
        in_alluxio_percentage: Some(0),
        in_memory_percentage: Some(0),
        ufs_fingerprint: Some(rare.fingerprint.to_string()),
        acl: Some(tree.access_acl(slot, inode).to_wire(owner, group)),
        default_acl: directory
            .then(|| AccessControlList::default_to_wire(rare.default_acl.as_deref(), owner, group)),
        replication_max: Some(if directory { 0 } else { rare.replication_max }),
        replication_min: Some(if directory { 0 } else { rare.replication_min }),
        last_access_time_ms: Some(inode.accessed_ms),
        xattr: rare.xattr.clone(),
        medium_type: rare.media.clone(),
    }
}

impl FileSystemMaster {
    /// Adds where the blocks are, and what follows from it. Takes no lock of the tree.
    pub(super) fn add_locations(&self, info: &mut FileInfo) {
        if info.folder() {
            return;
        }
        // Lengths are what workers and clients said; no sum of them may overflow.
        let (mut cached, mut on_top, mut lost) = (0_i128, 0_i128, false);
        for block in info.file_block_infos.iter_mut().filter_map(|block| block.block_info.as_mut()) {
            block.locations = self.blocks.locations(block.block_id()).to_vec();
            match self.blocks.residence(block.block_id()) {
                Residence::Nowhere => lost |= block.length() > 0,
                Residence::LowerTier => cached += i128::from(block.length()),
                Residence::TopTier => {
                    cached += i128::from(block.length());
                    on_top += i128::from(block.length());
                }
            }
        }
        // A file without bytes is all there, as 2.9 counts.
        let length = i128::from(info.length());
        let percent = |part: i128| if length == 0 { 100 } else { (part * 100 / length).clamp(0, 100) as i32 };
        let (cached, on_top) = (percent(cached), percent(on_top));
        info.in_alluxio_percentage = Some(cached);
        info.in_memory_percentage = Some(on_top);
        // LOST is never stored: it ends by itself when a holder comes back (invariant 7).
        if lost && info.completed() && !info.persisted() && !self.blocks.safe_mode() {
            info.persistence_state = Some("LOST".to_owned());
        }
    }
}

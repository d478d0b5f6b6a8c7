//! A `FileInfo` of an inode, as protocol.md 3.2 of the wire notes says: what is always set, and what a
//! Java client would trip over if it were missing.

use alluxio_fs::{AccessControlList, AlluxioPath, FsError, ids};
use alluxio_proto::grpc::{
    BlockInfo, TtlAction,
    file::{FileBlockInfo, FileInfo},
};

use std::ops::Range;

use super::{FileSystemMaster, ufs::no_mount};
use crate::{
    block::Residence,
    tree::{FileBlocks, Inode, Mount, Rare, Slot, Tree},
};

/// What of a `FileInfo` the tree knows. The blocks, of which there may be half a million, are laid out when the
/// lock is released, and their locations come from the block master.
#[derive(Debug)]
pub struct Seen {
    pub info: FileInfo,
    blocks: FileBlocks,
}

/// Blocks looked at before other tasks have their turn.
pub(super) const BLOCKS_AT_ONCE: u32 = 4_096;

/// What is seen of an inode under the lock.
pub fn file_info(tree: &Tree, slot: Slot, inode: &Inode, path: &AlluxioPath, mount: Option<&Mount>) -> Seen {
    let default = Rare::default();
    let rare = tree.rare(slot, inode).unwrap_or(&default);
    let (owner, group) = (tree.owner(inode), tree.group(inode));
    let directory = inode.is_directory();
    let info = FileInfo {
        file_id: Some(inode.id),
        name: Some(inode.name.to_string()),
        path: Some(path.to_string()),
        ufs_path: Some(mount.and_then(|mount| mount.ufs_path(path)).unwrap_or_default()),
        length: Some(if directory { tree.child_count(inode) as i64 } else { inode.file_length() }),
        block_size_bytes: Some(tree.block_size(inode)),
        creation_time_ms: Some(inode.created_ms),
        completed: Some(directory || inode.is_completed()),
        folder: Some(directory),
        pinned: Some(inode.is_pinned()),
        cacheable: Some(!directory && inode.is_cacheable()),
        persisted: Some(inode.is_persisted()),
        last_modification_time_ms: Some(inode.modified_ms),
        ttl: Some(rare.ttl_ms),
        owner: Some(owner.to_owned()),
        group: Some(group.to_owned()),
        mode: Some(i32::from(inode.mode().get())),
        persistence_state: Some(inode.persistence().as_str().to_owned()),
        // As the original, which does not call the root one.
        mount_point: Some(inode.is_mount_point() && inode.id != ids::ROOT_ID),
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
        ..FileInfo::default()
    };
    Seen { info, blocks: tree.blocks_of(slot, inode) }
}

/// The same of the next children of the directory at `path`, at most `limit` of them.
pub fn child_infos(
    tree: &Tree,
    path: &AlluxioPath,
    children: &mut impl Iterator<Item = Slot>,
    limit: usize,
) -> Result<Vec<Seen>, FsError> {
    let mount = tree.mounts().mount_of(path).ok_or_else(|| no_mount(path))?;
    let seen = children.filter_map(|slot| {
        let inode = tree.get(slot)?;
        let path = path.join(&inode.name);
        let own = if inode.is_mount_point() { tree.mounts().mount_of(&path) } else { None };
        Some(file_info(tree, slot, inode, &path, Some(own.as_ref().unwrap_or(&mount))))
    });
    Ok(seen.take(limit).collect())
}

impl FileSystemMaster {
    /// Adds the blocks, where they are, and what follows from it. Takes no lock of the tree.
    pub(super) async fn with_blocks(&self, seen: Seen) -> FileInfo {
        let ids = if seen.info.folder() { Vec::new() } else { seen.blocks.range.ids().collect() };
        let (mut info, _) = self.with_some_blocks(seen, 0..usize::MAX).await;
        info.block_ids = ids;
        info
    }

    /// The same with those blocks only that are at these positions, and without the list of ids. Also says how
    /// many blocks there are. What follows from where they are, follows from all.
    pub(super) async fn with_some_blocks(&self, seen: Seen, shown: Range<usize>) -> (FileInfo, usize) {
        let Seen { mut info, blocks } = seen;
        if info.folder() {
            return (info, 0);
        }
        // What is in the under storage needs no worker that is to be left alone.
        let last = !info.persisted();
        let mut count = 0;
        // Lengths are what workers and clients said; no sum of them may overflow.
        let (mut cached, mut on_top, mut lost) = (0_i128, 0_i128, false);
        for (number, id) in (0..).zip(blocks.range.ids()) {
            let Some(length) = blocks.length(number) else { continue };
            if shown.contains(&count) {
                let locations = if last { self.blocks.last_locations(id) } else { self.blocks.locations(id) };
                info.file_block_infos.push(FileBlockInfo {
                    block_info: Some(BlockInfo {
                        block_id: Some(id),
                        length: Some(length),
                        locations: locations.into_vec(),
                    }),
                    // Nothing bounds what a file that is being written may come to.
                    offset: Some(i64::from(number).saturating_mul(blocks.block_size)),
                    ..FileBlockInfo::default()
                });
            }
            count += 1;
            let residence = if last { self.blocks.last_residence(id) } else { self.blocks.residence(id) };
            match residence {
                Residence::Nowhere => lost |= length > 0,
                Residence::LowerTier => cached += i128::from(length),
                Residence::TopTier => {
                    cached += i128::from(length);
                    on_top += i128::from(length);
                }
            }
            if (number + 1) % BLOCKS_AT_ONCE == 0 {
                tokio::task::yield_now().await;
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
        (info, count)
    }
}

//! From what a checkpoint holds to the entries of a backup, which Java masters apply strictly: no field of ours, and
//! all that follows from other fields written out.

use alluxio_fs::ids;
use alluxio_proto::{
    journal::{
        BlockContainerIdGeneratorEntry, BlockInfoEntry, ClusterInfoEntry, InodeDirectoryEntry,
        InodeDirectoryIdGeneratorEntry, InodeFileEntry, JournalEntry,
    },
    meta::Inode,
    own::CheckpointTables,
};

use super::error::BackupError;

/// What stands before the inodes: they belong to other masters of the original.
pub fn head(tables: &CheckpointTables) -> Vec<JournalEntry> {
    let mut entries = vec![
        JournalEntry {
            block_container_id_generator: Some(BlockContainerIdGeneratorEntry {
                next_container_id: tables.next_container_id,
            }),
            ..JournalEntry::default()
        },
        JournalEntry {
            cluster_info: Some(ClusterInfoEntry { cluster_id: tables.cluster_id.clone() }),
            ..JournalEntry::default()
        },
    ];
    entries.extend(tables.path_properties.iter().map(|properties| JournalEntry {
        path_properties: Some(properties.clone()),
        ..JournalEntry::default()
    }));
    entries
}

/// What stands after the inodes.
pub fn tail(tables: &CheckpointTables) -> Vec<JournalEntry> {
    let next = tables.next_directory_id();
    let mut entries = vec![JournalEntry {
        inode_directory_id_generator: Some(InodeDirectoryIdGeneratorEntry {
            container_id: Some(ids::container_of(next)),
            sequence_number: Some(ids::sequence_of(next)),
        }),
        ..JournalEntry::default()
    }];
    entries.extend(
        tables
            .mounts
            .iter()
            .map(|mount| JournalEntry { add_mount_point: Some(mount.clone()), ..JournalEntry::default() }),
    );
    entries.extend(
        tables
            .ufs_modes
            .iter()
            .map(|mode| JournalEntry { update_ufs_mode: Some(mode.clone()), ..JournalEntry::default() }),
    );
    entries
}

/// An inode, and before it the lengths of its blocks. What was cut off under the tree does not come here.
pub fn inode(
    inode: Inode,
    mut write: impl FnMut(&JournalEntry) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    if inode.is_directory() {
        return write(&JournalEntry { inode_directory: Some(directory(inode)), ..JournalEntry::default() });
    }
    let container = ids::container_of(inode.id());
    let blocks: Vec<i64> = (0..i64::from(inode.block_count())).map(|n| ids::block_id(container, n)).collect();
    for (number, block_id) in (0_i64..).zip(&blocks) {
        if let Some(length) = length_of(&inode, number) {
            let block =
                BlockInfoEntry { block_id: Some(*block_id), length: Some(length), block_location: None };
            write(&JournalEntry { block_info: Some(block), ..JournalEntry::default() })?;
        }
    }
    write(&JournalEntry { inode_file: Some(file(inode, blocks)), ..JournalEntry::default() })
}

/// The length of a block; none of one that is not committed.
fn length_of(inode: &Inode, number: i64) -> Option<i64> {
    if !inode.is_completed() {
        let length = inode.block_lengths.get(usize::try_from(number).ok()?)?;
        return (*length >= 0).then_some(*length);
    }
    let size = inode.block_size_bytes();
    Some((inode.length() - number * size).clamp(0, size))
}

fn directory(inode: Inode) -> InodeDirectoryEntry {
    // The original does not call the root a mount point.
    let is_root = inode.id() == ids::ROOT_ID;
    InodeDirectoryEntry {
        id: inode.id,
        parent_id: inode.parent_id,
        name: inode.name,
        persistence_state: inode.persistence_state,
        pinned: inode.is_pinned,
        creation_time_ms: inode.creation_time_ms,
        last_modification_time_ms: inode.last_modified_ms,
        last_access_time_ms: inode.last_accessed_ms,
        mount_point: inode.is_mount_point.map(|mount_point| mount_point && !is_root),
        direct_children_loaded: inode.has_direct_children_loaded,
        ttl: inode.ttl,
        ttl_action: inode.ttl_action,
        acl: inode.access_acl,
        default_acl: inode.default_acl,
        medium_type: inode.medium_type,
        x_attr: inode.x_attr,
        ..InodeDirectoryEntry::default()
    }
}

fn file(inode: Inode, blocks: Vec<i64>) -> InodeFileEntry {
    InodeFileEntry {
        id: inode.id,
        parent_id: inode.parent_id,
        name: inode.name,
        persistence_state: inode.persistence_state,
        pinned: inode.is_pinned,
        creation_time_ms: inode.creation_time_ms,
        last_modification_time_ms: inode.last_modified_ms,
        last_access_time_ms: inode.last_accessed_ms,
        block_size_bytes: inode.block_size_bytes,
        length: inode.length,
        completed: inode.is_completed,
        cacheable: inode.is_cacheable,
        blocks,
        ttl: inode.ttl,
        ttl_action: inode.ttl_action,
        ufs_fingerprint: inode.ufs_fingerprint,
        acl: inode.access_acl,
        replication_max: inode.replication_max,
        replication_min: inode.replication_min,
        replication_durable: inode.replication_durable,
        persist_job_id: inode.persist_job_id,
        temp_ufs_path: inode.persist_job_temp_ufs_path,
        medium_type: inode.medium_type,
        should_persist_time: inode.should_persist_time,
        x_attr: inode.x_attr,
        ..InodeFileEntry::default()
    }
}

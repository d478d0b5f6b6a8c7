//! The stored form of an inode, as checkpoints hold it.

use alluxio_fs::{AccessControlList, ids};
use alluxio_proto::{
    journal::{InodeDirectoryEntry, InodeFileEntry},
    meta,
};
use prost::Message;

use super::{
    Tree,
    blocks::BlockLengths,
    inode::{NO_SLOT, Rare, Slot},
};

/// An inode copied out under the lock. Only the lengths of a file that is being written may be many; they are
/// shared with the tree until they become a message.
pub struct Stored {
    inode: meta::Inode,
    lengths: BlockLengths,
}

impl Stored {
    pub fn into_message(self) -> meta::Inode {
        meta::Inode { block_lengths: self.lengths.iter().collect(), ..self.inode }
    }

    /// What it takes in memory, more or less: a message's strings and lists lie outside it.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.inode.encoded_len() + self.lengths.bytes()
    }
}

impl Tree {
    pub(super) fn stored(&self, slot: Slot) -> Option<Stored> {
        let inode = self.get(slot)?;
        let default = Rare::default();
        let rare = self.rare(slot, inode).unwrap_or(&default);
        let (owner, group) = (self.owner(inode), self.group(inode));
        let acl = |list: &AccessControlList, is_default| list.to_stored(owner, group, is_default);
        let mut stored = meta::Inode {
            id: Some(inode.id),
            creation_time_ms: Some(inode.created_ms),
            is_directory: Some(inode.is_directory()),
            ttl: Some(rare.ttl_ms),
            ttl_action: Some(rare.ttl_action as i32),
            name: Some(inode.name.to_string()),
            parent_id: Some(self.get(inode.parent).map_or(ids::NO_PARENT, |parent| parent.id)),
            persistence_state: Some(inode.persistence().as_str().to_owned()),
            is_pinned: Some(inode.is_pinned()),
            access_acl: Some(acl(&self.access_acl(slot, inode), false)),
            ufs_fingerprint: Some(rare.fingerprint.to_string()),
            medium_type: rare.media.clone(),
            x_attr: rare.xattr.clone(),
            last_modified_ms: Some(inode.modified_ms),
            last_accessed_ms: Some(inode.accessed_ms),
            ..meta::Inode::default()
        };
        let mut lengths = BlockLengths::default();
        if inode.is_directory() {
            stored.is_mount_point = Some(inode.is_mount_point());
            stored.has_direct_children_loaded = Some(inode.children_loaded());
            stored.default_acl = rare.default_acl.as_ref().map(|list| acl(list, true));
        } else {
            stored.block_size_bytes = Some(self.block_size(inode));
            stored.block_count = Some(inode.blocks);
            stored.is_cacheable = Some(inode.is_cacheable());
            stored.is_completed = Some(inode.is_completed());
            stored.length = Some(inode.file_length());
            stored.replication_durable = Some(rare.replication_durable);
            stored.replication_max = Some(rare.replication_max);
            stored.replication_min = Some(rare.replication_min);
            stored.persist_job_id = Some(rare.persist_job);
            stored.persist_job_temp_ufs_path = Some(rare.persist_path.to_string());
            stored.should_persist_time = Some(rare.should_persist_ms);
            lengths = rare.block_lengths.clone();
        }
        Some(Stored { inode: stored, lengths })
    }

    /// Makes the inode of a stored one, not linked to its parent yet.
    pub(super) fn insert_stored(&mut self, stored: &meta::Inode) -> Slot {
        let acl = stored.access_acl.clone();
        let owner = acl.as_ref().map(|acl| acl.owning_user().to_owned());
        let group = acl.as_ref().map(|acl| acl.owning_group().to_owned());
        let (inode, mut rare) = if stored.is_directory() {
            self.directory_from(
                &InodeDirectoryEntry {
                    id: stored.id,
                    name: stored.name.clone(),
                    persistence_state: stored.persistence_state.clone(),
                    pinned: stored.is_pinned,
                    creation_time_ms: stored.creation_time_ms,
                    last_modification_time_ms: stored.last_modified_ms,
                    last_access_time_ms: stored.last_accessed_ms,
                    owner,
                    group,
                    mount_point: stored.is_mount_point,
                    direct_children_loaded: stored.has_direct_children_loaded,
                    ttl: stored.ttl,
                    ttl_action: stored.ttl_action,
                    acl,
                    default_acl: stored.default_acl.clone(),
                    medium_type: stored.medium_type.clone(),
                    x_attr: stored.x_attr.clone(),
                    ..InodeDirectoryEntry::default()
                },
                NO_SLOT,
            )
        } else {
            self.file_from(
                &InodeFileEntry {
                    id: stored.id,
                    name: stored.name.clone(),
                    persistence_state: stored.persistence_state.clone(),
                    pinned: stored.is_pinned,
                    creation_time_ms: stored.creation_time_ms,
                    last_modification_time_ms: stored.last_modified_ms,
                    last_access_time_ms: stored.last_accessed_ms,
                    block_size_bytes: stored.block_size_bytes,
                    length: stored.length,
                    completed: stored.is_completed,
                    cacheable: stored.is_cacheable,
                    block_count: stored.block_count.or(Some(stored.blocks.len() as u32)),
                    ttl: stored.ttl,
                    owner,
                    group,
                    ttl_action: stored.ttl_action,
                    ufs_fingerprint: stored.ufs_fingerprint.clone(),
                    acl,
                    replication_max: stored.replication_max,
                    replication_min: stored.replication_min,
                    replication_durable: stored.replication_durable,
                    persist_job_id: stored.persist_job_id,
                    temp_ufs_path: stored.persist_job_temp_ufs_path.clone(),
                    medium_type: stored.medium_type.clone(),
                    should_persist_time: stored.should_persist_time,
                    x_attr: stored.x_attr.clone(),
                    ..InodeFileEntry::default()
                },
                NO_SLOT,
            )
        };
        if !stored.block_lengths.is_empty() {
            rare.block_lengths = stored.block_lengths.iter().copied().collect();
        }
        if stored.is_directory() {
            rare.fingerprint = stored.ufs_fingerprint().into();
        }
        self.insert_inode(inode, rare)
    }
}

//! How journal entries carry the attributes of inodes.

use alluxio_fs::{AccessControlList, AclEntry, FsError};
use alluxio_proto::{
    grpc::{TtlAction, file::PAclEntry},
    journal::{
        InodeDirectoryEntry, InodeFileEntry, PSetAclAction, SetAclEntry, UpdateInodeEntry,
        XAttrUpdateStrategy,
    },
    shared::AclEntry as StoredAclEntry,
};

use super::{
    ApplyError, Tree,
    blocks::BlockLengths,
    inode::{Inode, Persistence, Rare, Slot},
};

fn ttl_action(number: i32) -> TtlAction {
    TtlAction::try_from(number).unwrap_or(TtlAction::Free)
}

/// Entries of journal and wire have the same numbers; one conversion serves both.
fn acl_entry(stored: &StoredAclEntry) -> Result<AclEntry, FsError> {
    AclEntry::from_wire(&PAclEntry {
        r#type: stored.r#type,
        subject: stored.subject.clone(),
        actions: stored.actions.clone(),
        is_default: stored.is_default,
    })
}

impl Tree {
    pub(super) fn directory_from(&mut self, entry: &InodeDirectoryEntry, parent: Slot) -> (Inode, Rare) {
        let mut inode = Inode::new(entry.id(), parent, entry.name(), true);
        inode.set_completed(true);
        inode.created_ms = entry.creation_time_ms();
        inode.modified_ms = entry.last_modification_time_ms();
        inode.accessed_ms = entry.last_access_time_ms.unwrap_or(inode.modified_ms);
        inode.owner = self.names.number(entry.owner());
        inode.group = self.names.number(entry.group());
        inode.set_pinned(entry.pinned());
        inode.set_mount_point(entry.mount_point());
        inode.set_children_loaded(entry.direct_children_loaded());
        inode.set_persistence(
            Persistence::parse(entry.persistence_state()).unwrap_or(Persistence::NotPersisted),
        );
        let acl = access_acl(entry.acl.as_ref(), entry.mode());
        inode.set_mode(acl.mode);
        let default_acl = entry.default_acl.as_ref().filter(|acl| !acl.is_empty());
        let rare = Rare {
            extended_acl: acl.extended,
            default_acl: default_acl.map(|acl| Box::new(AccessControlList::from_stored(acl))),
            ttl_ms: entry.ttl.unwrap_or(-1),
            ttl_action: entry.ttl_action.map_or(TtlAction::Free, ttl_action),
            xattr: entry.x_attr.clone(),
            media: entry.medium_type.clone(),
            ..Rare::default()
        };
        (inode, rare)
    }

    pub(super) fn file_from(&mut self, entry: &InodeFileEntry, parent: Slot) -> (Inode, Rare) {
        let mut inode = Inode::new(entry.id(), parent, entry.name(), false);
        inode.created_ms = entry.creation_time_ms();
        inode.modified_ms = entry.last_modification_time_ms();
        inode.accessed_ms = entry.last_access_time_ms.unwrap_or(inode.modified_ms);
        inode.owner = self.names.number(entry.owner());
        inode.group = self.names.number(entry.group());
        inode.set_pinned(entry.pinned());
        inode.set_completed(entry.completed());
        inode.set_cacheable(entry.cacheable());
        inode.set_persistence(
            Persistence::parse(entry.persistence_state()).unwrap_or(Persistence::NotPersisted),
        );
        inode.data = entry.length();
        inode.block_size = self.block_sizes.number(&entry.block_size_bytes());
        inode.blocks = entry.block_count.unwrap_or(entry.blocks.len() as u32);
        let acl = access_acl(entry.acl.as_ref(), entry.mode());
        inode.set_mode(acl.mode);
        let rare = Rare {
            extended_acl: acl.extended,
            ttl_ms: entry.ttl.unwrap_or(-1),
            ttl_action: entry.ttl_action.map_or(TtlAction::Free, ttl_action),
            replication_min: entry.replication_min.unwrap_or(0),
            replication_max: entry.replication_max.unwrap_or(-1),
            replication_durable: entry.replication_durable.unwrap_or(1),
            fingerprint: entry.ufs_fingerprint().into(),
            xattr: entry.x_attr.clone(),
            media: entry.medium_type.clone(),
            persist_job: entry.persist_job_id.unwrap_or(-1),
            persist_path: entry.temp_ufs_path().into(),
            should_persist_ms: entry.should_persist_time.unwrap_or(-1),
            block_lengths: if entry.completed() {
                BlockLengths::default()
            } else {
                std::iter::repeat_n(-1, inode.blocks as usize).collect()
            },
            default_acl: None,
        };
        (inode, rare)
    }

    pub(super) fn update_inode(&mut self, entry: &UpdateInodeEntry) -> Result<(), ApplyError> {
        const KIND: &str = "update_inode";
        let id = entry.id();
        if entry.parent_id.is_some() || entry.name.is_some() {
            return Err(ApplyError::Invalid {
                kind: KIND,
                id,
                reason: "it moves the inode, which only rename does",
            });
        }
        let slot = self.edit(KIND, id)?;
        let owner = entry.owner.as_ref().map(|name| self.names.number(name.as_str()));
        let group = entry.group.as_ref().map(|name| self.names.number(name.as_str()));
        self.unindex(slot);
        let Some(inode) = self.slab.get_mut(slot) else { return Ok(()) };
        if let Some(state) = entry.persistence_state.as_deref().and_then(Persistence::parse) {
            inode.set_persistence(state);
        }
        if let Some(pinned) = entry.pinned {
            inode.set_pinned(pinned);
        }
        if let Some(time) = entry.creation_time_ms {
            inode.created_ms = time;
        }
        if let Some(time) = entry.last_modification_time_ms
            && (entry.overwrite_modification_time() || time > inode.modified_ms)
        {
            inode.modified_ms = time;
        }
        if let Some(time) = entry.last_access_time_ms
            && (entry.overwrite_access_time() || time > inode.accessed_ms)
        {
            inode.accessed_ms = time;
        }
        inode.owner = owner.unwrap_or(inode.owner);
        inode.group = group.unwrap_or(inode.group);
        if let Some(mode) = entry.mode {
            inode.set_mode(alluxio_fs::Mode::new(mode as u16));
        }
        let acl = entry.acl.as_ref().map(AccessControlList::from_stored);
        if let Some(acl) = &acl {
            inode.set_mode(acl.mode);
        }
        let rare_changes = acl.is_some()
            || entry.ttl.is_some()
            || entry.ttl_action.is_some()
            || entry.ufs_fingerprint.is_some()
            || !entry.medium_type.is_empty()
            || entry.pinned.is_some()
            || entry.x_attr_update_strategy.is_some()
            || !entry.x_attr.is_empty();
        if rare_changes {
            self.edit_rare(slot, |rare| {
                if let Some(acl) = acl {
                    rare.extended_acl = acl.extended;
                }
                rare.ttl_ms = entry.ttl.unwrap_or(rare.ttl_ms);
                rare.ttl_action = entry.ttl_action.map_or(rare.ttl_action, ttl_action);
                if let Some(fingerprint) = &entry.ufs_fingerprint {
                    rare.fingerprint = fingerprint.as_str().into();
                }
                if entry.pinned.is_some() || !entry.medium_type.is_empty() {
                    rare.media = entry.medium_type.clone();
                }
                update_xattr(rare, entry);
            });
        }
        self.index(slot);
        Ok(())
    }

    pub(super) fn set_acl(&mut self, entry: &SetAclEntry) -> Result<(), ApplyError> {
        const KIND: &str = "set_acl";
        let id = entry.id();
        let slot = self.edit(KIND, id)?;
        let Some(inode) = self.slab.get(slot) else { return Ok(()) };
        let mut access = self.access_acl(slot, inode);
        let mut default = self.rare(slot, inode).and_then(|rare| rare.default_acl.as_deref().cloned());
        let entries = entry.entries.iter().map(acl_entry).collect::<Result<Vec<_>, _>>();
        let change =
            entries.and_then(|entries| change_acl(entry.action(), &entries, &mut access, &mut default));
        if change.is_err() {
            return Err(ApplyError::Invalid { kind: KIND, id, reason: "its entries are not valid" });
        }
        let modified = entry.op_time_ms();
        if let Some(inode) = self.slab.get_mut(slot) {
            inode.set_mode(access.mode);
            inode.modified_ms = inode.modified_ms.max(modified);
        }
        self.edit_rare(slot, |rare| {
            rare.extended_acl = access.extended;
            rare.default_acl = default.map(Box::new);
        });
        Ok(())
    }

    /// The slot of an inode about to be changed, after a running snapshot has kept what it was.
    pub(super) fn edit(&mut self, kind: &'static str, id: i64) -> Result<Slot, ApplyError> {
        let slot = self.find(id).ok_or(ApplyError::NoInode { kind, id })?;
        self.keep_for_snapshot(slot);
        Ok(slot)
    }
}

/// Entries written by Java carry the list; ours carry it only when it has more than the mode.
fn access_acl(stored: Option<&alluxio_proto::shared::AccessControlList>, mode: i32) -> AccessControlList {
    let mode = alluxio_fs::Mode::new(mode as u16);
    stored.map_or_else(|| AccessControlList::new(mode), AccessControlList::from_stored)
}

fn update_xattr(rare: &mut Rare, entry: &UpdateInodeEntry) {
    if entry.x_attr.is_empty() && entry.x_attr_update_strategy.is_none() {
        return;
    }
    match entry.x_attr_update_strategy() {
        XAttrUpdateStrategy::Truncate => rare.xattr = entry.x_attr.clone(),
        XAttrUpdateStrategy::UnionReplace => rare.xattr.extend(entry.x_attr.clone()),
        XAttrUpdateStrategy::UnionPreserve => {
            for (key, value) in &entry.x_attr {
                rare.xattr.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        XAttrUpdateStrategy::DeleteKeys => rare.xattr.retain(|key, _| !entry.x_attr.contains_key(key)),
    }
}

/// One `setfacl` on one inode. Operations call it to check, `apply` calls it to change.
pub fn change_acl(
    action: PSetAclAction,
    entries: &[AclEntry],
    access: &mut AccessControlList,
    default: &mut Option<AccessControlList>,
) -> Result<(), FsError> {
    let of = |is_default| entries.iter().filter(move |entry| entry.is_default == is_default);
    let explicit_mask = |is_default| of(is_default).any(|e| e.kind == alluxio_fs::AclEntryKind::Mask);
    match action {
        PSetAclAction::Replace => {
            if of(false).next().is_some() {
                access.remove_extended();
            }
            if of(true).next().is_some() {
                *default = None;
            }
            return change_acl(PSetAclAction::Modify, entries, access, default);
        }
        PSetAclAction::Modify => {
            for entry in of(false) {
                access.set(&entry.kind, entry.actions);
            }
            if !explicit_mask(false) && of(false).next().is_some() {
                access.recompute_mask();
            }
            if of(true).next().is_some() {
                // A default list begins as a copy of the base entries.
                let list = default.get_or_insert_with(|| AccessControlList::new(access.mode));
                for entry in of(true) {
                    list.set(&entry.kind, entry.actions);
                }
                if !explicit_mask(true) {
                    list.recompute_mask();
                }
            }
        }
        PSetAclAction::Remove => {
            for entry in of(false) {
                access.remove(&entry.kind)?;
            }
            access.recompute_mask();
            if let Some(list) = default {
                for entry in of(true) {
                    list.remove(&entry.kind)?;
                }
                list.recompute_mask();
            }
        }
        PSetAclAction::RemoveAll => {
            access.remove_extended();
            *default = None;
        }
        PSetAclAction::RemoveDefault => *default = None,
    }
    // Stored lists cannot tell a lone mask from none.
    access.drop_lone_mask();
    default.iter_mut().for_each(AccessControlList::drop_lone_mask);
    Ok(())
}

//! The one way the tree changes.

use std::sync::Arc;

use alluxio_fs::{AlluxioPath, ids};
use alluxio_proto::journal::{
    DeleteFileEntry, JournalEntry, LoadJobEntry, PJobState, RenameEntry, UpdateInodeDirectoryEntry,
    UpdateInodeFileEntry,
};

use compact_str::CompactString;

use super::{
    ApplyError, Effects, Tree,
    blocks::{BlockLengths, BlockRange},
    inode::{NO_SLOT, Slot},
    mounts::{Mount, UfsMode},
};

/// No child has this name: it stands for how many there are, which a look at the directory shows.
const CHILDREN: CompactString = CompactString::const_new("");

impl Tree {
    /// Applies one record. An error leaves the tree in an undefined state: whoever gets one stops
    /// serving from this tree.
    pub fn apply(&mut self, entry: &JournalEntry, effects: &mut Effects) -> Result<(), ApplyError> {
        for part in &entry.journal_entries {
            self.apply(part, effects)?;
        }
        self.remember_operation(entry.operation_id.as_ref());
        let known = self.apply_inode_entries(entry, effects)? | self.apply_tables(entry, effects)?;
        if known || !entry.journal_entries.is_empty() { Ok(()) } else { Err(ApplyError::UnknownKind) }
    }

    fn apply_inode_entries(
        &mut self,
        entry: &JournalEntry,
        effects: &mut Effects,
    ) -> Result<bool, ApplyError> {
        if let Some(e) = &entry.inode_directory {
            self.check_new("inode_directory", e.id())?;
            if e.parent_id() == ids::NO_PARENT {
                let (inode, rare) = self.directory_from(e, NO_SLOT);
                self.root = Some(self.insert_inode(inode, rare));
            } else {
                let parent = self.existing("inode_directory", e.parent_id())?;
                let (inode, rare) = self.directory_from(e, NO_SLOT);
                let slot = self.insert_inode(inode, rare);
                self.link("inode_directory", parent, slot)?;
                effects.touched_names.extend([(e.parent_id(), e.name().into()), (e.parent_id(), CHILDREN)]);
            }
            self.next_directory = self.next_directory.max(next_directory_after(e.id()));
            effects.touched.push(e.id());
        } else if let Some(e) = &entry.inode_file {
            self.check_new("inode_file", e.id())?;
            let parent = self.existing("inode_file", e.parent_id())?;
            let (inode, rare) = self.file_from(e, NO_SLOT);
            let slot = self.insert_inode(inode, rare);
            self.link("inode_file", parent, slot)?;
            self.next_container = self.next_container.max(ids::container_of(e.id()) + 1);
            effects.touched.push(e.id());
            effects.touched_names.extend([(e.parent_id(), e.name().into()), (e.parent_id(), CHILDREN)]);
        } else if let Some(e) = &entry.update_inode {
            self.update_inode(e)?;
            effects.touched.push(e.id());
        } else if let Some(e) = &entry.update_inode_file {
            self.update_file(e)?;
            effects.touched.push(e.id());
        } else if let Some(e) = &entry.update_inode_directory {
            self.update_directory(e)?;
            effects.touched.push(e.id());
        } else if let Some(e) = &entry.inode_last_modification_time {
            let slot = self.edit("inode_last_modification_time", e.id())?;
            self.touch_modified(slot, e.last_modification_time_ms());
            effects.touched.push(e.id());
        } else if let Some(e) = &entry.new_block {
            self.new_block(e.id())?;
            effects.touched.push(e.id());
        } else if let Some(e) = &entry.block_info {
            self.block_info(e.block_id(), e.length());
            effects.touched.push(ids::file_id_of_block(e.block_id()));
        } else if let Some(e) = &entry.delete_file {
            self.delete(e, effects)?;
        } else if let Some(e) = &entry.rename {
            self.rename(e, effects)?;
        } else if let Some(e) = &entry.set_acl {
            self.set_acl(e)?;
            effects.touched.push(e.id());
        } else if let Some(e) = &entry.reap {
            self.reap(e, effects);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// A mount shows in everything below it: whoever looks at any path has seen the root, and waits.
    fn apply_tables(&mut self, entry: &JournalEntry, effects: &mut Effects) -> Result<bool, ApplyError> {
        if let Some(e) = &entry.add_mount_point {
            let invalid =
                ApplyError::Invalid { kind: "add_mount_point", id: e.mount_id(), reason: "bad path" };
            self.mounts.add(Mount::from_entry(e).ok_or(invalid)?);
            effects.touched.push(ids::ROOT_ID);
        } else if let Some(e) = &entry.delete_mount_point {
            let path = AlluxioPath::parse(e.alluxio_path());
            if !path.is_ok_and(|path| self.mounts.remove(&path)) {
                return Err(ApplyError::Invalid {
                    kind: "delete_mount_point",
                    id: -1,
                    reason: "no such mount",
                });
            }
            effects.touched.push(ids::ROOT_ID);
        } else if let Some(e) = &entry.update_ufs_mode {
            self.mounts
                .set_mode(e.ufs_path(), UfsMode::try_from(e.ufs_mode() as i32).unwrap_or(UfsMode::ReadWrite));
            effects.touched.push(ids::ROOT_ID);
        } else if let Some(e) = &entry.path_properties {
            self.path_properties.insert(e.path().into(), Arc::new(e.properties.clone()));
        } else if let Some(e) = &entry.remove_path_properties {
            self.path_properties.remove(e.path());
        } else if let Some(e) = &entry.load_job {
            self.load_job(e);
        } else if let Some(e) = &entry.cluster_info {
            self.cluster_id = e.cluster_id().to_owned();
        } else if let Some(e) = &entry.block_container_id_generator {
            self.next_container = self.next_container.max(e.next_container_id());
        } else if let Some(e) = &entry.inode_directory_id_generator {
            let next = ids::block_id(e.container_id(), e.sequence_number());
            self.next_directory = self.next_directory.max(next);
        } else if let Some(e) = &entry.delete_block {
            effects.freed_blocks.push(BlockRange { first: e.block_id(), count: 1 });
        } else {
            return Ok(entry.operation_id.is_some() && entry.journal_entries.is_empty());
        }
        Ok(true)
    }

    /// One that began, or goes on with other settings; one that is over is forgotten, unless another one for its path began.
    pub(super) fn load_job(&mut self, entry: &LoadJobEntry) {
        let path = entry.load_path.as_str();
        if entry.state() == PJobState::Created {
            self.load_jobs.insert(path.into(), Arc::new(entry.clone()));
        } else if self.load_jobs.get(path).is_some_and(|job| job.job_id == entry.job_id) {
            self.load_jobs.remove(path);
        }
    }

    fn check_new(&self, kind: &'static str, id: i64) -> Result<(), ApplyError> {
        if self.find(id).is_some() { Err(ApplyError::InodeExists { kind, id }) } else { Ok(()) }
    }

    fn existing(&self, kind: &'static str, id: i64) -> Result<Slot, ApplyError> {
        self.find(id).ok_or(ApplyError::NoInode { kind, id })
    }

    fn touch_modified(&mut self, slot: Slot, time_ms: i64) {
        self.keep_for_snapshot(slot);
        if let Some(inode) = self.slab.get_mut(slot) {
            inode.modified_ms = inode.modified_ms.max(time_ms);
        }
    }

    fn update_file(&mut self, e: &UpdateInodeFileEntry) -> Result<(), ApplyError> {
        const KIND: &str = "update_inode_file";
        let id = e.id();
        let slot = self.edit(KIND, id)?;
        let block_size = e.block_size_bytes.map(|size| self.block_sizes.number(&size));
        let container = ids::container_of(id);
        // Only records of Java masters list them.
        if !e.set_blocks.iter().zip(0..).all(|(block, n)| *block == ids::block_id(container, n)) {
            return Err(ApplyError::Invalid {
                kind: KIND,
                id,
                reason: "its blocks are not numbered 0, 1, 2…",
            });
        }
        let Some(inode) = self.slab.get_mut(slot).filter(|inode| !inode.is_directory()) else {
            return Err(ApplyError::WrongType { kind: KIND, id, wanted: "file" });
        };
        inode.block_size = block_size.unwrap_or(inode.block_size);
        inode.data = e.length.unwrap_or(inode.data);
        if let Some(cacheable) = e.cacheable {
            inode.set_cacheable(cacheable);
        }
        // An empty list says nothing: proto2 cannot tell it from a missing one. A file that becomes
        // empty is completed with length 0.
        let listed = !e.set_blocks.is_empty() || (e.completed() && inode.data == 0);
        let listed = listed.then_some(e.set_blocks.len() as u32);
        if let Some(count) = e.block_count.or(listed) {
            let before = std::mem::replace(&mut inode.blocks, count);
            self.blocks = self.blocks - u64::from(before) + u64::from(count);
        }
        let blocks = inode.blocks as usize;
        if let Some(completed) = e.completed {
            inode.set_completed(completed);
        }
        let completed = inode.is_completed();
        self.edit_rare(slot, |rare| {
            if completed {
                rare.block_lengths = BlockLengths::default();
            } else {
                rare.block_lengths.resize(blocks);
            }
            rare.replication_max = e.replication_max.unwrap_or(rare.replication_max);
            rare.replication_min = e.replication_min.unwrap_or(rare.replication_min);
            rare.persist_job = e.persist_job_id.unwrap_or(rare.persist_job);
            if let Some(path) = &e.temp_ufs_path {
                rare.persist_path = path.as_str().into();
            }
        });
        Ok(())
    }

    fn update_directory(&mut self, e: &UpdateInodeDirectoryEntry) -> Result<(), ApplyError> {
        const KIND: &str = "update_inode_directory";
        let slot = self.edit(KIND, e.id())?;
        let Some(inode) = self.slab.get_mut(slot).filter(|inode| inode.is_directory()) else {
            return Err(ApplyError::WrongType { kind: KIND, id: e.id(), wanted: "directory" });
        };
        if let Some(mount_point) = e.mount_point {
            inode.set_mount_point(mount_point);
        }
        if let Some(loaded) = e.direct_children_loaded {
            inode.set_children_loaded(loaded);
        }
        if let Some(acl) = &e.default_acl {
            let list = (!acl.is_empty()).then(|| Box::new(alluxio_fs::AccessControlList::from_stored(acl)));
            self.edit_rare(slot, |rare| rare.default_acl = list);
        }
        Ok(())
    }

    fn new_block(&mut self, id: i64) -> Result<(), ApplyError> {
        const KIND: &str = "new_block";
        let slot = self.edit(KIND, id)?;
        let Some(inode) = self.slab.get_mut(slot).filter(|inode| !inode.is_directory()) else {
            return Err(ApplyError::WrongType { kind: KIND, id, wanted: "file" });
        };
        if inode.is_completed() {
            return Err(ApplyError::Invalid { kind: KIND, id, reason: "the file is completed" });
        }
        inode.blocks += 1;
        self.blocks += 1;
        self.edit_rare(slot, |rare| rare.block_lengths.push());
        Ok(())
    }

    /// A length reported for a block that no file wants any more is no error: the file may have been
    /// deleted or completed meanwhile.
    fn block_info(&mut self, block: i64, length: i64) {
        let Some(slot) = self.find(ids::file_id_of_block(block)) else { return };
        self.keep_for_snapshot(slot);
        if self.get(slot).is_some_and(|inode| !inode.is_completed()) {
            self.edit_rare(slot, |rare| {
                rare.block_lengths.set(ids::sequence_of(block) as u32, length);
            });
        }
    }

    fn delete(&mut self, e: &DeleteFileEntry, effects: &mut Effects) -> Result<(), ApplyError> {
        const KIND: &str = "delete_file";
        let id = e.id();
        let slot = self.edit(KIND, id)?;
        let Some(inode) = self.get(slot) else { return Ok(()) };
        let (parent, name, children) = (inode.parent, inode.name.clone(), self.child_count(inode));
        if parent == NO_SLOT {
            return Err(ApplyError::Invalid { kind: KIND, id, reason: "it is the root, or deleted already" });
        }
        if children > 0 && !e.recursive() {
            return Err(ApplyError::Invalid { kind: KIND, id, reason: "it is a directory with children" });
        }
        effects.touched.push(id);
        if let Some(directory) = self.get(parent) {
            effects.touched.push(directory.id);
            effects.touched_names.push((directory.id, name));
        }
        self.unlink(slot);
        self.touch_modified(parent, e.op_time_ms());
        if children > 0 {
            self.detached.push_back(id);
        } else {
            self.forget(slot, effects);
        }
        Ok(())
    }

    fn rename(&mut self, e: &RenameEntry, effects: &mut Effects) -> Result<(), ApplyError> {
        const KIND: &str = "rename";
        let slot = self.edit(KIND, e.id())?;
        let new_parent = self.existing(KIND, e.new_parent_id())?;
        let Some(inode) = self.get(slot) else { return Ok(()) };
        let old_parent = inode.parent;
        if old_parent == NO_SLOT {
            return Err(ApplyError::Invalid { kind: KIND, id: e.id(), reason: "it is the root, or deleted" });
        }
        if let Some(directory) = self.get(old_parent) {
            effects.touched.push(directory.id);
            effects.touched_names.push((directory.id, inode.name.clone()));
        }
        effects.touched.push(e.id());
        effects.touched.push(e.new_parent_id());
        effects.touched_names.push((e.new_parent_id(), e.new_name().into()));
        self.unlink(slot);
        if let Some(inode) = self.slab.get_mut(slot) {
            inode.name = e.new_name().into();
        }
        self.link(KIND, new_parent, slot)?;
        self.touch_modified(old_parent, e.op_time_ms());
        self.touch_modified(new_parent, e.op_time_ms());
        Ok(())
    }
}

/// Directory ids count up and step over the number that marks files.
pub fn next_directory_after(id: i64) -> i64 {
    if ids::is_file_id(id + 1) { id + 2 } else { id + 1 }
}

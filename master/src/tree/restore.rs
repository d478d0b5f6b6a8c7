//! Building the tree from a checkpoint: inodes come in no particular order, so they are linked to
//! their parents when all are there.

use std::{collections::BTreeMap, sync::Arc};

use alluxio_fs::ids;
use alluxio_proto::own::CheckpointChunk;
use thiserror::Error;

use super::{Tree, children::Children, hash::TreeHash, inode::Slot, mounts::Mount};

#[derive(Debug, Error)]
pub enum RestoreError {
    #[error("the checkpoint holds inode {0} twice")]
    Twice(i64),
    #[error("the checkpoint holds inode {id} without its parent {parent}")]
    NoParent { id: i64, parent: i64 },
    #[error("the checkpoint's inode {0} is the child of a file")]
    ParentIsFile(i64),
    #[error("the checkpoint names inode {0} as deleted, but does not hold it")]
    NoDetached(i64),
    #[error("the checkpoint's mount point {0} is not valid")]
    BadMount(String),
    #[error("the checkpoint has no tables")]
    NoTables,
}

/// A tree under construction.
#[derive(Default)]
pub struct Restore {
    tree: Tree,
    parents: Vec<(Slot, i64)>,
    detached: Vec<i64>,
    has_tables: bool,
    hash: TreeHash,
}

impl Restore {
    pub fn add(&mut self, chunk: CheckpointChunk) -> Result<(), RestoreError> {
        if let Some(tables) = chunk.tables {
            self.hash.add_tables(tables.clone());
            let tree = &mut self.tree;
            // The counters come first, and once; the rest in as many chunks as it takes.
            if tables.next_container_id.is_some() {
                self.has_tables = true;
                tree.next_container = tables.next_container_id();
                tree.next_directory = tables.next_directory_id();
                tree.cluster_id = tables.cluster_id().to_owned();
            }
            for id in &tables.operation_ids {
                tree.operation_ids.remember(id);
            }
            for entry in &tables.mounts {
                let bad = || RestoreError::BadMount(entry.alluxio_path().to_owned());
                tree.mounts.add(Mount::from_entry(entry).ok_or_else(bad)?);
            }
            for entry in &tables.ufs_modes {
                tree.mounts.set_mode(entry.ufs_path(), entry.ufs_mode());
            }
            for entry in tables.path_properties {
                tree.path_properties.insert(entry.path().into(), Arc::new(entry.properties));
            }
            tables.load_jobs.iter().for_each(|job| tree.load_job(job));
            self.detached.extend(tables.detached);
        }
        for stored in chunk.inodes {
            self.hash.add_inode(&stored);
            if self.tree.find(stored.id()).is_some() {
                return Err(RestoreError::Twice(stored.id()));
            }
            let slot = self.tree.insert_stored(&stored);
            self.parents.push((slot, stored.parent_id()));
        }
        Ok(())
    }

    /// Of what was added, as it is stored: what the tree makes of it may have fields that a checkpoint of an
    /// earlier version has not.
    pub fn hash(&self) -> u64 {
        self.hash.get()
    }

    pub fn finish(mut self) -> Result<Tree, RestoreError> {
        if !self.has_tables {
            return Err(RestoreError::NoTables);
        }
        let mut children: BTreeMap<Slot, Vec<Slot>> = BTreeMap::new();
        for (slot, parent_id) in &self.parents {
            let id = self.tree.get(*slot).map_or(0, |inode| inode.id);
            if *parent_id == ids::NO_PARENT {
                if id == ids::ROOT_ID {
                    self.tree.root = Some(*slot);
                }
                continue;
            }
            let parent =
                self.tree.find(*parent_id).ok_or(RestoreError::NoParent { id, parent: *parent_id })?;
            children.entry(parent).or_default().push(*slot);
        }
        drop(self.parents);
        for (parent, mut slots) in children {
            let name = |slot: &Slot| self.tree.get(*slot).map(|inode| &inode.name);
            slots.sort_unstable_by(|a, b| name(a).cmp(&name(b)));
            for slot in &slots {
                if let Some(inode) = self.tree.slab.get_mut(*slot) {
                    inode.parent = parent;
                }
            }
            let data = match self.tree.get(parent) {
                Some(inode) if inode.is_directory() => inode.data,
                Some(inode) => return Err(RestoreError::ParentIsFile(inode.id)),
                None => continue,
            };
            if let Some(place) = self.tree.directories.get_mut(data) {
                *place = Children::from_sorted(&slots);
            }
        }
        for id in self.detached {
            self.tree.find(id).ok_or(RestoreError::NoDetached(id))?;
            self.tree.detached.push_back(id);
        }
        Ok(self.tree)
    }
}

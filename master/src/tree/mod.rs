//! The namespace in memory: inodes, mounts, and all else that the journal makes durable.
//!
//! Everything that changes goes through [`Tree::apply`], on the leader, on a restart and on a standby
//! alike; it reads no clock, no randomness and no hash order, so the same records give the same tree.
//! The tree itself has no locks and does no I/O: `crate::namespace` holds it behind one lock.

mod apply;
mod attributes;
mod blocks;
mod children;
mod copies;
mod hash;
mod inode;
mod lookup;
mod mounts;
mod names;
mod operation_ids;
mod reap;
mod restore;
mod slab;
mod snapshot;
mod stored;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use alluxio_fs::{AccessControlList, ids};
use alluxio_proto::journal::{JournalOpPId, LoadJobEntry};
use smallvec::SmallVec;
use thiserror::Error;

pub use self::{
    apply::next_directory_after,
    attributes::change_acl,
    blocks::{BlockLengths, BlockRange, FileBlocks, Gap},
    copies::CopyLimits,
    hash::TreeHash,
    inode::{Inode, Persistence, Rare, Slot},
    lookup::Lookup,
    mounts::{Mount, MountTable, Resolved, UfsMode},
    operation_ids::{OperationId, OperationIds},
    restore::{Restore, RestoreError},
    snapshot::Kept,
    tables::Tables,
};
use self::{
    children::{Children, Directories},
    inode::NO_SLOT,
    names::Interned,
    slab::Slab,
    snapshot::Snapshot,
};

/// A record does not fit the tree. On the leader it would be a bug in the operation that made the
/// record; on replay the log and the code disagree. Either way nothing may be served from this tree.
#[derive(Debug, Error, PartialEq)]
pub enum ApplyError {
    #[error("record {kind} names inode {id}, which does not exist")]
    NoInode { kind: &'static str, id: i64 },
    #[error("record {kind} creates inode {id}, which exists already")]
    InodeExists { kind: &'static str, id: i64 },
    #[error("record {kind} puts \"{name}\" into directory {parent}, where that name exists already")]
    NameExists { kind: &'static str, parent: i64, name: String },
    #[error("record {kind} needs inode {id} to be a {wanted}")]
    WrongType { kind: &'static str, id: i64, wanted: &'static str },
    #[error("record {kind} of inode {id} cannot be applied: {reason}")]
    Invalid { kind: &'static str, id: i64, reason: &'static str },
    #[error("a record of a kind that this version does not know; it was written by a newer master")]
    UnknownKind,
}

/// What applying records leaves to do outside the tree, once they are durable.
#[derive(Debug, Default)]
pub struct Effects {
    /// Blocks that no file owns any more.
    pub freed_blocks: Vec<BlockRange>,
    /// What the records changed, for those who read it before it is durable.
    pub touched: SmallVec<[i64; 8]>,
    pub touched_names: SmallVec<[(i64, compact_str::CompactString); 4]>,
}

/// Shared, so that a snapshot takes a reference each.
pub type PathProperties = BTreeMap<Arc<str>, Arc<Properties>>;
pub type Properties = BTreeMap<String, String>;

pub struct Tree {
    slab: Slab,
    directories: Directories,
    rare: BTreeMap<Slot, Box<Rare>>,
    names: Interned<String>,
    block_sizes: Interned<i64>,
    root: Option<Slot>,
    next_container: i64,
    next_directory: i64,
    /// Subtrees that recursive deletes cut off, waiting for the reaper. Ids, so that a snapshot copies them as
    /// they are.
    detached: VecDeque<i64>,
    /// Of all files.
    blocks: u64,
    pinned: BTreeSet<i64>,
    to_be_persisted: BTreeSet<i64>,
    /// (expiry, inode), for the TTL checker.
    expiries: BTreeSet<(i64, i64)>,
    operation_ids: OperationIds,
    mounts: MountTable,
    path_properties: PathProperties,
    /// Those that run, by path: whoever leads next goes on with them.
    load_jobs: BTreeMap<Arc<str>, Arc<LoadJobEntry>>,
    cluster_id: String,
    snapshot: Option<Snapshot>,
    /// What an inode's snapshot bit is while no snapshot runs.
    snapshot_parity: bool,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            slab: Slab::default(),
            directories: Directories::default(),
            rare: BTreeMap::new(),
            names: Interned::default(),
            block_sizes: Interned::default(),
            root: None,
            next_container: 1,
            next_directory: ids::ROOT_ID + 1,
            detached: VecDeque::new(),
            blocks: 0,
            pinned: BTreeSet::new(),
            to_be_persisted: BTreeSet::new(),
            expiries: BTreeSet::new(),
            operation_ids: OperationIds::default(),
            mounts: MountTable::default(),
            path_properties: PathProperties::new(),
            load_jobs: BTreeMap::new(),
            cluster_id: String::new(),
            snapshot: None,
            snapshot_parity: false,
        }
    }
}

impl Tree {
    pub fn get(&self, slot: Slot) -> Option<&Inode> {
        self.slab.get(slot)
    }

    pub fn find(&self, id: i64) -> Option<Slot> {
        self.slab.find(id)
    }

    pub fn by_id(&self, id: i64) -> Option<(Slot, &Inode)> {
        let slot = self.slab.find(id)?;
        Some((slot, self.slab.get(slot)?))
    }

    pub fn root(&self) -> Option<Slot> {
        self.root
    }

    /// Inodes held, cut-off subtrees included.
    pub fn inode_count(&self) -> usize {
        self.slab.len()
    }

    /// What few inodes have; `None` stands for the defaults.
    pub fn rare(&self, slot: Slot, inode: &Inode) -> Option<&Rare> {
        if inode.has_rare() { self.rare.get(&slot).map(Box::as_ref) } else { None }
    }

    pub fn owner<'a>(&'a self, inode: &Inode) -> &'a str {
        self.names.value(inode.owner).map_or("", String::as_str)
    }

    pub fn group<'a>(&'a self, inode: &Inode) -> &'a str {
        self.names.value(inode.group).map_or("", String::as_str)
    }

    pub fn block_size(&self, inode: &Inode) -> i64 {
        if inode.is_directory() { 0 } else { self.block_sizes.value(inode.block_size).copied().unwrap_or(0) }
    }

    pub fn children(&self, inode: &Inode) -> Option<&Children> {
        if inode.is_directory() { self.directories.get(inode.data) } else { None }
    }

    pub fn child_count(&self, inode: &Inode) -> usize {
        self.children(inode).map_or(0, Children::len)
    }

    pub fn access_acl(&self, slot: Slot, inode: &Inode) -> AccessControlList {
        let extended = self.rare(slot, inode).and_then(|rare| rare.extended_acl.clone());
        AccessControlList { mode: inode.mode(), extended }
    }

    pub fn next_container(&self) -> i64 {
        self.next_container
    }

    pub fn next_directory(&self) -> i64 {
        self.next_directory
    }

    /// Blocks of all files, those of deleted files included until they are reaped.
    pub fn block_count(&self) -> u64 {
        self.blocks
    }

    /// Complete files that are in Alluxio only, with how many blocks they have: those in the next `limit` slots
    /// from `from` on, and where to go on.
    pub fn only_here(&self, from: Slot, limit: usize) -> (Vec<(i64, u32)>, Option<Slot>) {
        let end = self.slab.end();
        let until = end.min(from.saturating_add(limit as Slot));
        let only_here = |inode: &&Inode| {
            !inode.is_directory() && inode.is_completed() && !inode.is_persisted() && inode.blocks > 0
        };
        let inodes = (from..until).filter_map(|slot| self.slab.get(slot)).filter(only_here);
        (inodes.map(|inode| (inode.id, inode.blocks)).collect(), (until < end).then_some(until))
    }

    /// Complete files whose number of copies is limited, among the next `limit` slots from `from` on, and where to go on.
    pub fn with_copy_limits(&self, from: Slot, limit: usize) -> (Vec<CopyLimits>, Option<Slot>) {
        let end = self.slab.end();
        let until = end.min(from.saturating_add(limit as Slot));
        let limits = |slot: Slot| self.copy_limits(slot, self.slab.get(slot)?);
        ((from..until).filter_map(limits).collect(), (until < end).then_some(until))
    }

    pub fn pinned(&self) -> &BTreeSet<i64> {
        &self.pinned
    }

    pub fn to_be_persisted(&self) -> &BTreeSet<i64> {
        &self.to_be_persisted
    }

    pub fn expiries(&self) -> &BTreeSet<(i64, i64)> {
        &self.expiries
    }

    pub fn has_detached(&self) -> bool {
        !self.detached.is_empty()
    }

    pub fn operation_ids(&self) -> &OperationIds {
        &self.operation_ids
    }

    pub fn mounts(&self) -> &MountTable {
        &self.mounts
    }

    /// From the configuration; not journaled.
    pub fn set_root_mount(
        &mut self,
        ufs_uri: String,
        read_only: bool,
        shared: bool,
        properties: BTreeMap<String, String>,
    ) {
        self.mounts.set_root(ufs_uri, read_only, shared, properties);
    }

    pub fn path_properties(&self) -> &PathProperties {
        &self.path_properties
    }

    /// The load jobs that run.
    pub fn load_jobs(&self) -> impl Iterator<Item = &Arc<LoadJobEntry>> {
        self.load_jobs.values()
    }

    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// Changes what few inodes have; drops it when nothing is left.
    fn edit_rare(&mut self, slot: Slot, edit: impl FnOnce(&mut Rare)) {
        let mut rare = self.rare.remove(&slot).unwrap_or_default();
        edit(&mut rare);
        let keep = *rare != Rare::default();
        if keep {
            self.rare.insert(slot, rare);
        }
        if let Some(inode) = self.slab.get_mut(slot) {
            inode.set_has_rare(keep);
        }
    }

    fn name_of(slab: &Slab, slot: Slot) -> &str {
        slab.get(slot).map_or("", |inode| inode.name.as_str())
    }

    fn link(&mut self, kind: &'static str, parent: Slot, slot: Slot) -> Result<(), ApplyError> {
        let slab = &self.slab;
        let (Some(directory), Some(child)) = (slab.get(parent), slab.get(slot)) else {
            return Err(ApplyError::Invalid { kind, id: -1, reason: "its slot is empty" });
        };
        let name = child.name.as_str();
        let names = |slot| Self::name_of(slab, slot);
        let children = if directory.is_directory() { self.directories.get_mut(directory.data) } else { None };
        let Some(children) = children else {
            return Err(ApplyError::WrongType { kind, id: directory.id, wanted: "directory" });
        };
        if !children.insert(slot, name, names) {
            return Err(ApplyError::NameExists { kind, parent: directory.id, name: name.to_owned() });
        }
        if let Some(child) = self.slab.get_mut(slot) {
            child.parent = parent;
        }
        Ok(())
    }

    fn unlink(&mut self, slot: Slot) {
        let slab = &self.slab;
        let Some(inode) = slab.get(slot) else { return };
        if let Some(parent) = slab.get(inode.parent)
            && let Some(children) = self.directories.get_mut(parent.data)
        {
            children.remove(&inode.name, |slot| Self::name_of(slab, slot));
        }
        if let Some(inode) = self.slab.get_mut(slot) {
            inode.parent = NO_SLOT;
        }
    }

    fn insert_inode(&mut self, mut inode: Inode, rare: Rare) -> Slot {
        if inode.is_directory() {
            inode.data = i64::from(self.directories.add(Children::default()));
        }
        // Born after the cut, a running snapshot must not see it.
        inode.set_in_snapshot(self.snapshot_parity != self.snapshot.is_some());
        self.blocks += u64::from(inode.blocks);
        let slot = self.slab.insert(inode);
        if rare != Rare::default() {
            self.edit_rare(slot, |place| *place = rare);
        }
        self.index(slot);
        slot
    }

    /// Takes an inode out of the slab. It must be unlinked, and a directory empty.
    fn forget(&mut self, slot: Slot, effects: &mut Effects) {
        self.keep_for_snapshot(slot);
        self.unindex(slot);
        self.rare.remove(&slot);
        let Some(inode) = self.slab.remove(slot) else { return };
        self.blocks -= u64::from(inode.blocks);
        if inode.is_directory() {
            self.directories.remove(inode.data);
        } else if inode.blocks > 0 {
            effects.freed_blocks.push(BlockRange::of_file(inode.id, inode.blocks));
        }
    }

    /// Enters the inode into the sets that are asked for by attribute.
    fn index(&mut self, slot: Slot) {
        let Some(inode) = self.slab.get(slot) else { return };
        let id = inode.id;
        if inode.is_pinned() {
            self.pinned.insert(id);
        }
        if inode.persistence() == Persistence::ToBePersisted {
            self.to_be_persisted.insert(id);
        }
        if let Some(expiry) = self.expiry(slot, inode) {
            self.expiries.insert((expiry, id));
        }
    }

    fn unindex(&mut self, slot: Slot) {
        let Some(inode) = self.slab.get(slot) else { return };
        let id = inode.id;
        if inode.is_pinned() {
            self.pinned.remove(&id);
        }
        if inode.persistence() == Persistence::ToBePersisted {
            self.to_be_persisted.remove(&id);
        }
        if let Some(expiry) = self.expiry(slot, inode) {
            self.expiries.remove(&(expiry, id));
        }
    }

    fn expiry(&self, slot: Slot, inode: &Inode) -> Option<i64> {
        let ttl = self.rare(slot, inode)?.ttl_ms;
        (ttl >= 0).then(|| inode.created_ms.saturating_add(ttl))
    }

    fn remember_operation(&mut self, id: Option<&JournalOpPId>) {
        if let Some(id) = id {
            self.operation_ids.remember(id);
        }
    }
}

#[cfg(test)]
mod tests;

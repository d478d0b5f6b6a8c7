//! Creating files and directories.

use std::collections::BTreeMap;

use alluxio_fs::{AccessControlList, AlluxioPath, Bits, FsError, Mode, ids};
use alluxio_proto::{
    grpc::{
        TtlAction,
        file::{
            CreateDirectoryPOptions, CreateFilePOptions, FileInfo, FileSystemMasterCommonPOptions,
            WritePType, XAttrPropagationStrategy,
        },
    },
    journal::{InodeDirectoryEntry, InodeFileEntry, JournalEntry, UpdateInodeEntry},
};

use super::{
    FileSystemMaster,
    delete::DeleteOptions,
    limits::check_xattr,
    options::FsOptions,
    status::{found, info_at, traversable},
    subject::Subject,
    ufs::{check_writable, mark_persisted},
};
use crate::{
    namespace::Draft,
    tree::{Lookup, OperationId, Persistence, Tree, next_directory_after},
};

/// Makes what misses on the way to a path, one directory after the other.
pub(super) struct Ancestors<'a> {
    tree: &'a Tree,
    /// Of what is made.
    owner: &'a str,
    group: &'a str,
    mode: Mode,
    persisted: bool,
    xattr: BTreeMap<String, Vec<u8>>,
    next_directory: i64,
    pub parent: i64,
    pub parent_default: Option<AccessControlList>,
    /// What is made in a pinned directory is pinned, to the same media.
    pinned: bool,
    media: Vec<String>,
}

impl<'a> Ancestors<'a> {
    /// From the deepest directory that exists. Directories made on the way have the default mode, not
    /// the target's.
    pub fn new(
        tree: &'a Tree,
        subject: &'a Subject,
        lookup: &Lookup,
        options: &FsOptions,
        persisted: bool,
    ) -> Result<Self, FsError> {
        let slot = lookup.last().ok_or_else(|| FsError::internal("The root is missing."))?;
        let inode = tree.get(slot).ok_or_else(|| FsError::internal("The root is missing."))?;
        let parent_default = tree.rare(slot, inode).and_then(|rare| rare.default_acl.as_deref().cloned());
        let (owner, group) = (subject.user.as_str(), subject.primary_group());
        let inherits = options.inherit_owner && owner.is_empty() && group.is_empty();
        let (owner, group) = if inherits { (tree.owner(inode), tree.group(inode)) } else { (owner, group) };
        Ok(Self {
            tree,
            owner,
            group,
            mode: directory_mode(options),
            persisted,
            xattr: BTreeMap::new(),
            next_directory: tree.next_directory(),
            parent: inode.id,
            parent_default,
            pinned: inode.is_pinned(),
            media: tree
                .rare(slot, inode)
                .filter(|_| inode.is_pinned())
                .map_or(Vec::new(), |rare| rare.media.clone()),
        })
    }

    /// Drafts one directory below the last.
    pub fn make(&mut self, name: &str, mode: Mode, draft: &mut Draft) -> InodeDirectoryEntry {
        let id = self.next_directory;
        self.next_directory = next_directory_after(id);
        let entry = self.entry(id, name, mode, draft.now_ms);
        self.parent = id;
        entry
    }

    fn entry(&self, id: i64, name: &str, mode: Mode, now_ms: i64) -> InodeDirectoryEntry {
        let (owner, group) = (self.owner, self.group);
        let acl = self.parent_default.as_ref().map(|list| list.inherited(mode));
        let state = if self.persisted { Persistence::Persisted } else { Persistence::NotPersisted };
        InodeDirectoryEntry {
            id: Some(id),
            parent_id: Some(self.parent),
            name: Some(name.to_owned()),
            persistence_state: Some(state.as_str().to_owned()),
            pinned: Some(self.pinned),
            medium_type: self.media.clone(),
            creation_time_ms: Some(now_ms),
            last_modification_time_ms: Some(now_ms),
            last_access_time_ms: Some(now_ms),
            owner: Some(owner.to_owned()),
            group: Some(group.to_owned()),
            mode: Some(i32::from(acl.as_ref().map_or(mode, |acl| acl.mode).get())),
            acl: acl.filter(AccessControlList::has_extended).map(|acl| acl.to_stored(owner, group, false)),
            default_acl: self.parent_default.as_ref().map(|list| list.to_stored(owner, group, true)),
            // What has just been made holds nothing in the under storage that is not known.
            direct_children_loaded: Some(true),
            x_attr: self.xattr.clone(),
            ..InodeDirectoryEntry::default()
        }
    }

    /// Drafts the directories that miss above the target, and marks those that exist as persisted when
    /// the target is.
    pub fn make_missing(
        &mut self,
        path: &AlluxioPath,
        lookup: &Lookup,
        recursive: bool,
        draft: &mut Draft,
    ) -> Result<(), FsError> {
        traversable(self.tree, lookup, path)?;
        let missing = lookup.missing.saturating_sub(1);
        if missing > 0 && !recursive {
            let parent = path.parent().unwrap_or_else(AlluxioPath::root);
            return Err(FsError::not_found(format!(
                "Path \"{path}\" cannot be created: its parent \"{parent}\" does not exist. Create it, or ask for recursive creation."
            )));
        }
        if self.persisted {
            mark_persisted(self.tree, path, lookup, draft);
        }
        touch_parent(self.parent, draft);
        for name in path.components().skip(lookup.found.len() - 1).take(missing) {
            let entry = self.make(name, self.mode, draft);
            draft.push(JournalEntry { inode_directory: Some(entry), ..JournalEntry::default() });
        }
        Ok(())
    }
}

fn directory_mode(options: &FsOptions) -> Mode {
    Mode::new(0o777).masked_by(options.umask)
}

fn touch_parent(id: i64, draft: &mut Draft) {
    let update = UpdateInodeEntry {
        id: Some(id),
        last_modification_time_ms: Some(draft.now_ms),
        ..UpdateInodeEntry::default()
    };
    draft.push(JournalEntry { update_inode: Some(update), ..JournalEntry::default() });
}

/// Time to live of something new: -1 is none.
fn ttl(common: Option<&FileSystemMasterCommonPOptions>) -> (i64, TtlAction) {
    let ttl = common.and_then(|common| common.ttl).unwrap_or(-1);
    let action = common.filter(|common| common.ttl_action.is_some()).map(|common| common.ttl_action());
    (ttl, action.unwrap_or(TtlAction::Free))
}

pub fn operation_id(common: Option<&FileSystemMasterCommonPOptions>) -> Option<OperationId> {
    let id = common?.operation_id.as_ref()?;
    Some((id.most_significant_bits(), id.least_significant_bits()))
}

fn writes_through(write_type: WritePType) -> bool {
    matches!(write_type, WritePType::CacheThrough | WritePType::Through)
}

impl FileSystemMaster {
    /// Whether an operation of this id has been carried out: then nothing of it may be done again, in
    /// the under storage least of all.
    pub(super) async fn is_done(&self, operation: Option<OperationId>) -> Result<bool, FsError> {
        let Some(id) = operation else { return Ok(false) };
        let done = self.namespace.peek(|tree| tree.operation_ids().contains(id));
        if done {
            self.metrics.completed_operation_retries.inc();
            self.namespace.settled().await?;
        }
        Ok(done)
    }

    pub async fn create_directory(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &CreateDirectoryPOptions,
    ) -> Result<(), FsError> {
        check_xattr(&options.xattr)?;
        let common = options.common_options.as_ref();
        let operation = operation_id(common);
        let _running = self.namespace.running().enter(operation).await?;
        if self.is_done(operation).await? {
            return Ok(());
        }
        let through = options.write_type.is_some() && writes_through(options.write_type());
        let mode = options.mode.as_ref().map_or(directory_mode(&self.options), Mode::from_wire);
        self.load_for_status(path, None, common.and_then(|common| common.sync_interval_ms)).await?;
        let look =
            |tree: &Tree, lookup: &Lookup| self.may_make_directory(tree, lookup, subject, path, options);
        let reservation = if through { Some(self.reserve_for_write(path).await?) } else { None };
        if let Some(reservation) = &reservation
            && self.namespace.read_path(path, look).await?
        {
            self.make_ufs_directories(subject, path, Some(mode), options.recursive(), reservation).await?;
        }
        let (ttl, ttl_action) = ttl(common);
        self.namespace
            .mutate(&[path], reservation.as_deref(), |tree, draft| {
                if operation.is_some_and(|id| tree.operation_ids().contains(id)) {
                    return Ok(());
                }
                let lookup = tree.lookup(path);
                if !look(tree, &lookup)? {
                    return Ok(());
                }
                let mut ancestors = Ancestors::new(tree, subject, &lookup, &self.options, through)?;
                if options.xattr_prop_strat() == XAttrPropagationStrategy::NewPaths {
                    ancestors.xattr = options.xattr.clone();
                }
                ancestors.make_missing(path, &lookup, options.recursive(), draft)?;
                let mut entry = ancestors.make(path.name(), mode, draft);
                entry.ttl = Some(ttl);
                entry.ttl_action = Some(ttl_action as i32);
                entry.x_attr = options.xattr.clone();
                draft.push(JournalEntry { inode_directory: Some(entry), ..JournalEntry::default() });
                draft.operation(operation);
                Ok(())
            })
            .await?;
        self.absent.forget(path);
        Ok(())
    }

    /// Whether there is something to make: a directory that exists may be all right.
    fn may_make_directory(
        &self,
        tree: &Tree,
        lookup: &Lookup,
        subject: &Subject,
        path: &AlluxioPath,
        options: &CreateDirectoryPOptions,
    ) -> Result<bool, FsError> {
        self.permissions.traverse(tree, subject, path, lookup)?;
        if let Some(inode) = lookup.target().and_then(|slot| tree.get(slot)) {
            if options.allow_exists() && inode.is_directory() {
                return Ok(false);
            }
            return Err(FsError::already_exists(format!(
                "Not allowed to create directory because path already exists: {path}"
            )));
        }
        self.permissions.parent(tree, subject, path, lookup, Bits::WRITE)?;
        // Also for what stays in Alluxio, as in the original: it could never be persisted.
        check_writable(tree, path)?;
        Ok(true)
    }

    fn may_make_file(
        &self,
        tree: &Tree,
        lookup: &Lookup,
        subject: &Subject,
        path: &AlluxioPath,
    ) -> Result<(), FsError> {
        self.permissions.parent(tree, subject, path, lookup, Bits::WRITE)?;
        if lookup.target().is_some() {
            return Err(exists(path));
        }
        check_writable(tree, path)
    }

    pub async fn create_file(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &CreateFilePOptions,
    ) -> Result<FileInfo, FsError> {
        let common = options.common_options.as_ref();
        let operation = operation_id(common);
        let _running = self.namespace.running().enter(operation).await?;
        check_xattr(&options.xattr)?;
        if options.block_size_bytes() <= 0 {
            return Err(FsError::invalid_argument(format!(
                "Invalid block size {}",
                options.block_size_bytes()
            )));
        }
        if self.is_done(operation).await? {
            return self.present(path).await;
        }
        let write_type = options.write_type();
        let through = options.write_type.is_some() && writes_through(write_type);
        self.load_for_status(path, None, common.and_then(|common| common.sync_interval_ms)).await?;
        let parent = path.parent().ok_or_else(|| exists(path))?;
        if options.overwrite() {
            self.remove_for_overwrite(subject, path, operation).await?;
        }
        let look = |tree: &Tree, lookup: &Lookup| self.may_make_file(tree, lookup, subject, path);
        let reservation = if through { Some(self.reserve_for_write(path).await?) } else { None };
        if let Some(reservation) = &reservation {
            self.namespace.read_path(path, look).await?;
            self.make_ufs_directories(subject, &parent, None, options.recursive(), reservation).await?;
        }
        self.namespace
            .mutate(&[path], reservation.as_deref(), |tree, draft| {
                let lookup = tree.lookup(path);
                if operation.is_some_and(|id| tree.operation_ids().contains(id)) {
                    return Ok(());
                }
                look(tree, &lookup)?;
                let mut ancestors = Ancestors::new(tree, subject, &lookup, &self.options, through)?;
                if options.xattr_prop_strat() == XAttrPropagationStrategy::NewPaths {
                    ancestors.xattr = options.xattr.clone();
                }
                ancestors.make_missing(path, &lookup, options.recursive(), draft)?;
                let entry = self.file_entry(tree, &ancestors, path, options, draft.now_ms);
                draft.push(JournalEntry { inode_file: Some(entry), ..JournalEntry::default() });
                draft.operation(operation);
                Ok(())
            })
            .await?;
        self.absent.forget(path);
        // Already durable, so this read waits for nothing. Deleted or renamed meanwhile: not found.
        self.present(path).await
    }

    fn file_entry(
        &self,
        tree: &Tree,
        ancestors: &Ancestors<'_>,
        path: &AlluxioPath,
        options: &CreateFilePOptions,
        now_ms: i64,
    ) -> InodeFileEntry {
        let common = options.common_options.as_ref();
        let (ttl, ttl_action) = ttl(common);
        let default_mode = Mode::new(0o666).masked_by(self.options.umask);
        let mode = options.mode.as_ref().map_or(default_mode, Mode::from_wire);
        let (owner, group) = (ancestors.owner, ancestors.group);
        let acl = ancestors.parent_default.as_ref().map(|list| list.inherited(mode));
        InodeFileEntry {
            id: Some(ids::file_id(tree.next_container())),
            parent_id: Some(ancestors.parent),
            name: Some(path.name().to_owned()),
            persistence_state: Some(self.state_at_creation(path, options).as_str().to_owned()),
            pinned: Some(ancestors.pinned),
            medium_type: ancestors.media.clone(),
            creation_time_ms: Some(now_ms),
            last_modification_time_ms: Some(now_ms),
            last_access_time_ms: Some(now_ms),
            block_size_bytes: Some(options.block_size_bytes()),
            length: Some(0),
            completed: Some(false),
            // As in 2.9 whatever the write type: it says what may be done later.
            cacheable: Some(true),
            ttl: Some(ttl),
            ttl_action: Some(ttl_action as i32),
            owner: Some(owner.to_owned()),
            group: Some(group.to_owned()),
            mode: Some(i32::from(acl.as_ref().map_or(mode, |acl| acl.mode).get())),
            acl: acl.filter(AccessControlList::has_extended).map(|acl| acl.to_stored(owner, group, false)),
            replication_max: options.replication_max,
            replication_min: options.replication_min,
            replication_durable: options.replication_durable,
            x_attr: options.xattr.clone(),
            ..InodeFileEntry::default()
        }
    }

    async fn present(&self, path: &AlluxioPath) -> Result<FileInfo, FsError> {
        let seen = self.namespace.read_path(path, |tree, lookup| info_at(tree, lookup, path)).await?;
        Ok(self.with_blocks(seen).await)
    }

    /// TO_BE_PERSISTED from the first byte on where that is the plan, as in 2.9: so no block of it is evicted
    /// while it is written. No job is made for it before it is complete.
    fn state_at_creation(&self, path: &AlluxioPath, options: &CreateFilePOptions) -> Persistence {
        match options.write_type.map(|_| options.write_type()) {
            Some(write_type) if writes_through(write_type) => Persistence::Persisted,
            Some(WritePType::AsyncThrough) if self.may_persist(path) => Persistence::ToBePersisted,
            _ => Persistence::NotPersisted,
        }
    }

    /// `overwrite`: the old file goes first, with what the under storage has of it.
    async fn remove_for_overwrite(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        operation: Option<OperationId>,
    ) -> Result<(), FsError> {
        let old = self
            .namespace
            .read_path(path, |tree, lookup| {
                let done = operation.is_some_and(|id| tree.operation_ids().contains(id));
                let inode = lookup.target().and_then(|slot| tree.get(slot));
                match inode {
                    Some(inode) if inode.is_directory() => Err(exists(path)),
                    Some(inode) => Ok(Some(inode.id).filter(|_| !done)),
                    None => Ok(None),
                }
            })
            .await?;
        match old {
            Some(old) => self.remove_replaced(subject, path, old).await,
            None => Ok(()),
        }
    }

    /// Deletes a file in whose place something comes. When somebody else did, whatever has the path by now
    /// stays: it is not what was looked at.
    pub(super) async fn remove_replaced(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        file: i64,
    ) -> Result<(), FsError> {
        let only = DeleteOptions { only: Some(file), ..DeleteOptions::default() };
        found(self.delete_path(subject, path, &only).await).map(drop)
    }
}

fn exists(path: &AlluxioPath) -> FsError {
    FsError::already_exists(format!(
        "{path} already exists. If you want to overwrite the file, you need to specify the overwrite option."
    ))
}

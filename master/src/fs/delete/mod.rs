//! Deleting files and directories. Under storage first, then journal: a failure there leaves the file
//! as it was, and a crash in between leaves an inode whose data is gone, which a repeated delete or
//! the next metadata sync clears.

use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::journal::{DeleteFileEntry, JournalEntry, UpdateInodeDirectoryEntry};
use alluxio_ufs::{ListOptions, UfsErrorKind, is_temporary_name};

use super::{
    FileSystemMaster,
    status::existing,
    subject::Subject,
    ufs::{UfsPlace, bounded, check_mode, check_writable, ufs_call, ufs_error},
    walk::Walk,
};
use crate::{
    namespace::{Claim, Draft},
    tree::{Inode, Lookup, OperationId, Slot, Tree},
};

#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    pub recursive: bool,
    /// Leaves the under storage as it is.
    pub alluxio_only: bool,
    /// Deletes in the under storage also what Alluxio does not know of.
    pub unchecked: bool,
    pub operation: Option<OperationId>,
    /// Only this inode, not another that has the path by now.
    pub only: Option<i64>,
}

/// What a delete is about to remove.
#[derive(PartialEq)]
struct Target {
    id: i64,
    directory: bool,
    in_ufs: bool,
}

impl FileSystemMaster {
    pub async fn delete_path(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &DeleteOptions,
    ) -> Result<(), FsError> {
        let operation = options.operation;
        let _running = self.namespace.running().enter(operation).await?;
        let look = |tree: &Tree, lookup: &Lookup| {
            let done = operation.is_some_and(|id| tree.operation_ids().contains(id));
            if done { Ok(None) } else { self.delete_target(tree, lookup, subject, path, options).map(Some) }
        };
        let target = match self.namespace.read_path(path, look).await {
            Err(error) if error.kind == alluxio_fs::ErrorKind::NotFound => {
                self.load_for_status(path, None, None).await?;
                self.namespace.read_path(path, look).await?
            }
            other => other?,
        };
        let Some(target) = target else { return Ok(()) };
        let check =
            |target: &Target| target.in_ufs && target.directory && options.recursive && !options.unchecked;
        if check(&target) {
            // Before the reservation, which keeps loads out.
            self.load_tree(path).await?;
        }
        let reservation = self.namespace.reservations().reserve(vec![Claim::subtree(path)]).await?;
        // Whoever had the path before us may have changed what there is to do.
        let Some(target) = self.namespace.read_path(path, look).await? else { return Ok(()) };
        if options.recursive && target.directory {
            self.may_empty_below(subject, path).await?;
        }
        if target.in_ufs {
            let place = self.ufs_place_of(path)?;
            if check(&target) {
                self.check_nothing_unknown(path, &place).await?;
            }
            let deleted = delete_in_ufs(&place, target.directory, options.recursive).await;
            // Also when it failed: a part may be gone.
            self.removals.note(path);
            if let Err(error) = deleted {
                drop(reservation);
                if options.recursive {
                    self.follow_failed_delete(path).await;
                }
                return Err(error);
            }
        }
        self.namespace
            .mutate(&[path], Some(&reservation), |tree, draft| {
                if operation.is_some_and(|id| tree.operation_ids().contains(id)) {
                    return Ok(());
                }
                let lookup = tree.lookup(path);
                let again = self.delete_target(tree, &lookup, subject, path, options)?;
                if again != target {
                    return Err(FsError::unavailable(format!(
                        "{path} changed while it was deleted. Try again."
                    )));
                }
                draft.push(JournalEntry {
                    delete_file: Some(DeleteFileEntry {
                        id: Some(target.id),
                        recursive: Some(options.recursive),
                        op_time_ms: Some(draft.now_ms),
                        alluxio_only: Some(options.alluxio_only),
                        path: Some(path.to_string()),
                    }),
                    ..JournalEntry::default()
                });
                if options.alluxio_only {
                    draft_unknown_parent(tree, target.id, draft);
                }
                draft.operation(operation);
                Ok(())
            })
            .await?;
        self.reaper_wanted.notify_one();
        Ok(())
    }

    /// What a failed delete has removed from the under storage goes from the tree, too.
    async fn follow_failed_delete(&self, path: &AlluxioPath) {
        if let Err(error) = self.load_for_listing(path, None, Some(0), true).await {
            tracing::warn!(%path, %error, "a delete failed half-way; the next metadata sync shows what is left");
        }
    }

    fn delete_target(
        &self,
        tree: &Tree,
        lookup: &Lookup,
        subject: &Subject,
        path: &AlluxioPath,
        options: &DeleteOptions,
    ) -> Result<Target, FsError> {
        self.permissions.parent(tree, subject, path, lookup, Bits::WRITE)?;
        let (slot, inode) = existing(tree, lookup, path)?;
        if path.is_root() {
            return Err(FsError::invalid_argument("Cannot delete the root directory."));
        }
        if options.only.is_some_and(|id| id != inode.id) {
            return Err(FsError::path_does_not_exist(path));
        }
        if tree.child_count(inode) > 0 && !options.recursive {
            return Err(FsError::failed_precondition(format!(
                "Cannot delete non-empty directory {} because recursive is set to false",
                inode.name
            )));
        }
        if tree.mounts().any_below(path) {
            return Err(FsError::invalid_argument(format!(
                "{path} is or contains a mount point. Unmount it first with `alluxio fs unmount`."
            )));
        }
        self.may_empty(tree, slot, inode, subject, path, options)?;
        let in_ufs = inode.is_persisted() && !options.alluxio_only;
        if !options.alluxio_only {
            check_writable(tree, path)?;
        }
        if in_ufs && let Some(mount) = tree.mounts().mount_of(path) {
            check_mode(tree, &mount, true)?;
        }
        Ok(Target { id: inode.id, directory: inode.is_directory(), in_ufs })
    }

    /// A recursive delete needs the right to empty every directory that goes with it. The reservation keeps
    /// what was found out true until they are gone.
    async fn may_empty_below(&self, subject: &Subject, path: &AlluxioPath) -> Result<(), FsError> {
        if self.permissions.free(subject) {
            return Ok(());
        }
        let mut walk = Walk::new(path, true);
        while let Some(paths) = self.next_chunk(&mut walk).await? {
            self.namespace
                .read(|tree| {
                    for at in &paths {
                        let Some(slot) = tree.lookup(at).target() else { continue };
                        if tree.get(slot).is_some_and(|inode| tree.child_count(inode) > 0) {
                            self.permissions.inode(tree, subject, at, slot, Bits::WRITE_EXECUTE)?;
                        }
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }

    /// The same for the directory itself, which can be told at once.
    fn may_empty(
        &self,
        tree: &Tree,
        slot: Slot,
        inode: &Inode,
        subject: &Subject,
        path: &AlluxioPath,
        options: &DeleteOptions,
    ) -> Result<(), FsError> {
        if options.recursive && inode.is_directory() && tree.child_count(inode) > 0 {
            self.permissions.inode(tree, subject, path, slot, Bits::WRITE_EXECUTE)?;
        }
        Ok(())
    }

    /// Nothing may be below the directory in the under storage that Alluxio does not know of: a
    /// recursive delete would take it along unseen.
    async fn check_nothing_unknown(&self, path: &AlluxioPath, place: &UfsPlace) -> Result<(), FsError> {
        let mut lister = match ufs_call(place.ufs.list(&place.path, ListOptions::recursive())).await? {
            Ok(lister) => lister,
            Err(error) if error.kind() == UfsErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(ufs_error(error)),
        };
        while let Some(page) = bounded(lister.next()).await? {
            if let Some(name) = page.unreadable.first() {
                return Err(FsError::failed_precondition(format!(
                    "Cannot delete {path}: its under storage holds {name:?}, which Alluxio cannot show. \
                     Remove it there, or delete unchecked (rm -R -U)."
                )));
            }
            for chunk in page.entries.chunks(crate::namespace::MAX_INODES_PER_HOLD) {
                let unknown = self.namespace.peek(|tree| {
                    chunk.iter().find_map(|entry| {
                        let below = entry.path.strip_prefix(&place.path)?;
                        let at = below.components().fold(path.clone(), |at, name| at.join(name));
                        (!is_temporary_name(at.name()) && tree.lookup(&at).target().is_none()).then_some(at)
                    })
                });
                if let Some(unknown) = unknown {
                    return Err(FsError::failed_precondition(format!(
                        "Cannot delete {path}: its under storage holds {unknown}, which Alluxio does not know. \
                         List the directory to load it, or delete unchecked (rm -R -U)."
                    )));
                }
            }
        }
        Ok(())
    }
}

/// The under storage still has what goes from the tree, so its directory is no longer known.
fn draft_unknown_parent(tree: &Tree, id: i64, draft: &mut Draft) {
    let Some((_, inode)) = tree.by_id(id).filter(|(_, inode)| inode.is_persisted()) else { return };
    if let Some(parent) = tree.get(inode.parent).filter(|parent| parent.children_loaded()) {
        draft.push(JournalEntry {
            update_inode_directory: Some(UpdateInodeDirectoryEntry {
                id: Some(parent.id),
                direct_children_loaded: Some(false),
                ..UpdateInodeDirectoryEntry::default()
            }),
            ..JournalEntry::default()
        });
    }
}

/// A file that somebody is just writing can keep a directory from going; then it is tried again.
async fn delete_in_ufs(place: &UfsPlace, directory: bool, recursive: bool) -> Result<(), FsError> {
    if !directory {
        return place.ufs.delete_file(&place.path).await.map(drop).map_err(ufs_error);
    }
    let mut attempts = if recursive { 3 } else { 1 };
    loop {
        attempts -= 1;
        match place.ufs.delete_directory(&place.path, recursive).await {
            Err(error) if error.kind() == UfsErrorKind::DirectoryNotEmpty && attempts > 0 => {}
            other => return other.map(drop).map_err(ufs_error),
        }
    }
}

//! Deleting files and directories. Under storage first, then journal: a failure there leaves the file
//! as it was, and a crash in between leaves an inode whose data is gone, which a repeated delete or
//! the next metadata sync clears. [`under`] is what happens in the under storage, [`mounts`] what becomes of
//! mount points.

mod mounts;
mod under;

use std::sync::Arc;

use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::journal::{DeleteFileEntry, JournalEntry, UpdateInodeDirectoryEntry};

use self::under::is_checked;
use super::{
    FileSystemMaster,
    status::existing,
    subject::Subject,
    ufs::{check_mode, check_writable},
    walk::Walk,
};
use crate::{
    namespace::{Claim, Draft},
    tree::{Inode, Lookup, Mount, OperationId, Slot, Tree},
};

#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    pub recursive: bool,
    /// Leaves the under storage as it is.
    pub alluxio_only: bool,
    /// Deletes in the under storage also what Alluxio does not know of.
    pub unchecked: bool,
    /// Mount points at or below the path may go, too.
    pub mount_points: bool,
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
    /// At or below the path.
    mounts: Vec<Arc<Mount>>,
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
        let done = |tree: &Tree| operation.is_some_and(|id| tree.operation_ids().contains(id));
        let look = |tree: &Tree, lookup: &Lookup| {
            if done(tree) {
                Ok(None)
            } else {
                self.delete_target(tree, lookup, subject, path, options).map(Some)
            }
        };
        let target = match self.namespace.read_path(path, look).await {
            Err(error) if error.kind == alluxio_fs::ErrorKind::NotFound => {
                self.load_for_status(path, None, None).await?;
                self.namespace.read_path(path, look).await?
            }
            other => other?,
        };
        let Some(target) = target else {
            self.metrics.completed_operation_retries.inc();
            return Ok(());
        };
        if is_checked(&target, options) && target.mounts.is_empty() {
            // Before the reservation, which keeps loads out. Below mount points only what is known already goes.
            self.load_tree(path).await?;
        }
        let reservation = Arc::new(self.namespace.reservations().reserve(vec![Claim::subtree(path)]).await?);
        // Whoever had the path before us may have changed what there is to do.
        let Some(target) = self.namespace.read_path(path, look).await? else { return Ok(()) };
        if options.recursive && target.directory {
            self.may_empty_below(subject, path).await?;
        }
        if let Err(failure) = self.delete_below(path, &target, options, &reservation).await {
            drop(reservation);
            return Err(self.failed(path, options, failure).await);
        }
        self.namespace
            .mutate(&[path], Some(&reservation), |tree, draft| {
                if done(tree) {
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
                mounts::draft_unmounts(&target.mounts, draft);
                if options.alluxio_only {
                    draft_unknown_parent(tree, target.id, draft);
                }
                draft.operation(operation);
                Ok(())
            })
            .await?;
        for mount in &target.mounts {
            self.forget_mount(&mount.path, Some(mount));
            self.metrics.paths_unmounted.inc();
            tracing::info!(path = %mount.path, ufs = mount.ufs_uri, user = subject.user, "unmounted by a delete");
        }
        self.reaper_wanted.notify_one();
        Ok(())
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
        if !options.alluxio_only {
            check_writable(tree, path)?;
        }
        let (slot, inode) = existing(tree, lookup, path)?;
        if options.only.is_some_and(|id| id != inode.id) {
            return Err(FsError::path_does_not_exist(path));
        }
        let mounts = mounts::at_or_below(tree, path, options)?;
        if tree.child_count(inode) > 0 && !options.recursive {
            return Err(FsError::failed_precondition(format!(
                "Cannot delete non-empty directory {} because recursive is set to false",
                inode.name
            )));
        }
        if path.is_root() {
            return Err(FsError::invalid_argument("Cannot delete the root directory."));
        }
        self.may_empty(tree, slot, inode, subject, path, options)?;
        // The folder that is mounted is not Alluxio's to delete.
        let in_ufs = inode.is_persisted() && !options.alluxio_only && tree.mounts().at(path).is_none();
        if in_ufs && let Some(mount) = tree.mounts().mount_of(path) {
            check_mode(tree, &mount, true)?;
        }
        Ok(Target { id: inode.id, directory: inode.is_directory(), in_ufs, mounts })
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

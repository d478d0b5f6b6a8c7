//! Renaming. Under storage first, then journal: a crash in between leaves the data under its new name
//! and the inode under the old one; repeating the rename, or a metadata sync of both, mends it.

use std::sync::Arc;

use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::{
    grpc::file::RenamePOptions,
    journal::{JournalEntry, RenameEntry},
};
use alluxio_ufs::UfsErrorKind;

use super::{
    FileSystemMaster,
    create::operation_id,
    persist::to_be_persisted,
    status::{existing, traversable},
    subject::Subject,
    ufs::{
        DIRECTORY_PATIENCE, PATIENCE, bounded, check_mode, check_writable, held, mark_persisted, ufs_error,
    },
};
use crate::{
    namespace::{Claim, Draft, Reservation},
    tree::{Lookup, Persistence, Tree},
};

/// What a rename is about to move.
#[derive(PartialEq)]
struct Move {
    id: i64,
    new_parent: i64,
    directory: bool,
    in_ufs: bool,
}

impl FileSystemMaster {
    pub async fn rename(
        &self,
        subject: &Subject,
        from: &AlluxioPath,
        to: &AlluxioPath,
        options: &RenamePOptions,
    ) -> Result<(), FsError> {
        let operation = operation_id(options.common_options.as_ref());
        let _running = self.namespace.running().enter(operation).await?;
        if self.is_done(operation).await? {
            return Ok(());
        }
        let sync = options.common_options.as_ref().and_then(|common| common.sync_interval_ms);
        self.load_for_status(from, None, sync).await?;
        self.load_for_status(to, None, sync).await?;
        let overwrite = options.s3_syntax_options.as_ref().is_some_and(|s3| s3.overwrite());
        if overwrite && from != to {
            self.remove_rename_target(subject, from, to).await?;
        }
        let look = |tree: &Tree| {
            let done = operation.is_some_and(|id| tree.operation_ids().contains(id));
            if done || from == to {
                // Renaming something onto itself is no error, if it is there.
                let there = tree.lookup(to).target().is_some() || done;
                return if there { Ok(None) } else { Err(FsError::path_does_not_exist(from)) };
            }
            self.plan_rename(tree, subject, from, to).map(Some)
        };
        // Before the reservation: who may not do it must not keep others waiting.
        if self.namespace.read(look).await?.is_none() {
            return Ok(());
        }
        let claims = vec![Claim::subtree(from), Claim::subtree(to)];
        let reservation = Arc::new(self.namespace.reservations().reserve(claims).await?);
        // Whoever had the paths before us may have changed what there is to do.
        let Some(planned) = self.namespace.read(look).await? else { return Ok(()) };
        if planned.in_ufs {
            let changed = self.changed_before_rename(from, planned.directory).await?;
            self.rename_in_ufs(subject, from, to, planned.directory, &reservation).await?;
            if let Some(changed) = changed {
                let measured = self.measure_moved(&changed, from, to, planned.directory, &reservation).await;
                if let Err(error) = measured {
                    tracing::warn!(%from, %to, %error, "what was moved could not be measured: the next sync may take it for other files");
                }
            }
        }
        self.namespace
            .mutate(&[from, to], Some(&reservation), |tree, draft| {
                if operation.is_some_and(|id| tree.operation_ids().contains(id)) {
                    return Ok(());
                }
                let again = self.plan_rename(tree, subject, from, to)?;
                if again != planned {
                    return Err(FsError::unavailable(format!(
                        "{from} or {to} changed during the rename. Try again."
                    )));
                }
                draft.push(JournalEntry {
                    rename: Some(RenameEntry {
                        id: Some(planned.id),
                        op_time_ms: Some(draft.now_ms),
                        new_parent_id: Some(planned.new_parent),
                        new_name: Some(to.name().to_owned()),
                        path: Some(from.to_string()),
                        new_path: Some(to.to_string()),
                        ..RenameEntry::default()
                    }),
                    ..JournalEntry::default()
                });
                if planned.in_ufs {
                    // The data is below them now, so they are in the under storage.
                    mark_persisted(tree, to, &tree.lookup(to), draft);
                }
                if options.persist() {
                    self.draft_persist(tree, planned.id, to, draft);
                }
                draft.operation(operation);
                Ok(())
            })
            .await?;
        self.absent.forget(to);
        Ok(())
    }

    /// For those to whom a rename is the commit: the file is persisted now, also when that was put off.
    fn draft_persist(&self, tree: &Tree, id: i64, to: &AlluxioPath, draft: &mut Draft) {
        let Some((_, inode)) = tree.by_id(id) else { return };
        if inode.is_directory() || !inode.is_completed() || inode.is_persisted() || !self.may_persist(to) {
            return;
        }
        self.persist.wait_before(id, 0);
        if inode.persistence() == Persistence::NotPersisted {
            draft.push(to_be_persisted(id));
        }
    }

    fn plan_rename(
        &self,
        tree: &Tree,
        subject: &Subject,
        from: &AlluxioPath,
        to: &AlluxioPath,
    ) -> Result<Move, FsError> {
        let (source, target) = (tree.lookup(from), tree.lookup(to));
        self.permissions.parent(tree, subject, from, &source, Bits::WRITE)?;
        self.permissions.parent(tree, subject, to, &target, Bits::WRITE)?;
        if from.is_root() {
            return Err(FsError::invalid_argument("Cannot rename the root directory."));
        }
        if to.is_root() {
            return Err(FsError::invalid_argument("Cannot rename a path to the root directory."));
        }
        if to.starts_with(from) {
            return Err(FsError::invalid_argument(format!(
                "Cannot rename because {from} is a prefix of {to}"
            )));
        }
        let (_, inode) = existing(tree, &source, from)?;
        let mount = |path| tree.mounts().mount_of(path).map(|mount| mount.id);
        if mount(from) != mount(to) {
            return Err(FsError::invalid_argument(format!(
                "Renaming {from} to {to} would cross mount points. Copy it instead."
            )));
        }
        if tree.mounts().any_below(from) {
            return Err(FsError::invalid_argument(format!(
                "{from} is or contains a mount point and cannot be renamed."
            )));
        }
        if target.target().is_some() {
            return Err(FsError::already_exists(format!(
                "Cannot rename because destination already exists. src: {from} dst: {to}"
            )));
        }
        let parent = rename_parent(tree, &target, to)?;
        let in_ufs = inode.is_persisted();
        check_writable(tree, from)?;
        if in_ufs && let Some(mount) = tree.mounts().mount_of(from) {
            check_mode(tree, &mount, true)?;
        }
        Ok(Move { id: inode.id, new_parent: parent, directory: inode.is_directory(), in_ufs })
    }

    async fn rename_in_ufs(
        &self,
        subject: &Subject,
        from: &AlluxioPath,
        to: &AlluxioPath,
        directory: bool,
        reservation: &Arc<Reservation>,
    ) -> Result<(), FsError> {
        let (source, target) = (self.ufs_place_of(from)?, self.ufs_place_of(to)?);
        if let Some(parent) = to.parent() {
            self.make_ufs_directories(subject, &parent, None, true, reservation).await?;
        }
        let (removals, left, there) = (self.removals.clone(), from.clone(), target.path.clone());
        let rename = async move {
            let renamed = if directory {
                source.ufs.rename_directory(&source.path, &there).await
            } else {
                source.ufs.rename_file(&source.path, &there).await
            };
            // Also when it failed: it may have been carried out all the same.
            removals.note(&left);
            renamed
        };
        let patience = if directory { DIRECTORY_PATIENCE } else { PATIENCE };
        match held(reservation, patience, rename).await? {
            // A rename that was cut short by a crash: the data stands at the target already.
            Err(error) if error.kind() == UfsErrorKind::NotFound => {
                let there = bounded(target.ufs.status(&target.path)).await?;
                if there.is_some_and(|status| status.is_dir == directory) {
                    Ok(())
                } else {
                    Err(ufs_error(error))
                }
            }
            other => other.map_err(ufs_error),
        }
    }

    /// S3 clients may rename onto a file.
    async fn remove_rename_target(
        &self,
        subject: &Subject,
        from: &AlluxioPath,
        to: &AlluxioPath,
    ) -> Result<(), FsError> {
        let replaced = self
            .namespace
            .read(|tree| {
                let file = |path| {
                    let inode = tree.lookup(path).target().and_then(|slot| tree.get(slot));
                    inode.filter(|inode| !inode.is_directory()).map(|inode| inode.id)
                };
                Ok(file(from).and(file(to)))
            })
            .await?;
        match replaced {
            Some(replaced) => self.remove_replaced(subject, to, replaced).await,
            None => Ok(()),
        }
    }
}

fn rename_parent(tree: &Tree, target: &Lookup, to: &AlluxioPath) -> Result<i64, FsError> {
    traversable(tree, target, to)?;
    let parent = target.last().and_then(|slot| tree.get(slot)).filter(|_| target.missing == 1);
    parent.map(|inode| inode.id).ok_or_else(|| {
        FsError::not_found(format!(
            "Cannot rename to {to}: its parent directory does not exist. Create it first."
        ))
    })
}

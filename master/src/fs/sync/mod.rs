//! Metadata sync: what the tree knows of the under storage is compared with what is there.
//!
//! Only what came from there, or went there, takes part: an inode that is being written, is not
//! persisted or is about to be is left alone, and so is a path that another operation has reserved.
//! A file with other content is replaced by a new inode; changed owner, group or mode are taken over;
//! what is gone goes from the tree, and nothing is ever changed in the under storage.
//!
//! The first look is free of locks. When something differs the path is reserved and looked at again, so
//! a change made through Alluxio meanwhile is never mistaken for one made behind its back.

mod consistency;
mod gone;
mod moved;
mod tasks;
mod times;

use std::str::FromStr;

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::journal::{DeleteFileEntry, JournalEntry, UpdateInodeEntry};
use alluxio_ufs::{Fingerprint, UfsStatus};
use futures::{StreamExt, stream};

pub use self::{
    tasks::SyncTasks,
    times::{SyncDepth, SyncTimes},
};
use super::{
    FileSystemMaster,
    load::{LoadedInodes, loaded_mode},
    ufs::{UfsPlace, bounded, check_mode, no_mount},
};
use crate::{
    namespace::{Claim, Draft, Reservation},
    tree::{Inode, Mount, Slot, Tree},
};

/// How an inode and the under storage stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    /// Nothing to compare with yet: what is there is the measure from now on.
    Unmeasured,
    /// Owner, group or mode.
    Metadata,
    Content,
    Gone,
}

/// Paths looked at in the under storage at the same time.
const AT_ONCE: usize = 16;

impl FileSystemMaster {
    /// Compares one path that the tree has.
    pub(super) async fn sync_path(&self, path: &AlluxioPath) -> Result<(), FsError> {
        let begun = self.sync_times.now();
        self.compared(self.follow_if_different(path).await)?;
        self.sync_times.synced(path, SyncDepth::Itself, begun);
        Ok(())
    }

    /// Returns whether it differed.
    async fn follow_if_different(&self, path: &AlluxioPath) -> Result<bool, FsError> {
        let differs = self.differs(path).await?;
        if differs {
            self.reconcile(path).await?;
        }
        Ok(differs)
    }

    /// Counts one comparison by what came of it.
    fn compared(&self, differed: Result<bool, FsError>) -> Result<(), FsError> {
        let sync = &self.metrics.sync;
        match differed {
            Ok(differed) => {
                sync.paths_success.inc();
                tasks::looked_at(1);
                if !differed {
                    sync.no_change.inc();
                }
                Ok(())
            }
            Err(error) => {
                sync.paths_fail.inc();
                Err(error)
            }
        }
    }

    /// Compares a directory's children, and adds those that are new.
    pub(super) async fn sync_children(&self, path: &AlluxioPath) -> Result<(), FsError> {
        let begun = self.sync_times.now();
        let Some(found) = self.compare_children(path).await? else { return Ok(()) };
        let same = found.seen.len().saturating_sub(found.changed.len()) as i64;
        self.metrics.sync.paths_success.add(same);
        self.metrics.sync.no_change.add(same);
        tasks::looked_at(same.unsigned_abs());
        let unseen = self.unseen_children(path, &found.seen);
        let mut reconciled = stream::iter(found.changed.into_iter().chain(unseen))
            .map(|child| async move { self.reconcile(&child).await.map(|()| true) })
            .buffer_unordered(AT_ONCE);
        while let Some(reconciled) = reconciled.next().await {
            self.compared(reconciled)?;
        }
        if !found.gone {
            self.sync_times.synced(path, SyncDepth::Children, begun);
        }
        Ok(())
    }

    /// A look without reservation.
    async fn differs(&self, path: &AlluxioPath) -> Result<bool, FsError> {
        if self.namespace.reservations().is_reserved(path)
            || !self.namespace.peek(|tree| takes_part(tree, path))
        {
            return Ok(false);
        }
        let (place, status) = self.look_at(path).await?;
        Ok(self.namespace.peek(|tree| verdict_at(tree, path, &place, status.as_ref())) != Some(Verdict::Same))
    }

    async fn look_at(&self, path: &AlluxioPath) -> Result<(UfsPlace, Option<UfsStatus>), FsError> {
        let mount = self.namespace.peek(|tree| {
            let mount = tree.mounts().mount_of(path).ok_or_else(|| no_mount(path))?;
            check_mode(tree, &mount, false)?;
            Ok::<_, FsError>(mount)
        })?;
        let place = self.ufs_place(mount, path)?;
        let status = bounded(place.ufs.status(&place.path)).await?;
        Ok((place, status))
    }

    /// Looks again with the path reserved, and makes the tree follow. A path that is in use is left for
    /// the next sync.
    async fn reconcile(&self, path: &AlluxioPath) -> Result<(), FsError> {
        let Some(reservation) = self.namespace.reservations().try_reserve(vec![Claim::subtree(path)]) else {
            return Ok(());
        };
        let (place, status) = self.look_at(path).await?;
        match self.namespace.peek(|tree| verdict_at(tree, path, &place, status.as_ref())) {
            None | Some(Verdict::Same) => Ok(()),
            Some(Verdict::Gone) => self.remove_gone(path, &reservation).await,
            Some(Verdict::Unmeasured | Verdict::Metadata | Verdict::Content) => {
                let Some(status) = status else { return Ok(()) };
                let was_directory = self.namespace.peek(|tree| {
                    tree.lookup(path)
                        .target()
                        .and_then(|slot| tree.get(slot))
                        .is_some_and(|inode| inode.is_directory())
                });
                if was_directory && !status.is_dir {
                    // What is only in Alluxio below it stays; then so does the directory.
                    self.remove_gone(path, &reservation).await?;
                    return Box::pin(self.load_missing_held(path, status, &place, &reservation)).await;
                }
                self.follow(path, &place, &status, &reservation).await
            }
        }
    }

    /// Takes over what the under storage says about a path.
    async fn follow(
        &self,
        path: &AlluxioPath,
        place: &UfsPlace,
        status: &UfsStatus,
        reservation: &Reservation,
    ) -> Result<(), FsError> {
        self.namespace
            .mutate(&[path], Some(reservation), |tree, draft| {
                let verdict = verdict_at(tree, path, place, Some(status));
                let Some((_, inode)) = target(tree, path) else { return Ok(()) };
                let fingerprint = status.fingerprint(place.ufs.ufs_type()).to_string();
                match verdict {
                    Some(Verdict::Unmeasured) => draft.push(update(inode.id, fingerprint, None)),
                    Some(Verdict::Metadata) => {
                        draft.push(update(inode.id, fingerprint, Some((status, &place.mount))));
                    }
                    Some(Verdict::Content) => self.replace(tree, path, place, status, draft),
                    None | Some(Verdict::Same | Verdict::Gone) => {}
                }
                Ok(())
            })
            .await?;
        // A directory that was replaced may have had children.
        self.reaper_wanted.notify_one();
        Ok(())
    }

    /// A new inode instead of the old, in one record.
    fn replace(
        &self,
        tree: &Tree,
        path: &AlluxioPath,
        place: &UfsPlace,
        status: &UfsStatus,
        draft: &mut Draft,
    ) {
        let Some((slot, inode)) = target(tree, path) else { return };
        let Some(parent) = tree.get(inode.parent) else { return };
        // Only files get here, or directories without children.
        debug_assert!(!inode.is_directory() || tree.child_count(inode) == 0, "slot {slot} has children");
        draft.push(JournalEntry {
            delete_file: Some(DeleteFileEntry {
                id: Some(inode.id),
                recursive: Some(false),
                op_time_ms: Some(0),
                alluxio_only: Some(true),
                path: Some(path.to_string()),
            }),
            ..JournalEntry::default()
        });
        self.loaded_inodes(tree, parent, place).draft(parent.id, path.name(), status, draft);
    }

    fn loaded_inodes(&self, tree: &Tree, parent: &Inode, place: &UfsPlace) -> LoadedInodes {
        LoadedInodes::new(tree, parent, &place.mount, place.ufs.ufs_type(), self.options.loaded_block_size)
    }

    /// Adds the file that stands where a directory was.
    async fn load_missing_held(
        &self,
        path: &AlluxioPath,
        status: UfsStatus,
        place: &UfsPlace,
        reservation: &Reservation,
    ) -> Result<(), FsError> {
        self.namespace
            .mutate(&[path], Some(reservation), |tree, draft| {
                let lookup = tree.lookup(path);
                let parent = lookup.last().and_then(|slot| tree.get(slot)).filter(|_| lookup.missing == 1);
                if let Some(parent) = parent.filter(|inode| inode.is_directory()) {
                    self.loaded_inodes(tree, parent, place).draft(parent.id, path.name(), &status, draft);
                }
                Ok(())
            })
            .await
    }
}

fn update(id: i64, fingerprint: String, seen: Option<(&UfsStatus, &Mount)>) -> JournalEntry {
    JournalEntry {
        update_inode: Some(UpdateInodeEntry {
            id: Some(id),
            owner: seen.map(|(status, _)| status.owner.to_string()),
            group: seen.map(|(status, _)| status.group.to_string()),
            mode: seen.map(|(status, mount)| i32::from(loaded_mode(status, mount))),
            ufs_fingerprint: Some(fingerprint),
            ..UpdateInodeEntry::default()
        }),
        ..JournalEntry::default()
    }
}

fn target<'a>(tree: &'a Tree, path: &AlluxioPath) -> Option<(Slot, &'a Inode)> {
    let slot = tree.lookup(path).target()?;
    Some((slot, tree.get(slot)?))
}

/// Whether an inode's metadata is the under storage's to say.
fn takes_part(tree: &Tree, path: &AlluxioPath) -> bool {
    target(tree, path).is_some_and(|(_, inode)| inode_takes_part(inode))
}

fn inode_takes_part(inode: &Inode) -> bool {
    inode.is_persisted() && inode.is_completed()
}

/// `None` when the path takes no part, or belongs to another mount by now.
fn verdict_at(
    tree: &Tree,
    path: &AlluxioPath,
    place: &UfsPlace,
    status: Option<&UfsStatus>,
) -> Option<Verdict> {
    let (slot, inode) = target(tree, path).filter(|(_, inode)| inode_takes_part(inode))?;
    if tree.mounts().mount_of(path).is_none_or(|mount| mount.id != place.mount.id) {
        return None;
    }
    Some(verdict(tree, slot, inode, place, status))
}

fn verdict(tree: &Tree, slot: Slot, inode: &Inode, place: &UfsPlace, status: Option<&UfsStatus>) -> Verdict {
    let Some(status) = status else {
        // A mount point is a directory whatever happens to what is mounted.
        return if inode.is_mount_point() { Verdict::Same } else { Verdict::Gone };
    };
    if inode.is_mount_point() {
        return Verdict::Same;
    }
    if inode.is_directory() != status.is_dir {
        return Verdict::Content;
    }
    let now = status.fingerprint(place.ufs.ufs_type());
    let stored = tree.rare(slot, inode).map_or("", |rare| &rare.fingerprint);
    let Ok(stored) = Fingerprint::from_str(stored) else {
        let same_length = status.is_dir || u64::try_from(inode.file_length()) == Ok(status.length);
        return if same_length { Verdict::Unmeasured } else { Verdict::Content };
    };
    match (stored.same_content(&now), stored.same_metadata(&now)) {
        (false, _) => Verdict::Content,
        (true, false) => Verdict::Metadata,
        (true, true) => Verdict::Same,
    }
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;

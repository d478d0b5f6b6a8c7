//! What is no longer in the under storage goes from the tree, except what is only in Alluxio.

use std::collections::HashSet;

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::journal::{DeleteFileEntry, JournalEntry, UpdateInodeEntry};

use super::{FileSystemMaster, inode_takes_part, target};
use crate::{
    namespace::{MAX_CHANGES_PER_HOLD, MAX_INODES_PER_HOLD, Reservation},
    tree::Persistence,
};

/// Children per record.
const CHUNK: usize = MAX_CHANGES_PER_HOLD;

/// One directory of the subtree that is gone.
struct Level {
    path: AlluxioPath,
    after: String,
    /// Its files were dealt with; what is left are directories, which lie above it on the stack.
    scanned: bool,
}

impl Level {
    fn new(path: AlluxioPath) -> Self {
        Self { path, after: String::new(), scanned: false }
    }
}

impl FileSystemMaster {
    /// The children that a listing of the under storage did not show.
    pub(super) fn unseen_children(&self, path: &AlluxioPath, seen: &HashSet<i64>) -> Vec<AlluxioPath> {
        let mut unseen = Vec::new();
        let mut after = Some(String::new());
        while let Some(name) = after.take() {
            self.namespace.peek(|tree| {
                let Some((_, directory)) = target(tree, path) else { return };
                let mut children = tree.children_after(directory, &name).filter_map(|slot| tree.get(slot));
                for child in children.by_ref().take(MAX_INODES_PER_HOLD) {
                    if inode_takes_part(child) && !child.is_mount_point() && !seen.contains(&child.id) {
                        unseen.push(path.join(&child.name));
                    }
                    after = Some(child.name.to_string());
                }
                after.take_if(|_| children.next().is_none());
            });
        }
        unseen
    }

    /// Removes a path that is gone, with everything below it that came from the under storage. The
    /// reservation covers it all, so nothing appears below it meanwhile.
    pub(super) async fn remove_gone(
        &self,
        path: &AlluxioPath,
        reservation: &Reservation,
    ) -> Result<(), FsError> {
        let mut stack = vec![Level::new(path.clone())];
        while let Some(mut level) = stack.pop() {
            if level.scanned {
                self.remove_gone_directory(&level.path, reservation).await?;
                continue;
            }
            let directories = self.remove_gone_files(&mut level, reservation).await?;
            stack.push(level);
            stack.extend(directories.into_iter().map(Level::new));
        }
        Ok(())
    }

    /// Removes the next files of a directory, or the path itself when it is a file. Returns the
    /// directories among them.
    async fn remove_gone_files(
        &self,
        level: &mut Level,
        reservation: &Reservation,
    ) -> Result<Vec<AlluxioPath>, FsError> {
        let path = &level.path;
        let (directories, next) = self
            .namespace
            .mutate(&[path], Some(reservation), |tree, draft| {
                let Some((_, inode)) = target(tree, path) else { return Ok((Vec::new(), None)) };
                if !inode.is_directory() {
                    if inode_takes_part(inode) {
                        draft.push(delete(inode.id, path));
                    }
                    return Ok((Vec::new(), None));
                }
                let mut directories = Vec::new();
                let mut last = None;
                let mut children = tree.children_after(inode, &level.after).filter_map(|slot| tree.get(slot));
                for child in children.by_ref().take(CHUNK) {
                    let at = path.join(&child.name);
                    if child.is_directory() {
                        if !child.is_mount_point() {
                            directories.push(at);
                        }
                    } else if inode_takes_part(child) {
                        draft.push(delete(child.id, &at));
                    }
                    last = Some(child.name.to_string());
                }
                Ok((directories, last.filter(|_| children.next().is_some())))
            })
            .await?;
        level.scanned = next.is_none();
        level.after = next.unwrap_or_default();
        Ok(directories)
    }

    /// Removes a directory that has nothing left in it; else it is one that is only in Alluxio.
    async fn remove_gone_directory(
        &self,
        path: &AlluxioPath,
        reservation: &Reservation,
    ) -> Result<(), FsError> {
        self.namespace
            .mutate(&[path], Some(reservation), |tree, draft| {
                let Some((_, inode)) = target(tree, path) else { return Ok(()) };
                if !inode.is_directory() || !inode.is_persisted() {
                    return Ok(());
                }
                draft.push(if tree.child_count(inode) == 0 {
                    delete(inode.id, path)
                } else {
                    only_here(inode.id)
                });
                Ok(())
            })
            .await
    }
}

fn delete(id: i64, path: &AlluxioPath) -> JournalEntry {
    JournalEntry {
        delete_file: Some(DeleteFileEntry {
            id: Some(id),
            recursive: Some(false),
            // Nobody knows when it went: the parent's time stays.
            op_time_ms: Some(0),
            alluxio_only: Some(true),
            path: Some(path.to_string()),
        }),
        ..JournalEntry::default()
    }
}

/// What is persisted below it later makes it anew.
fn only_here(id: i64) -> JournalEntry {
    JournalEntry {
        update_inode: Some(UpdateInodeEntry {
            id: Some(id),
            persistence_state: Some(Persistence::NotPersisted.as_str().to_owned()),
            ufs_fingerprint: Some(String::new()),
            ..UpdateInodeEntry::default()
        }),
        ..JournalEntry::default()
    }
}

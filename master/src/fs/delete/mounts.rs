//! Mount points at or below a path that is deleted. As in 2.9 they go only when that was asked for, and what
//! is mounted stays where it is: of its content goes what Alluxio knows, and nothing of an unchecked delete.

use std::sync::Arc;

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::journal::{DeleteMountPointEntry, JournalEntry};

use super::DeleteOptions;
use crate::{
    fs::ufs::check_mode,
    namespace::Draft,
    tree::{Mount, Tree},
};

/// The mounts that a delete ends; an error when it may not.
pub(super) fn at_or_below(
    tree: &Tree,
    path: &AlluxioPath,
    options: &DeleteOptions,
) -> Result<Vec<Arc<Mount>>, FsError> {
    let mounts: Vec<Arc<Mount>> =
        tree.mounts().iter().filter(|mount| mount.path.starts_with(path)).cloned().collect();
    // An empty mount point goes as any empty directory does.
    if mounts.is_empty() || !options.recursive {
        return Ok(mounts);
    }
    if !options.mount_points {
        return Err(FsError::permission_denied(format!(
            "Cannot delete path {path} which is or contains a mount point without --deleteMountPoint/-m option specified"
        )));
    }
    if let Some(mount) = mounts.iter().find(|mount| mount.read_only) {
        return Err(FsError::permission_denied(format!(
            "Cannot delete directory {path}. Failed to delete children: A write operation on {} is denied because \
             it is under a readonly mount point {}",
            mount.path, mount.path
        )));
    }
    if options.empties_mounts() {
        mounts.iter().try_for_each(|mount| check_mode(tree, mount, true))?;
    }
    Ok(mounts)
}

pub(super) fn draft_unmounts(mounts: &[Arc<Mount>], draft: &mut Draft) {
    for mount in mounts {
        let path = Some(mount.path.to_string());
        draft.push(JournalEntry {
            delete_mount_point: Some(DeleteMountPointEntry { alluxio_path: path }),
            ..JournalEntry::default()
        });
    }
}

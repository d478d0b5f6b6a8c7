//! Looking at one path.

use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::grpc::file::{ExistsPOptions, FileInfo, GetStatusPOptions};

use super::{
    FileSystemMaster,
    info::{Seen, file_info},
    subject::Subject,
    sync::SyncDepth,
    ufs::no_mount,
};
use crate::{
    namespace::now_ms,
    tree::{Inode, Lookup, Slot, Tree},
};

/// The inode of a path.
pub(super) fn existing<'a>(
    tree: &'a Tree,
    lookup: &Lookup,
    path: &AlluxioPath,
) -> Result<(Slot, &'a Inode), FsError> {
    traversable(tree, lookup, path)?;
    let slot = lookup.target().ok_or_else(|| FsError::path_does_not_exist(path))?;
    let inode = tree.get(slot).ok_or_else(|| FsError::path_does_not_exist(path))?;
    Ok((slot, inode))
}

/// Nothing can be below a file. Counted as the original does: the root is component 0.
pub(super) fn traversable(tree: &Tree, lookup: &Lookup, path: &AlluxioPath) -> Result<(), FsError> {
    match lookup.last().and_then(|slot| tree.get(slot)) {
        Some(inode) if lookup.missing > 0 && !inode.is_directory() => {
            Err(FsError::invalid_argument(format!(
                "Traversal failed for path {path}. Component {}({}) is a file, not a directory.",
                lookup.found.len() - 1,
                inode.name
            )))
        }
        _ => Ok(()),
    }
}

impl FileSystemMaster {
    pub async fn get_status(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &GetStatusPOptions,
    ) -> Result<FileInfo, FsError> {
        Ok(self.with_blocks(self.seen(subject, path, options).await?).await)
    }

    /// The same without the blocks.
    pub(super) async fn seen(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &GetStatusPOptions,
    ) -> Result<Seen, FsError> {
        let load = options.load_metadata_type.map(|_| options.load_metadata_type());
        let sync = options.common_options.as_ref().and_then(|common| common.sync_interval_ms);
        let wanted = options.access_mode.map_or(Bits::READ, |_| Bits::from_wire(options.access_mode()));
        let look = |tree: &Tree, lookup: &Lookup| {
            self.permissions.target(tree, subject, path, lookup, wanted)?;
            info_at(tree, lookup, path)
        };
        // What is known needs no look at the under storage, unless a sync is asked for.
        let interval = sync.unwrap_or(self.options.sync_interval_ms);
        let synced = interval >= 0 || self.sync_times.due(path, SyncDepth::Itself, interval);
        let known = if synced { None } else { found(self.namespace.read_path(path, look).await)? };
        let seen = match known {
            Some(seen) => seen,
            None => {
                self.load_for_status(path, load, sync).await?;
                self.namespace.read_path(path, look).await?
            }
        };
        if options.update_timestamps() && self.options.access_time_updates {
            self.access_times.touch(seen.info.file_id(), now_ms());
        }
        Ok(seen)
    }

    pub async fn exists(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &ExistsPOptions,
    ) -> Result<bool, FsError> {
        let load = options.load_metadata_type.map(|_| options.load_metadata_type());
        let sync = options.common_options.as_ref().and_then(|common| common.sync_interval_ms);
        self.load_for_status(path, load, sync).await?;
        self.namespace
            .read_path(path, |tree, lookup| {
                self.permissions.traverse(tree, subject, path, lookup)?;
                Ok(lookup.target().is_some())
            })
            .await
    }

    pub async fn check_access(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        bits: Bits,
    ) -> Result<(), FsError> {
        self.load_for_status(path, None, None).await?;
        self.namespace
            .read_path(path, |tree, lookup| {
                self.permissions.target(tree, subject, path, lookup, bits)?;
                existing(tree, lookup, path).map(|_| ())
            })
            .await
    }

    /// The path of an inode, for tools that know ids.
    pub async fn path_of_id(&self, subject: &Subject, id: i64) -> Result<AlluxioPath, FsError> {
        self.namespace
            .read(|tree| {
                let path = tree.find(id).and_then(|slot| tree.path_of(slot));
                let path =
                    path.ok_or_else(|| FsError::not_found(format!("No file or directory has id {id}.")))?;
                self.permissions.traverse(tree, subject, &path, &tree.lookup(&path))?;
                Ok(path)
            })
            .await
    }

    /// For workers and the job service, which are not bound by permissions.
    pub async fn info_of_id(&self, id: i64) -> Result<FileInfo, FsError> {
        let seen = self
            .namespace
            .read(|tree| {
                let path = tree.find(id).and_then(|slot| tree.path_of(slot));
                let path =
                    path.ok_or_else(|| FsError::not_found(format!("No file or directory has id {id}.")))?;
                info_at(tree, &tree.lookup(&path), &path)
            })
            .await?;
        Ok(self.with_blocks(seen).await)
    }
}

pub(super) fn info_at(tree: &Tree, lookup: &Lookup, path: &AlluxioPath) -> Result<Seen, FsError> {
    let (slot, inode) = existing(tree, lookup, path)?;
    let mount = tree.mounts().mount_of(path).ok_or_else(|| no_mount(path))?;
    Ok(file_info(tree, slot, inode, path, Some(&mount)))
}

/// Not there is an answer here, not an error.
pub(super) fn found<T>(result: Result<T, FsError>) -> Result<Option<T>, FsError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == alluxio_fs::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

//! Mounting, unmounting, changing the options of a mount. A mount whose options change gets a new id:
//! workers keep what they opened by id, and ask again for one that they do not know.

use std::{collections::BTreeMap, sync::Arc};

use alluxio_conf::MASKED;
use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::{
    grpc::file::MountPOptions,
    journal::{DeleteFileEntry, DeleteMountPointEntry, InodeDirectoryEntry, JournalEntry, UpdateInodeEntry},
};
use alluxio_ufs::{UfsPath, UfsStatus, UfsUri, UnderFs};

use crate::{
    fs::{
        FileSystemMaster, Subject,
        limits::check_properties,
        load::loaded_mode,
        ufs::{bounded, check_writable, ufs_error},
    },
    namespace::{Claim, Draft},
    tree::{Lookup, Mount, Persistence, Tree},
};

impl FileSystemMaster {
    /// Mounts an under storage on a path that does not exist, in a directory that does.
    pub async fn mount(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        ufs_path: &str,
        options: &MountPOptions,
    ) -> Result<(), FsError> {
        if path.is_root() {
            return Err(FsError::invalid_argument(
                "The root is mounted by the configuration (alluxio.master.mount.table.root.ufs); mount on another path.",
            ));
        }
        check_properties(&options.properties)?;
        let remount = options.remount() && self.namespace.peek(|tree| tree.mounts().at(path).is_some());
        let ufs = self.ufs.open(ufs_path, &options.properties)?;
        let mount = Mount {
            id: new_mount_id(),
            path: path.clone(),
            ufs_uri: address(ufs.uri()),
            read_only: options.read_only(),
            shared: options.shared(),
            properties: options.properties.clone(),
        };
        if !remount {
            let parent = path.parent().unwrap_or_else(AlluxioPath::root);
            self.load_for_status(&parent, None, None).await?;
        }
        let reservation = self.namespace.reservations().reserve(vec![Claim::subtree(path)]).await?;
        self.namespace
            .read_path(path, |tree, lookup| self.may_mount(tree, lookup, subject, &mount, remount))
            .await?;
        if !remount {
            self.check_shadows_nothing(path).await?;
        }
        let root = mounted_root(&ufs).await?;
        let old = self
            .namespace
            .mutate(&[path], Some(&reservation), |tree, draft| {
                let lookup = tree.lookup(path);
                self.may_mount(tree, &lookup, subject, &mount, remount)?;
                let old = if remount { draft_unmount(tree, path, draft) } else { None };
                draft_mount(tree, &lookup, &mount, &root, ufs.ufs_type(), draft);
                Ok(old)
            })
            .await?;
        self.forget_mount(path, old.as_deref());
        self.metrics.paths_mounted.inc();
        tracing::info!(%path, ufs = mount.ufs_uri, user = subject.user, "mounted");
        Ok(())
    }

    fn may_mount(
        &self,
        tree: &Tree,
        lookup: &Lookup,
        subject: &Subject,
        mount: &Mount,
        remount: bool,
    ) -> Result<(), FsError> {
        let path = &mount.path;
        self.permissions.parent(tree, subject, path, lookup, Bits::WRITE)?;
        if !remount {
            if tree.mounts().at(path).is_some() {
                return Err(FsError::already_exists(format!("Mount point {path} already exists.")));
            }
            if lookup.missing == 0 {
                return Err(FsError::already_exists(format!(
                    "{path} exists already. Mount on a path that does not exist."
                )));
            }
            let parent = path.parent().unwrap_or_else(AlluxioPath::root);
            if lookup.missing > 1 {
                return Err(FsError::path_does_not_exist(&parent));
            }
            if lookup.last().and_then(|slot| tree.get(slot)).is_none_or(|inode| !inode.is_directory()) {
                return Err(FsError::invalid_argument(format!("{parent} is a file; mount in a directory.")));
            }
            check_writable(tree, &parent)?;
        } else if tree.mounts().at(path).is_none() {
            // Whatever is there by now would be in the way of the new mount.
            return Err(FsError::unavailable(format!("{path} was unmounted meanwhile. Try again.")));
        } else if nested(tree, path) {
            return Err(FsError::invalid_argument(format!(
                "Other mount points lie below {path}. Unmount them first."
            )));
        }
        let new = UfsUri::parse(&mount.ufs_uri).map_err(ufs_error)?;
        for other in tree.mounts().iter().filter(|other| other.path != *path) {
            let Ok(old) = UfsUri::parse(&other.ufs_uri) else { continue };
            // The same file under two paths would be two files to Alluxio.
            let (outer, inner) = match (old.relative(&mount.ufs_uri), new.relative(&other.ufs_uri)) {
                (Ok(_), _) => (&other.ufs_uri, &mount.ufs_uri),
                (_, Ok(_)) => (&mount.ufs_uri, &other.ufs_uri),
                _ => continue,
            };
            return Err(FsError::invalid_argument(format!(
                "Mount point {outer} is a prefix of {inner}: {} is mounted on {}.",
                other.ufs_uri, other.path
            )));
        }
        Ok(())
    }

    /// The path must be free in the under storage that holds its parent, or that would be hidden.
    async fn check_shadows_nothing(&self, path: &AlluxioPath) -> Result<(), FsError> {
        let place = self.ufs_place_of(path)?;
        if bounded(place.ufs.status(&place.path)).await?.is_some() {
            return Err(FsError::invalid_argument(format!(
                "Mount path {path} shadows an existing path {} in the parent underlying filesystem",
                place.ufs.uri().join(&place.path)
            )));
        }
        Ok(())
    }

    /// Ends a mount. The under storage keeps what it has; what was not persisted is lost, as in 2.9.
    pub async fn unmount(&self, subject: &Subject, path: &AlluxioPath) -> Result<(), FsError> {
        let reservation = self.namespace.reservations().reserve(vec![Claim::subtree(path)]).await?;
        let old = self
            .namespace
            .mutate(&[path], Some(&reservation), |tree, draft| {
                self.permissions.parent(tree, subject, path, &tree.lookup(path), Bits::WRITE)?;
                if nested(tree, path) && tree.mounts().at(path).is_some() && !path.is_root() {
                    return Err(FsError::invalid_argument(format!(
                        "Failed to unmount {path}. Other mount points lie below it; unmount them first."
                    )));
                }
                let old = if path.is_root() { None } else { draft_unmount(tree, path, draft) };
                old.ok_or_else(|| {
                    FsError::invalid_argument(format!(
                        "Failed to unmount {path}. Please ensure the path is an existing mount point."
                    ))
                })
            })
            .await?;
        self.forget_mount(path, Some(&old));
        self.metrics.paths_unmounted.inc();
        tracing::info!(%path, ufs = old.ufs_uri, user = subject.user, "unmounted");
        Ok(())
    }

    /// Sets read-only, shared and properties anew: what is not given is taken away, as in 2.9.
    pub async fn update_mount(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &MountPOptions,
    ) -> Result<(), FsError> {
        let reservation = self.namespace.reservations().reserve(vec![Claim::edge(path)]).await?;
        let old = self
            .namespace
            .read_path(path, |tree, lookup| {
                self.permissions.parent(tree, subject, path, lookup, Bits::WRITE)?;
                if path.is_root() {
                    return Err(FsError::invalid_argument(
                        "The options of the root mount come from the configuration: change alluxio.master.mount.table.root.* and restart the master.",
                    ));
                }
                tree.mounts().at(path).cloned().ok_or_else(|| not_a_mount(path))
            })
            .await?;
        let mount = Mount {
            id: new_mount_id(),
            read_only: options.read_only(),
            shared: options.shared(),
            properties: unmasked(&old.properties, &options.properties),
            ..Mount::clone(&old)
        };
        check_properties(&mount.properties)?;
        let ufs = self.ufs.open(&mount.ufs_uri, &mount.properties)?;
        mounted_root(&ufs).await?;
        self.namespace
            .mutate(&[path], Some(&reservation), |tree, draft| {
                if tree.mounts().at(path).is_none_or(|now| now.id != old.id) {
                    return Err(not_a_mount(path));
                }
                draft.push(JournalEntry {
                    delete_mount_point: Some(DeleteMountPointEntry { alluxio_path: Some(path.to_string()) }),
                    ..JournalEntry::default()
                });
                draft.push(JournalEntry {
                    add_mount_point: Some(mount.to_entry()),
                    ..JournalEntry::default()
                });
                Ok(())
            })
            .await?;
        self.ufs.forget(old.id);
        tracing::info!(%path, user = subject.user, "mount options changed");
        Ok(())
    }

    /// Drops what was remembered of the paths below a mount point.
    pub(in crate::fs) fn forget_mount(&self, path: &AlluxioPath, old: Option<&Mount>) {
        if let Some(old) = old {
            self.ufs.forget(old.id);
        }
        self.removals.note(path);
        self.absent.forget(path);
        self.sync_times.invalidate(path);
        self.reaper_wanted.notify_one();
    }
}

fn not_a_mount(path: &AlluxioPath) -> FsError {
    FsError::invalid_argument(format!(
        "Failed to update mount properties for {path}. Please ensure the path is an existing mount point."
    ))
}

/// Random, so that an id is never used again; the root's is 1.
fn new_mount_id() -> i64 {
    (rand::random::<i64>() & i64::MAX).max(2)
}

/// Without a slash at its end, unless it is all there is.
fn address(uri: &UfsUri) -> String {
    let text = uri.to_string();
    let trimmed = text.trim_end_matches('/');
    if trimmed.is_empty() || trimmed.ends_with(':') { text } else { trimmed.to_owned() }
}

async fn mounted_root(ufs: &Arc<dyn UnderFs>) -> Result<UfsStatus, FsError> {
    match bounded(ufs.status(&UfsPath::root())).await? {
        Some(status) if status.is_dir => Ok(status),
        Some(_) => {
            Err(FsError::invalid_argument(format!("{} is a file; only directories are mounted.", ufs.uri())))
        }
        None => Err(FsError::invalid_argument(format!("Ufs path {} does not exist", ufs.uri()))),
    }
}

fn nested(tree: &Tree, path: &AlluxioPath) -> bool {
    tree.mounts().journaled().any(|mount| mount.path != *path && mount.path.starts_with(path))
}

/// What is shown masked comes back masked from who edits what he was shown.
fn unmasked(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let known = |key: &String, value: &String| match old.get(key) {
        Some(hidden) if value == MASKED => hidden.clone(),
        _ => value.clone(),
    };
    new.iter().map(|(key, value)| (key.clone(), known(key, value))).collect()
}

/// Takes the mount and everything below it out of the tree. `None` when nothing is mounted there.
fn draft_unmount(tree: &Tree, path: &AlluxioPath, draft: &mut Draft) -> Option<Arc<Mount>> {
    let mount = tree.mounts().at(path)?.clone();
    if let Some(inode) = tree.lookup(path).target().and_then(|slot| tree.get(slot)) {
        draft.push(JournalEntry {
            delete_file: Some(DeleteFileEntry {
                id: Some(inode.id),
                recursive: Some(true),
                op_time_ms: Some(draft.now_ms),
                alluxio_only: Some(true),
                path: Some(path.to_string()),
            }),
            ..JournalEntry::default()
        });
    }
    draft.push(JournalEntry {
        delete_mount_point: Some(DeleteMountPointEntry { alluxio_path: Some(path.to_string()) }),
        ..JournalEntry::default()
    });
    Some(mount)
}

fn draft_mount(
    tree: &Tree,
    lookup: &Lookup,
    mount: &Mount,
    root: &UfsStatus,
    ufs_type: &str,
    draft: &mut Draft,
) {
    let above = &lookup.found[..lookup.found.len() - usize::from(lookup.missing == 0)];
    let Some(parent) = above.last().and_then(|slot| tree.get(*slot)) else { return };
    let id = tree.next_directory();
    draft.push(JournalEntry { add_mount_point: Some(mount.to_entry()), ..JournalEntry::default() });
    draft.push(JournalEntry {
        inode_directory: Some(InodeDirectoryEntry {
            id: Some(id),
            parent_id: Some(parent.id),
            name: Some(mount.path.name().to_owned()),
            persistence_state: Some(Persistence::Persisted.as_str().to_owned()),
            creation_time_ms: Some(draft.now_ms),
            last_modification_time_ms: Some(root.modified_ms.unwrap_or(draft.now_ms)),
            last_access_time_ms: Some(draft.now_ms),
            owner: Some(root.owner.to_string()),
            group: Some(root.group.to_string()),
            mode: Some(i32::from(loaded_mode(root, mount))),
            mount_point: Some(true),
            direct_children_loaded: Some(false),
            ..InodeDirectoryEntry::default()
        }),
        ..JournalEntry::default()
    });
    draft.push(JournalEntry {
        update_inode: Some(UpdateInodeEntry {
            id: Some(id),
            ufs_fingerprint: Some(root.fingerprint(ufs_type).to_string()),
            ..UpdateInodeEntry::default()
        }),
        ..JournalEntry::default()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_no_slash_behind_them() {
        for (text, stored) in [
            ("/", "/"),
            ("/a/", "/a"),
            ("file:///", "file:///"),
            ("s3://b/", "s3://b"),
            ("hdfs://n:1/a/", "hdfs://n:1/a"),
        ] {
            assert_eq!(address(&UfsUri::parse(text).unwrap()), stored);
        }
    }

    #[test]
    fn a_masked_value_is_the_one_that_was() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let old = BTreeMap::from([pair("a", "1"), pair("b", "1"), pair("key", "secret")]);
        let new = BTreeMap::from([pair("a", "2"), pair("key", MASKED)]);
        assert_eq!(unmasked(&old, &new), BTreeMap::from([pair("a", "2"), pair("key", "secret")]));
    }
}

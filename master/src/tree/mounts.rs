//! Which under storage lies below which path. The root mount comes from the configuration and is not
//! journaled; all others are.

use std::{collections::BTreeMap, sync::Arc};

use alluxio_fs::{AlluxioPath, ids};
use alluxio_proto::journal::{AddMountPointEntry, StringPairEntry, UfsMode as WireMode};

#[derive(Clone, Debug, PartialEq)]
pub struct Mount {
    pub id: i64,
    pub path: AlluxioPath,
    /// Without a slash at its end.
    pub ufs_uri: String,
    pub read_only: bool,
    pub shared: bool,
    pub properties: BTreeMap<String, String>,
}

/// What an operator may still do with an under storage (`fsadmin ufs --mode`).
pub type UfsMode = WireMode;

#[derive(Clone, Debug, Default)]
pub struct MountTable {
    root: Option<Arc<Mount>>,
    mounts: BTreeMap<AlluxioPath, Arc<Mount>>,
    modes: BTreeMap<String, UfsMode>,
}

/// A path as its under storage knows it.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub mount: Arc<Mount>,
    pub ufs_path: String,
}

impl Mount {
    pub fn ufs_path(&self, path: &AlluxioPath) -> Option<String> {
        match path.below(&self.path)? {
            "" => Some(self.ufs_uri.clone()),
            rest => Some(format!("{}/{rest}", self.ufs_uri.trim_end_matches('/'))),
        }
    }

    pub fn to_entry(&self) -> AddMountPointEntry {
        let pair = |(key, value): (&String, &String)| StringPairEntry {
            key: Some(key.clone()),
            value: Some(value.clone()),
        };
        AddMountPointEntry {
            alluxio_path: Some(self.path.to_string()),
            ufs_path: Some(self.ufs_uri.clone()),
            read_only: Some(self.read_only),
            properties: self.properties.iter().map(pair).collect(),
            shared: Some(self.shared),
            mount_id: Some(self.id),
        }
    }

    pub fn from_entry(entry: &AddMountPointEntry) -> Option<Self> {
        let properties = entry.properties.iter().map(|p| (p.key().to_owned(), p.value().to_owned()));
        Some(Self {
            id: entry.mount_id(),
            path: AlluxioPath::parse(entry.alluxio_path()).ok()?,
            ufs_uri: entry.ufs_path().to_owned(),
            read_only: entry.read_only(),
            shared: entry.shared(),
            properties: properties.collect(),
        })
    }
}

impl MountTable {
    pub fn set_root(
        &mut self,
        ufs_uri: String,
        read_only: bool,
        shared: bool,
        properties: BTreeMap<String, String>,
    ) {
        let path = AlluxioPath::root();
        self.root =
            Some(Arc::new(Mount { id: ids::ROOT_MOUNT_ID, path, ufs_uri, read_only, shared, properties }));
    }

    pub(super) fn add(&mut self, mount: Mount) {
        self.mounts.insert(mount.path.clone(), Arc::new(mount));
    }

    pub(super) fn remove(&mut self, path: &AlluxioPath) -> bool {
        self.mounts.remove(path).is_some()
    }

    pub(super) fn set_mode(&mut self, ufs: &str, mode: UfsMode) {
        if mode == UfsMode::ReadWrite {
            self.modes.remove(ufs);
        } else {
            self.modes.insert(ufs.to_owned(), mode);
        }
    }

    /// The mount that a path belongs to.
    pub fn mount_of(&self, path: &AlluxioPath) -> Option<Arc<Mount>> {
        if self.mounts.is_empty() {
            return self.root.clone();
        }
        let mut at = Some(path.clone());
        while let Some(path) = at {
            if let Some(mount) = self.mounts.get(&path) {
                return Some(mount.clone());
            }
            at = path.parent();
        }
        self.root.clone()
    }

    pub fn resolve(&self, path: &AlluxioPath) -> Option<Resolved> {
        let mount = self.mount_of(path)?;
        let ufs_path = mount.ufs_path(path)?;
        Some(Resolved { mount, ufs_path })
    }

    /// The mount exactly at a path.
    pub fn at(&self, path: &AlluxioPath) -> Option<&Arc<Mount>> {
        if path.is_root() { self.root.as_ref() } else { self.mounts.get(path) }
    }

    pub fn by_id(&self, id: i64) -> Option<&Arc<Mount>> {
        self.iter().find(|mount| mount.id == id)
    }

    /// All mounts, the root's first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Mount>> {
        self.root.iter().chain(self.mounts.values())
    }

    /// The journaled mounts.
    pub fn journaled(&self) -> impl Iterator<Item = &Arc<Mount>> {
        self.mounts.values()
    }

    /// Whether something is mounted at or below a path, the root mount aside.
    pub fn any_below(&self, path: &AlluxioPath) -> bool {
        self.mounts.keys().any(|mount| mount.starts_with(path))
    }

    pub fn modes(&self) -> &BTreeMap<String, UfsMode> {
        &self.modes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AlluxioPath {
        AlluxioPath::parse(text).unwrap()
    }

    #[test]
    fn the_deepest_mount_wins() {
        let mut table = MountTable::default();
        table.set_root("/ufs".into(), false, true, BTreeMap::new());
        let entry = AddMountPointEntry {
            alluxio_path: Some("/a/b".into()),
            ufs_path: Some("s3://bucket/x".into()),
            mount_id: Some(7),
            ..Default::default()
        };
        let mount = Mount::from_entry(&entry).unwrap();
        assert_eq!(Mount::from_entry(&mount.to_entry()), Some(mount.clone()));
        table.add(mount);
        for (at, ufs, id) in [
            ("/", "/ufs", 1),
            ("/a", "/ufs/a", 1),
            ("/a/b", "s3://bucket/x", 7),
            ("/a/b/c", "s3://bucket/x/c", 7),
        ] {
            let resolved = table.resolve(&path(at)).unwrap();
            assert_eq!((resolved.ufs_path.as_str(), resolved.mount.id), (ufs, id));
        }
        assert!(table.any_below(&path("/a")) && !table.any_below(&path("/a/b/c")));
        assert!(table.remove(&path("/a/b")));
        assert_eq!(table.resolve(&path("/a/b/c")).unwrap().ufs_path, "/ufs/a/b/c");
    }
}

//! Where backups lie: in the store of the root's under storage, or in a folder of this host.

use std::{collections::BTreeMap, sync::Arc};

use alluxio_conf::{Configuration, key};
use alluxio_fs::ids;
use alluxio_ufs::{UfsPath, UfsUri, UnderFs, open_ufs};

use super::error::BackupError;
use crate::tree::Tree;

/// How to reach the store of the root.
#[derive(Clone, Debug)]
pub struct RootStore {
    conf: Configuration,
    uri: String,
    properties: BTreeMap<String, String>,
}

/// A folder or a file in a store.
#[derive(Clone, Debug)]
pub struct Place {
    pub ufs: Arc<dyn UnderFs>,
    pub path: UfsPath,
}

impl RootStore {
    pub fn of(tree: &Tree, conf: &Configuration) -> Option<Self> {
        let root = tree.mounts().iter().find(|mount| mount.id == ids::ROOT_MOUNT_ID)?;
        Some(Self { conf: conf.clone(), uri: root.ufs_uri.clone(), properties: root.properties.clone() })
    }

    /// For who has a tree that nobody has mounted the root in: it comes from the configuration.
    pub fn of_configuration(conf: &Configuration) -> Self {
        let properties = conf.nested("alluxio.master.mount.table.root.option");
        Self { conf: conf.clone(), uri: conf.get(key::MASTER_MOUNT_TABLE_ROOT_UFS), properties }
    }

    /// What `folder` names, as the original does: a path is taken from the top of the root's store, not from the
    /// folder that is mounted. `local`: from the top of this host's file system.
    pub fn place(&self, folder: &str, local: bool) -> Result<Place, BackupError> {
        let scheme = folder.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| !scheme.contains('/'));
        let of_host = scheme.map_or(local, |scheme| scheme.eq_ignore_ascii_case("file"));
        if local && !of_host {
            return Err(BackupError::NotLocal { folder: folder.to_owned() });
        }
        if scheme.is_none() && !folder.starts_with('/') {
            return Err(BackupError::NoFolder { folder: folder.to_owned() });
        }
        let address = match scheme {
            Some(_) => folder.to_owned(),
            None if of_host => format!("file://{folder}"),
            None => {
                let root = UfsUri::parse(&self.uri)?;
                match root.scheme() {
                    "file" => folder.to_owned(),
                    scheme => format!("{scheme}://{}{folder}", root.authority()),
                }
            }
        };
        // A folder of this host has none of the root's properties.
        let properties = if of_host { BTreeMap::new() } else { self.properties.clone() };
        Ok(Place { ufs: open_ufs(&self.conf, &address, &properties)?, path: UfsPath::root() })
    }

    /// The file that `alluxio.master.journal.init.from.backup` names. A bare path is one of this host, as in the
    /// original, whatever the root is.
    pub fn file(&self, text: &str) -> Result<Place, BackupError> {
        let no_file = || BackupError::NoFile { uri: text.to_owned() };
        let (folder, name) =
            text.rsplit_once('/').filter(|(_, name)| !name.is_empty()).ok_or_else(no_file)?;
        // An address that ends with its host.
        if folder.ends_with(":/") {
            return Err(no_file());
        }
        let place =
            self.place(&format!("{folder}/"), text.starts_with('/')).map_err(|error| match error {
                BackupError::NoFolder { .. } => no_file(),
                error => error,
            })?;
        Ok(Place { path: place.path.child(name)?, ..place })
    }
}

impl Place {
    pub fn child(&self, name: &str) -> Result<Self, BackupError> {
        Ok(Self { ufs: self.ufs.clone(), path: self.path.child(name)? })
    }

    /// A folder of this host: whether others have the same one there is not known.
    pub fn is_of_host(&self) -> bool {
        self.ufs.uri().scheme() == "file"
    }

    /// As a user names it.
    pub fn uri(&self) -> String {
        self.ufs.uri().join(&self.path).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_at_the_top_of_the_store() {
        let root = |uri: &str| RootStore {
            conf: Configuration::defaults(),
            uri: uri.to_owned(),
            properties: BTreeMap::new(),
        };
        let local = root("/data/under");
        let uri = |place: Result<Place, BackupError>| place.unwrap().uri();
        assert_eq!(uri(local.place("/alluxio_backups", false)), "/alluxio_backups");
        assert_eq!(uri(local.file("/b/alluxio-backup-1.gz")), "file:///b/alluxio-backup-1.gz");
        assert_eq!(uri(local.file("file:///b/x.gz")), "file:///b/x.gz");
        assert_eq!(uri(local.file("/x.gz")), "file:///x.gz");
        assert_eq!(uri(local.file("file:/b/x.gz")), "file:///b/x.gz");
        assert_eq!(uri(local.file("file:/x.gz")), "file:///x.gz");
        assert_eq!(uri(local.place("file:/b", true)), "file:///b");
        for none in ["", "x.gz", "/b/", "b/x.gz", "hdfs://host"] {
            assert!(matches!(local.file(none), Err(BackupError::NoFile { .. })), "{none}");
        }
        assert!(matches!(local.place("b", true), Err(BackupError::NoFolder { .. })));
        assert!(matches!(local.place("hdfs://host/b", true), Err(BackupError::NotLocal { .. })));
        // Which stores there are is not known here.
        let elsewhere = root("gopher://hole:70/a");
        let error = elsewhere.place("/alluxio_backups", false).unwrap_err().to_string();
        assert!(error.contains("gopher://hole:70/alluxio_backups"), "{error}");
        assert_eq!(uri(elsewhere.place("/alluxio_backups", true)), "file:///alluxio_backups");
    }
}

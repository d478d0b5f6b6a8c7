//! Where backups lie: in the store of the root's under storage, or in a folder of this host.

use std::{collections::BTreeMap, sync::Arc};

use alluxio_conf::Configuration;
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

    /// What `folder` names, as the original does: a path is taken from the top of the root's store, not from the
    /// folder that is mounted. `local`: from the top of this host's file system.
    pub fn place(&self, folder: &str, local: bool) -> Result<Place, BackupError> {
        let text = if folder.contains("://") {
            folder.to_owned()
        } else if local {
            format!("file://{folder}")
        } else {
            let root = UfsUri::parse(&self.uri)?;
            match root.scheme() {
                "file" => folder.to_owned(),
                scheme => format!("{scheme}://{}{folder}", root.authority()),
            }
        };
        // A folder of this host has none of the root's properties.
        let properties = if local { BTreeMap::new() } else { self.properties.clone() };
        Ok(Place { ufs: open_ufs(&self.conf, &text, &properties)?, path: UfsPath::root() })
    }

    /// The file that `alluxio.master.journal.init.from.backup` names.
    pub fn file(&self, text: &str) -> Result<Place, BackupError> {
        let no_file = || BackupError::NoFile { uri: text.to_owned() };
        let (folder, name) =
            text.rsplit_once('/').filter(|(_, name)| !name.is_empty()).ok_or_else(no_file)?;
        // A bare path is one of this host, as in the original, whatever the root is.
        let local = text.starts_with('/') || text.starts_with("file:");
        let folder =
            if folder.is_empty() || folder.ends_with('/') { text.trim_end_matches(name) } else { folder };
        let place = self.place(folder, local)?;
        Ok(Place { path: place.path.child(name)?, ..place })
    }
}

impl Place {
    pub fn child(&self, name: &str) -> Result<Self, BackupError> {
        Ok(Self { ufs: self.ufs.clone(), path: self.path.child(name)? })
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
        for none in ["", "x.gz", "/b/"] {
            assert!(matches!(local.file(none), Err(BackupError::NoFile { .. })), "{none}");
        }
        // Which stores there are is not known here.
        let elsewhere = root("gopher://hole:70/a");
        let error = elsewhere.place("/alluxio_backups", false).unwrap_err().to_string();
        assert!(error.contains("gopher://hole:70/alluxio_backups"), "{error}");
        assert_eq!(uri(elsewhere.place("/alluxio_backups", true)), "file:///alluxio_backups");
    }
}

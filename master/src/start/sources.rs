//! Where the master's state comes from: the journal's store, and the under storage of the root.

use alluxio_conf::{Configuration, KeyName, Source, key};
use alluxio_journal::{Options, Uuid, store::Store};

use super::{error::StartError, journal_store::roll_age};
use crate::tree::Tree;

/// `cluster`: whose journal it has to be, where that is known.
pub(super) fn journal_options(conf: &Configuration, owner: String, cluster: Option<Uuid>) -> Options {
    let roll_bytes = conf.get(key::MASTER_JOURNAL_LOG_SIZE_BYTES_MAX);
    Options { owner, cluster, roll_bytes, roll_age: roll_age(conf), ..Options::default() }
}

/// Refuses at the start what would only be found out after an election.
/// Gives the cluster whose journal it is.
pub(super) async fn check_journal(store: &dyn Store) -> Result<Uuid, StartError> {
    let cluster = alluxio_journal::cluster_id(store).await?;
    alluxio_journal::check_format(store).await?;
    Ok(cluster)
}

/// The root mount comes from the configuration. A local folder that nobody chose is made.
pub(super) async fn check_root(conf: &Configuration) -> Result<(), StartError> {
    let uri = conf.get(key::MASTER_MOUNT_TABLE_ROOT_UFS);
    let properties = conf.nested("alluxio.master.mount.table.root.option");
    let ufs = alluxio_ufs::open_ufs(conf, &uri, &properties).map_err(StartError::RootUfs)?;
    let root = alluxio_ufs::UfsPath::root();
    if ufs.status(&root).await.map_err(StartError::RootUfs)?.is_none() {
        let name = key::MASTER_MOUNT_TABLE_ROOT_UFS.name();
        if !matches!(conf.source_of(name), Source::Default) {
            return Err(StartError::NoRootUfs { uri, property: name.to_owned() });
        }
        let options = alluxio_ufs::MkdirsOptions::with_parents(alluxio_ufs::Attributes::default());
        ufs.mkdirs(&root, options).await.map_err(StartError::RootUfs)?;
    }
    Ok(())
}

/// Without a look at it: an under storage that is away for a moment keeps nobody from leading.
pub(super) fn mount_root(conf: &Configuration, tree: &mut Tree) {
    let uri = conf.get(key::MASTER_MOUNT_TABLE_ROOT_UFS);
    let properties = conf.nested("alluxio.master.mount.table.root.option");
    let read_only = conf.get(key::MASTER_MOUNT_TABLE_ROOT_READONLY);
    // As the original: there is nobody to share a store with that has folders and owners of its own.
    let has_folders =
        alluxio_ufs::open_ufs(conf, &uri, &properties).is_ok_and(|ufs| ufs.capabilities().directories);
    let shared = conf.get(key::MASTER_MOUNT_TABLE_ROOT_SHARED) && !has_folders;
    // Without a slash at its end, unless it is all there is.
    let trimmed = uri.trim_end_matches('/');
    let uri = if trimmed.is_empty() || trimmed.ends_with(':') { &uri } else { trimmed };
    tree.set_root_mount(uri.to_owned(), read_only, shared, properties);
}

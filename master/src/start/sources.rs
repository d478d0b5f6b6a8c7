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

/// Refuses at the start what would only be found out after an election, and a journal that is not the one that it was told.
/// Gives the cluster whose journal it is.
pub(super) async fn check_journal(conf: &Configuration, store: &dyn Store) -> Result<Uuid, StartError> {
    let property = key::MASTER_JOURNAL_CLUSTER_ID;
    let told = conf.opt(property).filter(|told| !told.is_empty());
    let told: Option<Uuid> = match told.as_deref().map(str::parse).transpose() {
        Ok(told) => told,
        Err(_) => return Err(StartError::NoClusterId { property: property.name().to_owned() }),
    };
    let cluster = alluxio_journal::cluster_id(store).await?;
    if let Some(told) = told.filter(|told| *told != cluster) {
        let (location, property) = (store.location(), property.name().to_owned());
        return Err(StartError::OtherJournal { location, found: cluster, told, property });
    }
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

#[cfg(test)]
mod tests {
    use alluxio_journal::Existing;

    use super::*;
    use crate::start::{Master, journal_store, loopback};

    /// A journal's folder that was restored from another cluster's copy. One line, and nothing is written there.
    #[tokio::test]
    async fn a_master_does_not_start_over_a_journal_that_is_not_the_one_it_was_told() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal").display().to_string();
        let (ours, theirs) = (Uuid::from_u128(5), Uuid::from_u128(6));
        let conf = |told: &str, election: &str| {
            let of_journal = [
                ("alluxio.master.journal.folder", journal.as_str()),
                ("alluxio.master.journal.cluster.id", told),
                ("alluxio.zookeeper.enabled", election),
                ("alluxio.zookeeper.address", "127.0.0.1:1"),
            ];
            loopback(folder.path()).with(&of_journal).unwrap()
        };
        let store =
            journal_store(&conf("", "false"), alluxio_journal::store::local::Sharing::Exclusive).unwrap();
        alluxio_journal::format(&*store, theirs, Existing::Keep).await.unwrap();
        for told in [String::new(), theirs.to_string()] {
            assert_eq!(check_journal(&conf(&told, "false"), &*store).await.unwrap(), theirs, "{told}");
        }
        drop(store);
        for election in ["false", "true"] {
            let told =
                Master::start(conf(&ours.to_string(), election), None).await.err().unwrap().to_string();
            assert_eq!(
                told,
                format!(
                    "{journal} holds the journal of cluster {theirs}, and this master is one of cluster {ours}: bring the folder back, \
                     or correct alluxio.master.journal.cluster.id. Nothing was changed"
                )
            );
            let told = Master::start(conf("five", election), None).await.err().unwrap().to_string();
            assert!(told.starts_with("alluxio.master.journal.cluster.id is no id of a cluster"), "{told}");
        }
        Master::start(conf(&theirs.to_string(), "false"), None).await.unwrap().shutdown().await;
    }
}

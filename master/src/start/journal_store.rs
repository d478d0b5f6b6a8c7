//! Where the journal lies: the store that `alluxio.master.journal.folder` names.

use std::{sync::Arc, time::Duration};

use alluxio_conf::{Configuration, key};
use alluxio_hdfs::{Address, ConnectError, Settings};
use alluxio_journal::{
    Options,
    store::{
        Store,
        hdfs::HdfsStore,
        local::{LocalStore, Sharing},
    },
};
use thiserror::Error;

/// Why no journal can lie at a place.
#[derive(Debug, Error)]
pub enum JournalPlaceError {
    #[error(
        "alluxio.master.journal.type=EMBEDDED is not supported: there is no Raft journal here. Leave it out or set UFS; \
         to bring the data of an embedded journal, take a backup with `alluxio fsadmin backup` on the old cluster."
    )]
    Embedded,
    #[error(
        "alluxio.master.journal.folder={folder}: a journal cannot lie on an object store ({scheme}), which can neither sync \
         a file that is still written nor keep a deposed master from writing. Give hdfs://host:port/path or a mounted path (a local disk, NFS)."
    )]
    ObjectStore { folder: String, scheme: String },
    #[error(
        "alluxio.master.journal.folder={folder}: journals on {scheme} are not supported. Give hdfs://host:port/path or a mounted path (a local disk, NFS)."
    )]
    Unknown { folder: String, scheme: String },
    #[error("alluxio.master.journal.folder={folder}: {source}")]
    Hdfs { folder: String, source: ConnectError },
}

/// The schemes under which the original mounts object stores.
const OBJECT_STORES: [&str; 15] = [
    "s3", "s3a", "s3n", "gs", "gcs", "oss", "cos", "cosn", "obs", "swift", "wasb", "wasbs", "abfs", "abfss",
    "adl",
];

/// The store of the journal that the configuration names. Nothing is read or made there yet.
/// `sharing` says whether other masters may use it too: those that stand for election.
pub fn journal_store(conf: &Configuration, sharing: Sharing) -> Result<Arc<dyn Store>, JournalPlaceError> {
    if conf.by_name("alluxio.master.journal.type").is_some_and(|kind| kind == "EMBEDDED") {
        return Err(JournalPlaceError::Embedded);
    }
    at(conf, &conf.get(key::MASTER_JOURNAL_FOLDER), sharing)
}

/// The journal at a path or URI, for a command: it must not touch one that a running master has locked.
pub fn journal_store_at(conf: &Configuration, folder: &str) -> Result<Arc<dyn Store>, JournalPlaceError> {
    at(conf, folder, Sharing::Exclusive)
}

fn at(conf: &Configuration, folder: &str, sharing: Sharing) -> Result<Arc<dyn Store>, JournalPlaceError> {
    let path = folder.strip_prefix("file://").unwrap_or(folder);
    let Some((scheme, _)) = path.split_once("://") else {
        return Ok(Arc::new(LocalStore::new(path, sharing)));
    };
    if Address::is_hdfs(path) {
        let options = conf.nested("alluxio.master.journal.ufs.option");
        let store = Settings::of(conf, &options).and_then(|settings| HdfsStore::new(path, settings, sharing));
        return match store {
            Ok(store) => Ok(Arc::new(store)),
            Err(source) => Err(JournalPlaceError::Hdfs { folder: folder.to_owned(), source }),
        };
    }
    let (folder, scheme) = (folder.to_owned(), scheme.to_lowercase());
    if OBJECT_STORES.contains(&&*scheme) {
        return Err(JournalPlaceError::ObjectStore { folder, scheme });
    }
    Err(JournalPlaceError::Unknown { folder, scheme })
}

/// After how long an open journal file is closed. What is open on HDFS can be read by nobody else.
pub(super) fn roll_age(conf: &Configuration) -> Duration {
    let on_hdfs = Address::is_hdfs(&conf.get(key::MASTER_JOURNAL_FOLDER));
    let interval = conf.get(key::MASTER_JOURNAL_SEGMENT_INTERVAL).duration();
    interval.filter(|_| on_hdfs).unwrap_or(Options::default().roll_age)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(folder: &str) -> Result<String, String> {
        let store = journal_store_at(&Configuration::defaults(), folder);
        store.map(|store| store.location()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_path_is_a_place_for_a_journal_and_an_object_store_is_none() {
        assert_eq!(location("/journal").unwrap(), "/journal");
        assert_eq!(location("file:///journal").unwrap(), "/journal");
        assert_eq!(location("hdfs://namenode:9000/a/journal/").unwrap(), "hdfs://namenode:9000/a/journal");
        let refusal = location("hdfs:///journal").unwrap_err();
        assert!(refusal.contains("alluxio.master.journal.folder=hdfs:///journal"), "{refusal}");
        for place in ["s3://bucket/journal", "S3A://bucket/journal", "gs://bucket/journal", "oss://bucket/j"]
        {
            let refusal = location(place).unwrap_err();
            assert!(refusal.contains(place) && refusal.contains("object store"), "{refusal}");
        }
        let refusal = location("ftp://host/journal").unwrap_err();
        assert!(refusal.contains("journals on ftp are not supported"), "{refusal}");
    }

    #[test]
    fn an_embedded_journal_is_refused() {
        let conf = Configuration::defaults().with(&[("alluxio.master.journal.type", "EMBEDDED")]).unwrap();
        assert!(matches!(journal_store(&conf, Sharing::Exclusive), Err(JournalPlaceError::Embedded)));
    }
}

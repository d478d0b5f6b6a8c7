//! The journal that the configuration names.

use std::sync::Arc;

use alluxio_conf::{Configuration, key};
use alluxio_journal::store::{
    Store,
    local::{LocalStore, Sharing},
};

use crate::error::CommandError;

/// The journal's place. Nothing is read or made there yet.
pub fn open(conf: &Configuration) -> Result<Arc<dyn Store>, CommandError> {
    open_folder(&conf.get(key::MASTER_JOURNAL_FOLDER))
}

/// The journal in a folder given as path or `file://` URI.
pub fn open_folder(folder: &str) -> Result<Arc<dyn Store>, CommandError> {
    let path = folder.strip_prefix("file://").unwrap_or(folder);
    if let Some((scheme, _)) = path.split_once("://") {
        return Err(CommandError::failed(format!(
            "alluxio.master.journal.folder={folder}: journals on {scheme} are not supported; use a folder that is \
             mounted here"
        )));
    }
    // Exclusive: the commands must not touch a journal that a running master has locked.
    Ok(Arc::new(LocalStore::new(path, Sharing::Exclusive)))
}

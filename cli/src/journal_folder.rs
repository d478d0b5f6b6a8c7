//! The journal that the configuration names.

use std::sync::Arc;

use alluxio_conf::Configuration;
use alluxio_journal::store::{Store, local::Sharing};
use alluxio_master::{JournalPlaceError, journal_store, journal_store_at};

use crate::error::CommandError;

/// The journal's place. Nothing is read or made there yet.
pub fn open(conf: &Configuration) -> Result<Arc<dyn Store>, CommandError> {
    journal_store(conf, Sharing::Exclusive).map_err(failed)
}

/// The journal in a folder given as path or URI.
pub fn open_folder(conf: &Configuration, folder: &str) -> Result<Arc<dyn Store>, CommandError> {
    journal_store_at(conf, folder).map_err(failed)
}

fn failed(error: JournalPlaceError) -> CommandError {
    CommandError::failed(error.to_string())
}

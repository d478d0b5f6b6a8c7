//! Empties the journal.

use alluxio_conf::Configuration;
use alluxio_journal::Existing;
use uuid::Uuid;

use crate::{error::CommandError, journal_folder};

/// Deletes what the journal holds and starts one for a new cluster. A Java master's journal, and one
/// that a master uses just now, are refused.
pub async fn format(conf: &Configuration) -> Result<(), CommandError> {
    let store = journal_folder::open(conf)?;
    alluxio_journal::format(store.as_ref(), Uuid::new_v4(), Existing::Remove)
        .await
        .map_err(|error| CommandError::failed(error.to_string()))
}

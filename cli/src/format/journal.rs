//! Empties the journal.

use alluxio_conf::{Configuration, key};
use alluxio_election::{ZooKeeper, forget_cluster};
use alluxio_fs::ErrorKind;
use alluxio_journal::Existing;
use uuid::Uuid;

use crate::{error::CommandError, journal_folder, output::Output};

/// Deletes what the journal holds and starts one for a new cluster. A Java master's journal, and one
/// that a master uses just now, are refused.
pub async fn format(conf: &Configuration, out: &Output) -> Result<(), CommandError> {
    let store = journal_folder::open(conf)?;
    if conf.get(key::ZOOKEEPER_ENABLED) {
        free_election(conf, out).await?;
    }
    alluxio_journal::format(store.as_ref(), Uuid::new_v4(), Existing::Remove)
        .await
        .map_err(|error| CommandError::failed(error.to_string()))
}

/// ZooKeeper knows whose masters elect a leader there: after this it is the new cluster. When it is not up yet, this
/// may be the first cluster anyway; if not, its masters say what to do.
async fn free_election(conf: &Configuration, out: &Output) -> Result<(), CommandError> {
    match forget_cluster(&ZooKeeper::of(conf)?).await {
        Err(error) if error.kind == ErrorKind::Unavailable => {
            out.note(format_args!("{} The journal is formatted all the same.", error.message));
            Ok(())
        }
        outcome => Ok(outcome?),
    }
}

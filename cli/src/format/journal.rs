//! Makes the journal, and empties one that is there.

use alluxio_conf::{Configuration, key};
use alluxio_election::{ZooKeeper, forget_cluster};
use alluxio_fs::ErrorKind;
use alluxio_journal::{Existing, JournalError};
use uuid::Uuid;

use crate::{error::CommandError, journal_folder, output::Output};

/// The place of the journal, when one of ours is there already.
pub async fn found(conf: &Configuration) -> Result<Option<String>, CommandError> {
    let store = journal_folder::open(conf)?;
    Ok(alluxio_journal::is_formatted(store.as_ref()).await.map_err(failed)?.then(|| store.location()))
}

/// Starts a journal for a new cluster; what one that is there holds is deleted, or refused, as `existing` says. A Java
/// master's journal, and one that a master uses just now, are refused.
pub async fn format(conf: &Configuration, existing: Existing, out: &Output) -> Result<(), CommandError> {
    let store = journal_folder::open(conf)?;
    if conf.get(key::ZOOKEEPER_ENABLED) {
        free_election(conf, out).await?;
    }
    alluxio_journal::format(store.as_ref(), Uuid::new_v4(), existing).await.map_err(failed)
}

fn failed(error: JournalError) -> CommandError {
    CommandError::failed(error.to_string())
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

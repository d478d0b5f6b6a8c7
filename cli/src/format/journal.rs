//! Makes the journal, and empties one that is there.

use alluxio_conf::{Configuration, key};
use alluxio_election::{ZooKeeper, forget_cluster};
use alluxio_fs::ErrorKind;
use alluxio_journal::{Existing, Formatting, JournalError, Marker, store::Store};
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
    make(conf, store.as_ref(), Marker { cluster: Uuid::new_v4(), owner: None }, existing, out).await
}

/// The same, with that marker.
pub async fn make(
    conf: &Configuration,
    store: &dyn Store,
    marker: Marker,
    existing: Existing,
    out: &Output,
) -> Result<(), CommandError> {
    let due = Formatting::begin(store, existing).await.map_err(failed)?;
    // Only now: of two that format at a time the second must not have the first one's masters forgotten.
    if conf.get(key::ZOOKEEPER_ENABLED) {
        free_election(conf, out).await?;
    }
    due.finish(marker).await.map_err(failed)
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

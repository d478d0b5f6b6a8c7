//! Making a journal, handing it to another owner, deleting it.

use uuid::Uuid;

use crate::error::{JournalError, Result};
use crate::marker::{Marker, Owner};
use crate::position::FileId;
use crate::recovery::claim_and_seal;
use crate::store::{FolderState, Store};

/// What [`format`] does with a journal that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Refuse.
    Keep,
    /// Delete it. Only on a person's explicit word.
    Remove,
}

/// Makes an empty journal for `cluster`. A Java master's journal is never touched, nor one that is in use.
pub async fn format(store: &dyn Store, cluster: Uuid, existing: Existing) -> Result<()> {
    format_for(store, Marker { cluster, owner: None }, existing).await
}

/// The same, with a marker that tells who had it made.
pub async fn format_for(store: &dyn Store, marker: Marker, existing: Existing) -> Result<()> {
    refuse_present(store, existing).await?;
    store.prepare().await?;
    let _hold = store.hold().await?;
    // Somebody else may have made one before this process had the place for itself.
    refuse_present(store, existing).await?;
    if existing == Existing::Keep && !store.list().await?.is_empty() {
        let cluster = "unknown (its format marker is gone)".to_owned();
        return Err(JournalError::AlreadyFormatted { location: store.location(), cluster });
    }
    empty(store, "format").await?;
    marker.write(store).await
}

async fn refuse_present(store: &dyn Store, existing: Existing) -> Result<()> {
    match store.state().await? {
        FolderState::Java(found) => Err(JournalError::Java { location: store.location(), found }),
        FolderState::Formatted if existing == Existing::Keep => {
            let cluster = Marker::read(store).await?.cluster.to_string();
            Err(JournalError::AlreadyFormatted { location: store.location(), cluster })
        }
        FolderState::Formatted | FolderState::NotFormatted => Ok(()),
    }
}

/// Removes everything that a journal has.
async fn empty(store: &dyn Store, why: &str) -> Result<()> {
    let files = store.list().await?;
    let terms = store.terms().await?;
    if !terms.is_empty() {
        // A master that still runs somewhere must not be able to answer anything from here on; and terms go on
        // counting, so that its token can never be taken for one of the new journal.
        claim_and_seal(store, why).await?;
    }
    // The marker goes first: a deletion that is cut short leaves something that no master starts from.
    store.remove(FileId::Marker).await?;
    for listed in files {
        store.remove(listed.file).await?;
    }
    for term in terms {
        store.forget(term).await?;
    }
    Ok(())
}

/// Gives the journal another owner; its cluster stays. Refused while a master uses it.
pub async fn hand_over(store: &dyn Store, owner: Owner) -> Result<Marker> {
    let _hold = store.hold().await?;
    let marker = Marker { owner: Some(owner), ..marker(store).await? };
    marker.write(store).await?;
    Ok(marker)
}

/// Deletes the journal of `cluster`, and of no other. Refused while a master uses it.
pub async fn delete(store: &dyn Store, cluster: Uuid) -> Result<()> {
    let _hold = store.hold().await?;
    let found = marker(store).await?.cluster;
    if found != cluster {
        return Err(JournalError::OtherCluster { file: file_name(store, FileId::Marker), found, cluster });
    }
    empty(store, "delete").await
}

/// Whether a journal of ours is there.
pub async fn is_formatted(store: &dyn Store) -> Result<bool> {
    Ok(store.state().await? == FolderState::Formatted)
}

/// The cluster that the journal belongs to; an error when there is no journal of ours.
pub async fn cluster_id(store: &dyn Store) -> Result<Uuid> {
    marker(store).await.map(|marker| marker.cluster)
}

/// What the marker says; an error when there is no journal of ours.
pub async fn marker(store: &dyn Store) -> Result<Marker> {
    match store.state().await? {
        FolderState::Formatted => Marker::read(store).await,
        FolderState::NotFormatted => Err(JournalError::NotFormatted { location: store.location() }),
        FolderState::Java(found) => Err(JournalError::Java { location: store.location(), found }),
    }
}

/// A file as a user can find it.
pub(crate) fn file_name(store: &dyn Store, file: FileId) -> String {
    store.shown(file)
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;

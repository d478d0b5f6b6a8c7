//! Making a journal, handing it to another owner, deleting it.

use uuid::Uuid;

use crate::core::header::{HEADER_LENGTH, HeaderFlaw, SegmentHeader};
use crate::error::{JournalError, Result};
use crate::marker::{Marked, Marker, Owner};
use crate::position::FileId;
use crate::recovery::claim_and_seal;
use crate::store::{FolderState, Hold, Store};

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
    Formatting::begin(store, existing).await?.finish(marker).await
}

/// A format that is due: nothing is in its way, and this process has the place for itself. What must be done first is done between the two calls.
#[derive(Debug)]
pub struct Formatting<'a> {
    store: &'a dyn Store,
    _hold: Hold,
}

impl<'a> Formatting<'a> {
    /// Looks at what lies there.
    pub async fn begin(store: &'a dyn Store, existing: Existing) -> Result<Self> {
        look(store, existing).await?;
        store.prepare().await?;
        let hold = store.hold().await?;
        // Somebody else may have made one before this process had the place for itself.
        let found = look(store, existing).await?;
        if existing == Existing::Keep && found == Found::Nothing && !store.list().await?.is_empty() {
            let cluster = "unknown (its format marker is gone)".to_owned();
            return Err(JournalError::AlreadyFormatted { location: store.location(), cluster });
        }
        Ok(Self { store, _hold: hold })
    }

    /// Makes the journal.
    pub async fn finish(self, marker: Marker) -> Result<()> {
        empty(self.store, "format").await?;
        marker.write(self.store).await
    }
}

/// What is in a format's way, and may go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Journal,
    /// What a deletion has left: nobody wants it.
    HalfDeleted,
}

async fn look(store: &dyn Store, existing: Existing) -> Result<Found> {
    match (store.state().await?, existing) {
        (FolderState::NotFormatted, _) => Ok(Found::Nothing),
        (FolderState::Java(found), _) => Err(JournalError::Java { location: store.location(), found }),
        (FolderState::Formatted, Existing::Remove) => Ok(Found::Journal),
        (FolderState::Formatted, Existing::Keep) => match Marked::read(store).await? {
            Marked::Deleting(_) => Ok(Found::HalfDeleted),
            Marked::Journal(Marker { cluster, .. }) => {
                let cluster = cluster.to_string();
                Err(JournalError::AlreadyFormatted { location: store.location(), cluster })
            }
        },
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
    // From here on it is no journal, however this ends; what is left can be told from a folder that is somebody else's.
    if store.state().await? == FolderState::Formatted {
        match Marked::read(store).await {
            Ok(Marked::Deleting(_)) => {}
            Ok(Marked::Journal(marker)) => Marked::Deleting(marker).write(store).await?,
            // It may not even be readable: a person has said that it shall go.
            Err(JournalError::Corrupt { .. } | JournalError::Newer { .. }) => {
                store.remove(FileId::Marker).await?;
            }
            Err(error) => return Err(error),
        }
    }
    for listed in files {
        store.remove(listed.file).await?;
    }
    for term in terms {
        store.forget(term).await?;
    }
    store.remove(FileId::Marker).await?;
    Ok(())
}

/// Gives the journal another owner; its cluster stays. Refused while a master uses it.
pub async fn hand_over(store: &dyn Store, owner: Owner) -> Result<Marker> {
    let _hold = store.hold().await?;
    let marker = Marker { owner: Some(owner), ..marker(store).await? };
    marker.clone().write(store).await?;
    Ok(marker)
}

/// Deletes the journal of `cluster`, and of no other. Refused while a master uses it.
pub async fn delete(store: &dyn Store, cluster: Uuid) -> Result<()> {
    let _hold = store.hold().await?;
    let found = match marker(store).await {
        // Going on with a deletion that was cut short.
        Ok(Marker { cluster, .. }) | Err(JournalError::HalfDeleted { cluster, .. }) => cluster,
        Err(error) => return Err(error),
    };
    if found != cluster {
        return Err(JournalError::OtherCluster { file: file_name(store, FileId::Marker), found, cluster });
    }
    empty(store, "delete").await
}

/// Whether a journal of ours is there. What a deletion has left is none.
pub async fn is_formatted(store: &dyn Store) -> Result<bool> {
    if store.state().await? != FolderState::Formatted {
        return Ok(false);
    }
    match Marked::read(store).await {
        Ok(marked) => Ok(matches!(marked, Marked::Journal(_))),
        Err(JournalError::Corrupt { .. } | JournalError::Newer { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// The cluster that the journal belongs to; an error when there is no journal of ours.
pub async fn cluster_id(store: &dyn Store) -> Result<Uuid> {
    marker(store).await.map(|marker| marker.cluster)
}

/// The same for whoever knows whose it has to be. To be asked before anything is claimed: those who use another one's are left alone.
pub(crate) async fn cluster_of(store: &dyn Store, known: Option<Uuid>) -> Result<Uuid> {
    let found = cluster_id(store).await?;
    match known {
        Some(cluster) if cluster != found => {
            Err(JournalError::Replaced { location: store.location(), found, cluster })
        }
        _ => Ok(found),
    }
}

/// Whether this release can read the log. One that cannot must not claim it either: that would depose the one who writes it, for
/// nothing.
pub async fn check_format(store: &dyn Store) -> Result<()> {
    let files = store.list().await?.into_iter().filter_map(|listed| match listed.file {
        FileId::Segment(id) => Some(id),
        _ => None,
    });
    let mut segments: Vec<_> = files.collect();
    segments.sort_by(|a, b| b.cmp(a));
    for id in segments {
        let file = FileId::Segment(id);
        let bytes = match store.read(file, 0, HEADER_LENGTH).await {
            // Retired since it was listed.
            Err(error) if error.is_not_found() => continue,
            bytes => bytes?,
        };
        match SegmentHeader::decode(&bytes) {
            Ok(_) => return Ok(()),
            Err(HeaderFlaw::Newer { found }) => {
                return Err(JournalError::Newer { file: file_name(store, file), found });
            }
            // Begun a moment ago, or damaged; opening it tells.
            Err(HeaderFlaw::Short | HeaderFlaw::Damaged) => {}
        }
    }
    Ok(())
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

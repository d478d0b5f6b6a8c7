//! The marker: a journal exists here, and belongs to this cluster.

use bytes::Bytes;
use uuid::Uuid;

use crate::core::header::FORMAT_VERSION;
use crate::error::{JournalError, Result};
use crate::position::FileId;
use crate::recovery::claim_and_seal;
use crate::store::{FolderState, Store};

/// Longest marker that is read; ours has less than 100 bytes.
const MARKER_LIMIT: usize = 4096;

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
    match store.state().await? {
        FolderState::Java(found) => return Err(JournalError::Java { location: store.location(), found }),
        FolderState::Formatted if existing == Existing::Keep => {
            let cluster = read_marker(store).await?;
            return Err(JournalError::AlreadyFormatted {
                location: store.location(),
                cluster: cluster.to_string(),
            });
        }
        FolderState::Formatted | FolderState::NotFormatted => {}
    }
    store.prepare().await?;
    let _hold = store.hold().await?;
    let files = store.list().await?;
    if existing == Existing::Keep && !files.is_empty() {
        let cluster = "unknown (its format marker is gone)".to_owned();
        return Err(JournalError::AlreadyFormatted { location: store.location(), cluster });
    }
    let terms = store.terms().await?;
    if !terms.is_empty() {
        // A master that still runs somewhere must not be able to answer anything from here on; and terms go on
        // counting, so that its token can never be taken for one of the new journal.
        claim_and_seal(store, "format").await?;
    }
    // The marker goes first: a deletion that is cut short leaves something that no master starts from.
    store.remove(FileId::Marker).await?;
    for listed in files {
        store.remove(listed.file).await?;
    }
    for term in terms {
        store.forget(term).await?;
    }
    store.remove(FileId::MarkerDraft).await?;
    let mut marker = store.create(FileId::MarkerDraft).await?;
    marker.commit(Bytes::from(marker_text(cluster))).await?;
    marker.close().await?;
    store.rename(FileId::MarkerDraft, FileId::Marker).await?;
    Ok(())
}

/// Whether a journal of ours is there.
pub async fn is_formatted(store: &dyn Store) -> Result<bool> {
    Ok(store.state().await? == FolderState::Formatted)
}

/// The cluster that the journal belongs to; an error when there is no journal of ours.
pub async fn cluster_id(store: &dyn Store) -> Result<Uuid> {
    match store.state().await? {
        FolderState::Formatted => read_marker(store).await,
        FolderState::NotFormatted => Err(JournalError::NotFormatted { location: store.location() }),
        FolderState::Java(found) => Err(JournalError::Java { location: store.location(), found }),
    }
}

fn marker_text(cluster: Uuid) -> String {
    format!("alluxio journal\nformat={FORMAT_VERSION}\ncluster={cluster}\n")
}

async fn read_marker(store: &dyn Store) -> Result<Uuid> {
    let bytes = store.read(FileId::Marker, 0, MARKER_LIMIT).await?;
    let text = String::from_utf8_lossy(&bytes);
    let file = file_name(store, FileId::Marker);
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    if let Some(found) = value("format").and_then(|v| v.parse().ok()).filter(|found| *found > FORMAT_VERSION)
    {
        return Err(JournalError::Newer { file, found });
    }
    let cluster = value("cluster").and_then(|v| v.parse().ok());
    cluster.ok_or(JournalError::Corrupt {
        file,
        offset: 0,
        sequence: 0,
        reason: "the format marker names no cluster".to_owned(),
    })
}

/// A file as a user can find it.
pub(crate) fn file_name(store: &dyn Store, file: FileId) -> String {
    store.shown(file)
}

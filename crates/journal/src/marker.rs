//! What the marker says: whose journal it is. It is text, one `key=value` a line; keys that are not known here are passed over.

use bytes::Bytes;
use uuid::Uuid;

use crate::core::header::FORMAT_VERSION;
use crate::error::{JournalError, Result};
use crate::format::file_name;
use crate::position::FileId;
use crate::store::Store;

/// Longest marker that is read; names make up most of it.
const MARKER_LIMIT: usize = 4096;

/// Who had the journal made, where it was not a person: an object of Kubernetes, say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// What it is called. A later one of the same name takes the journal up again.
    pub name: String,
    /// What tells it from others that had the same name.
    pub uid: String,
}

impl Owner {
    /// `None` where one of the two is empty, too long, or has blanks or line ends in it.
    #[must_use]
    pub fn new(name: &str, uid: &str) -> Option<Self> {
        let is_word = |text: &str| {
            (1..=512).contains(&text.len()) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
        };
        (is_word(name) && is_word(uid)).then(|| Self { name: name.to_owned(), uid: uid.to_owned() })
    }
}

/// The marker of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The cluster that the journal belongs to.
    pub cluster: Uuid,
    /// Who had it made.
    pub owner: Option<Owner>,
}

impl Marker {
    fn text(&self) -> String {
        let mut text = format!("alluxio journal\nformat={FORMAT_VERSION}\ncluster={}\n", self.cluster);
        if let Some(Owner { name, uid }) = &self.owner {
            text.push_str(&format!("owner={name}\nuid={uid}\n"));
        }
        text
    }

    pub(crate) async fn read(store: &dyn Store) -> Result<Self> {
        let bytes = store.read(FileId::Marker, 0, MARKER_LIMIT).await?;
        let text = String::from_utf8_lossy(&bytes);
        let file = file_name(store, FileId::Marker);
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let format = value("format").and_then(|v| v.parse().ok());
        if let Some(found) = format.filter(|found| *found > FORMAT_VERSION) {
            return Err(JournalError::Newer { file, found });
        }
        let cluster = value("cluster").and_then(|v| v.parse().ok()).ok_or(JournalError::Corrupt {
            file,
            offset: 0,
            sequence: 0,
            reason: "the format marker names no cluster".to_owned(),
        })?;
        let owner = value("owner").zip(value("uid")).and_then(|(name, uid)| Owner::new(name, uid));
        Ok(Self { cluster, owner })
    }

    /// Gives the journal this marker, in one step, and looks whether it has it: where the store knows no locks somebody else may
    /// do the same.
    pub(crate) async fn write(&self, store: &dyn Store) -> Result<()> {
        store.remove(FileId::MarkerDraft).await?;
        let mut draft = store.create(FileId::MarkerDraft).await?;
        draft.commit(Bytes::from(self.text())).await?;
        draft.close().await?;
        store.rename(FileId::MarkerDraft, FileId::Marker).await?;
        let found = Self::read(store).await?;
        if found == *self {
            return Ok(());
        }
        Err(JournalError::AlreadyFormatted { location: store.location(), cluster: found.cluster.to_string() })
    }
}

//! What the marker says: whose journal it is. It is text, one `key=value` a line; keys that are not known here are passed over.
//!
//! While a journal is being deleted the marker has `deleting=` in the place of `cluster=`. It goes last: so a deletion that was cut short is
//! known for what it is, and no release starts a master from what is left.

use bytes::Bytes;
use uuid::Uuid;

use crate::core::header::{FIRST_FORMAT, FORMAT_VERSION};
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

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Marked {
    Journal(Marker),
    /// Its deletion has begun.
    Deleting(Marker),
}

impl Marker {
    fn text(&self, key: &str) -> String {
        // The marker's own, and that of what a new journal begins with. What the log is written in stands in its segments, which
        // nobody can write who does not lead.
        let mut text = format!("alluxio journal\nformat={FIRST_FORMAT}\n{key}={}\n", self.cluster);
        if let Some(Owner { name, uid }) = &self.owner {
            text.push_str(&format!("owner={name}\nuid={uid}\n"));
        }
        text
    }

    /// That of a journal which can be used.
    pub(crate) async fn read(store: &dyn Store) -> Result<Self> {
        match Marked::read(store).await? {
            Marked::Journal(marker) => Ok(marker),
            Marked::Deleting(Self { cluster, owner }) => {
                Err(JournalError::HalfDeleted { location: store.location(), cluster, owner })
            }
        }
    }

    pub(crate) async fn write(self, store: &dyn Store) -> Result<()> {
        Marked::Journal(self).write(store).await
    }
}

impl Marked {
    pub(crate) async fn read(store: &dyn Store) -> Result<Self> {
        let bytes = store.read(FileId::Marker, 0, MARKER_LIMIT).await?;
        let text = String::from_utf8_lossy(&bytes);
        let file = file_name(store, FileId::Marker);
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let format = value("format").and_then(|v| v.parse().ok());
        if let Some(found) = format.filter(|found| *found > FORMAT_VERSION) {
            return Err(JournalError::Newer { file, found });
        }
        let owner = value("owner").zip(value("uid")).and_then(|(name, uid)| Owner::new(name, uid));
        let named = |key: &str| value(key).and_then(|v| v.parse().ok());
        match (named("cluster"), named("deleting")) {
            (Some(cluster), _) => Ok(Self::Journal(Marker { cluster, owner })),
            (None, Some(cluster)) => Ok(Self::Deleting(Marker { cluster, owner })),
            (None, None) => Err(JournalError::Corrupt {
                file,
                offset: 0,
                sequence: 0,
                reason: "the format marker names no cluster".to_owned(),
            }),
        }
    }

    /// Gives the journal this marker, in one step, and looks whether it has it: where the store knows no locks somebody else may
    /// do the same.
    pub(crate) async fn write(self, store: &dyn Store) -> Result<()> {
        let text = match &self {
            Self::Journal(marker) => marker.text("cluster"),
            Self::Deleting(marker) => marker.text("deleting"),
        };
        store.remove(FileId::MarkerDraft).await?;
        let mut draft = store.create(FileId::MarkerDraft).await?;
        draft.commit(Bytes::from(text)).await?;
        draft.close().await?;
        store.rename(FileId::MarkerDraft, FileId::Marker).await?;
        let found = Self::read(store).await?;
        if found == self {
            return Ok(());
        }
        let (Self::Journal(found) | Self::Deleting(found)) = found;
        Err(JournalError::AlreadyFormatted { location: store.location(), cluster: found.cluster.to_string() })
    }
}

//! What a store reports.

use std::io;

/// A failed operation of a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operation failed.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Another process uses the journal.
    #[error(
        "{location} is in use by {by}: two masters must not write one journal; stop that one, or give this one \
         a folder of its own (alluxio.master.journal.folder)"
    )]
    InUse {
        /// The journal.
        location: String,
        /// Who uses it, as far as it said.
        by: String,
    },
    /// The mount breaks a promise that the journal rests on.
    #[error(
        "{location} lies on {mount}, mounted with option '{option}': {reason}; mount it without that option"
    )]
    UnsafeMount {
        /// The journal.
        location: String,
        /// The mount point.
        mount: String,
        /// The option.
        option: String,
        /// What it breaks.
        reason: &'static str,
    },
    /// The folder's files cannot be synced.
    #[error(
        "{location} cannot hold a journal: {reason}; choose another folder (alluxio.master.journal.folder)"
    )]
    Unsuitable {
        /// The journal.
        location: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The term has been sealed by a later master.
    #[error("term {term} is sealed: another master has taken over {location}")]
    Sealed {
        /// The journal.
        location: String,
        /// The term.
        term: u64,
    },
}

impl StoreError {
    /// Wraps an I/O error with what was tried on what.
    pub fn io(action: &'static str, path: impl Into<String>, source: io::Error) -> Self {
        Self::Io { action, path: path.into(), source }
    }

    /// The kind of the I/O error, if it is one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// Whether the file is not there.
    pub fn is_not_found(&self) -> bool {
        self.io_kind() == Some(io::ErrorKind::NotFound)
    }
}

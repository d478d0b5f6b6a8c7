//! The paths of a journal folder.

use std::path::{Path, PathBuf};

use crate::position::FileId;

/// Paths in one journal folder.
#[derive(Clone, Debug)]
pub(super) struct Names {
    root: PathBuf,
}

impl Names {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn path(&self, file: FileId) -> PathBuf {
        self.root.join(file.to_string())
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(super) fn terms(&self) -> PathBuf {
        self.root.join("terms")
    }

    pub(super) fn term(&self, term: u64) -> PathBuf {
        self.terms().join(term.to_string())
    }

    pub(super) fn claim(&self, term: u64) -> PathBuf {
        self.term(term).join("claim")
    }

    pub(super) fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    pub(super) fn fence(&self) -> PathBuf {
        self.root.join("fence")
    }

    /// The two names that the token of a live term goes back and forth between.
    pub(super) fn tokens(&self, term: u64) -> [PathBuf; 2] {
        [self.fence().join(format!("{term}.0")), self.fence().join(format!("{term}.1"))]
    }

    pub(super) fn revoked(&self, term: u64) -> PathBuf {
        self.fence().join(format!("{term}.revoked"))
    }
}

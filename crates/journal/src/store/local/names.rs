//! The paths of a journal folder.

use std::path::{Path, PathBuf};

use crate::position::{CheckpointId, FileId, SegmentId};

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

/// The segment of `term` that a file name stands for.
pub(super) fn segment(term: u64, name: &str) -> Option<SegmentId> {
    let id = SegmentId { term, index: name.strip_suffix(".log")?.parse().ok()? };
    // Only the spelling that we write: a name that parses to the same id is someone else's file.
    id.to_string().ends_with(&format!("/{name}")).then_some(id)
}

/// The checkpoint, or draft of one, that a file name stands for.
pub(super) fn checkpoint(name: &str) -> Option<FileId> {
    let (stem, draft) = match name.strip_suffix(".draft") {
        Some(stem) => (stem, true),
        None => (name, false),
    };
    let (sequence, term) = stem.strip_suffix(".checkpoint")?.split_once('-')?;
    let id = CheckpointId { sequence: sequence.parse().ok()?, term: term.parse().ok()? };
    let file = if draft { FileId::CheckpointDraft(id) } else { FileId::Checkpoint(id) };
    file.to_string().ends_with(&format!("/{name}")).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_as_written_and_no_other_way() {
        let id = SegmentId { term: 4, index: 12 };
        assert_eq!(segment(4, "00000012.log"), Some(id));
        for foreign in ["12.log", "00000012.log~", "00000012", "x.log"] {
            assert_eq!(segment(4, foreign), None, "{foreign}");
        }
        for file in [
            FileId::Checkpoint(CheckpointId { sequence: 17, term: 2 }),
            FileId::CheckpointDraft(CheckpointId { sequence: u64::MAX, term: 2 }),
        ] {
            let text = file.to_string();
            assert_eq!(checkpoint(text.strip_prefix("checkpoints/").unwrap()), Some(file));
        }
        assert_eq!(checkpoint("17-2.checkpoint"), None);
    }
}

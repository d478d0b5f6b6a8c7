//! The paths of a journal folder on HDFS.

use uuid::Uuid;

use crate::position::{FileId, SegmentId};

/// Paths in one journal folder.
#[derive(Clone, Debug)]
pub(super) struct Names {
    root: String,
}

impl Names {
    pub(super) fn new(root: &str) -> Self {
        Self { root: root.to_owned() }
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Something in the folder.
    pub(super) fn inside(&self, name: &str) -> String {
        format!("{}/{name}", self.root.trim_end_matches('/'))
    }

    /// Of any file but a segment.
    pub(super) fn plain(&self, file: FileId) -> String {
        self.inside(&file.to_string())
    }

    /// Of a segment, while its term is not sealed.
    pub(super) fn living(&self, id: SegmentId) -> String {
        self.plain(FileId::Segment(id))
    }

    /// Of a segment of a sealed term.
    pub(super) fn sealed(&self, id: SegmentId) -> String {
        let living = self.living(id);
        format!("{}/{}", self.sealed_term(id.term), living.rsplit('/').next().unwrap_or_default())
    }

    pub(super) fn terms(&self) -> String {
        self.inside("terms")
    }

    pub(super) fn sealed_terms(&self) -> String {
        self.inside("sealed")
    }

    pub(super) fn drafts(&self) -> String {
        self.inside("drafts")
    }

    pub(super) fn checkpoints(&self) -> String {
        self.inside("checkpoints")
    }

    pub(super) fn term(&self, term: u64) -> String {
        format!("{}/{term}", self.terms())
    }

    pub(super) fn claim(&self, term: u64) -> String {
        format!("{}/claim", self.term(term))
    }

    /// The two names that the token of a living term goes back and forth between. They are those of one claim: a request to claim a
    /// term that was on its way for very long may make a folder with the name of a term that was sealed meanwhile, and the old writer
    /// must find nothing in it that it could take for its own.
    pub(super) fn tokens(&self, term: u64, claim: Uuid) -> [String; 2] {
        [0, 1].map(|n| format!("{}/token-{claim}.{n}", self.term(term)))
    }

    pub(super) fn sealed_term(&self, term: u64) -> String {
        format!("{}/{term}", self.sealed_terms())
    }

    /// Says that no file of a sealed term is open.
    pub(super) fn recovered(&self, term: u64) -> String {
        format!("{}/recovered", self.sealed_term(term))
    }
}

/// The segment of `term` that a file name stands for.
pub(super) fn segment(term: u64, name: &str) -> Option<SegmentId> {
    match FileId::parse(&format!("terms/{term}/{name}")) {
        Some(FileId::Segment(id)) => Some(id),
        _ => None,
    }
}

/// The checkpoint, or draft of one, that a file name stands for.
pub(super) fn checkpoint(name: &str) -> Option<FileId> {
    FileId::parse(&format!("checkpoints/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_has_a_path_in_its_living_and_in_its_sealed_term() {
        let id = SegmentId { term: 4, index: 12 };
        for (root, before) in [("/a/journal", "/a/journal"), ("/", "")] {
            let names = Names::new(root);
            assert_eq!(names.living(id), format!("{before}/terms/4/00000012.log"));
            assert_eq!(names.sealed(id), format!("{before}/sealed/4/00000012.log"));
            assert_eq!(names.plain(FileId::Marker), format!("{before}/format"));
        }
    }
}

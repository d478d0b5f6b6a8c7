//! A place in the log, and the names of the files that lie on a store.

use std::fmt;

use crc32c::crc32c_append;

/// The place just after one record: what two copies of the log must agree on to be the same log.
///
/// `chain` is a CRC over the term, sequence and payload of every record up to here, so two logs with the
/// same last sequence but a different past have a different chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Sequence of the last record; the first record of a journal has 1.
    pub sequence: u64,
    /// Term of the master that wrote it; 0 before the first record.
    pub term: u64,
    /// Chain CRC up to and including it.
    pub chain: u32,
}

impl Position {
    /// The place before the first record.
    pub const START: Self = Self { sequence: 0, term: 0, chain: 0 };

    /// The place after a record that follows this one. `payload_crc` is the CRC32C of its payload.
    pub fn next(self, term: u64, payload_crc: u32) -> Self {
        let sequence = self.sequence + 1;
        let chain = crc32c_append(self.chain, &term.to_le_bytes());
        let chain = crc32c_append(chain, &sequence.to_le_bytes());
        let chain = crc32c_append(chain, &payload_crc.to_le_bytes());
        Self { sequence, term, chain }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sequence {} (term {}, chain {:08x})", self.sequence, self.term, self.chain)
    }
}

/// One file of records: the `index`-th that the master of `term` began. Index 0 is not begun by that master:
/// it is the copy of its predecessor's unfinished segment, made while sealing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId {
    /// Term whose folder holds the file.
    pub term: u64,
    /// Number of the file within the term.
    pub index: u32,
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "terms/{}/{:08}.log", self.term, self.index)
    }
}

/// One checkpoint: the state after the record `sequence`, which was written in `term`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckpointId {
    /// Sequence of the last record in the state. First, so that ids sort by age.
    pub sequence: u64,
    /// Term of that record.
    pub term: u64,
}

impl CheckpointId {
    /// The id of the checkpoint taken at `position`.
    pub fn at(position: Position) -> Self {
        Self { sequence: position.sequence, term: position.term }
    }
}

impl fmt::Display for CheckpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "checkpoints/{:016}-{}.checkpoint", self.sequence, self.term)
    }
}

/// Every file that the journal keeps on a store. A store turns it into a path of its own; the text form is the
/// path relative to the journal folder on a mounted path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileId {
    /// Says that the folder is formatted, and for which cluster.
    Marker,
    /// The marker while it is written.
    MarkerDraft,
    /// Records.
    Segment(SegmentId),
    /// A finished checkpoint.
    Checkpoint(CheckpointId),
    /// A checkpoint while it is written. The number is its writer's own, chosen by chance: several masters may
    /// write a checkpoint of one place at the same time.
    CheckpointDraft(CheckpointId, u32),
}

impl FileId {
    /// The segment, checkpoint or draft of one that a text form stands for.
    pub fn parse(text: &str) -> Option<Self> {
        let file = if let Some(segment) = text.strip_prefix("terms/") {
            let (term, index) = segment.strip_suffix(".log")?.split_once('/')?;
            Self::Segment(SegmentId { term: term.parse().ok()?, index: index.parse().ok()? })
        } else {
            let name = text.strip_prefix("checkpoints/")?;
            let (stem, draft) = match name.strip_suffix(".draft") {
                Some(name) => {
                    let (stem, number) = name.rsplit_once('.')?;
                    (stem, Some(u32::from_str_radix(number, 16).ok()?))
                }
                None => (name, None),
            };
            let (sequence, term) = stem.strip_suffix(".checkpoint")?.split_once('-')?;
            let id = CheckpointId { sequence: sequence.parse().ok()?, term: term.parse().ok()? };
            draft.map_or(Self::Checkpoint(id), |number| Self::CheckpointDraft(id, number))
        };
        // Only the spelling that we write: a name that parses to the same id is someone else's file.
        (file.to_string() == text).then_some(file)
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marker => f.write_str("format"),
            Self::MarkerDraft => f.write_str("format.draft"),
            Self::Segment(id) => id.fmt(f),
            Self::Checkpoint(id) => id.fmt(f),
            Self::CheckpointDraft(id, number) => write!(f, "{id}.{number:08x}.draft"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_depends_on_every_record_before() {
        let one = Position::START.next(1, 7).next(1, 8).next(1, 9);
        let other = Position::START.next(1, 6).next(1, 8).next(1, 9);
        let later_term = Position::START.next(1, 7).next(2, 8).next(2, 9);
        assert_eq!(one.sequence, other.sequence);
        assert_ne!(one.chain, other.chain);
        assert_ne!(one.chain, later_term.chain);
    }

    #[test]
    fn names_are_read_back_as_written_and_no_other_way() {
        let checkpoint = CheckpointId { sequence: 17, term: 2 };
        for file in [
            FileId::Segment(SegmentId { term: 4, index: 12 }),
            FileId::Checkpoint(checkpoint),
            FileId::CheckpointDraft(checkpoint, 0),
            FileId::CheckpointDraft(CheckpointId { sequence: u64::MAX, term: 2 }, u32::MAX),
        ] {
            assert_eq!(FileId::parse(&file.to_string()), Some(file));
        }
        for foreign in [
            "terms/4/12.log",
            "terms/4/00000012.log~",
            "terms/4/00000012",
            "terms/04/00000012.log",
            "terms/4/x.log",
            "checkpoints/17-2.checkpoint",
            "checkpoints/0000000000000017-2.checkpoint.draft",
            "checkpoints/0000000000000017-2.checkpoint.1f.draft",
            "format",
        ] {
            assert_eq!(FileId::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn checkpoints_sort_by_age_also_as_text() {
        let old = CheckpointId { sequence: 99, term: 7 };
        let new = CheckpointId { sequence: 100, term: 1 };
        assert!(old < new);
        assert!(old.to_string() < new.to_string());
    }
}

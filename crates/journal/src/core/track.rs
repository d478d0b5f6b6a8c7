//! What the writer must remember about its files, and what it does with them when one fails.
//!
//! The rule after a failed write or sync (design, invariant 5): the kernel may have dropped the dirty pages and
//! marked them clean, so a later sync of that file can succeed with the data lost. The file is therefore never
//! written or synced again. What was synced before still counts: the next segment's header records that length
//! as the end, and readers never go past it.

use bytes::Bytes;
use uuid::Uuid;

use super::header::{HEADER_LENGTH, Predecessor, SegmentHeader};
use crate::position::{Position, SegmentId};

/// A segment that will get no more records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The file.
    pub id: SegmentId,
    /// Sequence of its last record.
    pub last: u64,
}

/// The segment that is open for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    id: SegmentId,
    salt: u32,
    synced: u64,
    end: Position,
    has_records: bool,
    attempted: bool,
}

/// A segment to create: its file and its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begin {
    /// The file.
    pub id: SegmentId,
    /// The header, to be synced before any record.
    pub header: Bytes,
}

/// The writer's files.
#[derive(Debug)]
pub struct Track {
    format: u32,
    cluster: Uuid,
    term: u64,
    next_index: u32,
    predecessor: Option<Predecessor>,
    open: Option<Open>,
}

impl Track {
    /// The track of a master that has just sealed what came before; `predecessor` is where that ends.
    pub fn new(cluster: Uuid, term: u64, predecessor: Option<Predecessor>, format: u32) -> Self {
        Self { format, cluster, term, next_index: 1, predecessor, open: None }
    }

    /// The format of the segments from now on.
    pub fn raise(&mut self, format: u32) {
        self.format = self.format.max(format);
    }

    /// The format of the next segment.
    pub fn format(&self) -> u32 {
        self.format
    }

    /// The place after the last record known to be synced.
    pub fn end(&self) -> Position {
        match (&self.open, &self.predecessor) {
            (Some(open), _) => open.end,
            (None, Some(predecessor)) => predecessor.end,
            (None, None) => Position::START,
        }
    }

    /// Bytes synced in the open segment; None when none is open.
    pub fn open_length(&self) -> Option<u64> {
        self.open.map(|open| open.synced)
    }

    /// Whether the open segment holds records.
    pub fn open_has_records(&self) -> bool {
        self.open.is_some_and(|open| open.has_records)
    }

    /// Salt of the open segment.
    pub fn salt(&self) -> Option<u32> {
        self.open.map(|open| open.salt)
    }

    /// The next segment. Each attempt gets a number of its own, so that one which failed half-way is never
    /// taken up again.
    pub fn begin(&mut self, salt: u32) -> Begin {
        let id = SegmentId { term: self.term, index: self.next_index };
        self.next_index += 1;
        let Self { format, cluster, predecessor, .. } = *self;
        let header = SegmentHeader { format, cluster, id, salt, predecessor };
        self.open = Some(Open {
            id,
            salt,
            synced: HEADER_LENGTH as u64,
            end: header.start(),
            has_records: false,
            attempted: false,
        });
        Begin { id, header: header.encode() }
    }

    /// A batch is about to be written.
    pub fn attempt(&mut self) {
        if let Some(open) = &mut self.open {
            open.attempted = true;
        }
    }

    /// A batch is written and synced.
    pub fn synced(&mut self, bytes: u64, end: Position) {
        if let Some(open) = &mut self.open {
            open.synced += bytes;
            open.end = end;
            open.has_records = true;
        }
    }

    /// A durable mark is written and synced.
    pub fn marked(&mut self, bytes: u64) {
        if let Some(open) = &mut self.open {
            open.synced += bytes;
        }
    }

    /// Ends the open segment at its last synced byte, after a clean close as after a failure.
    pub fn end_segment(&mut self) -> Option<EndedSegment> {
        let open = self.open.take()?;
        if !open.has_records {
            return Some(match open {
                Open { id: SegmentId { index: 1, .. }, .. } => EndedSegment::First,
                Open { attempted: true, id, .. } => EndedSegment::Doubtful(id),
                Open { id, .. } => EndedSegment::Empty(id),
            });
        }
        self.predecessor = Some(Predecessor { segment: open.id, length: open.synced, end: open.end });
        Some(EndedSegment::Kept(Span { id: open.id, last: open.end.sequence }))
    }
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedSegment {
    /// It counts.
    Kept(Span),
    /// It holds no record, and nothing will refer to it: its file may be removed.
    Empty(SegmentId),
    /// It holds no record that was ever acknowledged. But a master that takes over now may find some of the batch
    /// that was attempted, and build on it: its file may be removed only once a later segment counts.
    Doubtful(SegmentId),
    /// It holds no record either, but it is the first of its term: for now only its header says that the copy
    /// made while sealing (index 0) counts, so its file must stay.
    First,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(sequence: u64) -> Position {
        Position { sequence, term: 3, chain: sequence as u32 }
    }

    fn track() -> Track {
        let segment = SegmentId { term: 2, index: 1 };
        Track::new(Uuid::nil(), 3, Some(Predecessor { segment, length: 500, end: position(10) }), 1)
    }

    fn predecessor_in(begin: &Begin) -> Predecessor {
        SegmentHeader::decode(&begin.header).unwrap().predecessor.unwrap()
    }

    #[test]
    fn after_a_failure_the_successor_cuts_the_segment_at_its_last_synced_byte() {
        let mut track = track();
        let first = track.begin(1);
        track.synced(100, position(12));
        // A batch of 70 bytes fails here: `synced` is not called for it.
        let ended = track.end_segment();
        assert_eq!(ended, Some(EndedSegment::Kept(Span { id: first.id, last: 12 })));
        let second = track.begin(2);
        assert_ne!(second.id, first.id);
        let cut = predecessor_in(&second);
        assert_eq!((cut.segment, cut.length, cut.end), (first.id, HEADER_LENGTH as u64 + 100, position(12)));
    }

    #[test]
    fn a_segment_that_never_took_a_batch_is_not_referred_to() {
        let mut track = track();
        track.begin(1);
        assert_eq!(track.end_segment(), Some(EndedSegment::First), "it alone names the copy");
        let second = track.begin(2);
        assert_eq!(track.end_segment(), Some(EndedSegment::Empty(second.id)));
        let third = track.begin(3);
        assert_eq!(predecessor_in(&third).segment, SegmentId { term: 2, index: 1 });
        assert_eq!(track.end(), position(10));
        track.attempt();
        assert_eq!(track.end_segment(), Some(EndedSegment::Doubtful(third.id)));
    }

    #[test]
    fn the_first_segment_of_a_journal_has_no_predecessor() {
        let begin = Track::new(Uuid::nil(), 1, None, 1).begin(7);
        assert_eq!(SegmentHeader::decode(&begin.header).unwrap().start(), Position::START);
    }
}

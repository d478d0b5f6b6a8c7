//! Where a state in memory stands on the log that the store shows.

use super::chain::Chain;
use crate::position::Position;

/// Where a position lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this segment of the chain, or just before it: the next record is to be read there. Inside the segment
    /// it has yet to be compared with the record that is there.
    Within(usize),
    /// After all that is shown.
    Ahead,
    /// Before all that is shown: the records that follow it are gone.
    Behind,
    /// The log has another past.
    Diverged(String),
}

impl Place {
    /// Finds `at` on the chain, whose segments are known to count.
    pub fn find(chain: &Chain, at: Position) -> Self {
        let Some(newest) = chain.links.last() else { return Self::Ahead };
        if newest.header.id.term < at.term {
            // What is shown is older than what is known already.
            return Self::Ahead;
        }
        let before = |sequence| sequence <= at.sequence;
        let Some(index) = chain.links.iter().rposition(|link| before(link.header.start().sequence)) else {
            return Self::Behind;
        };
        let link = &chain.links[index];
        let start = link.header.start();
        if start.sequence == at.sequence {
            if start == at { Self::Within(index) } else { Self::Diverged(format!("the log was at {start}")) }
        } else if link.header.id.term == at.term {
            Self::Within(index)
        } else {
            // All records of a segment are of its master's term.
            Self::Diverged(format!("the log went on from {start} in term {}", link.header.id.term))
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::core::chain::{Base, Link};
    use crate::core::header::{Predecessor, SegmentHeader};
    use crate::position::SegmentId;

    fn position(sequence: u64, term: u64) -> Position {
        Position { sequence, term, chain: (sequence * 100 + term) as u32 }
    }

    fn link(term: u64, index: u32, start: Option<Position>) -> Link {
        let id = SegmentId { term, index };
        let segment = SegmentId { term: 1, index: 0 };
        let predecessor = start.map(|end| Predecessor { segment, length: 500, end });
        Link {
            id,
            header: SegmentHeader { format: 1, cluster: Uuid::nil(), id, salt: 1, predecessor },
            end: None,
        }
    }

    /// Term 1 wrote 1..=10 in two segments, term 3 goes on.
    fn chain() -> Chain {
        let links =
            vec![link(1, 1, None), link(1, 2, Some(position(5, 1))), link(3, 1, Some(position(10, 1)))];
        Chain { links, base: Base::Beginning }
    }

    #[test]
    fn the_next_record_is_in_the_segment_that_begins_at_or_last_before_the_position() {
        for (at, index) in [
            (Position::START, 0),
            (position(4, 1), 0),
            (position(5, 1), 1),
            (position(9, 1), 1),
            (position(10, 1), 2),
            (position(12, 3), 2),
        ] {
            assert_eq!(Place::find(&chain(), at), Place::Within(index), "{at}");
        }
    }

    #[test]
    fn another_past_is_told_apart_from_a_log_that_is_not_shown_yet() {
        let diverged = |at| matches!(Place::find(&chain(), at), Place::Diverged(_));
        assert!(diverged(Position { chain: 7, ..position(10, 1) }), "another chain");
        assert!(diverged(position(11, 1)), "term 3 went on from 10");
        assert!(diverged(position(10, 2)), "term 2 wrote nothing that counts");
        assert!(diverged(position(7, 2)));
        assert_eq!(Place::find(&chain(), position(11, 4)), Place::Ahead, "what is shown is out of date");
        assert_eq!(
            Place::find(&Chain { links: vec![], base: Base::Beginning }, position(3, 1)),
            Place::Ahead
        );
    }

    #[test]
    fn what_lies_before_the_first_segment_is_gone() {
        let mut chain = chain();
        chain.links.remove(0);
        assert_eq!(Place::find(&chain, position(4, 1)), Place::Behind);
        assert_eq!(Place::find(&chain, position(5, 1)), Place::Within(1 - 1));
    }
}

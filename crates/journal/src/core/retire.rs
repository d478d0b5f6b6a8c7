//! What may be removed once a new checkpoint has been re-read and verified.
//!
//! Two checkpoints are kept, and every record after the *older* of them: if the newer one turns out to be
//! damaged, the older one is replayed forward to the same state. With only one checkpoint nothing is covered.

use super::track::Span;
use crate::position::{CheckpointId, SegmentId};

/// Checkpoints that are kept.
pub const KEPT_CHECKPOINTS: usize = 2;

/// The older of the two newest checkpoints in `valid` (oldest first): what must stay replayable. None while
/// there are not two.
pub fn oldest_kept(valid: &[CheckpointId]) -> Option<CheckpointId> {
    valid.len().checked_sub(KEPT_CHECKPOINTS).map(|at| valid[at])
}

/// Segments of the chain that are covered, of `ended` (oldest first). The newest ended segment always stays:
/// until a successor's header is on the disk, only the file itself says where the log ends.
pub fn segments(ended: &[Span], covered: u64) -> Vec<SegmentId> {
    let but_newest = &ended[..ended.len().saturating_sub(1)];
    but_newest.iter().take_while(|span| span.last <= covered).map(|span| span.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(sequence: u64) -> CheckpointId {
        CheckpointId { sequence, term: 1 }
    }

    fn span(index: u32, last: u64) -> Span {
        Span { id: SegmentId { term: 1, index }, last }
    }

    #[test]
    fn one_checkpoint_covers_nothing() {
        assert_eq!(oldest_kept(&[]), None);
        assert_eq!(oldest_kept(&[checkpoint(50)]), None);
    }

    #[test]
    fn the_older_of_the_two_kept_ones_decides() {
        let verified = [checkpoint(10), checkpoint(50), checkpoint(90)];
        assert_eq!(oldest_kept(&verified), Some(checkpoint(50)));
        let ended = [span(1, 20), span(2, 50), span(3, 51), span(4, 95)];
        assert_eq!(segments(&ended, 50), [span(1, 0).id, span(2, 0).id]);
    }

    #[test]
    fn the_newest_segment_stays_even_when_it_is_covered() {
        assert_eq!(segments(&[span(1, 20), span(2, 40)], 90), [span(1, 0).id]);
    }
}

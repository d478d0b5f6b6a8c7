use uuid::Uuid;

use super::*;
use crate::core::header::Predecessor;

fn id(term: u64, index: u32) -> SegmentId {
    SegmentId { term, index }
}

fn position(sequence: u64) -> Position {
    Position { sequence, term: 1, chain: sequence as u32 }
}

/// A header that says: before me came `before`, up to `sequence`.
fn header(own: SegmentId, before: Option<(SegmentId, u64)>) -> SegmentHeader {
    let predecessor = before.map(|(segment, sequence)| Predecessor {
        segment,
        length: 1000 + sequence,
        end: position(sequence),
    });
    SegmentHeader { format: 1, cluster: Uuid::nil(), id: own, salt: 0, predecessor }
}

fn file(at: SegmentId, header: Result<SegmentHeader, HeaderFlaw>) -> Found {
    Found { id: at, length: 5000, header }
}

fn segment(own: SegmentId, before: Option<(SegmentId, u64)>) -> Found {
    file(own, Ok(header(own, before)))
}

fn ids(chain: &Chain) -> Vec<SegmentId> {
    chain.links.iter().map(|link| link.id).collect()
}

#[test]
fn only_segments_in_the_chain_count() {
    let found = vec![
        segment(id(1, 1), None),
        segment(id(1, 2), Some((id(1, 1), 10))),
        // The writer of term 1 gave this one up and went on with the next.
        segment(id(1, 3), Some((id(1, 2), 20))),
        segment(id(1, 4), Some((id(1, 2), 20))),
        // Term 2 was claimed, sealed term 1 and died; term 3 did not see its segment.
        segment(id(2, 1), Some((id(1, 4), 30))),
        segment(id(3, 1), Some((id(1, 4), 35))),
    ];
    let chain = Chain::find(found).unwrap();
    assert_eq!(ids(&chain), [id(1, 1), id(1, 2), id(1, 4), id(3, 1)]);
    assert_eq!(chain.base, Base::Beginning);
    assert_eq!(chain.links[1].end, Some(RecordedEnd { length: 1020, end: position(20) }));
    assert_eq!(chain.links[3].end, None);
}

#[test]
fn a_copy_counts_only_where_a_header_names_it() {
    let original = header(id(1, 1), None);
    let copy = file(id(2, 0), Ok(original));
    let unnamed = Chain::find(vec![segment(id(1, 1), None), copy.clone()]).unwrap();
    assert_eq!(ids(&unnamed), [id(1, 1)]);
    let named =
        Chain::find(vec![segment(id(1, 1), None), copy, segment(id(2, 1), Some((id(2, 0), 7)))]).unwrap();
    assert_eq!(ids(&named), [id(2, 0), id(2, 1)]);
}

#[test]
fn a_file_that_was_being_created_is_passed_over_and_a_longer_one_is_not() {
    let torn = |length| Found { id: id(1, 2), length, header: Err(HeaderFlaw::Damaged) };
    let chain = Chain::find(vec![segment(id(1, 1), None), torn(HEADER_LENGTH as u64)]).unwrap();
    assert_eq!(ids(&chain), [id(1, 1)]);
    let bad = Chain::find(vec![segment(id(1, 1), None), torn(HEADER_LENGTH as u64 + 1)]).unwrap_err();
    assert_eq!(bad, BadSegment { id: id(1, 2), flaw: HeaderFlaw::Damaged });
}

#[test]
fn a_later_format_is_never_passed_over() {
    let newer = Found { id: id(1, 2), length: 10, header: Err(HeaderFlaw::Newer { found: 2 }) };
    let bad = Chain::find(vec![segment(id(1, 1), None), newer]).unwrap_err();
    assert_eq!(bad.flaw, HeaderFlaw::Newer { found: 2 });
}

#[test]
fn the_chain_says_why_it_does_not_reach_back_further() {
    let newest = segment(id(1, 3), Some((id(1, 2), 20)));
    let chain = Chain::find(vec![newest.clone()]).unwrap();
    assert_eq!((chain.base, chain.start()), (Base::Missing(id(1, 2)), position(20)));
    let damaged = file(id(1, 2), Err(HeaderFlaw::Damaged));
    let chain = Chain::find(vec![damaged, newest]).unwrap();
    assert_eq!(chain.base, Base::Damaged(id(1, 2), HeaderFlaw::Damaged));
}

#[test]
fn headers_that_name_each_other_do_not_hang_the_walk() {
    let found = vec![segment(id(1, 1), Some((id(1, 2), 5))), segment(id(1, 2), Some((id(1, 1), 5)))];
    assert_eq!(Chain::find(found).unwrap().base, Base::Damaged(id(1, 1), HeaderFlaw::Damaged));
}

#[test]
fn an_empty_store_has_an_empty_chain() {
    let chain = Chain::find(Vec::new()).unwrap();
    assert_eq!((chain.links.len(), chain.start()), (0, Position::START));
}

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::core::head::{Entry, Kind, encode_batch, encode_mark};
use crate::position::SegmentId;

fn header() -> SegmentHeader {
    SegmentHeader {
        format: 1,
        cluster: Uuid::nil(),
        id: SegmentId { term: 3, index: 1 },
        salt: 77,
        predecessor: None,
    }
}

fn entries(payloads: &[Vec<u8>]) -> Vec<Entry> {
    let mut at = Position::START;
    let next = |payload: &Vec<u8>| {
        let entry = Entry::after(at, 3, crc32c(payload), Bytes::from(payload.clone()));
        at = entry.position;
        entry
    };
    payloads.iter().map(next).collect()
}

fn bytes_of(entries: &[Entry]) -> Vec<u8> {
    encode_batch(entries.iter(), 77).to_vec()
}

/// Decodes until the decoder stops; gives the records and why it stopped.
fn decode(bytes: &[u8], recorded: Option<RecordedEnd>, block: usize) -> (Vec<Bytes>, Result<Step, Flaw>) {
    let mut decoder = SegmentDecoder::new(&header(), recorded);
    let mut blocks = bytes.chunks(block.max(1));
    let mut records = Vec::new();
    loop {
        match decoder.step() {
            Ok(Step::Record(record)) => records.push(record.payload),
            Ok(Step::More) => match blocks.next() {
                Some(block) => decoder.feed(block),
                None => return (records, decoder.at_end_of_file().map_or(Ok(Step::More), Err)),
            },
            other => return (records, other),
        }
    }
}

proptest! {
    #[test]
    fn records_come_back_whatever_the_size_of_the_blocks(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
        block in 1..300usize,
    ) {
        let bytes = bytes_of(&entries(&payloads));
        let (records, stop) = decode(&bytes, None, block);
        prop_assert_eq!(records, payloads);
        prop_assert_eq!(stop, Ok(Step::More));
    }

    #[test]
    fn a_flipped_bit_is_found_at_its_record(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..8),
        place in any::<prop::sample::Index>(),
    ) {
        let entries = entries(&payloads);
        let mut bytes = bytes_of(&entries);
        let bit = place.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mut start = 0;
        let hit = entries.iter().position(|e| { start += e.frame_length(); bit / 8 < start }).unwrap();
        let (records, stop) = decode(&bytes, None, 64);
        prop_assert_eq!(&records[..], &payloads[..hit]);
        let flaw = stop.unwrap_err();
        prop_assert_eq!(flaw.sequence, hit as u64 + 1);
        let offset = entries[..hit].iter().map(Entry::frame_length).sum::<usize>() + HEADER_LENGTH;
        prop_assert_eq!(flaw.offset, offset as u64);
    }

    #[test]
    fn a_file_that_ends_early_gives_whole_records_and_a_tail_that_may_be_torn(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..8),
        place in any::<prop::sample::Index>(),
    ) {
        let entries = entries(&payloads);
        let bytes = bytes_of(&entries);
        let cut = place.index(bytes.len());
        let mut end = 0;
        let whole = entries.iter().take_while(|e| { end += e.frame_length(); end <= cut }).count();
        let (records, stop) = decode(&bytes[..cut], None, 64);
        prop_assert_eq!(&records[..], &payloads[..whole]);
        let at_border = cut == entries[..whole].iter().map(Entry::frame_length).sum::<usize>();
        match stop {
            Ok(Step::More) => prop_assert!(at_border),
            Err(flaw) => prop_assert!(!at_border && flaw.may_be_torn),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

fn recorded(entries: &[Entry], count: usize) -> RecordedEnd {
    let length = HEADER_LENGTH + entries[..count].iter().map(Entry::frame_length).sum::<usize>();
    RecordedEnd { length: length as u64, end: entries[count - 1].position }
}

#[test]
fn reading_stops_at_the_recorded_end_whatever_follows() {
    let entries = entries(&[vec![1; 10], vec![2; 10], vec![3; 10]]);
    let mut bytes = bytes_of(&entries[..2]);
    bytes.extend([0xFF; 100]);
    let (records, stop) = decode(&bytes, Some(recorded(&entries, 2)), 1000);
    assert_eq!((records.len(), stop), (2, Ok(Step::End)));
}

#[test]
fn a_file_shorter_than_its_recorded_end_is_damaged_not_torn() {
    let entries = entries(&[vec![1; 10], vec![2; 10]]);
    for present in [bytes_of(&entries[..1]), bytes_of(&entries)[..70].to_vec()] {
        let (records, stop) = decode(&present, Some(recorded(&entries, 2)), 1000);
        assert_eq!(records.len(), 1);
        let flaw = stop.unwrap_err();
        assert!(!flaw.may_be_torn && flaw.sequence == 2, "{flaw:?}");
    }
}

#[test]
fn a_record_of_another_history_is_refused_although_its_crcs_fit() {
    let ours = entries(&[vec![1], vec![2]]);
    let theirs = entries(&[vec![9], vec![2]]);
    let mut bytes = bytes_of(&ours[..1]);
    bytes.extend(bytes_of(&theirs[1..]));
    let (records, stop) = decode(&bytes, None, 1000);
    assert_eq!(records.len(), 1);
    assert!(!stop.unwrap_err().may_be_torn);
}

#[test]
fn the_end_mark_ends_a_segment_and_must_fit() {
    let entries = entries(&[vec![1], vec![2]]);
    let mut bytes = bytes_of(&entries);
    bytes.extend_from_slice(&encode_mark(Kind::End, entries[1].position, 77));
    assert_eq!(decode(&bytes, None, 16).1, Ok(Step::End));
    let mut early = bytes_of(&entries[..1]);
    early.extend_from_slice(&encode_mark(Kind::End, entries[1].position, 77));
    assert!(!decode(&early, None, 16).1.unwrap_err().may_be_torn);
}

use bytes::Bytes;
use uuid::Uuid;

use super::*;
use crate::core::head::{Entry, encode_batch};
use crate::core::header::HEADER_LENGTH;
use crate::position::{Position, SegmentId};

const START: u64 = HEADER_LENGTH as u64;

fn header() -> SegmentHeader {
    SegmentHeader {
        format: 1,
        cluster: Uuid::nil(),
        id: SegmentId { term: 9, index: 1 },
        salt: 5,
        predecessor: None,
    }
}

/// Batches of `sizes` records each, of 30 bytes each.
fn batches(sizes: &[usize]) -> Vec<u8> {
    let mut at = Position::START;
    let mut bytes = Vec::new();
    for size in sizes {
        let entries: Vec<_> = (0..*size)
            .map(|_| {
                let payload = Bytes::from(vec![at.sequence as u8; 30]);
                let entry = Entry::after(at, 9, crc32c::crc32c(&payload), payload);
                at = entry.position;
                entry
            })
            .collect();
        bytes.extend_from_slice(&encode_batch(entries.iter(), 5));
    }
    bytes
}

const FRAME: usize = HEAD_LENGTH + 30;

/// Scans as if the record number `bad` (from 0) were bad.
fn scan(bytes: &[u8], bad: usize, block: usize) -> Option<Evidence> {
    let mut scan = TailScan::new(&header(), START + (bad * FRAME) as u64, bad as u64 + 1);
    bytes[bad * FRAME..].chunks(block).find_map(|block| scan.feed(block))
}

#[test]
fn a_later_batch_proves_damage_wherever_the_blocks_are_cut() {
    let bytes = batches(&[2, 2]);
    for block in [1, 7, HEAD_LENGTH, 1000] {
        let evidence = scan(&bytes, 1, block);
        assert_eq!(evidence, Some(Evidence { offset: START + (2 * FRAME) as u64, sequence: 3 }), "{block}");
    }
}

#[test]
fn records_of_the_same_batch_prove_nothing() {
    // A hole in the last batch: its second record is bad, its third and fourth are whole.
    assert_eq!(scan(&batches(&[2, 4]), 3, 1000), None);
    assert_eq!(scan(&batches(&[2, 4]), 2, 1000), None);
}

#[test]
fn a_payload_that_imitates_a_record_proves_nothing() {
    // A client chose a payload that holds what was a valid frame in a segment with another salt.
    let position = Position { sequence: 50, term: 9, chain: 1 };
    let imitation = Entry { position, payload_crc: 0, payload: Bytes::new() };
    let mut bytes = batches(&[2]);
    bytes.extend([0; 100]);
    bytes.extend_from_slice(&encode_batch([imitation].iter(), 6));
    assert_eq!(scan(&bytes, 1, 1000), None);
}

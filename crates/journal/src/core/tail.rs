//! Tells a torn tail from damage in the last segment, the one that was not closed cleanly.
//!
//! Batches are written one after the other, each after the sync of the one before. So all bytes before a batch
//! were on the disk when that batch was written. When the record at some offset is bad and a valid head further
//! on belongs to a batch that began *after* that offset, the bad bytes had been synced: that is damage, and
//! records after it were acknowledged. When every valid head further on belongs to the same batch (pages of one
//! write reach the disk in any order), or there is none, the batch was never synced as a whole: a torn tail, of
//! which nothing was acknowledged.

use super::head::{HEAD_LENGTH, Head, u64_at};
use super::header::SegmentHeader;

/// Proof that the bad bytes had been synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Offset of a valid record in a later batch.
    pub offset: u64,
    /// Its sequence.
    pub sequence: u64,
}

/// Looks for such proof in the bytes from the bad record on.
#[derive(Debug)]
pub struct TailScan {
    salt: u32,
    term: u64,
    bad_offset: u64,
    bad_sequence: u64,
    offset: u64,
    window: Vec<u8>,
}

impl TailScan {
    /// A scan of the segment with this header, whose record `bad_sequence` at `bad_offset` is bad.
    pub fn new(header: &SegmentHeader, bad_offset: u64, bad_sequence: u64) -> Self {
        Self {
            salt: header.salt,
            term: header.id.term,
            bad_offset,
            bad_sequence,
            offset: bad_offset,
            window: Vec::new(),
        }
    }

    /// Looks through the next bytes; the first are those at the bad offset.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<Evidence> {
        self.window.extend_from_slice(bytes);
        for (at, head) in self.window.windows(HEAD_LENGTH).enumerate() {
            let Some(head) = head.first_chunk::<HEAD_LENGTH>() else { continue };
            // The term first: eight bytes that chance does not produce, and much cheaper than a CRC.
            if u64_at(head, 24) != self.term {
                continue;
            }
            let Ok(head) = Head::decode(head, self.salt) else { continue };
            let offset = self.offset + at as u64;
            let batch = offset.checked_sub(u64::from(head.in_batch));
            if batch.is_some_and(|start| start > self.bad_offset)
                && head.position.sequence >= self.bad_sequence
            {
                return Some(Evidence { offset, sequence: head.position.sequence });
            }
        }
        // A head may lie across two calls.
        let done = self.window.len().saturating_sub(HEAD_LENGTH - 1);
        self.window.drain(..done);
        self.offset += done as u64;
        None
    }
}

#[cfg(test)]
#[path = "tail_tests.rs"]
mod tests;

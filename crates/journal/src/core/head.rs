//! The frame of one record: a head of fixed length, then the payload.
//!
//! ```text
//!  0  u32  CRC32C of bytes 4..40, started from the segment's salt
//!  4  u32  kind: 1 record, 2 end mark, 3 durable mark
//!  8  u32  payload length
//! 12  u32  bytes from the start of this record's batch to this record
//! 16  u32  CRC32C of the payload
//! 20  u32  chain CRC up to and including this record
//! 24  u64  term
//! 32  u64  sequence
//! 40  payload
//! ```
//! All numbers are little endian. The head has its own CRC so that a damaged length is not taken for a file
//! that ends early. The salt is random for each segment, so payload bytes that look like a frame (clients choose
//! names and attributes) are never taken for one. The distance to the start of the batch tells which bytes
//! were synced before this record was written; see [`super::tail`].

use bytes::{BufMut, Bytes};
use crc32c::crc32c_append;

use crate::position::Position;

/// Length of a frame's head.
pub const HEAD_LENGTH: usize = 40;

/// The longest payload. One compound record holds at most 1,000 inodes, far below this; the limit bounds what a
/// reader buffers on the word of a length field.
pub const MAX_PAYLOAD: usize = 256 << 20;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A record.
    Record,
    /// The end mark of a segment that was closed cleanly; no payload. Its position is the last record's.
    End,
    /// Says that all before it is durable: synced, and the fence has confirmed. No payload; its position is the
    /// last record's. The writer adds it when no further batch has said so for a while.
    Durable,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Record or end mark.
    pub kind: Kind,
    /// Length of the payload.
    pub length: u32,
    /// Bytes between the first record of the batch and this one.
    pub in_batch: u32,
    /// CRC32C of the payload.
    pub payload_crc: u32,
    /// The place after this record.
    pub position: Position,
}

/// Why bytes are not a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadFlaw {
    /// The CRC does not fit.
    #[error("the CRC of the record's head does not match")]
    Crc,
    /// The CRC fits, yet a field has a value that is never written.
    #[error("the record's head holds a kind or length that is never written")]
    Fields,
}

impl Head {
    /// The head as bytes.
    pub fn encode(&self, salt: u32) -> [u8; HEAD_LENGTH] {
        let mut bytes = [0; HEAD_LENGTH];
        let mut fields = &mut bytes[4..];
        fields.put_u32_le(match self.kind {
            Kind::Record => 1,
            Kind::End => 2,
            Kind::Durable => 3,
        });
        fields.put_u32_le(self.length);
        fields.put_u32_le(self.in_batch);
        fields.put_u32_le(self.payload_crc);
        fields.put_u32_le(self.position.chain);
        fields.put_u64_le(self.position.term);
        fields.put_u64_le(self.position.sequence);
        let crc = crc32c_append(salt, &bytes[4..]);
        bytes[..4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a head and checks its CRC.
    pub fn decode(bytes: &[u8; HEAD_LENGTH], salt: u32) -> Result<Self, HeadFlaw> {
        if u32_at(bytes, 0) != crc32c_append(salt, &bytes[4..]) {
            return Err(HeadFlaw::Crc);
        }
        let kind = match u32_at(bytes, 4) {
            1 => Kind::Record,
            2 => Kind::End,
            3 => Kind::Durable,
            _ => return Err(HeadFlaw::Fields),
        };
        let length = u32_at(bytes, 8);
        if length as usize > MAX_PAYLOAD || (kind != Kind::Record && length != 0) {
            return Err(HeadFlaw::Fields);
        }
        Ok(Self {
            kind,
            length,
            in_batch: u32_at(bytes, 12),
            payload_crc: u32_at(bytes, 16),
            position: Position {
                chain: u32_at(bytes, 20),
                term: u64_at(bytes, 24),
                sequence: u64_at(bytes, 32),
            },
        })
    }

    /// Bytes of the whole frame.
    pub fn frame_length(&self) -> usize {
        HEAD_LENGTH + self.length as usize
    }
}

fn u32_at(bytes: &[u8; HEAD_LENGTH], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Term of a head that is not checked yet, for a cheap first look.
pub(super) fn u64_at(bytes: &[u8; HEAD_LENGTH], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// A record with its place: what the writer keeps until it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The place after this record.
    pub position: Position,
    /// CRC32C of the payload.
    pub payload_crc: u32,
    /// The payload.
    pub payload: Bytes,
}

impl Entry {
    /// The record that follows `previous`. `payload_crc` is the CRC32C of the payload.
    pub fn after(previous: Position, term: u64, payload_crc: u32, payload: Bytes) -> Self {
        Self { position: previous.next(term, payload_crc), payload_crc, payload }
    }

    /// Bytes of the record's frame.
    pub fn frame_length(&self) -> usize {
        HEAD_LENGTH + self.payload.len()
    }
}

/// The bytes of one batch: the frames of all `entries`, to be written and synced together.
pub fn encode_batch<'a>(entries: impl Iterator<Item = &'a Entry> + Clone, salt: u32) -> Bytes {
    let mut out = Vec::with_capacity(entries.clone().map(Entry::frame_length).sum());
    for entry in entries {
        let head = Head {
            kind: Kind::Record,
            // Neither can wrap: the writer refuses payloads above MAX_PAYLOAD and bounds the batch.
            length: entry.payload.len() as u32,
            in_batch: out.len() as u32,
            payload_crc: entry.payload_crc,
            position: entry.position,
        };
        out.put_slice(&head.encode(salt));
        out.put_slice(&entry.payload);
    }
    Bytes::from(out)
}

/// The mark of this kind after the record at `end`.
pub fn encode_mark(kind: Kind, end: Position, salt: u32) -> Bytes {
    let head = Head { kind, length: 0, in_batch: 0, payload_crc: 0, position: end };
    Bytes::copy_from_slice(&head.encode(salt))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let position = Position { sequence: 9, term: 3, chain: 77 };
        Head { kind: Kind::Record, length: 5, in_batch: 120, payload_crc: 1234, position }
    }

    #[test]
    fn a_head_survives_the_round_trip() {
        assert_eq!(Head::decode(&head().encode(42), 42), Ok(head()));
    }

    #[test]
    fn any_flipped_bit_and_a_foreign_salt_are_found() {
        let bytes = head().encode(42);
        assert_eq!(Head::decode(&bytes, 43), Err(HeadFlaw::Crc));
        for bit in 0..HEAD_LENGTH * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Head::decode(&flipped, 42), Err(HeadFlaw::Crc), "bit {bit}");
        }
    }

    #[test]
    fn a_length_that_is_never_written_is_refused_although_its_crc_fits() {
        let long = Head { length: u32::MAX, ..head() };
        assert_eq!(Head::decode(&long.encode(1), 1), Err(HeadFlaw::Fields));
    }
}

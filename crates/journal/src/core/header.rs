//! The header of a segment: who wrote it, and exactly where the log stood before it.
//!
//! The header is synced by itself before the first record is written. So a file that is longer than a header
//! and has a bad one is damaged, while a short file with a bad header was being created and holds nothing.

use bytes::{BufMut, Bytes};
use crc32c::crc32c;
use uuid::Uuid;

use crate::position::{Position, SegmentId};

/// Length of a header; the rest of its fields is reserved (zero).
pub const HEADER_LENGTH: usize = 128;

/// First bytes of every segment.
pub const MAGIC: [u8; 8] = *b"ALXJRNL\0";

/// The format that a journal begins with.
pub const FIRST_FORMAT: u32 = 1;

/// The newest format that this code reads and can write. What it does write is the log's ([`SegmentHeader::format`]), which goes up
/// only when somebody raises it. A release that has records which older ones do not know counts this up, and makes none of them while
/// the log's format is lower. (Format 2 differs in nothing but its number; it is there for tests.)
pub const FORMAT_VERSION: u32 = if cfg!(any(test, feature = "next-format")) { 2 } else { FIRST_FORMAT };

/// How the log stood when a segment was begun. Readers of the predecessor never go past `length`, whatever the
/// file holds there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// The file to read before this one.
    pub segment: SegmentId,
    /// Bytes of it that count: it ends with a whole record.
    pub length: u64,
    /// The place after its last record.
    pub end: Position,
}

/// The header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// What one must be able to read for this segment and those after it. It never goes down along the log.
    pub format: u32,
    /// Cluster that the journal belongs to.
    pub cluster: Uuid,
    /// The file as it was begun. A copy made while sealing keeps the header of the original.
    pub id: SegmentId,
    /// Where the CRCs of the heads start from.
    pub salt: u32,
    /// None in the first segment of a journal.
    pub predecessor: Option<Predecessor>,
}

/// Why bytes are not a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFlaw {
    /// Fewer bytes than a header has.
    #[error("the file ends inside the segment header")]
    Short,
    /// Other first bytes, or a CRC that does not fit.
    #[error("the segment header is damaged")]
    Damaged,
    /// Written by a later release.
    #[error("the segment has format {found}; this release reads up to {FORMAT_VERSION}")]
    Newer {
        /// The version it carries.
        found: u32,
    },
}

impl SegmentHeader {
    /// The place before the first record of this segment.
    pub fn start(&self) -> Position {
        self.predecessor.map_or(Position::START, |p| p.end)
    }

    /// The header as bytes.
    pub fn encode(&self) -> Bytes {
        let mut bytes = [0; HEADER_LENGTH];
        let mut out = &mut bytes[..];
        out.put_slice(&MAGIC);
        out.put_u32_le(self.format);
        out.put_slice(self.cluster.as_bytes());
        out.put_u64_le(self.id.term);
        out.put_u32_le(self.id.index);
        out.put_u32_le(self.salt);
        out.put_u64_le(self.start().sequence + 1);
        if let Some(p) = self.predecessor {
            out.put_u32_le(1);
            out.put_u64_le(p.segment.term);
            out.put_u32_le(p.segment.index);
            out.put_u64_le(p.length);
            out.put_u64_le(p.end.sequence);
            out.put_u64_le(p.end.term);
            out.put_u32_le(p.end.chain);
        }
        let crc = crc32c(&bytes[..HEADER_LENGTH - 4]);
        bytes[HEADER_LENGTH - 4..].copy_from_slice(&crc.to_le_bytes());
        Bytes::copy_from_slice(&bytes)
    }

    /// Reads a header from the first bytes of a file.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, HeaderFlaw> {
        use bytes::Buf;
        let Some(whole) = bytes.get(..HEADER_LENGTH) else { return Err(HeaderFlaw::Short) };
        if whole[..8] != MAGIC {
            return Err(HeaderFlaw::Damaged);
        }
        bytes.advance(8);
        // Before the CRC: a later format may have its CRC elsewhere.
        let version = bytes.get_u32_le();
        if version > FORMAT_VERSION {
            return Err(HeaderFlaw::Newer { found: version });
        }
        let mut crc = &whole[HEADER_LENGTH - 4..];
        if crc.get_u32_le() != crc32c(&whole[..HEADER_LENGTH - 4]) {
            return Err(HeaderFlaw::Damaged);
        }
        let cluster = Uuid::from_u128(bytes.get_u128());
        let id = SegmentId { term: bytes.get_u64_le(), index: bytes.get_u32_le() };
        let salt = bytes.get_u32_le();
        let first_sequence = bytes.get_u64_le();
        let predecessor = (bytes.get_u32_le() == 1).then(|| Predecessor {
            segment: SegmentId { term: bytes.get_u64_le(), index: bytes.get_u32_le() },
            length: bytes.get_u64_le(),
            end: Position {
                sequence: bytes.get_u64_le(),
                term: bytes.get_u64_le(),
                chain: bytes.get_u32_le(),
            },
        });
        let header = Self { format: version, cluster, id, salt, predecessor };
        if first_sequence != header.start().sequence + 1 {
            return Err(HeaderFlaw::Damaged);
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(predecessor: Option<Predecessor>) -> SegmentHeader {
        SegmentHeader {
            format: FORMAT_VERSION,
            cluster: Uuid::from_u128(5),
            id: SegmentId { term: 4, index: 2 },
            salt: 99,
            predecessor,
        }
    }

    fn predecessor() -> Predecessor {
        let end = Position { sequence: 12, term: 3, chain: 0xABCD };
        Predecessor { segment: SegmentId { term: 3, index: 7 }, length: 4096, end }
    }

    #[test]
    fn a_header_survives_the_round_trip_with_and_without_a_predecessor() {
        for header in [header(None), header(Some(predecessor()))] {
            assert_eq!(SegmentHeader::decode(&header.encode()), Ok(header));
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let bytes = header(Some(predecessor())).encode();
        for bit in 0..HEADER_LENGTH * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_later_format_is_named_and_a_short_file_is_told_apart() {
        let mut later = header(None).encode().to_vec();
        later[8] = 3;
        assert_eq!(SegmentHeader::decode(&later), Err(HeaderFlaw::Newer { found: 3 }));
        assert_eq!(SegmentHeader::decode(&later[..HEADER_LENGTH - 1]), Err(HeaderFlaw::Short));
    }
}

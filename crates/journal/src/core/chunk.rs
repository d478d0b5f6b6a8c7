//! The bytes of a checkpoint: an opening, the chunks, and a footer, with which the file ends.
//!
//! ```text
//! opening  8 B magic, u32 format, 16 B cluster id, u32 CRC32C of these
//! chunk    u32 kind (1), u32 length, u64 index, u32 CRC32C of the head and the payload, payload
//! footer   the same with kind 2; its payload: u64 sequence, u64 term, u32 chain, u64 tree hash,
//!          then the caller's metadata. Its index is the number of chunks.
//! ```
//! All numbers are little endian. The index is under the CRC, so a chunk that is missing or stands at another
//! place is found.

use bytes::{Buf, BufMut, Bytes};
use crc32c::{crc32c, crc32c_append};
use uuid::Uuid;

use super::header::FORMAT_VERSION;
use crate::position::Position;

/// Length of the opening.
pub const OPENING_LENGTH: usize = 32;
/// Length of a frame's head.
pub const FRAME_HEAD: usize = 20;
/// The longest chunk, and the longest footer.
pub const MAX_CHUNK: usize = 16 << 20;
/// Bytes of a footer before the caller's metadata.
const FOOTER_FIELDS: usize = 28;

const MAGIC: [u8; 8] = *b"ALXCKPT\0";

/// What a checkpoint says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    /// The state is the one after this record.
    pub position: Position,
    /// Number of chunks.
    pub chunks: u64,
    /// Hash of the state, computed by its owner.
    pub tree_hash: u64,
    /// Whatever the owner of the state wants to keep beside it.
    pub metadata: Bytes,
}

/// Why bytes are not what a checkpoint holds at that place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkFlaw {
    /// Other first bytes.
    #[error("it does not begin as a checkpoint does")]
    NotACheckpoint,
    /// Written by a later release.
    #[error("it has format {0}; this release reads up to {FORMAT_VERSION}")]
    Newer(u32),
    /// The state of another cluster.
    #[error("it belongs to cluster {0}")]
    OtherCluster(Uuid),
    /// Damaged, or a chunk is missing.
    #[error("chunk {0} is damaged")]
    Chunk(u64),
    /// The footer is damaged, or does not fit the chunks.
    #[error("the footer is damaged")]
    Footer,
    /// The file ends early.
    #[error("it ends early")]
    Short,
    /// The file goes on after its footer.
    #[error("bytes follow its footer")]
    Long,
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A chunk of the state.
    Chunk,
    /// The footer.
    Footer,
}

/// Head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// Chunk or footer.
    pub kind: FrameKind,
    /// Length of the payload.
    pub length: usize,
    /// Number of the chunk; in the footer the number of chunks.
    pub index: u64,
    crc: u32,
}

impl FrameHead {
    /// The head for a payload.
    pub fn of(kind: FrameKind, index: u64, payload: &[u8]) -> Self {
        let mut head = Self { kind, length: payload.len(), index, crc: 0 };
        head.crc = crc32c_append(crc32c(&head.fields()), payload);
        head
    }

    fn fields(&self) -> [u8; FRAME_HEAD - 4] {
        let mut bytes = [0; FRAME_HEAD - 4];
        let mut out = &mut bytes[..];
        out.put_u32_le(match self.kind {
            FrameKind::Chunk => 1,
            FrameKind::Footer => 2,
        });
        // Payloads are at most MAX_CHUNK long.
        out.put_u32_le(self.length as u32);
        out.put_u64_le(self.index);
        bytes
    }

    /// The head as bytes.
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(&self.fields());
        out.put_u32_le(self.crc);
    }

    /// Reads a head. Its CRC is checked together with the payload ([`Self::verify`]).
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        if bytes.len() < FRAME_HEAD {
            return None;
        }
        let kind = match bytes.get_u32_le() {
            1 => FrameKind::Chunk,
            2 => FrameKind::Footer,
            _ => return None,
        };
        let length = bytes.get_u32_le() as usize;
        let index = bytes.get_u64_le();
        (length <= MAX_CHUNK).then(|| Self { kind, length, index, crc: bytes.get_u32_le() })
    }

    /// Whether the payload is the one that this head was made for.
    pub fn verify(&self, payload: &[u8]) -> bool {
        payload.len() == self.length && crc32c_append(crc32c(&self.fields()), payload) == self.crc
    }
}

/// The first bytes of a checkpoint of a log of that format.
pub fn encode_opening(cluster: Uuid, format: u32) -> Bytes {
    let mut out = Vec::with_capacity(OPENING_LENGTH);
    out.put_slice(&MAGIC);
    out.put_u32_le(format);
    out.put_slice(cluster.as_bytes());
    out.put_u32_le(crc32c(&out));
    Bytes::from(out)
}

/// Checks the first bytes of a checkpoint.
pub fn check_opening(bytes: &[u8], cluster: Uuid) -> Result<(), ChunkFlaw> {
    let Some(mut bytes) = bytes.get(..OPENING_LENGTH) else { return Err(ChunkFlaw::Short) };
    let crc = crc32c(&bytes[..OPENING_LENGTH - 4]);
    if bytes[..8] != MAGIC {
        return Err(ChunkFlaw::NotACheckpoint);
    }
    bytes.advance(8);
    let version = bytes.get_u32_le();
    if version > FORMAT_VERSION {
        return Err(ChunkFlaw::Newer(version));
    }
    let found = Uuid::from_u128(bytes.get_u128());
    if bytes.get_u32_le() != crc {
        return Err(ChunkFlaw::NotACheckpoint);
    }
    if found == cluster { Ok(()) } else { Err(ChunkFlaw::OtherCluster(found)) }
}

/// The footer frame.
pub fn encode_footer(footer: &Footer) -> Bytes {
    let mut payload = Vec::with_capacity(FOOTER_FIELDS + footer.metadata.len());
    payload.put_u64_le(footer.position.sequence);
    payload.put_u64_le(footer.position.term);
    payload.put_u32_le(footer.position.chain);
    payload.put_u64_le(footer.tree_hash);
    payload.put_slice(&footer.metadata);
    let mut out = Vec::with_capacity(FRAME_HEAD + payload.len());
    FrameHead::of(FrameKind::Footer, footer.chunks, &payload).encode(&mut out);
    out.put_slice(&payload);
    Bytes::from(out)
}

/// Reads the payload of a footer frame.
pub fn decode_footer(head: &FrameHead, mut payload: Bytes) -> Result<Footer, ChunkFlaw> {
    if head.kind != FrameKind::Footer || payload.len() < FOOTER_FIELDS || !head.verify(&payload) {
        return Err(ChunkFlaw::Footer);
    }
    Ok(Footer {
        position: Position {
            sequence: payload.get_u64_le(),
            term: payload.get_u64_le(),
            chain: payload.get_u32_le(),
        },
        chunks: head.index,
        tree_hash: payload.get_u64_le(),
        metadata: payload,
    })
}

/// Longest metadata that fits a footer.
pub const MAX_METADATA: usize = MAX_CHUNK - FOOTER_FIELDS;

#[cfg(test)]
mod tests {
    use super::*;

    fn footer() -> Footer {
        let position = Position { sequence: 44, term: 3, chain: 9 };
        Footer { position, chunks: 2, tree_hash: 0xFEED, metadata: Bytes::from_static(b"more") }
    }

    fn footer_frame(bytes: &Bytes) -> (FrameHead, Bytes) {
        (FrameHead::decode(bytes).unwrap(), bytes.slice(FRAME_HEAD..))
    }

    #[test]
    fn a_footer_survives_the_round_trip_and_any_flipped_bit_is_found() {
        let bytes = encode_footer(&footer());
        let (head, payload) = footer_frame(&bytes);
        assert_eq!(decode_footer(&head, payload), Ok(footer()));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = Bytes::from(flipped);
            let Some(head) = FrameHead::decode(&flipped) else { continue };
            assert!(decode_footer(&head, flipped.slice(FRAME_HEAD..)).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_chunk_at_another_place_is_not_taken_for_the_one_that_belongs_there() {
        let head = FrameHead::of(FrameKind::Chunk, 3, b"state");
        assert!(head.verify(b"state"));
        assert!(!FrameHead { index: 4, ..head }.verify(b"state"));
        assert!(!head.verify(b"stat3"));
    }

    #[test]
    fn the_opening_tells_cluster_format_and_damage_apart() {
        let cluster = Uuid::from_u128(7);
        let opening = encode_opening(cluster, FORMAT_VERSION);
        assert_eq!(opening.len(), OPENING_LENGTH);
        assert_eq!(check_opening(&opening, cluster), Ok(()));
        assert_eq!(check_opening(&opening, Uuid::from_u128(8)), Err(ChunkFlaw::OtherCluster(cluster)));
        assert_eq!(check_opening(&opening[..9], cluster), Err(ChunkFlaw::Short));
        let mut other = opening.to_vec();
        other[8] = 9;
        assert_eq!(check_opening(&other, cluster), Err(ChunkFlaw::Newer(9)));
        other[8] = opening[8];
        other[20] ^= 1;
        assert_eq!(check_opening(&other, cluster), Err(ChunkFlaw::NotACheckpoint));
    }
}

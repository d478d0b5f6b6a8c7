//! Reads the records of one segment from blocks of bytes, and checks every one.

use bytes::{Buf, Bytes, BytesMut};
use crc32c::crc32c;

use super::head::{HEAD_LENGTH, Head, HeadFlaw, Kind};
use super::header::{HEADER_LENGTH, SegmentHeader};
use crate::position::Position;

/// A record and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Offset of the record's frame in its file.
    pub offset: u64,
    /// Offset of the first record of its batch. All before that was durable when the record was written.
    pub batch: u64,
    /// The place after it.
    pub position: Position,
    /// Its payload.
    pub payload: Bytes,
}

/// Where a segment ends, when its successor or a scan has settled that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedEnd {
    /// Bytes that count.
    pub length: u64,
    /// The place after the last record.
    pub end: Position,
}

/// What the decoder found next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A record.
    Record(Located),
    /// The recorded end, or the mark of a clean close.
    End,
    /// The mark that all before it is durable.
    Durable,
    /// Nothing before more bytes are fed.
    More,
}

/// Bytes that are not the record that should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Offset in the file.
    pub offset: u64,
    /// Sequence of the record that should be there.
    pub sequence: u64,
    /// What is wrong.
    pub reason: String,
    /// A write that was cut short can leave this. Otherwise the bytes were written as they are, and are wrong.
    pub may_be_torn: bool,
}

/// Decoder of one segment's records. Feed it the file's bytes after the header.
#[derive(Debug)]
pub struct SegmentDecoder {
    salt: u32,
    term: u64,
    at: Position,
    offset: u64,
    buffer: BytesMut,
    recorded: Option<RecordedEnd>,
}

impl SegmentDecoder {
    /// A decoder for the segment with this header. With a recorded end, reaching exactly that is required;
    /// without one, the file's end decides ([`Self::at_end_of_file`]).
    pub fn new(header: &SegmentHeader, recorded: Option<RecordedEnd>) -> Self {
        Self {
            salt: header.salt,
            term: header.id.term,
            at: header.start(),
            offset: HEADER_LENGTH as u64,
            buffer: BytesMut::new(),
            recorded,
        }
    }

    /// The place after the last record returned.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Offset just after the last record returned.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Offset of the next byte to feed.
    pub fn wanted(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    /// Bytes fed and not yet part of a record.
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }

    /// Adds the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where the segment ends, now that it is known; not before [`Self::offset`].
    pub fn set_end(&mut self, recorded: Option<RecordedEnd>) {
        self.recorded = recorded;
    }

    /// Drops the bytes fed and not yet part of a record: read again, they may be others.
    pub fn forget_rest(&mut self) {
        self.buffer.clear();
    }

    /// The next record, or why there is none. After a flaw the decoder stays where it is.
    pub fn step(&mut self) -> Result<Step, Flaw> {
        if let Some(recorded) = self.recorded
            && self.offset == recorded.length
        {
            return if self.at == recorded.end {
                Ok(Step::End)
            } else {
                Err(self
                    .wrong(format!("the log should end here at {}, but it is at {}", recorded.end, self.at)))
            };
        }
        let Some(head) = self.buffer.first_chunk::<HEAD_LENGTH>() else { return Ok(Step::More) };
        let head = Head::decode(head, self.salt).map_err(|e| match e {
            HeadFlaw::Crc => self.torn(e.to_string()),
            HeadFlaw::Fields => self.wrong(e.to_string()),
        })?;
        if head.kind == Kind::End {
            return match (self.recorded, head.position == self.at) {
                (None, true) => Ok(Step::End),
                (None, false) => Err(self.wrong(format!("the end mark is for {}", head.position))),
                (Some(recorded), _) => {
                    Err(self
                        .wrong(format!("an end mark, but records up to offset {} follow", recorded.length)))
                }
            };
        }
        let frame = head.frame_length();
        if u64::from(head.in_batch) > self.offset - HEADER_LENGTH as u64 {
            return Err(self.wrong("the record's batch begins before the segment does".to_owned()));
        }
        if self.recorded.is_some_and(|r| self.offset + frame as u64 > r.length) {
            return Err(self.wrong("the record goes past the recorded end of the segment".to_owned()));
        }
        if head.kind == Kind::Durable {
            if head.position != self.at {
                return Err(self.wrong(format!("the durable mark is for {}", head.position)));
            }
            self.buffer.advance(frame);
            self.offset += frame as u64;
            return Ok(Step::Durable);
        }
        if self.buffer.len() < frame {
            return Ok(Step::More);
        }
        let payload_crc = crc32c(&self.buffer[HEAD_LENGTH..frame]);
        if payload_crc != head.payload_crc {
            return Err(self.torn("the CRC of the record's payload does not match".to_owned()));
        }
        let expected = self.at.next(self.term, payload_crc);
        if expected != head.position {
            return Err(self.wrong(format!("expected {expected}, found {}", head.position)));
        }
        let payload = self.buffer.split_to(frame).split_off(HEAD_LENGTH).freeze();
        let batch = self.offset - u64::from(head.in_batch);
        let record = Located { offset: self.offset, batch, position: expected, payload };
        self.at = expected;
        self.offset += frame as u64;
        Ok(Step::Record(record))
    }

    /// The file has no more bytes although [`Step::More`] was the answer: what that means. None when the file
    /// ends exactly after a record and nothing says that it should go on.
    pub fn at_end_of_file(&self) -> Option<Flaw> {
        match self.recorded {
            Some(recorded) => Some(self.wrong(format!(
                "the file ends at {}, but its successor says that it has {} bytes up to {}",
                self.wanted(),
                recorded.length,
                recorded.end
            ))),
            None if self.buffer.is_empty() => None,
            None => Some(self.torn("the file ends inside the record".to_owned())),
        }
    }

    fn torn(&self, reason: String) -> Flaw {
        Flaw { may_be_torn: true, ..self.wrong(reason) }
    }

    fn wrong(&self, reason: String) -> Flaw {
        Flaw { offset: self.offset, sequence: self.at.sequence + 1, reason, may_be_torn: false }
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;

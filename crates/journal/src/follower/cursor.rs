//! Reads one segment while it is, or may be, written.
//!
//! A record is given only when it is known to be durable: a batch is written after the sync and the fence of the
//! one before, so the first record of a later batch says so for all before it; so do the marks, and so does the
//! header of the segment that follows. What a deposed master still writes is followed by nothing, and is never
//! given.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::core::chain::Link;
use crate::core::decode::{Flaw, RecordedEnd, SegmentDecoder, Step};
use crate::error::Result;
use crate::position::{FileId, Position};
use crate::recovery::Record;
use crate::store::Store;

/// Bytes read at a time; bounds what is given at once.
const BLOCK: usize = 1 << 20;

/// A place in a segment.
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) link: Link,
    decoder: SegmentDecoder,
    /// The records are to follow this one.
    base: Position,
    /// Offset of the newest batch, and its records: not known to be durable yet.
    batch: u64,
    pending: Vec<Record>,
    over: bool,
    /// Why reading did not get on, when what is there is not a record.
    pub(super) flaw: Option<Flaw>,
}

/// What a read brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The file goes on.
    More,
    /// Nothing more can be read for now, or at all.
    AtEnd,
    /// The record at the base's sequence is another one.
    Diverged(Position),
}

impl Cursor {
    /// The records of a segment after `base`, which lies in it or just before it.
    pub(super) fn new(link: Link, base: Position) -> Self {
        let decoder = SegmentDecoder::new(&link.header, link.end);
        Self { link, decoder, base, batch: 0, pending: Vec::new(), over: false, flaw: None }
    }

    /// Whether all records of the segment have been given.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Where the flaw is looked for further on.
    pub(super) fn decoder(&self) -> &SegmentDecoder {
        &self.decoder
    }

    /// The same segment as it lies on the store now: its end may be known, and it may have become a copy.
    pub(super) fn settle(&mut self, link: Link, at: Position) {
        if link == self.link || self.over {
            self.link = link;
            return;
        }
        match link.end {
            // What lies behind the end does not count, although it has been read.
            Some(end) if self.decoder.offset() > end.length => *self = Self::new(link, at),
            _ => {
                self.link = link;
                self.decoder.set_end(link.end);
            }
        }
    }

    /// Reads on by a block, and adds to `ready` what is known to be durable.
    pub(super) async fn read(&mut self, store: &dyn Store, ready: &mut VecDeque<Record>) -> Result<Read> {
        let length = self.link.end.map_or(BLOCK, |end| block_before(end, self.decoder.wanted()));
        let file = FileId::Segment(self.link.id);
        let block =
            if length == 0 { Bytes::new() } else { store.read(file, self.decoder.wanted(), length).await? };
        let at_end = block.len() < length || length == 0;
        self.decoder.feed(&block);
        let before = self.decoder.offset();
        let decoded = self.decode(ready);
        if self.decoder.offset() > before {
            self.flaw = None;
        }
        match decoded {
            Ok(Some(other)) => return Ok(Read::Diverged(other)),
            Ok(None) if self.over => return Ok(Read::AtEnd),
            Ok(None) if !at_end => return Ok(Read::More),
            // The file should have more.
            Ok(None) => self.flaw = self.link.end.and_then(|_| self.decoder.at_end_of_file()),
            Err(flaw) => self.flaw = Some(flaw),
        }
        // Half a record, or bytes on their way: they are read again.
        self.decoder.forget_rest();
        Ok(Read::AtEnd)
    }

    /// The one who writes says that all up to this place is durable.
    pub(super) fn vouch(&mut self, place: Position, ready: &mut VecDeque<Record>) {
        if let Some(index) = self.pending.iter().position(|record| record.position == place) {
            ready.extend(self.pending.drain(..=index));
        }
    }

    fn decode(&mut self, ready: &mut VecDeque<Record>) -> std::result::Result<Option<Position>, Flaw> {
        // With a recorded end nothing else has to say it.
        let recorded = self.link.end.is_some();
        if recorded {
            self.confirm(ready);
        }
        loop {
            match self.decoder.step()? {
                Step::Record(record) => {
                    if record.batch > self.batch {
                        self.confirm(ready);
                        self.batch = record.batch;
                    }
                    let position = record.position;
                    if position.sequence == self.base.sequence && position != self.base {
                        return Ok(Some(position));
                    }
                    if position.sequence > self.base.sequence {
                        self.pending.push(Record { position, payload: record.payload });
                    }
                    if recorded {
                        self.confirm(ready);
                    }
                }
                Step::Durable => self.confirm(ready),
                Step::End => {
                    self.confirm(ready);
                    self.over = true;
                    return Ok(None);
                }
                Step::More => return Ok(None),
            }
        }
    }

    fn confirm(&mut self, ready: &mut VecDeque<Record>) {
        ready.extend(self.pending.drain(..));
    }
}

fn block_before(end: RecordedEnd, wanted: u64) -> usize {
    BLOCK.min(usize::try_from(end.length.saturating_sub(wanted)).unwrap_or(BLOCK))
}

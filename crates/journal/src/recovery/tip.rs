//! Finds the end of the newest segment: the only one whose end no header records.

use crate::core::chain::Link;
use crate::core::decode::{Flaw, RecordedEnd, SegmentDecoder, Step};
use crate::core::tail::{Evidence, TailScan};
use crate::error::{JournalError, Result};
use crate::format::file_name;
use crate::position::{FileId, Position};
use crate::store::Store;

/// Bytes read at a time.
const BLOCK: usize = 1 << 20;

/// The end of a segment.
pub(super) struct TipScan {
    /// After the last whole record.
    pub(super) end: RecordedEnd,
    /// The writer marked it as closed.
    pub(super) closed: bool,
}

/// Reads a segment from its header to its end. A torn tail ends it; damage before that is an error.
pub(super) async fn scan(store: &dyn Store, link: &Link) -> Result<TipScan> {
    let file = FileId::Segment(link.id);
    let mut decoder = SegmentDecoder::new(&link.header, None);
    let mut closed = false;
    let flaw = loop {
        match decoder.step() {
            Ok(Step::Record(_) | Step::Durable) => {}
            Ok(Step::End) => {
                closed = true;
                break None;
            }
            Ok(Step::More) => {
                let block = store.read(file, decoder.wanted(), BLOCK).await?;
                if block.is_empty() {
                    break decoder.at_end_of_file();
                }
                decoder.feed(&block);
            }
            Err(flaw) => break Some(flaw),
        }
    };
    if let Some(flaw) = flaw {
        let (offset, sequence, reason) = (flaw.offset, flaw.sequence, flaw.reason.clone());
        confirm_flaw(store, link, &decoder, flaw).await?;
        tracing::warn!(
            file = file_name(store, file),
            offset,
            sequence,
            reason,
            "the journal ends with a write that was cut short; nothing of it had been acknowledged"
        );
    }
    Ok(TipScan { end: RecordedEnd { length: decoder.offset(), end: decoder.position() }, closed })
}

/// The place after the record `sequence`, which is in this segment or just before it; None when the segment is
/// open, as far as is known, and does not show that record yet.
pub(crate) async fn position_after(
    store: &dyn Store,
    link: &Link,
    sequence: u64,
) -> Result<Option<Position>> {
    let file = FileId::Segment(link.id);
    let mut decoder = SegmentDecoder::new(&link.header, link.end);
    while decoder.position().sequence < sequence {
        let flaw = match decoder.step() {
            Ok(Step::Record(_) | Step::Durable) => continue,
            Ok(Step::End) => return Ok(None),
            Ok(Step::More) => {
                let block = store.read(file, decoder.wanted(), BLOCK).await?;
                if !block.is_empty() {
                    decoder.feed(&block);
                    continue;
                }
                decoder.at_end_of_file()
            }
            Err(flaw) => Some(flaw),
        };
        return match flaw {
            Some(flaw) if link.end.is_some() => Err(corrupt(store, file, flaw)),
            _ => Ok(None),
        };
    }
    Ok(Some(decoder.position()))
}

/// An error unless the flaw can be what a write that was cut short has left at the end of the log.
pub(crate) async fn confirm_flaw(
    store: &dyn Store,
    link: &Link,
    decoder: &SegmentDecoder,
    flaw: Flaw,
) -> Result<()> {
    let file = FileId::Segment(link.id);
    if !flaw.may_be_torn || link.end.is_some() {
        return Err(corrupt(store, file, flaw));
    }
    let Some(evidence) = evidence_of_damage(store, link, decoder, &flaw).await? else { return Ok(()) };
    let reason = format!(
        "{}; it had been synced, because the record {} at offset {} was written later and is valid",
        flaw.reason, evidence.sequence, evidence.offset
    );
    Err(corrupt(store, file, Flaw { reason, ..flaw }))
}

async fn evidence_of_damage(
    store: &dyn Store,
    link: &Link,
    decoder: &SegmentDecoder,
    flaw: &Flaw,
) -> Result<Option<Evidence>> {
    let mut tail = TailScan::new(&link.header, flaw.offset, flaw.sequence);
    let mut evidence = tail.feed(decoder.rest());
    let mut offset = decoder.wanted();
    while evidence.is_none() {
        let block = store.read(FileId::Segment(link.id), offset, BLOCK).await?;
        if block.is_empty() {
            break;
        }
        offset += block.len() as u64;
        evidence = tail.feed(&block);
    }
    Ok(evidence)
}

/// The error for a flaw in a segment.
pub(super) fn corrupt(store: &dyn Store, file: FileId, flaw: Flaw) -> JournalError {
    JournalError::Corrupt {
        file: file_name(store, file),
        offset: flaw.offset,
        sequence: flaw.sequence,
        reason: flaw.reason,
    }
}

//! What lies on the store: the chain of segments, and where the log ends.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use uuid::Uuid;

use super::tip;
use crate::core::chain::{BadSegment, Chain, Found};
use crate::core::header::{HEADER_LENGTH, HeaderFlaw, Predecessor, SegmentHeader};
use crate::core::track::Span;
use crate::error::{JournalError, Result};
use crate::format::file_name;
use crate::position::{CheckpointId, FileId, Position, SegmentId};
use crate::store::Store;

/// Headers that are read at the same time: on a store with a network in between there may be many, and clients
/// wait for the new master.
pub(crate) const HEADERS_AT_ONCE: usize = 16;

/// What was found.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The segments that count, each with its end.
    pub(crate) chain: Chain,
    /// All segment files.
    pub(crate) found: Vec<Found>,
    /// All checkpoints, newest first.
    pub(crate) checkpoints: Vec<CheckpointId>,
    /// Drafts of checkpoints.
    pub(crate) drafts: Vec<FileId>,
    /// Where the log ends, for the next header.
    pub(crate) predecessor: Option<Predecessor>,
    /// The place after the last record.
    pub(crate) end: Position,
    /// The format that the log is written in.
    pub(crate) format: u32,
    /// The newest segment, when it never took a record; it is not in the chain.
    pub(crate) empty: Option<SegmentId>,
    /// The newest segment was closed by its writer, so all of it was synced.
    tip_closed: bool,
}

/// Whether anyone may be writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writers {
    /// All writers are deposed: all that was synced can be read.
    Deposed,
    /// There may be one, whose open segment some stores do not show.
    Live,
}

/// Lists the store, reads all headers, finds the chain and scans its newest segment to its end.
pub(crate) async fn survey(store: &dyn Store, cluster: Uuid, writers: Writers) -> Result<Survey> {
    let mut segments = Vec::new();
    let mut checkpoints = Vec::new();
    let mut drafts = Vec::new();
    for listed in store.list().await? {
        match listed.file {
            FileId::Segment(id) => segments.push((id, listed.length)),
            FileId::Checkpoint(id) => checkpoints.push(id),
            FileId::CheckpointDraft(..) => drafts.push(listed.file),
            FileId::Marker | FileId::MarkerDraft => {}
        }
    }
    checkpoints.sort_by(|a, b| b.cmp(a));
    let headers = segments.into_iter().map(|(id, length)| read_header(store, cluster, id, length, writers));
    let found: Vec<_> = stream::iter(headers).buffered(HEADERS_AT_ONCE).try_collect().await?;
    let found: Vec<_> = found.into_iter().flatten().collect();
    let mut chain = Chain::find(found.clone()).map_err(|bad| bad_segment(store, bad))?;
    // Also of a segment without records: whoever began it may have been about to write what only this format has.
    let format = chain.format();
    let mut tip_closed = true;
    let mut empty = None;
    let mut predecessor = None;
    if let Some(newest) = chain.links.last_mut() {
        let tip::TipScan { end, closed } = tip::scan(store, newest).await?;
        if end.end == newest.header.start() {
            // It never took a record: the log ends where its header says, and its file is not needed.
            empty = Some(newest.id);
            predecessor = newest.header.predecessor;
            chain.links.pop();
        } else {
            newest.end = Some(end);
            tip_closed = closed;
            predecessor = Some(Predecessor { segment: newest.id, length: end.length, end: end.end });
        }
    }
    let end = predecessor.map_or(Position::START, |p| p.end);
    Ok(Survey { chain, found, checkpoints, drafts, predecessor, end, format, empty, tip_closed })
}

async fn read_header(
    store: &dyn Store,
    cluster: Uuid,
    id: SegmentId,
    listed: u64,
    writers: Writers,
) -> Result<Option<Found>> {
    // One byte more, to see whether anything follows: the length in a listing may be out of date.
    let bytes = match store.read(FileId::Segment(id), 0, HEADER_LENGTH + 1).await {
        // Retired since it was listed.
        Err(e) if e.is_not_found() => return Ok(None),
        bytes => bytes?,
    };
    let header = SegmentHeader::decode(&bytes);
    if writers == Writers::Live && matches!(header, Err(HeaderFlaw::Short)) {
        // Begun a moment ago, or open on a store that shows only closed files.
        return Ok(None);
    }
    let length = listed.max(bytes.len() as u64);
    match header {
        Ok(header) if header.cluster != cluster => Err(JournalError::OtherCluster {
            file: file_name(store, FileId::Segment(id)),
            found: header.cluster,
            cluster,
        }),
        header => Ok(Some(Found { id, length, header })),
    }
}

/// The error for a header that cannot be passed over.
pub(crate) fn bad_segment(store: &dyn Store, bad: BadSegment) -> JournalError {
    let file = file_name(store, FileId::Segment(bad.id));
    match bad.flaw {
        HeaderFlaw::Newer { found } => JournalError::Newer { file, found },
        flaw => JournalError::Corrupt { file, offset: 0, sequence: 0, reason: flaw.to_string() },
    }
}

impl Survey {
    /// Makes the newest segment durable up to its end. One that its writer closed is durable already, and so is
    /// one that a later header names.
    pub(crate) async fn secure_tip(&mut self, store: &dyn Store, copy: SegmentId) -> Result<()> {
        let (Some(link), Some(predecessor)) = (self.chain.links.last_mut(), &mut self.predecessor) else {
            return Ok(());
        };
        if !self.tip_closed {
            link.id = store.secure(link.id, predecessor.length, copy).await?;
            predecessor.segment = link.id;
        }
        Ok(())
    }

    /// The segments of the chain with their last sequences.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let span = |link: &crate::core::chain::Link| Some(Span { id: link.id, last: link.end?.end.sequence });
        self.chain.links.iter().filter_map(span).collect()
    }
}

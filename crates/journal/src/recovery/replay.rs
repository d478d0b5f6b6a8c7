//! Streams the records of a chain, read and checked ahead of the one who applies them.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::Record;
use super::tip::corrupt;
use crate::core::chain::{Chain, Link};
use crate::core::decode::{Flaw, Located, SegmentDecoder, Step};
use crate::error::{JournalError, Result};
use crate::position::{FileId, Position, SegmentId};
use crate::store::Store;

/// Bytes read at a time.
const BLOCK: usize = 1 << 20;
/// Blocks decoded ahead; bounds the memory of a replay.
const BLOCKS_AHEAD: usize = 4;

/// What to read.
#[derive(Clone, Debug)]
pub(crate) struct ReplayPlan {
    /// The segments, oldest first.
    links: Vec<Link>,
    /// Records up to this sequence are not wanted.
    after: u64,
    /// The state that the records are applied to; the log must pass through it. None when they are only shown.
    base: Option<Position>,
}

/// A record and the file that it lies in.
pub(crate) type Item = (SegmentId, Located);

impl ReplayPlan {
    /// The records after `base`, to be applied to it.
    pub(crate) fn onto(chain: &Chain, base: Position) -> Self {
        Self { base: Some(base), ..Self::after(chain, base.sequence) }
    }

    /// The records after a sequence.
    pub(crate) fn after(chain: &Chain, after: u64) -> Self {
        let wanted = |link: &&Link| link.end.is_none_or(|end| end.end.sequence > after);
        Self { links: chain.links.iter().filter(wanted).copied().collect(), after, base: None }
    }
}

/// Reads the records of a plan in a task of its own, and sends them in blocks. The task ends when the receiver is
/// dropped, or with the first error.
pub(crate) fn stream(store: Arc<dyn Store>, plan: ReplayPlan) -> mpsc::Receiver<Result<Vec<Item>>> {
    let (sender, receiver) = mpsc::channel(BLOCKS_AHEAD);
    tokio::spawn(async move {
        let mut block = Vec::new();
        let result = read(&*store, plan, &sender, &mut block).await;
        // What was good before an error comes before the error. Nobody may be left to take either.
        if !block.is_empty() {
            let _ = sender.send(Ok(block)).await;
        }
        if let Err(error) = result {
            let _ = sender.send(Err(error)).await;
        }
    });
    receiver
}

/// Reads all segments of a plan; leaves the last records, not sent yet, in `block`.
async fn read(
    store: &dyn Store,
    plan: ReplayPlan,
    sender: &mpsc::Sender<Result<Vec<Item>>>,
    block: &mut Vec<Item>,
) -> Result<()> {
    let ReplayPlan { links, after, base } = plan;
    for link in links {
        let file = FileId::Segment(link.id);
        let mut decoder = SegmentDecoder::new(&link.header, link.end);
        check_base(store, file, &decoder, base)?;
        loop {
            match decoder.step().map_err(|flaw| corrupt(store, file, flaw))? {
                Step::Record(record) if record.position.sequence > after => block.push((link.id, record)),
                Step::Durable => {}
                Step::Record(_) => check_base(store, file, &decoder, base)?,
                Step::End => break,
                Step::More => {
                    if !block.is_empty() && sender.send(Ok(std::mem::take(block))).await.is_err() {
                        return Ok(());
                    }
                    if !feed(store, file, &link, &mut decoder).await? {
                        break;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Reads on, never past the recorded end. False at the end of a segment whose end nothing records.
async fn feed(store: &dyn Store, file: FileId, link: &Link, decoder: &mut SegmentDecoder) -> Result<bool> {
    let left = link.end.map_or(u64::MAX, |end| end.length.saturating_sub(decoder.wanted()));
    let length = BLOCK.min(usize::try_from(left).unwrap_or(BLOCK));
    let bytes = if length == 0 { Bytes::new() } else { store.read(file, decoder.wanted(), length).await? };
    if !bytes.is_empty() {
        decoder.feed(&bytes);
        return Ok(true);
    }
    match decoder.at_end_of_file() {
        Some(flaw) => Err(corrupt(store, file, flaw)),
        None => Ok(false),
    }
}

/// Where the log passes the sequence of the base, it must have the same past.
fn check_base(
    store: &dyn Store,
    file: FileId,
    decoder: &SegmentDecoder,
    base: Option<Position>,
) -> Result<()> {
    let at = decoder.position();
    match base {
        Some(base) if base.sequence == at.sequence && base != at => {
            let reason =
                format!("the log is at {at}, but the checkpoint was taken at {base}: that is another log's");
            let flaw = Flaw { offset: decoder.offset(), sequence: at.sequence, reason, may_be_torn: false };
            Err(corrupt(store, file, flaw))
        }
        _ => Ok(()),
    }
}

/// The replay of a recovery.
#[derive(Debug)]
pub(super) struct Replay {
    blocks: mpsc::Receiver<Result<Vec<Item>>>,
    block: std::vec::IntoIter<Item>,
    at: Position,
    end: Position,
}

impl Replay {
    pub(super) fn start(store: Arc<dyn Store>, chain: &Chain, base: Position, end: Position) -> Self {
        let blocks = stream(store, ReplayPlan::onto(chain, base));
        Self { blocks, block: Vec::new().into_iter(), at: base, end }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Record>> {
        loop {
            if let Some((_, record)) = self.block.next() {
                self.at = record.position;
                return Ok(Some(Record { position: record.position, payload: record.payload }));
            }
            if self.is_finished() {
                return Ok(None);
            }
            match self.blocks.recv().await {
                Some(block) => self.block = block?.into_iter(),
                // The reader stopped after an error that has been given before.
                None => return Err(JournalError::NotReplayed),
            }
        }
    }

    /// Whether the end of the log has been reached.
    pub(super) fn is_finished(&self) -> bool {
        self.at == self.end
    }
}

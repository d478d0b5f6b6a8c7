//! Reading a journal without claiming it: what `alluxio readJournal` shows.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::checkpoint::CheckpointInfo;
use crate::error::Result;
use crate::format::{cluster_id, file_name};
use crate::position::{FileId, Position};
use crate::recovery::{Item, ReplayPlan, Survey, Writers, stream, survey};
use crate::store::Store;

/// What to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions {
    /// The first sequence wanted.
    pub start: u64,
    /// The sequence to stop before; None for all.
    pub end: Option<u64>,
}

/// A record and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadEntry {
    /// The file, as a user can find it.
    pub file: String,
    /// Offset of the record in the file.
    pub offset: u64,
    /// Sequence of the record.
    pub sequence: u64,
    /// Term of the master that wrote it.
    pub term: u64,
    /// Its payload.
    pub payload: Bytes,
}

/// Reads the records that are there, oldest first. May be used on a journal that a master is writing: it shows
/// what was there when it was opened, and fails with "not found" if that master retires a segment meanwhile.
pub struct JournalReader {
    store: Arc<dyn Store>,
    options: ReadOptions,
    survey: Survey,
    blocks: mpsc::Receiver<Result<Vec<Item>>>,
    block: std::vec::IntoIter<Item>,
    /// The last sequence given, or passed over.
    at: u64,
}

impl JournalReader {
    /// Opens the journal. Damage in the newest segment, and damaged headers, are reported here already.
    pub async fn open(store: Arc<dyn Store>, options: ReadOptions) -> Result<Self> {
        let cluster = cluster_id(&*store).await?;
        let survey = survey(&*store, cluster, Writers::Live).await?;
        let at = options.start.saturating_sub(1);
        let blocks = stream(store.clone(), ReplayPlan::after(&survey.chain, at));
        Ok(Self { store, options, survey, blocks, block: Vec::new().into_iter(), at })
    }

    /// The place after the last record.
    pub fn end(&self) -> Position {
        self.survey.end
    }

    /// The checkpoints that are there, newest first, unverified.
    pub fn checkpoints(&self) -> Vec<CheckpointInfo> {
        self.survey.checkpoints.iter().map(|id| CheckpointInfo::new(&*self.store, *id)).collect()
    }

    /// The next record; None after the last. Damage is an error that names file, offset and sequence.
    pub async fn next(&mut self) -> Result<Option<ReadEntry>> {
        loop {
            // Before reading on: what lies behind the end wanted may be damaged.
            if self.options.end.is_some_and(|end| self.at + 1 >= end) {
                return Ok(None);
            }
            if let Some((segment, record)) = self.block.next() {
                let sequence = record.position.sequence;
                self.at = sequence;
                if self.options.end.is_some_and(|end| sequence >= end) {
                    return Ok(None);
                }
                return Ok(Some(ReadEntry {
                    file: file_name(&*self.store, FileId::Segment(segment)),
                    offset: record.offset,
                    sequence,
                    term: record.position.term,
                    payload: record.payload,
                }));
            }
            match self.blocks.recv().await {
                Some(block) => self.block = block?.into_iter(),
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;

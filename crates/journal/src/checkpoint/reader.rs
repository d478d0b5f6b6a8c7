//! Reading a checkpoint: all of it is verified before any of it is used.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use uuid::Uuid;

use crate::core::chunk::{
    ChunkFlaw, FRAME_HEAD, Footer, FrameHead, FrameKind, OPENING_LENGTH, check_opening, decode_footer,
};
use crate::error::{JournalError, Result};
use crate::format::file_name;
use crate::position::{CheckpointId, FileId};
use crate::store::Store;

/// Bytes read at a time while verifying.
const BLOCK: usize = 4 << 20;

/// A checkpoint and its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointInfo {
    /// Which one.
    pub id: CheckpointId,
    /// The file, as a user can find it.
    pub file: String,
}

impl CheckpointInfo {
    pub(crate) fn new(store: &dyn Store, id: CheckpointId) -> Self {
        Self { id, file: file_name(store, FileId::Checkpoint(id)) }
    }
}

/// Where a chunk lies.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    offset: u64,
    length: usize,
}

/// A valid checkpoint. Clones read on their own.
#[derive(Clone, Debug)]
pub struct CheckpointReader {
    store: Arc<dyn Store>,
    id: CheckpointId,
    footer: Arc<Footer>,
    chunks: Arc<Vec<Chunk>>,
    next: u64,
}

impl CheckpointReader {
    /// Reads all of a checkpoint, and refuses it unless everything in it is as it was written.
    pub async fn open(store: Arc<dyn Store>, id: CheckpointId, cluster: Uuid) -> Result<Self> {
        Self::verify(store, FileId::Checkpoint(id), id, cluster).await
    }

    /// The same for a file that does not have its final name yet.
    pub(super) async fn verify(
        store: Arc<dyn Store>,
        file: FileId,
        id: CheckpointId,
        cluster: Uuid,
    ) -> Result<Self> {
        let mut scan = Scan { store: &*store, file, read: 0, buffer: BytesMut::new() };
        let mut chunks = Vec::new();
        let opening = scan.take(OPENING_LENGTH).await?;
        scan.checked(check_opening(&opening, cluster))?;
        let footer = loop {
            let offset = scan.offset();
            let index = chunks.len() as u64;
            let head = FrameHead::decode(&scan.take(FRAME_HEAD).await?);
            let head = scan.checked(head.ok_or(ChunkFlaw::Chunk(index)))?;
            let payload = scan.take(head.length).await?;
            match head.kind {
                FrameKind::Footer => break scan.checked(decode_footer(&head, payload))?,
                FrameKind::Chunk if head.index == index && head.verify(&payload) => {
                    chunks.push(Chunk { offset, length: head.length });
                }
                FrameKind::Chunk => return Err(scan.bad(ChunkFlaw::Chunk(index))),
            }
        };
        if footer.chunks != chunks.len() as u64 || CheckpointId::at(footer.position) != id {
            return Err(scan.bad(ChunkFlaw::Footer));
        }
        if !scan.at_end().await? {
            return Err(scan.bad(ChunkFlaw::Long));
        }
        Ok(Self { store, id, footer: Arc::new(footer), chunks: Arc::new(chunks), next: 0 })
    }

    /// Which checkpoint this is.
    pub fn id(&self) -> CheckpointId {
        self.id
    }

    /// What it says about itself.
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// The next chunk, in the order of writing; None after the last.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        if self.next == self.footer.chunks {
            return Ok(None);
        }
        let chunk = self.chunk(self.next).await?;
        self.next += 1;
        Ok(Some(chunk))
    }

    /// One chunk, for reading several at the same time. `index` is below the footer's number of chunks.
    pub async fn chunk(&self, index: u64) -> Result<Bytes> {
        let flaw = || bad(&*self.store, FileId::Checkpoint(self.id), ChunkFlaw::Chunk(index));
        let at = usize::try_from(index).ok().and_then(|index| self.chunks.get(index)).ok_or_else(flaw)?;
        let file = FileId::Checkpoint(self.id);
        let mut frame = self.store.read(file, at.offset, FRAME_HEAD + at.length).await?;
        let head = FrameHead::decode(&frame).ok_or_else(flaw)?;
        frame.advance(FRAME_HEAD);
        // Checked again: time has passed since it was verified.
        if head.index == index && head.verify(&frame) { Ok(frame) } else { Err(flaw()) }
    }
}

/// Reads a file from its first byte to its last.
struct Scan<'a> {
    store: &'a dyn Store,
    file: FileId,
    read: u64,
    buffer: BytesMut,
}

impl Scan<'_> {
    fn offset(&self) -> u64 {
        self.read - self.buffer.len() as u64
    }

    async fn fill(&mut self, length: usize) -> Result<bool> {
        while self.buffer.len() < length {
            let block = self.store.read(self.file, self.read, BLOCK).await?;
            if block.is_empty() {
                return Ok(false);
            }
            self.read += block.len() as u64;
            self.buffer.extend_from_slice(&block);
        }
        Ok(true)
    }

    async fn take(&mut self, length: usize) -> Result<Bytes> {
        if self.fill(length).await? {
            Ok(self.buffer.split_to(length).freeze())
        } else {
            Err(self.bad(ChunkFlaw::Short))
        }
    }

    async fn at_end(&mut self) -> Result<bool> {
        Ok(!self.fill(1).await?)
    }

    fn checked<T>(&self, result: std::result::Result<T, ChunkFlaw>) -> Result<T> {
        result.map_err(|flaw| self.bad(flaw))
    }

    fn bad(&self, flaw: ChunkFlaw) -> JournalError {
        bad(self.store, self.file, flaw)
    }
}

fn bad(store: &dyn Store, file: FileId, flaw: ChunkFlaw) -> JournalError {
    JournalError::BadCheckpoint { file: file_name(store, file), reason: flaw.to_string() }
}

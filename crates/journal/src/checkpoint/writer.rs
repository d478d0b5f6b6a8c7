//! Writing a checkpoint: to a draft, synced, read back and verified, and only then given its name.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::mpsc;

use super::reader::{CheckpointInfo, CheckpointReader};
use super::retire;
use crate::core::chunk::{
    Footer, FrameHead, FrameKind, MAX_CHUNK, MAX_METADATA, encode_footer, encode_opening,
};
use crate::error::{JournalError, Result};
use crate::journal::{confirm, wait_durable};
use crate::position::{CheckpointId, FileId, Position};
use crate::store::{OpenFile, Store};
use crate::writer::{Command, Shared, random_u32};

/// Bytes gathered before a write.
const WRITE_BYTES: usize = 1 << 20;
/// Bytes written before a sync. Without these a checkpoint of gigabytes would be synced at its end in one go,
/// and the batches of the journal on the same disk would wait behind it.
const SYNC_BYTES: usize = 32 << 20;

/// A checkpoint that is being written. Dropping it leaves only a draft, which the next one or the next start
/// removes.
pub struct CheckpointWriter {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    commands: mpsc::Sender<Command>,
    position: Position,
    draft: FileId,
    file: Box<dyn OpenFile>,
    buffer: BytesMut,
    unsynced: usize,
    chunks: u64,
    _only: OnlyOne,
}

impl CheckpointWriter {
    pub(crate) async fn create(
        shared: Arc<Shared>,
        store: Arc<dyn Store>,
        commands: mpsc::Sender<Command>,
        position: Position,
    ) -> Result<Self> {
        let only = OnlyOne::take(&shared)?;
        let draft = FileId::CheckpointDraft(CheckpointId::at(position), random_u32());
        let file = store.create(draft).await?;
        let mut buffer = BytesMut::with_capacity(WRITE_BYTES);
        buffer.put_slice(&encode_opening(shared.cluster));
        Ok(Self {
            shared,
            store,
            commands,
            position,
            draft,
            file,
            buffer,
            unsynced: 0,
            chunks: 0,
            _only: only,
        })
    }

    /// Adds a chunk of the state, of at most [`MAX_CHUNK`] bytes.
    pub async fn write(&mut self, chunk: Bytes) -> Result<()> {
        check_length("chunk", chunk.len(), MAX_CHUNK)?;
        FrameHead::of(FrameKind::Chunk, self.chunks, &chunk).encode(&mut self.buffer);
        self.buffer.put_slice(&chunk);
        self.chunks += 1;
        if self.buffer.len() < WRITE_BYTES {
            return Ok(());
        }
        self.flush().await?;
        if self.unsynced >= SYNC_BYTES {
            self.file.sync().await?;
            self.unsynced = 0;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let bytes = self.buffer.split().freeze();
        self.unsynced += bytes.len();
        Ok(self.file.append(bytes).await?)
    }

    /// Completes the checkpoint, and removes the checkpoints and segments that are not needed any more.
    /// `tree_hash` and `metadata` (at most [`MAX_METADATA`] bytes) are kept in the footer.
    pub async fn finish(mut self, tree_hash: u64, metadata: Bytes) -> Result<CheckpointInfo> {
        check_length("metadata", metadata.len(), MAX_METADATA)?;
        // A checkpoint must never be ahead of the log: a crash would leave a state that no log leads to.
        wait_durable(&self.shared, self.position.sequence).await?;
        let footer = Footer { position: self.position, chunks: self.chunks, tree_hash, metadata };
        self.buffer.put_slice(&encode_footer(&footer));
        self.flush().await?;
        self.file.sync().await?;
        self.file.close().await?;

        let id = CheckpointId::at(self.position);
        let draft = self.draft;
        CheckpointReader::verify(self.store.clone(), draft, id, self.shared.cluster).await?;
        // The log may have another master by now, who must not see its checkpoints change.
        confirm(&self.shared, &self.commands).await?;
        self.store.rename(draft, FileId::Checkpoint(id)).await?;
        self.shared.verified.lock().insert(id);
        self.shared.stats.checkpointed(id.sequence);
        // The checkpoint is good whatever comes of this; what could not be removed goes with the next one.
        if let Err(error) = retire::retire(&self.shared, &self.store).await {
            tracing::warn!(%error, "old journal files could not be removed after a checkpoint");
        }
        Ok(CheckpointInfo::new(&*self.store, id))
    }

    /// Gives the checkpoint up and removes its draft.
    pub async fn abort(self) -> Result<()> {
        drop(self.file);
        Ok(self.store.remove(self.draft).await?)
    }
}

fn check_length(what: &'static str, length: usize, limit: usize) -> Result<()> {
    if length > limit { Err(JournalError::TooLong { what, length, limit }) } else { Ok(()) }
}

/// Held by the one checkpoint writer of a journal.
struct OnlyOne(Arc<Shared>);

impl OnlyOne {
    fn take(shared: &Arc<Shared>) -> Result<Self> {
        if shared.checkpoint_running.swap(true, Ordering::AcqRel) {
            return Err(JournalError::CheckpointRunning);
        }
        Ok(Self(shared.clone()))
    }
}

impl Drop for OnlyOne {
    fn drop(&mut self) {
        self.0.checkpoint_running.store(false, Ordering::Release);
    }
}

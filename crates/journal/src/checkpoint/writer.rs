//! Writing a checkpoint: to a draft, synced, read back and verified, and only then given its name.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::on_log::{OnLog, on_log};
use super::reader::{CheckpointInfo, CheckpointReader};
use super::retire;
use crate::core::chunk::{
    Footer, FrameHead, FrameKind, MAX_CHUNK, MAX_METADATA, encode_footer, encode_opening,
};
use crate::error::{JournalError, Result};
use crate::format::file_name;
use crate::journal::{confirm, wait_durable};
use crate::position::{CheckpointId, FileId, Position};
use crate::store::{OpenFile, Store};
use crate::writer::{Command, Shared, random_u32};

/// Bytes gathered before a write.
const WRITE_BYTES: usize = 1 << 20;
/// Bytes written before a sync. Without these a checkpoint of gigabytes would be synced at its end in one go,
/// and the batches of the journal on the same disk would wait behind it.
const SYNC_BYTES: usize = 32 << 20;

/// A checkpoint that is being written. Dropping it leaves only a draft, which is removed later.
pub struct CheckpointWriter {
    author: Author,
    store: Arc<dyn Store>,
    cluster: Uuid,
    position: Position,
    draft: FileId,
    file: Box<dyn OpenFile>,
    buffer: BytesMut,
    unsynced: usize,
    chunks: u64,
}

/// Whose state it is.
enum Author {
    /// The writer's of the journal.
    Leader { shared: Arc<Shared>, commands: mpsc::Sender<Command>, _only: OnlyOne },
    /// A follower's.
    Standby,
}

impl CheckpointWriter {
    /// Of the state of the one who writes the journal.
    pub(crate) async fn leader(
        shared: Arc<Shared>,
        store: Arc<dyn Store>,
        commands: mpsc::Sender<Command>,
        position: Position,
    ) -> Result<Self> {
        let cluster = shared.cluster;
        let format = shared.format.load(Ordering::Acquire);
        let _only = OnlyOne::take(&shared)?;
        Self::create(Author::Leader { shared, commands, _only }, store, cluster, position, format).await
    }

    /// Of a follower's state, in the format of the log that it follows.
    pub(crate) async fn standby(
        store: Arc<dyn Store>,
        cluster: Uuid,
        position: Position,
        format: u32,
    ) -> Result<Self> {
        Self::create(Author::Standby, store, cluster, position, format).await
    }

    async fn create(
        author: Author,
        store: Arc<dyn Store>,
        cluster: Uuid,
        position: Position,
        format: u32,
    ) -> Result<Self> {
        let draft = FileId::CheckpointDraft(CheckpointId::at(position), random_u32());
        let file = store.create(draft).await?;
        let mut buffer = BytesMut::with_capacity(WRITE_BYTES);
        buffer.put_slice(&encode_opening(cluster, format));
        Ok(Self { author, store, cluster, position, draft, file, buffer, unsynced: 0, chunks: 0 })
    }

    /// Where it lies until it has its name.
    pub fn draft(&self) -> FileId {
        self.draft
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

    async fn end(&mut self, footer: &Footer) -> Result<()> {
        self.buffer.put_slice(&encode_footer(footer));
        self.flush().await?;
        Ok(self.file.sync().await?)
    }

    /// Leaves a draft that is complete.
    #[cfg(test)]
    pub(super) async fn finish_unconfirmed(mut self) -> FileId {
        let position = self.position;
        let footer = Footer { position, chunks: self.chunks, tree_hash: 0, metadata: Bytes::new() };
        self.end(&footer).await.unwrap();
        self.draft
    }

    /// Completes the checkpoint. `tree_hash` and `metadata` (at most [`MAX_METADATA`] bytes) are kept in the
    /// footer. The one who writes the journal also removes the checkpoints and segments that are not needed any
    /// more; those that a standby's checkpoint makes superfluous go with [`crate::Journal::clean_up`].
    pub async fn finish(mut self, tree_hash: u64, metadata: Bytes) -> Result<CheckpointInfo> {
        check_length("metadata", metadata.len(), MAX_METADATA)?;
        let id = CheckpointId::at(self.position);
        if let Author::Leader { shared, .. } = &self.author {
            // A checkpoint must never be ahead of the log: a crash would leave a state that no log leads to. What
            // a follower has been given is durable.
            wait_durable(shared, self.position.sequence).await?;
        }
        let footer = Footer { position: self.position, chunks: self.chunks, tree_hash, metadata };
        self.end(&footer).await?;
        self.file.close().await?;
        CheckpointReader::verify(self.store.clone(), self.draft, id, self.cluster).await?;
        match &self.author {
            // The log may have another master by now, who must not see its checkpoints change.
            Author::Leader { shared, commands, .. } => confirm(shared, commands).await?,
            Author::Standby => confirm_standby(&*self.store, self.cluster, self.draft, self.position).await?,
        }
        self.store.rename(self.draft, FileId::Checkpoint(id)).await?;
        if let Author::Leader { shared, .. } = &self.author {
            shared.verified.lock().insert(id);
            shared.stats.checkpointed(id.sequence);
            // The checkpoint is good whatever comes of this; what could not be removed goes with the next one.
            if let Err(error) = retire::retire(shared, &self.store).await {
                tracing::warn!(%error, "old journal files could not be removed after a checkpoint");
            }
        }
        Ok(CheckpointInfo::new(&*self.store, id))
    }

    /// Gives the checkpoint up and removes its draft.
    pub async fn abort(self) -> Result<()> {
        drop(self.file);
        Ok(self.store.remove(self.draft).await?)
    }
}

/// A checkpoint that is not on the log would keep the next master from starting.
async fn confirm_standby(store: &dyn Store, cluster: Uuid, draft: FileId, position: Position) -> Result<()> {
    let reason = match on_log(store, cluster, position).await? {
        OnLog::Yes | OnLog::NotShown => return Ok(()),
        OnLog::Covered => "it comes too late: newer ones cover it".to_owned(),
        OnLog::No(reason) => format!("{position} is not in the log: {reason}"),
    };
    if let Err(error) = store.remove(draft).await {
        tracing::debug!(%error, "a draft stays behind");
    }
    Err(JournalError::BadCheckpoint { file: file_name(store, draft), reason })
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

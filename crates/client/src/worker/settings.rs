//! Sizes and patience of block streams, from the client's properties.

use std::time::Duration;

use alluxio_conf::{Configuration, Span, key};
use alluxio_fs::{FsError, FsResult};

/// Where a property says "forever": a stream that stands still so long is dead.
const LONGEST: Duration = Duration::from_secs(3600);

/// Largest chunk sent: a worker takes messages of 4 MB.
const MAX_WRITE_CHUNK: u64 = 3 * 1024 * 1024;

/// Waits for one step of a stream, but not for ever.
pub(super) async fn within<T>(
    patience: Duration,
    worker: &str,
    what: &str,
    step: impl Future<Output = T>,
) -> FsResult<T> {
    tokio::time::timeout(patience, step)
        .await
        .map_err(|_| FsError::deadline_exceeded(format!("Worker {worker} did not {what} for {patience:?}.")))
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamSettings {
    pub read_chunk: u64,
    pub write_chunk: usize,
    /// Chunks queued for the connection.
    pub write_queue: usize,
    pub local_read_chunk: usize,
    /// Space asked for at a time in a short circuit write.
    pub reserve: u64,
    /// For the next chunk.
    pub read_patience: Duration,
    /// For a chunk to be taken.
    pub write_patience: Duration,
    pub flush_patience: Duration,
    /// For the end of a write: the worker commits with the master meanwhile.
    pub close_patience: Duration,
    /// For the calls that are no streams, as in the Java client.
    pub call_patience: Duration,
}

impl StreamSettings {
    pub(crate) fn of(conf: &Configuration) -> Self {
        let patience = |span: Span| span.duration().unwrap_or(LONGEST).min(LONGEST);
        let write_chunk = conf.get(key::USER_STREAMING_WRITER_CHUNK_SIZE_BYTES).clamp(1, MAX_WRITE_CHUNK);
        let local_read_chunk = conf.get(key::USER_LOCAL_READER_CHUNK_SIZE_BYTES).max(1);
        let write_queue = conf.get(key::USER_STREAMING_WRITER_BUFFER_SIZE_MESSAGES).clamp(1, 1024);
        Self {
            read_chunk: conf.get(key::USER_STREAMING_READER_CHUNK_SIZE_BYTES).max(1),
            write_chunk: usize::try_from(write_chunk).unwrap_or(1),
            write_queue: usize::try_from(write_queue).unwrap_or(1),
            local_read_chunk: usize::try_from(local_read_chunk).unwrap_or(usize::MAX),
            reserve: conf.get(key::USER_FILE_RESERVED_BYTES).max(1),
            read_patience: patience(conf.get(key::USER_STREAMING_DATA_READ_TIMEOUT)),
            write_patience: patience(conf.get(key::USER_STREAMING_DATA_WRITE_TIMEOUT)),
            flush_patience: patience(conf.get(key::USER_STREAMING_WRITER_FLUSH_TIMEOUT)),
            close_patience: patience(conf.get(key::USER_STREAMING_WRITER_CLOSE_TIMEOUT)),
            call_patience: patience(conf.get(key::USER_RPC_RETRY_MAX_DURATION)),
        }
    }
}

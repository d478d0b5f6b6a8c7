//! One job: the file's blocks, in order, into a temporary file of the under storage.

use super::{close::close, jobs::Task};
use crate::{core::Core, failure, store::BlockLease};
use alluxio_client::worker_host;
use alluxio_fs::FsError;
use alluxio_ufs::{CreateOptions, UfsWriter};
use std::{fs::File, os::unix::fs::FileExt, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes moved at once.
const CHUNK: u64 = 1 << 20;

/// The slowest that a job may be, in bytes a second, beside `Settings::persist_limit`. Far below what any store does:
/// jobs that only share a slow one must not start over for ever.
const SLOWEST: u64 = 128 << 10;
/// For giving up what was written.
const ABORT: Duration = Duration::from_secs(10);

/// Writes the file; returns its fingerprint. What was written is discarded on an error.
///
/// A job has one of a few turns. One that hangs, on the under storage or another worker, must give it back; the
/// leader tries again. Alluxio 2.9 has no property for that: its master's
/// `alluxio.master.persistence.max.total.wait.time` is about all tries together.
pub async fn write(core: &Core, task: &Task) -> Result<String, FsError> {
    let pieces =
        task.pieces().map_err(|why| FsError::invalid_argument(format!("the job makes no sense: {why}")))?;
    let limit = core.settings.persist_limit + Duration::from_secs(task.length / SLOWEST);
    let deadline = Instant::now() + limit;
    let late = || FsError::deadline_exceeded(format!("{} was not written within {limit:?}", task.path));
    let mount = core.mounts.get(task.mount).await?;
    let under = mount.to_write(&task.path)?;
    let path = under.uri().relative(&task.path).map_err(|error| failure::of_ufs(&error))?;
    // An earlier attempt at this job may have left its file. It is synced when it is closed: after that
    // the blocks may be evicted. Its directory is there; one that is not was deleted meanwhile and must
    // not come back.
    let options = CreateOptions { parents: None, overwrite: true, ..CreateOptions::default() };
    let writer = timeout_at(deadline, under.create(&path, options)).await.map_err(|_| late())?;
    let mut writer = writer.map_err(|error| failure::of_ufs(&error))?;
    let copied = timeout_at(deadline, copy_all(core, pieces, writer.as_mut())).await;
    if let Err(error) = copied.unwrap_or_else(|_| Err(late())) {
        match timeout(ABORT, writer.abort()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, file = task.path, "unfinished file not discarded"),
            Err(_) => tracing::warn!(file = task.path, "unfinished file not discarded within {ABORT:?}"),
        }
        return Err(error);
    }
    let closed = close(Arc::clone(&under), path, writer, task.length, deadline).await;
    let status = closed.unwrap_or_else(|| Err(late()))?;
    mount.bytes.written.add(status.length);
    Ok(status.fingerprint(under.ufs_type()).to_string())
}

async fn copy_all(core: &Core, pieces: Vec<(i64, u64)>, writer: &mut dyn UfsWriter) -> Result<(), FsError> {
    for (block, length) in pieces {
        copy(core, block, length, writer).await?;
    }
    Ok(())
}

async fn copy(core: &Core, block: i64, length: u64, writer: &mut dyn UfsWriter) -> Result<(), FsError> {
    match core.store.lease(block) {
        Some(lease) => from_here(core, &lease, block, length, writer).await,
        None => from_others(core, block, length, writer).await,
    }
}

async fn from_here(
    core: &Core,
    lease: &BlockLease,
    block: i64,
    length: u64,
    writer: &mut dyn UfsWriter,
) -> Result<(), FsError> {
    if lease.length() != length {
        let has = lease.length();
        return Err(FsError::internal(format!("block {block} has {has} bytes here where {length} belong")));
    }
    let file: Arc<File> = Arc::new(lease.open().await?);
    let mut position = 0;
    while position < length {
        let size = (length - position).min(CHUNK) as usize;
        let (file, pool) = (Arc::clone(&file), core.buffers.clone());
        let chunk = tokio::task::spawn_blocking(move || {
            let mut buffer = pool.take(size);
            file.read_exact_at(buffer.space(), position).map(|()| buffer.freeze(size))
        })
        .await
        .map_err(|_| FsError::unavailable("the worker is shutting down"))?
        .map_err(|error| FsError::unknown(format!("cannot read block {block}: {error}")))?;
        writer.write(chunk).await.map_err(|error| failure::of_ufs(&error))?;
        position += size as u64;
    }
    Ok(())
}

/// From the first worker that has the block. A copy that fails half-way fails the job: what was written
/// cannot be taken back, and the leader tries again.
async fn from_others(
    core: &Core,
    block: i64,
    length: u64,
    writer: &mut dyn UfsWriter,
) -> Result<(), FsError> {
    let info = core.link.block_info(block).await?;
    let mut last = FsError::not_found(format!("block {block} is on no worker"));
    for location in info.locations {
        let address = location.worker_address.unwrap_or_default();
        let host = worker_host(&address);
        let Ok(port) = u16::try_from(address.data_port()) else { continue };
        if core.is_self(host, port) {
            continue; // it was looked for here
        }
        let mut reader = match core.peers.read(host, port, block, length, None).await {
            Ok(reader) => reader,
            Err(error) => {
                last = error;
                continue;
            }
        };
        let mut started = false;
        loop {
            match reader.next().await {
                Ok(Some(chunk)) => {
                    started = true;
                    writer.write(chunk).await.map_err(|error| failure::of_ufs(&error))?;
                }
                Ok(None) => return Ok(()),
                Err(error) if started => return Err(error),
                Err(error) => {
                    last = error;
                    break;
                }
            }
        }
    }
    Err(last)
}

//! Leaving without losing data.
//!
//! 1. New writes are refused (UNAVAILABLE: clients go to another worker); reads go on.
//! 2. What exists only in Alluxio is persisted, for at most `alluxio.worker.shutdown.persist.timeout`: the
//!    leader is asked to schedule it, and this worker does the jobs it is given.
//! 3. The RPC server takes no more calls and lets streams end, for at most
//!    `alluxio.network.connection.server.shutdown.timeout`.
//! 4. Heartbeats end, and the worker takes itself off the leader's list.

use crate::{core::Core, store::EvictionGate, worker::Worker};
use alluxio_fs::{ErrorKind, FsError, ids};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};

/// The leader is asked this often whether files are persisted.
const POLL: Duration = Duration::from_millis(500);
/// Blocks the leader is asked about at once.
const BATCH: usize = 1000;

pub(crate) async fn leave(worker: Worker) {
    let Worker { core, registered, persist, stops, tasks, .. } = worker;
    tracing::info!("shutting down: no new blocks are taken");
    stops.leaving.cancel();
    core.admission.leave();
    let id = registered.id();
    if id.is_some() {
        let deadline = Instant::now() + core.settings.shutdown_patience;
        let done = timeout_at(deadline, async {
            writers_done(&core).await;
            persist_rest(&core).await?;
            while !persist.is_idle() {
                sleep(POLL).await;
            }
            Ok::<(), FsError>(())
        });
        match done.await {
            Ok(Ok(())) => tracing::info!("everything here is persisted"),
            Ok(Err(error)) => tracing::warn!(%error, "not everything here is persisted"),
            Err(_) => tracing::warn!(
                limit = ?core.settings.shutdown_patience,
                "not everything here is persisted: alluxio.worker.shutdown.persist.timeout has passed"
            ),
        }
    }
    stops.rpc.cancel();
    for rpc in tasks.rpc {
        ended("RPC", rpc.await);
    }
    stops.masters.cancel();
    for task in tasks.masters {
        ended("heartbeat", task.await);
    }
    if let Some(id) = registered.id().or(id) {
        match core.link.deregister(id).await {
            Ok(()) => tracing::info!("deregistered"),
            Err(error) => tracing::warn!(%error, "not deregistered; the master will notice by itself"),
        }
    }
    stops.last.cancel();
    for task in tasks.last {
        ended("store", task.await);
    }
    tracing::info!("worker stopped");
}

fn ended(what: &str, result: Result<(), tokio::task::JoinError>) {
    if let Err(error) = result {
        tracing::error!(%error, "the {what} task failed");
    }
}

/// Streams that write now still bring blocks that are to be persisted.
async fn writers_done(core: &Core) {
    while core.admission.active_writers() > 0 {
        sleep(POLL / 5).await;
    }
}

/// Has every file with blocks here that is not persisted scheduled, and waits until none is left.
async fn persist_rest(core: &Core) -> Result<(), FsError> {
    let mut waiting = only_here(core).await?;
    let mut scheduled = BTreeSet::new();
    loop {
        let mut rest = BTreeSet::new();
        for file in waiting {
            match core.link.file_info(file).await {
                Ok(info) if info.persistence_state.as_deref() == Some("PERSISTED") => {}
                Ok(info) => {
                    let complete = info.completed.unwrap_or(false);
                    if complete && scheduled.insert(file) {
                        core.link.persist_soon(info.path.as_deref().unwrap_or_default()).await?;
                    }
                    // A file that its client has not completed cannot be persisted.
                    if complete {
                        rest.insert(file);
                    }
                }
                // Deleted meanwhile.
                Err(error) if error.kind == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        if rest.is_empty() {
            return Ok(());
        }
        waiting = rest;
        sleep(POLL).await;
    }
}

/// Files that the leader does not call persisted and unpinned.
async fn only_here(core: &Core) -> Result<BTreeSet<i64>, FsError> {
    let mut files = BTreeSet::new();
    for batch in core.store.block_ids().chunks(BATCH) {
        let verdict =
            core.gate.may_evict(batch).await.map_err(|error| FsError::unavailable(error.to_string()))?;
        let kept = batch.iter().filter(|block| !verdict.evictable.contains(block));
        files.extend(kept.map(|block| ids::file_id_of_block(*block)));
    }
    Ok(files)
}

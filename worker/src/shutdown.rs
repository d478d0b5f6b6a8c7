//! Leaving without losing data.
//!
//! 1. New writes are refused (UNAVAILABLE: clients go to another worker), caching stops; reads go on.
//! 2. What exists only in Alluxio is persisted, for at most `alluxio.worker.shutdown.persist.timeout`: the
//!    leader is asked to schedule it, and this worker does the jobs it is given.
//! 3. The RPC server takes no more calls and lets streams end, for at most
//!    `alluxio.network.connection.server.shutdown.timeout`.
//! 4. Heartbeats end, and the worker takes itself off the leader's list, and off those of the standbys.

use crate::{
    core::Core,
    masters::{leave as leave_standbys, may_pass},
    only_here::OnlyHere,
    worker::Worker,
};
use alluxio_fs::FsError;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::{Instant, sleep, timeout_at};

/// The leader is asked this often whether files are persisted.
const POLL: Duration = Duration::from_millis(500);

pub(crate) async fn leave(worker: Worker) {
    let Worker { core, registered, told, persist, stops, tasks, .. } = worker;
    tracing::info!("shutting down: no new blocks are taken");
    stops.leaving.cancel();
    core.admission.leave();
    let deadline = Instant::now() + core.settings.shutdown_patience;
    let id = match registered.id() {
        // It registers again just now: with a master that was restarted, mostly.
        None if registered.was_registered() && core.store.usage().blocks > 0 => {
            let patience = deadline.min(Instant::now() + core.settings.silent_master);
            timeout_at(patience, registered.wait(None)).await.ok().map(|registration| registration.id)
        }
        id => id,
    };
    if id.is_some() {
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
    leave_standbys(&told).await;
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

/// Has every file with blocks here that is not persisted scheduled, and waits until none is left. A file
/// that cannot be persisted does not keep the others from it; a master that does not answer is asked again
/// for a while.
async fn persist_rest(core: &Core) -> Result<(), FsError> {
    let mut rest = Rest::default();
    let mut silent_since = None;
    loop {
        match rest.round(core).await {
            Ok(()) if rest.waiting.as_ref().is_none_or(BTreeSet::is_empty) => return rest.result(),
            Ok(()) => silent_since = None,
            Err(error) if !may_pass(&error) => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "the master is asked again what is persisted");
                if silent_since.get_or_insert_with(Instant::now).elapsed() >= core.settings.silent_master {
                    return Err(error);
                }
            }
        }
        sleep(POLL).await;
    }
}

/// What is still to be persisted.
#[derive(Default)]
struct Rest {
    /// None before the master was asked.
    waiting: Option<BTreeSet<i64>>,
    only_here: OnlyHere,
}

impl Rest {
    /// Asks for every waiting file once. An error is one that may pass; nothing is forgotten by it.
    async fn round(&mut self, core: &Core) -> Result<(), FsError> {
        let files = match &self.waiting {
            Some(files) => files.clone(),
            None => self.only_here.look(core).await?,
        };
        let mut left = self.waiting.insert(files.clone()).clone();
        for file in files {
            if self.only_here.is_done(core, file).await? {
                left.remove(&file);
            }
        }
        self.waiting = Some(left);
        Ok(())
    }

    fn result(&self) -> Result<(), FsError> {
        match self.only_here.refused() {
            0 => Ok(()),
            files => Err(FsError::failed_precondition(format!("{files} files could not be persisted"))),
        }
    }
}

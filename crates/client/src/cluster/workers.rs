//! Which workers there are, and which to prefer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::{
    WorkerNetAddress,
    block::{GetWorkerInfoListPOptions, WorkerInfo},
};
use parking_lot::RwLock;
use rand::seq::SliceRandom;

use super::Cluster;
use crate::stubs::BLOCKS;

/// For how long the list is good, when the property says "forever": workers come and go.
const REFRESH: Duration = Duration::from_secs(120);

/// The workers as the master last told, asked again after `alluxio.user.worker.list.refresh.interval`.
pub(super) struct WorkerList {
    refresh: Duration,
    known: RwLock<Option<(Instant, Arc<[WorkerInfo]>)>>,
}

impl WorkerList {
    pub(super) fn new(refresh: Option<Duration>) -> Self {
        Self { refresh: refresh.unwrap_or(REFRESH), known: RwLock::default() }
    }

    fn fresh(&self) -> Option<Arc<[WorkerInfo]>> {
        let known = self.known.read();
        let (asked, workers) = known.as_ref()?;
        (asked.elapsed() < self.refresh).then(|| Arc::clone(workers))
    }
}

/// Puts workers into the order in which to try them: the one on this host, then the others in random
/// order, so that clients spread over them. (LocalFirstPolicy, the Java client's default.)
pub(crate) fn local_first(workers: &mut [WorkerNetAddress], own_host: &str) {
    workers.shuffle(&mut rand::rng());
    // Stable: the others stay shuffled.
    workers.sort_by_key(|worker| !is_same_host(worker, own_host));
}

/// Whether a worker runs on this host, by the name it goes by. A worker that calls itself by the
/// loopback name can only be meant for clients on its own host.
pub(crate) fn is_same_host(worker: &WorkerNetAddress, own_host: &str) -> bool {
    let host = worker.host();
    host == own_host || matches!(host, "localhost" | "127.0.0.1" | "::1")
}

impl Cluster {
    /// All live workers, at most as old as the refresh interval.
    ///
    /// # Errors
    /// When the master cannot be asked.
    pub async fn workers(&self) -> FsResult<Arc<[WorkerInfo]>> {
        let list = &self.shared.workers;
        if let Some(workers) = list.fresh() {
            return Ok(workers);
        }
        let options = GetWorkerInfoListPOptions {};
        let reply = self
            .call(&BLOCKS, |mut client| async move { client.get_worker_info_list(options).await })
            .await?;
        let workers: Arc<[WorkerInfo]> = reply.worker_infos.into();
        // An empty list is not kept: the first worker of a new cluster should be seen at once.
        if !workers.is_empty() {
            *list.known.write() = Some((Instant::now(), Arc::clone(&workers)));
        }
        Ok(workers)
    }

    /// Asks for the workers anew with the next need: one of them turned out to be gone.
    pub(crate) fn forget_workers(&self) {
        *self.shared.workers.known.write() = None;
    }

    /// The workers that can hold a block of `block_size`, in the order in which to try them.
    pub(crate) async fn workers_for(&self, block_size: u64) -> FsResult<Vec<WorkerNetAddress>> {
        let all = self.workers().await?;
        if all.is_empty() {
            return Err(FsError::unavailable(
                "No Alluxio worker available: start one, or wait for one to register.",
            ));
        }
        let holds = |worker: &&WorkerInfo| u64::try_from(worker.capacity_bytes()).unwrap_or(0) >= block_size;
        let mut fitting: Vec<WorkerNetAddress> =
            all.iter().filter(holds).filter_map(|worker| worker.address.clone()).collect();
        if fitting.is_empty() {
            return Err(FsError::resource_exhausted(format!(
                "No worker has the capacity for a block of {block_size} bytes: lower \
                 alluxio.user.block.size.bytes.default or give the workers more space."
            )));
        }
        local_first(&mut fitting, self.host());
        Ok(fitting)
    }

    /// The worker on this host, if there is one.
    pub(crate) async fn local_worker(&self) -> FsResult<Option<WorkerNetAddress>> {
        let all = self.workers().await?;
        let local = all.iter().filter_map(|worker| worker.address.as_ref());
        Ok(local.into_iter().find(|address| is_same_host(address, self.host())).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(host: &str) -> WorkerNetAddress {
        WorkerNetAddress { host: Some(host.into()), ..WorkerNetAddress::default() }
    }

    #[test]
    fn the_local_worker_comes_first() {
        for _ in 0..50 {
            let mut workers = [worker("a"), worker("me"), worker("b")];
            local_first(&mut workers, "me");
            assert_eq!(workers[0].host(), "me");
        }
    }

    #[test]
    fn the_others_come_in_any_order() {
        let second = || {
            let mut workers = [worker("a"), worker("me"), worker("b")];
            local_first(&mut workers, "me");
            workers[1].host().to_owned()
        };
        let seen: std::collections::BTreeSet<String> = (0..200).map(|_| second()).collect();
        assert_eq!(seen.len(), 2, "{seen:?}");
    }
}

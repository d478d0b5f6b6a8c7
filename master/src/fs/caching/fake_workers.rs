//! Workers that do what they are told, or fail, for tests.

use std::{collections::BTreeMap, sync::Arc};

use alluxio_fs::FsError;
use alluxio_proto::grpc::{
    WorkerNetAddress,
    block::{BlockStatus, CacheRequest, LoadRequest, LoadResponse, TaskStatus},
};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::calls::WorkerCalls;
use crate::fs::{FileSystemMaster, fixture::Rig};

pub(super) struct FakeWorkers {
    fs: Arc<FileSystemMaster>,
    ids: BTreeMap<String, i64>,
    /// The address, and the number of blocks, of each load; `from -> to` of each copy; what was removed.
    pub log: Mutex<Vec<String>>,
    /// What a load of a block whose path contains the text fails with, so many times.
    pub faults: Mutex<Vec<(String, bool, u32)>>,
    /// Workers that cannot be reached.
    pub away: Mutex<Vec<String>>,
    /// Workers that shut down: they refuse each block.
    pub leaving: Mutex<Vec<String>>,
    /// Workers that have memory only.
    pub diskless: Mutex<Vec<String>>,
    /// Loads are answered while this is free.
    pub gate: Semaphore,
}

impl FakeWorkers {
    /// Registers workers of these hosts.
    pub async fn start(rig: &Rig, hosts: &[&str]) -> Arc<Self> {
        let mut ids = BTreeMap::new();
        for host in hosts {
            ids.insert((*host).to_owned(), rig.worker(host).await);
        }
        let workers = Arc::new(Self {
            fs: rig.fs.clone(),
            ids,
            log: Mutex::default(),
            faults: Mutex::default(),
            away: Mutex::default(),
            leaving: Mutex::default(),
            diskless: Mutex::default(),
            gate: Semaphore::new(1),
        });
        rig.fs.caching.replace_calls(workers.clone());
        workers
    }

    pub fn id(&self, host: &str) -> i64 {
        self.ids[host]
    }

    fn reach(&self, worker: &WorkerNetAddress) -> Result<i64, FsError> {
        if self.away.lock().iter().any(|host| host == worker.host()) {
            return Err(FsError::unavailable(format!("{} cannot be reached", worker.host())));
        }
        Ok(self.ids[worker.host()])
    }

    fn fault(&self, path: &str) -> Option<bool> {
        let mut faults = self.faults.lock();
        let (_, again, times) =
            faults.iter_mut().find(|(part, _, times)| *times > 0 && path.contains(part.as_str()))?;
        *times -= 1;
        Some(*again)
    }
}

#[async_trait]
impl WorkerCalls for FakeWorkers {
    async fn load(&self, worker: &WorkerNetAddress, request: LoadRequest) -> Result<LoadResponse, FsError> {
        let id = self.reach(worker)?;
        self.log.lock().push(format!("{} {}", worker.host(), request.blocks.len()));
        let leaving = self.leaving.lock().iter().any(|host| host == worker.host());
        if !leaving {
            drop(self.gate.acquire().await);
        }
        let mut block_status = Vec::new();
        for block in request.blocks {
            if let Some(again) = leaving.then_some(true).or_else(|| self.fault(block.ufs_path())) {
                block_status.push(BlockStatus {
                    block,
                    code: 14,
                    message: Some("broken".to_owned()),
                    retryable: Some(again),
                });
                continue;
            }
            self.fs.blocks.commit_block(id, block.block_id, block.length, "MEM", "MEM", None).await?;
        }
        Ok(LoadResponse { status: TaskStatus::Success.into(), block_status })
    }

    async fn cache(&self, worker: &WorkerNetAddress, request: CacheRequest) -> Result<(), FsError> {
        let id = self.reach(worker)?;
        if self.fs.blocks.locations(request.block_id()).iter().any(|location| location.worker_id == Some(id))
        {
            self.log.lock().push(format!("{} has it", worker.host()));
            return Ok(());
        }
        self.log.lock().push(format!("{} -> {}", request.source_host(), worker.host()));
        self.fs.blocks.commit_block(id, request.block_id(), request.length(), "MEM", "MEM", None).await
    }

    async fn relocate(&self, worker: &WorkerNetAddress, block: i64, medium: &str) -> Result<(), FsError> {
        let id = self.reach(worker)?;
        if self.diskless.lock().iter().any(|host| host == worker.host()) {
            return Err(FsError::invalid_argument(format!("{} has no {medium}", worker.host())));
        }
        self.log.lock().push(format!("{} moves to {medium}", worker.host()));
        self.fs.blocks.commit_block(id, block, 3, medium, medium, None).await
    }

    async fn remove(&self, worker: &WorkerNetAddress, block: i64) -> Result<(), FsError> {
        let id = self.reach(worker)?;
        self.log.lock().push(format!("{} removes", worker.host()));
        let report = crate::block::Heartbeat { removed: vec![block], ..Default::default() };
        self.fs.blocks.heartbeat(id, report).await.map(drop)
    }
}

//! What the master asks of workers.

use alluxio_client::WorkerClient;
use alluxio_conf::Configuration;
use alluxio_fs::FsError;
use alluxio_proto::grpc::{
    WorkerNetAddress,
    block::{CacheRequest, LoadRequest, LoadResponse},
};
use alluxio_rpc::{Connector, login_user};
use async_trait::async_trait;
use tokio::sync::OnceCell;

/// Calls of one worker each.
#[async_trait]
pub trait WorkerCalls: Send + Sync {
    /// Has blocks read from their under storage. Those that fail are told one by one.
    async fn load(&self, worker: &WorkerNetAddress, request: LoadRequest) -> Result<LoadResponse, FsError>;

    /// Has a block copied from another worker.
    async fn cache(&self, worker: &WorkerNetAddress, request: CacheRequest) -> Result<(), FsError>;

    /// Has a copy moved to a medium of its worker.
    async fn relocate(&self, worker: &WorkerNetAddress, block: i64, medium: &str) -> Result<(), FsError>;

    /// Has a copy dropped, whether it is pinned or not.
    async fn remove(&self, worker: &WorkerNetAddress, block: i64) -> Result<(), FsError>;
}

/// By RPC.
pub(super) struct Remote {
    conf: Configuration,
    connector: OnceCell<Connector>,
}

impl Remote {
    pub fn new(conf: &Configuration) -> Self {
        Self { conf: conf.clone(), connector: OnceCell::new() }
    }

    async fn worker(&self, address: &WorkerNetAddress) -> Result<WorkerClient, FsError> {
        let connect = async || Connector::new(&self.conf, &login_user(&self.conf));
        let connector = self.connector.get_or_try_init(connect).await?;
        WorkerClient::new(&self.conf, connector, address)
    }
}

#[async_trait]
impl WorkerCalls for Remote {
    async fn load(&self, worker: &WorkerNetAddress, request: LoadRequest) -> Result<LoadResponse, FsError> {
        self.worker(worker).await?.load(request).await
    }

    async fn cache(&self, worker: &WorkerNetAddress, request: CacheRequest) -> Result<(), FsError> {
        self.worker(worker).await?.cache(request).await
    }

    async fn relocate(&self, worker: &WorkerNetAddress, block: i64, medium: &str) -> Result<(), FsError> {
        self.worker(worker).await?.move_block(block, medium).await
    }

    async fn remove(&self, worker: &WorkerNetAddress, block: i64) -> Result<(), FsError> {
        self.worker(worker).await?.remove_block(block).await
    }
}

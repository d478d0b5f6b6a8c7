//! A worker as the master sees it: registers, commits blocks, heartbeats. It holds no data.

use std::{collections::BTreeMap, time::Duration};

use alluxio_client::{Cluster, WorkerMasterClient};
use alluxio_conf::Configuration;
use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::{
    CommandType, WorkerNetAddress,
    block::{BlockHeartbeatPRequest, CommitBlockPRequest, RegisterWorkerPRequest},
};
use anyhow::{Result, ensure};
use futures::stream;
use tokio::task::AbortHandle;

const TIER: &str = "MEM";
/// More than any load here fills.
const CAPACITY: i64 = 1 << 50;
/// The default of `alluxio.worker.block.heartbeat.interval`.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A registered worker, until [`SimulatedWorker::stop`].
#[derive(Clone)]
pub struct SimulatedWorker {
    master: WorkerMasterClient,
    id: i64,
    heartbeats: AbortHandle,
}

impl SimulatedWorker {
    /// Registers an empty worker and keeps it alive.
    pub async fn register(conf: &Configuration) -> Result<SimulatedWorker> {
        let master = WorkerMasterClient::new(&Cluster::without_defaults(conf)?);
        let id = master.get_worker_id(address()).await?;
        let lease = master.request_register_lease(id, 0).await?;
        ensure!(lease.allowed(), "the master gave no register lease");
        let first = RegisterWorkerPRequest {
            worker_id: Some(id),
            storage_tiers: vec![TIER.to_owned()],
            total_bytes_on_tiers: bytes(CAPACITY),
            used_bytes_on_tiers: bytes(0),
            ..RegisterWorkerPRequest::default()
        };
        master.register(first, stream::empty()).await?;
        let heartbeats = tokio::spawn(beat(master.clone(), id)).abort_handle();
        Ok(SimulatedWorker { master, id, heartbeats })
    }

    /// Tells the master of a block that was written here.
    pub async fn commit(&self, block: i64, length: i64) -> FsResult<()> {
        let request = CommitBlockPRequest {
            worker_id: Some(self.id),
            used_bytes_on_tier: Some(0),
            tier_alias: Some(TIER.to_owned()),
            medium_type: Some(TIER.to_owned()),
            block_id: Some(block),
            length: Some(length),
            ..CommitBlockPRequest::default()
        };
        self.master.commit_block(request).await
    }

    /// No more heartbeats.
    pub fn stop(self) {
        self.heartbeats.abort();
    }
}

/// Blocks that the master wants freed are reported as gone with the next heartbeat, as a worker does.
async fn beat(master: WorkerMasterClient, id: i64) {
    let mut removed = Vec::new();
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let request = BlockHeartbeatPRequest {
            worker_id: Some(id),
            used_bytes_on_tiers: bytes(0),
            removed_block_ids: removed.clone(),
            ..BlockHeartbeatPRequest::default()
        };
        match master.block_heartbeat(request).await {
            Ok(command) => {
                removed = match command.command_type() {
                    CommandType::Free => command.data,
                    _ => Vec::new(),
                };
            }
            // What was not delivered goes with the next one.
            Err(error) => complain(&error),
        }
    }
}

fn complain(error: &FsError) {
    eprintln!("the simulated worker's heartbeat failed: {error}");
}

fn bytes(count: i64) -> BTreeMap<String, i64> {
    BTreeMap::from([(TIER.to_owned(), count)])
}

/// Nobody reads from this worker: its ports are never connected to.
fn address() -> WorkerNetAddress {
    WorkerNetAddress {
        host: Some("127.0.0.1".to_owned()),
        rpc_port: Some(1),
        data_port: Some(1),
        web_port: Some(1),
        ..WorkerNetAddress::default()
    }
}

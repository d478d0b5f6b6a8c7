//! What the worker's rooms share.

use crate::{
    masters::{Commits, LeaderGate, MasterLink},
    metrics::SharedMetrics,
    peers::Peers,
    settings::Settings,
    store::BlockStore,
    streams::{Admission, BufferPool, Fetches},
    under::{Mounts, Versions},
};
use alluxio_proto::grpc::WorkerNetAddress;
use std::sync::Arc;

/// See the module. Made once, never changed.
pub struct Core {
    pub settings: Settings,
    pub address: WorkerNetAddress,
    pub store: BlockStore,
    pub gate: Arc<LeaderGate>,
    pub link: MasterLink,
    pub commits: Commits,
    pub mounts: Mounts,
    pub versions: Versions,
    pub fetches: Fetches,
    pub peers: Peers,
    pub admission: Admission,
    pub buffers: BufferPool,
    pub metrics: SharedMetrics,
}

impl Core {
    /// Whether the address is this worker's own.
    pub fn is_self(&self, host: &str, port: u16) -> bool {
        let own_port = [self.address.rpc_port, self.address.data_port].contains(&Some(i32::from(port)));
        own_port && self.address.host.as_deref() == Some(host)
    }
}

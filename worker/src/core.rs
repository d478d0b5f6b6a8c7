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
        is_at(&self.address, host, port)
    }
}

/// By the host under which it is known, or that of its container: clients use the second where there is one.
fn is_at(address: &WorkerNetAddress, host: &str, port: u16) -> bool {
    let own_port = [address.rpc_port, address.data_port].contains(&Some(i32::from(port)));
    own_port && !host.is_empty() && [address.host(), address.container_host()].contains(&host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_knows_the_host_of_its_container_as_its_own() {
        let address = WorkerNetAddress {
            host: Some("node".into()),
            container_host: Some("pod".into()),
            rpc_port: Some(29999),
            ..WorkerNetAddress::default()
        };
        assert!(is_at(&address, "node", 29999) && is_at(&address, "pod", 29999));
        assert!(!is_at(&address, "pod", 1) && !is_at(&address, "other", 29999));
        let bare = WorkerNetAddress { container_host: Some(String::new()), ..address };
        assert!(!is_at(&bare, "", 29999) && !is_at(&bare, "pod", 29999));
    }
}

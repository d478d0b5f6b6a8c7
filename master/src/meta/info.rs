//! What `fsadmin report` and the web page say of this master.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use alluxio_conf::{Configuration, key};
use alluxio_proto::grpc::{
    NetAddress,
    meta::{MasterInfo, MasterInfoField as Field, MasterVersion},
};

use super::peers::Peers;
use crate::block::BlockMaster;

/// What is fixed while this master runs.
#[derive(Clone, Debug)]
pub struct MasterFacts {
    /// The name under which others reach this master.
    pub host: String,
    pub rpc_port: u16,
    pub web_port: u16,
    pub start_time_ms: i64,
    /// Text that stands in the journal and identifies the cluster.
    pub cluster_id: String,
    pub version: String,
    pub revision: String,
    /// Empty when ZooKeeper is not used.
    pub zookeeper_addresses: Vec<String>,
}

impl MasterFacts {
    /// `rpc_port` and `web_port` are the bound ones; configured they may be 0.
    pub fn new(conf: &Configuration, host: String, rpc_port: u16, web_port: u16, cluster_id: String) -> Self {
        let zookeeper_addresses = if conf.get(key::ZOOKEEPER_ENABLED) {
            let list = conf.opt(key::ZOOKEEPER_ADDRESS).unwrap_or_default();
            list.split([',', ';']).map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
        } else {
            Vec::new()
        };
        Self {
            host,
            rpc_port,
            web_port,
            start_time_ms: now_ms(),
            cluster_id,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: option_env!("ALLUXIO_REVISION").unwrap_or_default().to_owned(),
            zookeeper_addresses,
        }
    }

    pub fn address(&self) -> NetAddress {
        NetAddress { host: Some(self.host.clone()), rpc_port: Some(i32::from(self.rpc_port)) }
    }

    /// As 2.9 prints it: `host:port`.
    pub fn rpc_address(&self) -> String {
        format!("{}:{}", self.host, self.rpc_port)
    }

    pub fn uptime_ms(&self) -> i64 {
        now_ms().saturating_sub(self.start_time_ms)
    }

    /// Version and revision, as 2.9 prints them for a master.
    pub fn full_version(&self) -> String {
        if self.revision.is_empty() {
            self.version.clone()
        } else {
            format!("{}-{}", self.version, self.revision)
        }
    }
}

/// The parts of the answer that are asked for; all when none is named.
pub(super) fn master_info(
    facts: &MasterFacts,
    blocks: &Arc<BlockMaster>,
    standbys: &Peers,
    wanted: &[Field],
) -> MasterInfo {
    let asked = |field| wanted.is_empty() || wanted.contains(&field);
    let mut info = MasterInfo::default();
    if asked(Field::LeaderMasterAddress) {
        info.leader_master_address = Some(facts.rpc_address());
    }
    if asked(Field::MasterAddresses) {
        info.master_addresses.push(facts.address());
        info.master_addresses.extend(standbys.list().into_iter().map(|peer| peer.address));
    }
    if asked(Field::RpcPort) {
        info.rpc_port = Some(i32::from(facts.rpc_port));
    }
    if asked(Field::SafeMode) {
        info.safe_mode = Some(blocks.safe_mode());
    }
    if asked(Field::StartTimeMs) {
        info.start_time_ms = Some(facts.start_time_ms);
    }
    if asked(Field::UpTimeMs) {
        info.up_time_ms = Some(facts.uptime_ms());
    }
    if asked(Field::Version) {
        info.version = Some(facts.version.clone());
    }
    if asked(Field::WebPort) {
        info.web_port = Some(i32::from(facts.web_port));
    }
    if asked(Field::WorkerAddresses) {
        info.worker_addresses = blocks
            .worker_addresses()
            .into_iter()
            .map(|address| NetAddress { host: address.host, rpc_port: address.rpc_port })
            .collect();
    }
    if asked(Field::ZookeeperAddresses) {
        info.zookeeper_addresses = facts.zookeeper_addresses.clone();
    }
    if asked(Field::ClusterId) {
        info.cluster_id = Some(facts.cluster_id.clone());
    }
    if asked(Field::RaftJournal) {
        info.raft_journal = Some(false);
    }
    if asked(Field::MasterVersion) {
        info.master_versions = versions(facts, standbys);
    }
    info
}

fn versions(facts: &MasterFacts, standbys: &Peers) -> Vec<MasterVersion> {
    let own = MasterVersion {
        addresses: Some(facts.address()),
        version: Some(facts.full_version()),
        state: Some("PRIMARY".to_owned()),
    };
    let others = standbys.list().into_iter().map(|peer| MasterVersion {
        addresses: Some(peer.address),
        version: Some(peer.version.version().to_owned()),
        state: Some(if peer.live { "STANDBY" } else { "LOST" }.to_owned()),
    });
    std::iter::once(own).chain(others).collect()
}

pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

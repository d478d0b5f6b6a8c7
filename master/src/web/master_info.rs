//! `GET /api/v1/master/info`: the keys of Alluxio 2.9's AlluxioMasterInfo.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluxio_proto::grpc::{self, file::MountPointInfo};
use alluxio_telemetry::metrics::SampleValue;
use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::MasterWeb;
use super::tree_hash::TreeHashes;
use crate::block::{BlockMaster, Standing, WorkerReport};
use crate::meta::{ClusterConfiguration, MasterFacts};
use alluxio_web::WebError;

/// Knows the mounts; the tree implements it.
pub trait MountSource: Send + Sync {
    /// The mount points by their path in Alluxio, secrets masked.
    fn mount_points(&self) -> BTreeMap<String, MountPointInfo>;
}

/// What the answer is put together from.
pub struct InfoSources {
    pub facts: Arc<MasterFacts>,
    pub configuration: Arc<ClusterConfiguration>,
    pub blocks: Arc<BlockMaster>,
    pub mounts: Arc<dyn MountSource>,
    pub hashes: Arc<dyn TreeHashes>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    raw_configuration: Option<bool>,
}

#[derive(Serialize, Clone, Copy, Default)]
struct Capacity {
    total: i64,
    used: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MasterInfo {
    capacity: Capacity,
    configuration: BTreeMap<String, Option<String>>,
    lost_workers: Vec<Worker>,
    metrics: BTreeMap<String, i64>,
    mount_points: BTreeMap<String, MountPoint>,
    rpc_address: String,
    start_time_ms: i64,
    tier_capacity: BTreeMap<String, Capacity>,
    ufs_capacity: Capacity,
    uptime_ms: i64,
    version: String,
    revision: String,
    workers: Vec<Worker>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MountPoint {
    mount_id: i64,
    ufs_uri: String,
    ufs_type: String,
    ufs_capacity_bytes: i64,
    ufs_used_bytes: i64,
    read_only: bool,
    properties: BTreeMap<String, String>,
    shared: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Worker {
    id: i64,
    address: WorkerAddress,
    last_contact_sec: i32,
    state: String,
    capacity_bytes: i64,
    used_bytes: i64,
    start_time_ms: i64,
    capacity_bytes_on_tiers: BTreeMap<String, i64>,
    used_bytes_on_tiers: BTreeMap<String, i64>,
    version: String,
    revision: String,
    #[serde(rename = "numVCpu")]
    num_vcpu: i32,
    block_count: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WorkerAddress {
    host: String,
    container_host: String,
    rpc_port: i32,
    data_port: i32,
    web_port: i32,
    domain_socket_path: String,
    tiered_identity: TieredIdentity,
}

#[derive(Serialize)]
struct TieredIdentity {
    tiers: Vec<LocalityTier>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocalityTier {
    tier_name: String,
    value: String,
}

pub(super) async fn info(
    State(web): State<Arc<MasterWeb>>,
    Query(asked): Query<Asked>,
) -> Result<Json<MasterInfo>, WebError> {
    let (sources, _) = web.sources()?;
    let capacity = sources.blocks.capacity();
    let (workers, others): (Vec<_>, Vec<_>) =
        sources.blocks.worker_reports().into_iter().partition(|report| report.standing == Standing::Active);
    let lost = others.into_iter().filter(|report| report.standing == Standing::Lost);
    let mounts = sources.mounts.mount_points();
    let told = sources.configuration.told(asked.raw_configuration.unwrap_or(false)).properties;
    Ok(Json(MasterInfo {
        capacity: Capacity { total: capacity.total, used: capacity.used },
        configuration: told.into_iter().filter_map(|entry| Some((entry.name?, entry.value))).collect(),
        lost_workers: lost.map(Worker::from).collect(),
        metrics: numbers(&web),
        rpc_address: sources.facts.rpc_address(),
        start_time_ms: sources.facts.start_time_ms,
        tier_capacity: capacity
            .total_on_tiers
            .iter()
            .map(|(tier, total)| {
                let used = capacity.used_on_tiers.get(tier).copied().unwrap_or(0);
                (tier.clone(), Capacity { total: *total, used })
            })
            .collect(),
        ufs_capacity: ufs_capacity(mounts.values()),
        mount_points: mounts.into_iter().map(|(path, mount)| (path, MountPoint::from(mount))).collect(),
        uptime_ms: sources.facts.uptime_ms(),
        version: sources.facts.version.clone(),
        revision: sources.facts.revision.clone(),
        workers: workers.into_iter().map(Worker::from).collect(),
    }))
}

/// Metrics that are numbers, without their fractions: the original's map holds whole numbers.
fn numbers(web: &MasterWeb) -> BTreeMap<String, i64> {
    let number = |value| match value {
        SampleValue::Number(number) => Some(number as i64),
        SampleValue::Text(_) => None,
    };
    web.metrics.samples().into_iter().filter_map(|s| Some((s.name, number(s.value)?))).collect()
}

/// The sum over under storages that know their size.
fn ufs_capacity<'a>(mounts: impl Iterator<Item = &'a MountPointInfo>) -> Capacity {
    mounts.fold(Capacity::default(), |sum, mount| {
        let (total, used) = (mount.ufs_capacity_bytes(), mount.ufs_used_bytes());
        if used < 0 || total < used {
            return sum;
        }
        Capacity { total: sum.total.saturating_add(total), used: sum.used.saturating_add(used) }
    })
}

impl From<MountPointInfo> for MountPoint {
    fn from(mount: MountPointInfo) -> Self {
        Self {
            mount_id: mount.mount_id(),
            ufs_uri: mount.ufs_uri().to_owned(),
            ufs_type: mount.ufs_type().to_owned(),
            ufs_capacity_bytes: mount.ufs_capacity_bytes(),
            ufs_used_bytes: mount.ufs_used_bytes(),
            read_only: mount.read_only(),
            shared: mount.shared(),
            properties: mount.properties,
        }
    }
}

impl From<WorkerReport> for Worker {
    fn from(report: WorkerReport) -> Self {
        let info = report.info;
        let version = info.build_version.clone().unwrap_or_default();
        Self {
            id: info.id(),
            last_contact_sec: info.last_contact_sec(),
            state: info.state().to_owned(),
            capacity_bytes: info.capacity_bytes(),
            used_bytes: info.used_bytes(),
            start_time_ms: info.start_time_ms(),
            version: version.version().to_owned(),
            revision: version.revision().to_owned(),
            num_vcpu: info.num_v_cpu(),
            block_count: report.block_count,
            address: WorkerAddress::from(info.address.unwrap_or_default()),
            capacity_bytes_on_tiers: info.capacity_bytes_on_tiers,
            used_bytes_on_tiers: info.used_bytes_on_tiers,
        }
    }
}

impl From<grpc::WorkerNetAddress> for WorkerAddress {
    fn from(address: grpc::WorkerNetAddress) -> Self {
        let tier = |tier: &grpc::LocalityTier| LocalityTier {
            tier_name: tier.tier_name().to_owned(),
            value: tier.value().to_owned(),
        };
        let identity = address.tiered_identity.as_ref();
        Self {
            host: address.host().to_owned(),
            container_host: address.container_host().to_owned(),
            rpc_port: address.rpc_port(),
            data_port: address.data_port(),
            web_port: address.web_port(),
            domain_socket_path: address.domain_socket_path().to_owned(),
            tiered_identity: TieredIdentity {
                tiers: identity.map_or_else(Vec::new, |identity| identity.tiers.iter().map(tier).collect()),
            },
        }
    }
}

//! What is told of workers and capacity.

use std::collections::BTreeMap;

use alluxio_proto::grpc::{
    WorkerNetAddress,
    block::{BlockMasterInfo, StorageList, WorkerInfo},
};

use super::master::BlockMaster;
use super::worker::Standing;

/// Bytes, in all and per tier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    pub total: i64,
    pub used: i64,
    pub total_on_tiers: BTreeMap<String, i64>,
    pub used_on_tiers: BTreeMap<String, i64>,
}

/// One worker as reports show it.
#[derive(Clone, Debug)]
pub struct WorkerReport {
    pub info: WorkerInfo,
    pub standing: Standing,
    pub block_count: i64,
    pub lost_storage: BTreeMap<String, StorageList>,
    /// The properties it registered with, as far as the configuration check compares them.
    pub configuration: BTreeMap<String, String>,
}

impl BlockMaster {
    /// All workers that ever registered and are not forgotten, in the order of host and port.
    pub fn worker_reports(&self) -> Vec<WorkerReport> {
        let workers = self.workers.all();
        let slots = self.slots.read();
        workers
            .iter()
            .map(|worker| {
                let record = worker.record();
                let info = WorkerInfo {
                    id: Some(worker.id),
                    address: Some((*record.address).clone()),
                    last_contact_sec: Some(saturated(record.last_contact.elapsed().as_secs())),
                    state: Some(record.standing.text().to_owned()),
                    capacity_bytes: Some(sum(&record.facts.capacity)),
                    used_bytes: Some(sum(&record.facts.used)),
                    start_time_ms: Some(record.start_time_ms),
                    capacity_bytes_on_tiers: record.facts.capacity.clone(),
                    used_bytes_on_tiers: record.facts.used.clone(),
                    build_version: Some(record.facts.version.clone()),
                    num_v_cpu: record.facts.vcpus,
                };
                WorkerReport {
                    info,
                    standing: record.standing,
                    block_count: record.slot.map_or(0, |slot| slots.block_count(slot)),
                    lost_storage: record.facts.lost_storage.clone(),
                    configuration: record.facts.configuration.clone(),
                }
            })
            .collect()
    }

    /// The active workers, as clients choose among them.
    pub fn worker_infos(&self) -> Vec<WorkerInfo> {
        let active = |report: &WorkerReport| report.standing == Standing::Active;
        self.worker_reports().into_iter().filter(active).map(|report| report.info).collect()
    }

    /// Addresses of the active workers.
    pub fn worker_addresses(&self) -> Vec<WorkerNetAddress> {
        self.worker_infos().into_iter().filter_map(|info| info.address).collect()
    }

    /// What the active workers have together.
    pub fn capacity(&self) -> Capacity {
        let mut capacity = Capacity::default();
        for worker in self.workers.all() {
            let record = worker.record();
            if record.is_active() {
                add(&mut capacity.total_on_tiers, &record.facts.capacity);
                add(&mut capacity.used_on_tiers, &record.facts.used);
            }
        }
        capacity.total = sum(&capacity.total_on_tiers);
        capacity.used = sum(&capacity.used_on_tiers);
        capacity
    }

    /// Everything `GetBlockMasterInfo` can be asked for.
    pub fn summary(&self) -> BlockMasterInfo {
        let capacity = self.capacity();
        let count = |wanted: &[Standing]| {
            let workers = self.workers.all();
            let matching = workers.iter().filter(|worker| wanted.contains(&worker.record().standing));
            saturated(matching.count() as u64)
        };
        BlockMasterInfo {
            capacity_bytes: Some(capacity.total),
            capacity_bytes_on_tiers: capacity.total_on_tiers,
            free_bytes: Some(capacity.total.saturating_sub(capacity.used)),
            live_worker_num: Some(count(&[Standing::Active])),
            lost_worker_num: Some(count(&[Standing::Lost])),
            used_bytes: Some(capacity.used),
            used_bytes_on_tiers: capacity.used_on_tiers,
            decommissioned_worker_num: Some(count(&[Standing::Decommissioned, Standing::Disabled])),
        }
    }
}

fn add(to: &mut BTreeMap<String, i64>, from: &BTreeMap<String, i64>) {
    for (tier, bytes) in from {
        let sum = to.entry(tier.clone()).or_default();
        *sum = sum.saturating_add(*bytes);
    }
}

/// Workers report what they like: a sum stops at the largest number.
fn sum(on_tiers: &BTreeMap<String, i64>) -> i64 {
    on_tiers.values().fold(0, |sum: i64, bytes| sum.saturating_add(*bytes))
}

fn saturated(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

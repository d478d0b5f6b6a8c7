//! From a validated cluster to Kubernetes' objects. Pure: no client, no clock, no randomness, and the same cluster always gives the
//! same objects.

mod claim;
mod config;
mod container;
mod env;
mod hash;
mod jobs;
mod labels;
mod masters;
mod metadata;
mod mounts;
pub mod names;
mod overlay;
mod placement;
mod restart;
mod services;
mod site;
mod volumes;
mod workers;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::{DaemonSet, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use crate::validate::{Refusals, ValidatedCluster};

pub use config::master as master_settings;
pub use container::{RPC, WEB};
pub use hash::digest;
pub use jobs::{FormatRequest, deletion_job, format_job, reads_job};
pub use labels::{
    COMPONENT, CONFIG_ROW, INSTANCE, LEADER, MANAGED_BY, MANAGER, MASTER, WORKER, WORKER_GROUP,
    master_selector,
};
pub(crate) use labels::{of_component, of_group};
pub use masters::{CONTAINER as MASTER_CONTAINER, ENSEMBLE};
pub use mounts::{mount_digest, mount_options};
pub use placement::kept_nodes;
pub use restart::RESTART_HASH;
pub use services::master_account;
pub use workers::{CONTAINER as WORKER_CONTAINER, DECOMMISSION_TIMEOUT};

/// What the objects depend on beside the cluster as it shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// How many masters there shall be at the moment; more than the spec's count while the one that leaves hands over. `None`: the
    /// spec's.
    pub master_replicas: Option<u32>,
    /// By group, the nodes that keep their worker also where they do not fit any more.
    pub kept_nodes: BTreeMap<String, BTreeSet<String>>,
    /// The groups that are not in the spec any more and whose workers are still there, with the ports for people.
    pub removed_groups: BTreeMap<String, BTreeSet<u16>>,
    /// Whose journal it is, which stands in the status before the first master starts. A master that starts over another one ends.
    pub cluster_id: Option<String>,
}

/// All objects of a cluster, in the order in which they are applied: what a pod needs comes before it, and workers before masters, so
/// that a new master finds workers of the same settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Resources {
    pub service_accounts: Vec<ServiceAccount>,
    pub config_maps: Vec<ConfigMap>,
    pub services: Vec<Service>,
    pub disruption_budget: PodDisruptionBudget,
    /// The journal's claim, where the operator makes it. Nobody owns it: it outlives the cluster.
    pub journal_claim: Option<PersistentVolumeClaim>,
    pub workers: Vec<WorkerSet>,
    pub masters: StatefulSet,
}

/// What runs a group of workers.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkerSet {
    Daemon(Box<DaemonSet>),
    Stateful(Box<StatefulSet>),
}

/// Builds all objects but the Jobs.
///
/// # Errors
/// When a pod template of the user contradicts what the operator needs.
pub fn build(cluster: &ValidatedCluster, live: &Live) -> Result<Resources, Refusals> {
    let mut refusals = Refusals::default();
    let master_config = config::master(cluster);
    let masters = masters::stateful_set(cluster, live, &master_config, &mut refusals);
    let mut config_maps = vec![master_config];
    let mut workers = Vec::with_capacity(cluster.workers.len());
    for group in &cluster.workers {
        let config = config::worker(cluster, group);
        workers.push(workers::set(cluster, group, live, &config, &mut refusals));
        config_maps.push(config);
    }
    refusals.into_result()?;
    Ok(Resources {
        service_accounts: services::accounts(cluster),
        config_maps,
        services: services::services(cluster),
        disruption_budget: services::disruption_budget(cluster),
        journal_claim: claim::journal(cluster),
        workers,
        masters,
    })
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;

//! The name of each object: one function for a name that several objects must agree on. No two clusters of one namespace can make the
//! same name: a worker group's name has no dash.

use crate::validate::{Identity, ValidatedCluster, ZooKeeperPlan};

/// The masters' StatefulSet, its headless Service, their ServiceAccount and PodDisruptionBudget.
#[must_use]
pub fn masters(cluster: &str) -> String {
    format!("{cluster}-masters")
}

/// The workers' ServiceAccount.
#[must_use]
pub fn workers(cluster: &str) -> String {
    format!("{cluster}-workers")
}

/// The DaemonSet or StatefulSet of a group, and its headless Service.
#[must_use]
pub fn worker_group(cluster: &str, group: &str) -> String {
    format!("{cluster}-worker-{group}")
}

/// The Service that leads to the serving master.
#[must_use]
pub fn leader(cluster: &str) -> String {
    format!("{cluster}-leader")
}

/// The journal's claim, where the operator makes it.
#[must_use]
pub fn journal_claim(cluster: &str) -> String {
    format!("{cluster}-journal")
}

/// The Job that marks and formats the journal.
#[must_use]
pub fn format_job(cluster: &str) -> String {
    format!("{cluster}-format")
}

/// The Job that asks an image which journals it reads.
#[must_use]
pub fn reads_job(cluster: &str) -> String {
    format!("{cluster}-format-reads")
}

/// The Job that removes the journal.
#[must_use]
pub fn deletion_job(cluster: &str) -> String {
    format!("{cluster}-delete")
}

/// The pod of a master.
#[must_use]
pub fn master_pod(cluster: &str, ordinal: u32) -> String {
    format!("{}-{ordinal}", masters(cluster))
}

/// The name under which a master's pod is found in DNS, however its address changes.
#[must_use]
pub fn master_host(identity: &Identity, pod: &str) -> String {
    format!("{pod}.{}.{}.svc", masters(&identity.name), identity.namespace)
}

/// What a client types to reach the cluster.
#[must_use]
pub fn client_uri(cluster: &ValidatedCluster) -> String {
    let port = cluster.masters.pod.rpc_port;
    match &cluster.zookeeper {
        Some(zookeeper) => format!("alluxio://zk@{}/", zookeeper.address()),
        None => format!("alluxio://{}:{port}/", leader_host(&cluster.identity)),
    }
}

/// Where the leader stands in ZooKeeper, and every client looks for it.
#[must_use]
pub fn leader_path(zookeeper: &ZooKeeperPlan) -> String {
    format!("{}/leader", zookeeper.chroot)
}

/// The leader Service in DNS.
#[must_use]
pub fn leader_host(identity: &Identity) -> String {
    format!("{}.{}.svc", leader(&identity.name), identity.namespace)
}

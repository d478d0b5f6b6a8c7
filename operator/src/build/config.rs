//! The settings as ConfigMaps. They are immutable and named by their contents, so that a pod keeps the settings it started with until it
//! is replaced, and the former ones are there for going back.

use k8s_openapi::api::core::v1::ConfigMap;

use super::site::Site;
use super::{hash, labels, metadata, names, site};
use crate::validate::{ValidatedCluster, WorkerPlan};

/// A master's, and of the Jobs.
#[must_use]
pub fn master(cluster: &ValidatedCluster) -> ConfigMap {
    let labels = labels::of_component(&cluster.identity, labels::MASTER);
    let base = names::masters(&cluster.identity.name);
    make(cluster, &base, labels::MASTER, labels, &site::master(cluster))
}

/// That of a group of workers.
pub(super) fn worker(cluster: &ValidatedCluster, group: &WorkerPlan) -> ConfigMap {
    let labels = labels::of_group(&cluster.identity, &group.name);
    let base = names::worker_group(&cluster.identity.name, &group.name);
    make(cluster, &base, &format!("worker-{}", group.name), labels, &site::worker(cluster, group))
}

fn make(
    cluster: &ValidatedCluster,
    base: &str,
    row: &str,
    mut labels: labels::Labels,
    settings: &Site,
) -> ConfigMap {
    let text = site::text(settings);
    labels.insert(labels::CONFIG_ROW.to_owned(), row.to_owned());
    let name = format!("{base}-{}", hash::short(text.as_bytes()));
    ConfigMap {
        metadata: metadata::owned(&cluster.identity, name, labels),
        data: Some([(alluxio_conf::SITE_FILE.to_owned(), text)].into()),
        binary_data: None,
        immutable: Some(true),
    }
}

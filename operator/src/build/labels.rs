//! Labels and selectors.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use crate::validate::Identity;

pub const NAME: &str = "app.kubernetes.io/name";
/// The cluster's name.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// `master` or `worker`, on pods and what runs them.
pub const COMPONENT: &str = "app.kubernetes.io/component";
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The value of [`MANAGED_BY`].
pub const MANAGER: &str = "alluxio-operator";
pub const MASTER: &str = "master";
pub const WORKER: &str = "worker";
/// The group of a worker.
pub const WORKER_GROUP: &str = "alluxio.org/worker-group";
/// `true` on the pod of the master that serves. Only the operator's leader logic sets it.
pub const LEADER: &str = "alluxio.org/leader";
/// Which settings a ConfigMap holds: `master`, or `worker-<group>`.
pub const CONFIG_ROW: &str = "alluxio.org/config-row";

pub(super) type Labels = BTreeMap<String, String>;

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What is on every object of a cluster.
pub(super) fn of_cluster(identity: &Identity) -> Labels {
    labels([(NAME, "alluxio"), (INSTANCE, &identity.name), (MANAGED_BY, MANAGER)])
}

/// The same for a part of it.
pub(crate) fn of_component(identity: &Identity, component: &str) -> Labels {
    let mut all = of_cluster(identity);
    all.insert(COMPONENT.to_owned(), component.to_owned());
    all
}

/// The same for a group of workers.
pub(crate) fn of_group(identity: &Identity, group: &str) -> Labels {
    let mut all = of_component(identity, WORKER);
    all.insert(WORKER_GROUP.to_owned(), group.to_owned());
    all
}

/// The labels that select the masters' pods.
#[must_use]
pub fn master_selector(cluster: &str) -> BTreeMap<String, String> {
    labels([(INSTANCE, cluster), (COMPONENT, MASTER)])
}

/// Those that select the pods of all workers.
pub(super) fn worker_selector(cluster: &str) -> Labels {
    labels([(INSTANCE, cluster), (COMPONENT, WORKER)])
}

/// Those that select the pods of a group.
pub(super) fn group_selector(cluster: &str, group: &str) -> Labels {
    labels([(INSTANCE, cluster), (COMPONENT, WORKER), (WORKER_GROUP, group)])
}

/// The pods of some groups.
pub(super) fn groups_selector(cluster: &str, groups: Vec<String>) -> LabelSelector {
    let one_of = LabelSelectorRequirement {
        key: WORKER_GROUP.to_owned(),
        operator: "In".to_owned(),
        values: Some(groups),
    };
    LabelSelector { match_labels: Some(worker_selector(cluster)), match_expressions: Some(vec![one_of]) }
}

//! Services, ServiceAccounts and the budget of the masters.

use k8s_openapi::api::core::v1::{Service, ServiceAccount, ServicePort, ServiceSpec};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::labels::Labels;
use super::{labels, metadata, names};
use crate::validate::{KindPlan, PodPlan, ValidatedCluster};

pub(super) fn accounts(cluster: &ValidatedCluster) -> Vec<ServiceAccount> {
    let workers = account(cluster, names::workers(&cluster.identity.name), labels::WORKER);
    vec![master_account(cluster), workers]
}

/// The masters', and of the Jobs.
#[must_use]
pub fn master_account(cluster: &ValidatedCluster) -> ServiceAccount {
    account(cluster, names::masters(&cluster.identity.name), labels::MASTER)
}

/// One that may do nothing: no process of a cluster talks to the API server.
fn account(cluster: &ValidatedCluster, name: String, component: &str) -> ServiceAccount {
    let identity = &cluster.identity;
    ServiceAccount {
        metadata: metadata::owned(identity, name, labels::of_component(identity, component)),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

pub(super) fn services(cluster: &ValidatedCluster) -> Vec<Service> {
    let identity = &cluster.identity;
    let masters = &cluster.masters.pod;
    let mut all = vec![
        headless(
            cluster,
            names::masters(&identity.name),
            labels::of_component(identity, labels::MASTER),
            labels::master_selector(&identity.name),
            masters,
        ),
        leader(cluster),
    ];
    for group in &cluster.workers {
        if let KindPlan::StatefulSet { .. } = group.kind {
            let name = names::worker_group(&identity.name, &group.name);
            let selector = labels::group_selector(&identity.name, &group.name);
            all.push(headless(cluster, name, labels::of_group(identity, &group.name), selector, &group.pod));
        }
    }
    all
}

/// Names for pods. Of those that are not ready too: masters must find each other before they are.
fn headless(
    cluster: &ValidatedCluster,
    name: String,
    labels: Labels,
    selector: Labels,
    pod: &PodPlan,
) -> Service {
    Service {
        metadata: metadata::owned(&cluster.identity, name, labels),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(selector),
            ports: Some(ports(pod)),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// The way to the master that serves. The operator moves the label from pod to pod.
fn leader(cluster: &ValidatedCluster) -> Service {
    let identity = &cluster.identity;
    let mut selector = labels::master_selector(&identity.name);
    selector.insert(labels::LEADER.to_owned(), "true".to_owned());
    Service {
        metadata: metadata::owned(
            identity,
            names::leader(&identity.name),
            labels::of_component(identity, labels::MASTER),
        ),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(selector),
            ports: Some(ports(&cluster.masters.pod)),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

fn ports(pod: &PodPlan) -> Vec<ServicePort> {
    [("rpc", pod.rpc_port), ("web", pod.web_port)]
        .into_iter()
        .map(|(name, port)| ServicePort {
            name: Some(name.to_owned()),
            port,
            protocol: Some("TCP".to_owned()),
            target_port: Some(IntOrString::String(name.to_owned())),
            ..ServicePort::default()
        })
        .collect()
}

/// At most one master at a time is taken away by a drain. One that is not ready never keeps a node from being drained.
pub(super) fn disruption_budget(cluster: &ValidatedCluster) -> PodDisruptionBudget {
    let identity = &cluster.identity;
    PodDisruptionBudget {
        metadata: metadata::owned(
            identity,
            names::masters(&identity.name),
            labels::of_component(identity, labels::MASTER),
        ),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(metadata::selector(labels::master_selector(&identity.name))),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}

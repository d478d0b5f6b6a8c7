//! The masters' StatefulSet. All pods start at once: an election needs them together. Only the operator replaces them (OnDelete).

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::{ConfigMap, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Live, container, env, labels, metadata, names, overlay, placement, restart, volumes};
use crate::validate::{Refusals, ValidatedCluster};

/// The container's name.
pub const CONTAINER: &str = "alluxio-master";

/// The annotation of a master's pod with the servers of ZooKeeper that it was started with.
pub const ENSEMBLE: &str = "alluxio.org/zookeeper";

pub(super) fn stateful_set(
    cluster: &ValidatedCluster,
    live: &Live,
    config: &ConfigMap,
    refusals: &mut Refusals,
) -> StatefulSet {
    let identity = &cluster.identity;
    let name = names::masters(&identity.name);
    let selector = labels::master_selector(&identity.name);
    let replicas = live.master_replicas.unwrap_or(cluster.masters.count);
    StatefulSet {
        metadata: metadata::owned(identity, name.clone(), labels::of_component(identity, labels::MASTER)),
        spec: Some(StatefulSetSpec {
            replicas: Some(i32::try_from(replicas).unwrap_or(i32::MAX)),
            service_name: Some(name),
            pod_management_policy: Some("Parallel".to_owned()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".to_owned()),
                rolling_update: None,
            }),
            revision_history_limit: Some(2),
            selector: metadata::selector(selector),
            template: template(cluster, live, config, refusals),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

fn template(
    cluster: &ValidatedCluster,
    live: &Live,
    config: &ConfigMap,
    refusals: &mut Refusals,
) -> PodTemplateSpec {
    let identity = &cluster.identity;
    let plan = &cluster.masters.pod;
    let volumes = volumes::of_master(cluster, config.metadata.name.as_deref().unwrap_or_default());
    let mut server =
        container::server(CONTAINER, &cluster.images.master, "master-only", plan, cluster.images.pull_policy);
    container::equip(&mut server, &volumes, env::of_master(cluster, live.cluster_id.as_deref()));
    let mut pod = container::pod(plan, &cluster.images, names::masters(&identity.name), &volumes);
    pod.containers = vec![server];
    placement::masters(&mut pod, &plan.scheduling, labels::master_selector(&identity.name));
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels::of_component(identity, labels::MASTER)),
            annotations: Some(annotations(cluster)),
            ..ObjectMeta::default()
        }),
        spec: Some(pod),
    };
    let mut template = overlay::lay_over(template, plan.template.as_ref(), "spec.masters", refusals);
    restart::mark(&mut template, restart::of_master(cluster));
    template
}

fn annotations(cluster: &ValidatedCluster) -> BTreeMap<String, String> {
    let container = (container::DEFAULT_CONTAINER.to_owned(), CONTAINER.to_owned());
    let ensemble = cluster.zookeeper.iter().map(|zookeeper| (ENSEMBLE.to_owned(), zookeeper.address()));
    std::iter::once(container).chain(ensemble).collect()
}

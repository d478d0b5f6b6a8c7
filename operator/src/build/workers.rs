//! The workers of a group: a DaemonSet, or a StatefulSet whose claims outlive the pods. Only the operator replaces them (OnDelete).

use k8s_openapi::api::apps::v1::{
    DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy, StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{ConfigMap, Container, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::volumes::Mounted;
use super::{
    Live, WorkerSet, container, env, labels, metadata, names, overlay, placement, restart, site, volumes,
};
use crate::crd::DeletionPolicy;
use crate::validate::{KindPlan, Refusals, ShortCircuitPlan, ValidatedCluster, VolumePlan, WorkerPlan};

/// The container's name.
pub const CONTAINER: &str = "alluxio-worker";

/// How many seconds workers that leave may take; an annotation of their set.
pub const DECOMMISSION_TIMEOUT: &str = "alluxio.org/decommission-timeout-seconds";

pub(super) fn set(
    cluster: &ValidatedCluster,
    group: &WorkerPlan,
    live: &Live,
    config: &ConfigMap,
    refusals: &mut Refusals,
) -> WorkerSet {
    let identity = &cluster.identity;
    let name = names::worker_group(&identity.name, &group.name);
    let mut metadata = metadata::owned(identity, name.clone(), labels::of_group(identity, &group.name));
    // For the time when the group is not in the spec any more.
    let timeout = group.decommission_timeout_seconds.to_string();
    metadata.annotations = Some([(DECOMMISSION_TIMEOUT.to_owned(), timeout)].into());
    let selector = metadata::selector(labels::group_selector(&identity.name, &group.name));
    let template = template(cluster, group, live, config, refusals);
    match group.kind {
        KindPlan::DaemonSet => WorkerSet::Daemon(Box::new(DaemonSet {
            metadata,
            spec: Some(DaemonSetSpec {
                selector,
                template,
                update_strategy: Some(DaemonSetUpdateStrategy {
                    type_: Some("OnDelete".to_owned()),
                    rolling_update: None,
                }),
                revision_history_limit: Some(2),
                ..DaemonSetSpec::default()
            }),
            status: None,
        })),
        KindPlan::StatefulSet { count } => WorkerSet::Stateful(Box::new(StatefulSet {
            metadata,
            spec: Some(StatefulSetSpec {
                replicas: Some(i32::try_from(count).unwrap_or(i32::MAX)),
                service_name: Some(name),
                pod_management_policy: Some("Parallel".to_owned()),
                update_strategy: Some(StatefulSetUpdateStrategy {
                    type_: Some("OnDelete".to_owned()),
                    rolling_update: None,
                }),
                revision_history_limit: Some(2),
                persistent_volume_claim_retention_policy: Some(retention(cluster.deletion_policy)),
                selector,
                template,
                volume_claim_templates: claim_templates(group),
                ..StatefulSetSpec::default()
            }),
            status: None,
        })),
    }
}

fn retention(policy: DeletionPolicy) -> StatefulSetPersistentVolumeClaimRetentionPolicy {
    let when_deleted = match policy {
        DeletionPolicy::Retain => "Retain",
        DeletionPolicy::Delete => "Delete",
    };
    StatefulSetPersistentVolumeClaimRetentionPolicy {
        when_deleted: Some(when_deleted.to_owned()),
        when_scaled: Some("Retain".to_owned()),
    }
}

fn claim_templates(group: &WorkerPlan) -> Option<Vec<k8s_openapi::api::core::v1::PersistentVolumeClaim>> {
    let templates = group.tiers.iter().enumerate().filter_map(|(at, tier)| volumes::claim_template(at, tier));
    let templates: Vec<_> = templates.collect();
    (!templates.is_empty()).then_some(templates)
}

fn template(
    cluster: &ValidatedCluster,
    group: &WorkerPlan,
    live: &Live,
    config: &ConfigMap,
    refusals: &mut Refusals,
) -> PodTemplateSpec {
    let identity = &cluster.identity;
    let plan = &group.pod;
    let volumes = volumes::of_worker(cluster, group, config.metadata.name.as_deref().unwrap_or_default());
    let mut server =
        container::server(CONTAINER, &cluster.images.worker, "worker-only", plan, cluster.images.pull_policy);
    container::equip(&mut server, &volumes, env::of_worker(group));
    let mut pod = container::pod(plan, &cluster.images, names::workers(&identity.name), &volumes);
    pod.containers = vec![server];
    pod.init_containers = preparation(cluster, group, &volumes).map(|container| vec![container]);
    match group.kind {
        KindPlan::DaemonSet => {
            placement::daemon_workers(&mut pod, &plan.scheduling, live.kept_nodes.get(&group.name));
            let others = alike(cluster, group, live);
            if !others.is_empty() {
                placement::apart_from(&mut pod, labels::groups_selector(&identity.name, others));
            }
        }
        KindPlan::StatefulSet { .. } => {
            // A StatefulSet makes the volumes of its claim templates itself.
            pod.volumes.get_or_insert_default().retain(|volume| volume.ephemeral.is_none());
            let selector = labels::worker_selector(&identity.name);
            placement::stateful_workers(&mut pod, &plan.scheduling, selector);
        }
    }
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels::of_group(identity, &group.name)),
            annotations: Some([(container::DEFAULT_CONTAINER.to_owned(), CONTAINER.to_owned())].into()),
            ..ObjectMeta::default()
        }),
        spec: Some(pod),
    };
    let owner = format!("spec.workers[{}]", group.name);
    let mut template = overlay::lay_over(template, plan.template.as_ref(), &owner, refusals);
    restart::mark(&mut template, restart::of_worker(cluster, group));
    template
}

/// The other groups whose workers cannot be on a node together with one of this group. Masters know a worker by its node's address and its ports; a
/// node that moves from one group to another keeps the former worker until that is out of service.
fn alike(cluster: &ValidatedCluster, group: &WorkerPlan, live: &Live) -> Vec<String> {
    let ports = |group: &WorkerPlan| [group.pod.rpc_port, group.pod.web_port];
    let folders = |group: &WorkerPlan| -> Vec<String> {
        let of_node = group.tiers.iter().filter_map(|tier| match &tier.volume {
            VolumePlan::HostPath { path, .. } => Some(path.clone()),
            _ => None,
        });
        of_node.collect()
    };
    let (own_ports, own_folders) = (ports(group), folders(group));
    let alike = |other: &&WorkerPlan| {
        other.name != group.name
            && (ports(other).iter().any(|port| own_ports.contains(port))
                || folders(other).iter().any(|folder| own_folders.contains(folder)))
    };
    let others = cluster.workers.iter().filter(alike).map(|other| other.name.clone());
    let own_port = |port: &u16| own_ports.contains(&i32::from(*port));
    let removed = live.removed_groups.iter().filter(|(_, ports)| ports.iter().any(own_port));
    others.chain(removed.map(|(name, _)| name.clone())).collect()
}

/// Hands folders of the node to the worker's user. The kubelet makes them for root.
fn preparation(cluster: &ValidatedCluster, group: &WorkerPlan, volumes: &[Mounted]) -> Option<Container> {
    let mut paths: Vec<&str> = group
        .tiers
        .iter()
        .filter(|tier| matches!(tier.volume, VolumePlan::HostPath { prepare: true, .. }))
        .map(|tier| tier.path.as_str())
        .collect();
    if matches!(group.short_circuit, ShortCircuitPlan::Uuid { .. }) {
        paths.push(site::SOCKET_FOLDER);
    }
    if paths.is_empty() {
        return None;
    }
    let mounts = volumes.iter().map(|mounted| mounted.mount.clone());
    let mounts = mounts.filter(|mount| paths.contains(&mount.mount_path.as_str())).collect();
    let owner = format!("{0}:{0}", container::UID);
    let command = ["chown", owner.as_str()].into_iter().chain(paths.iter().copied());
    Some(Container {
        name: "prepare".to_owned(),
        image: Some(cluster.images.worker.clone()),
        image_pull_policy: cluster.images.pull_policy.map(str::to_owned),
        command: Some(command.map(str::to_owned).collect()),
        volume_mounts: Some(mounts),
        resources: Some(container::small()),
        security_context: Some(container::may_change_owners()),
        ..Container::default()
    })
}

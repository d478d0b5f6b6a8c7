//! Whether a pod is outdated: a hash over what needs a restart, as an annotation of the template. A pod whose annotation differs from
//! the template's is replaced; the controller's own revision, which changes with every label, is not looked at.
//!
//! The hash is over what the *spec* says, not over what is built from it: an operator that builds a pod otherwise restarts nothing. Its
//! template is applied and holds for the next pod. So what is written here stays as it is from release to release. A field that is new
//! in the spec is left out (null) as long as nobody sets it.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{EnvVar, PodSpec, PodTemplateSpec};
use serde_json::{Value, json};

use super::{hash, site, volumes};
use crate::validate::{
    EnvPlan, HadoopPlan, JournalPlan, KindPlan, MasterPlan, PodPlan, Reference, RootSource, ShortCircuitPlan,
    TierPlan, ValidatedCluster, VolumePlan, WorkerPlan, ZooKeeperPlan,
};

/// The annotation.
pub const RESTART_HASH: &str = "alluxio.org/restart-hash";

/// What matters only when a pod is put on a node.
pub(super) const OF_SCHEDULING: [&str; 9] = [
    "affinity",
    "imagePullSecrets",
    "nodeSelector",
    "preemptionPolicy",
    "priorityClassName",
    "schedulerName",
    "schedulingGates",
    "tolerations",
    "topologySpreadConstraints",
];

/// Adds the annotation.
pub(super) fn mark(template: &mut PodTemplateSpec, hash: String) {
    let metadata = template.metadata.get_or_insert_default();
    metadata.annotations.get_or_insert_default().insert(RESTART_HASH.to_owned(), hash);
}

/// A master's hash.
pub(super) fn of_master(cluster: &ValidatedCluster) -> String {
    let MasterPlan { count: _, storage_limit, pod: plan } = &cluster.masters;
    let settings = &cluster.root.settings;
    let mut reads = common_reads(cluster, plan);
    if let JournalPlan::Hdfs { configuration: Some(configuration), .. } = &cluster.journal {
        reads.extend(files(configuration));
    }
    reads.extend(settings.credentials.iter().map(|credential| {
        (Reference::Secret(credential.secret_key.name.clone()), credential.secret_key.key.clone())
    }));
    let needs = json!({
        "common": common(cluster, plan, &cluster.images.master),
        "storageLimit": storage_limit.to_kubernetes(),
        "properties": cluster.properties.master,
        "shortCircuit": site::no_short_circuit(cluster).then_some(false),
        "journal": journal(cluster),
        "rootUri": match &cluster.root.source {
            RootSource::Uri(uri) => Some(uri),
            RootSource::Claim(_) | RootSource::HostFolder(_) => None,
        },
        "rootReadOnly": settings.read_only,
        "rootOptions": settings.options,
        "rootCredentials": settings.credentials,
    });
    digest(cluster, needs, &reads)
}

/// The hash of a worker of this group.
pub(super) fn of_worker(cluster: &ValidatedCluster, group: &WorkerPlan) -> String {
    let WorkerPlan {
        name: _,
        kind,
        tiers,
        short_circuit,
        max_unavailable: _,
        decommission_timeout_seconds: _,
        pod: plan,
    } = group;
    let needs = json!({
        "common": common(cluster, plan, &cluster.images.worker),
        "masterPorts": [cluster.masters.pod.rpc_port, cluster.masters.pod.web_port],
        "properties": cluster.properties.worker,
        "tiers": tiers.iter().map(|one| tier(one, *kind)).collect::<Vec<_>>(),
        "sockets": match short_circuit {
            ShortCircuitPlan::Uuid { host_path } => Some(host_path),
            ShortCircuitPlan::Local | ShortCircuitPlan::Disabled => None,
        },
    });
    digest(cluster, needs, &common_reads(cluster, plan))
}

/// With the digests of what is read: a variable's value changes only with the pod; of a volume the process reads when it starts.
fn digest(cluster: &ValidatedCluster, mut needs: Value, reads: &BTreeSet<(Reference, String)>) -> String {
    strip(&mut needs);
    let read = cluster.digests.iter().filter(|(place, _)| reads.contains(place));
    let read: Vec<_> =
        read.map(|((reference, key), digest)| format!("{} {key} {digest}", reference.shown())).collect();
    hash::digest(format!("{needs}\n{}", read.join("\n")).as_bytes())
}

/// What both roles need.
fn common(cluster: &ValidatedCluster, plan: &PodPlan, image: &str) -> Value {
    let PodPlan {
        resources: _,
        asked_resources,
        network,
        rpc_port,
        web_port,
        probes,
        scheduling: _,
        env: EnvPlan { java_opts, others },
        grace_seconds: _,
        asked_grace_seconds,
        template: _,
    } = plan;
    let configurations: Vec<_> = cluster
        .mounts
        .iter()
        .filter_map(|mount| Some((&mount.path, hadoop(mount.settings.configuration.as_ref()?))))
        .collect();
    json!({
        "image": image,
        "pullPolicy": cluster.images.pull_policy,
        "resources": asked_resources,
        "network": network,
        "ports": [rpc_port, web_port],
        "probes": probes,
        "javaOpts": java_opts,
        "env": others,
        "graceSeconds": asked_grace_seconds,
        "podTemplate": template(plan).map(of_template),
        "zookeeper": cluster.zookeeper.as_ref().map(zookeeper),
        "rootVolume": match &cluster.root.source {
            RootSource::Uri(_) => None,
            RootSource::Claim(claim) => Some(json!({ "claim": claim })),
            RootSource::HostFolder(path) => Some(json!({ "hostFolder": path })),
        },
        "rootConfiguration": cluster.root.settings.configuration.as_ref().map(hadoop),
        "configurations": configurations,
    })
}

fn zookeeper(plan: &ZooKeeperPlan) -> Value {
    let ZooKeeperPlan { addresses, chroot, session_timeout_seconds, auth } = plan;
    json!({ "addresses": addresses, "chroot": chroot, "sessionTimeoutSeconds": session_timeout_seconds, "auth": auth })
}

fn journal(cluster: &ValidatedCluster) -> Value {
    match &cluster.journal {
        JournalPlan::Hdfs { uri, configuration, user } => {
            json!({ "uri": uri, "configuration": configuration.as_ref().map(hadoop), "user": user })
        }
        JournalPlan::Claim(_) | JournalPlan::Existing { .. } => {
            json!({ "claim": cluster.journal.claim(&cluster.identity.name) })
        }
    }
}

fn hadoop(plan: &HadoopPlan) -> Value {
    json!([plan.reference.shown(), plan.files])
}

fn tier(tier: &TierPlan, kind: KindPlan) -> Value {
    let TierPlan { medium, quota, path, volume } = tier;
    let volume = match (volume, kind) {
        (VolumePlan::EmptyDir { size_limit }, _) => json!({ "emptyDir": size_limit }),
        (VolumePlan::HostPath { path, prepare }, _) => json!({ "hostPath": path, "prepare": prepare }),
        (VolumePlan::Claim { name }, _) => json!({ "claim": name }),
        (VolumePlan::ClaimTemplate { size, storage_class_name }, KindPlan::DaemonSet) => {
            json!({ "claimTemplate": size, "class": storage_class_name })
        }
        // The claims are there, and outlive the pods.
        (VolumePlan::ClaimTemplate { .. }, KindPlan::StatefulSet { .. }) => Value::Null,
    };
    json!([medium, quota, path, volume])
}

fn template(plan: &PodPlan) -> Option<&PodSpec> {
    plan.template.as_ref()?.spec.as_ref()
}

fn of_template(spec: &PodSpec) -> Value {
    // A pod's spec is text and numbers: it can be written as JSON.
    let mut json = serde_json::to_value(spec).unwrap_or(Value::Null);
    if let Some(fields) = json.as_object_mut() {
        fields.retain(|name, _| !OF_SCHEDULING.contains(&name.as_str()));
        if spec.containers.is_empty() {
            fields.remove("containers");
        }
    }
    if json == json!({}) { Value::Null } else { json }
}

/// What both roles read from ConfigMaps and Secrets.
fn common_reads(cluster: &ValidatedCluster, plan: &PodPlan) -> BTreeSet<(Reference, String)> {
    let mut reads: BTreeSet<_> = plan.env.others.iter().filter_map(by_variable).collect();
    let configurations = cluster.mounts.iter().filter_map(|mount| mount.settings.configuration.as_ref());
    reads.extend(configurations.chain(&cluster.root.settings.configuration).flat_map(files));
    let auth = cluster.zookeeper.as_ref().and_then(|zookeeper| zookeeper.auth.as_ref());
    reads.extend(auth.map(|auth| (Reference::Secret(auth.name.clone()), auth.key.clone())));
    if let Some(spec) = template(plan) {
        let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        reads.extend(containers.flat_map(|container| container.env.iter().flatten()).filter_map(by_variable));
        let mounted: Vec<_> = spec.volumes.iter().flatten().filter_map(volumes::reference).collect();
        reads.extend(cluster.digests.keys().filter(|(of, _)| mounted.contains(of)).cloned());
    }
    reads
}

fn files(plan: &HadoopPlan) -> impl Iterator<Item = (Reference, String)> + '_ {
    plan.files.iter().map(|file| (plan.reference.clone(), (*file).to_owned()))
}

fn by_variable(variable: &EnvVar) -> Option<(Reference, String)> {
    let source = variable.value_from.as_ref()?;
    let secret = source.secret_key_ref.as_ref();
    let secret = secret.map(|from| (Reference::Secret(from.name.clone()), from.key.clone()));
    let config_map = source.config_map_key_ref.as_ref();
    secret.or_else(|| config_map.map(|from| (Reference::ConfigMap(from.name.clone()), from.key.clone())))
}

/// Takes out what nobody has set.
fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

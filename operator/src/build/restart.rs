//! Whether a pod is outdated: a hash over what needs a restart, as an annotation of the template. A pod whose annotation differs from
//! the template's is replaced; the controller's own revision, which changes with every label, is not looked at.

use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use serde_json::Value;

use super::hash;
use crate::validate::{Reference, ValidatedCluster};

/// The annotation.
pub const RESTART_HASH: &str = "alluxio.org/restart-hash";

/// What matters only when a pod is put on a node.
const OF_SCHEDULING: [&str; 9] = [
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
pub(super) fn mark(cluster: &ValidatedCluster, template: &mut PodTemplateSpec) {
    let hash = template.spec.as_ref().map(|spec| of(cluster, spec)).unwrap_or_default();
    let metadata = template.metadata.get_or_insert_default();
    metadata.annotations.get_or_insert_default().insert(RESTART_HASH.to_owned(), hash);
}

fn of(cluster: &ValidatedCluster, spec: &PodSpec) -> String {
    // A pod's spec is text and numbers: it can be written as JSON.
    let mut json = serde_json::to_value(spec).unwrap_or(Value::Null);
    if let Some(fields) = json.as_object_mut() {
        fields.retain(|name, _| !OF_SCHEDULING.contains(&name.as_str()));
    }
    // A variable's value changes only with the pod; of a volume the process reads when it starts.
    let digests: Vec<String> = read_by(spec, cluster).collect();
    hash::digest(format!("{json}\n{}", digests.join("\n")).as_bytes())
}

/// The digests of what the pod reads.
fn read_by<'a>(spec: &'a PodSpec, cluster: &'a ValidatedCluster) -> impl Iterator<Item = String> + 'a {
    let reads = move |reference: &Reference, key: &str| {
        let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
        let by_variable = containers
            .flat_map(|container| container.env.iter().flatten())
            .filter_map(|variable| variable.value_from.as_ref())
            .any(|source| match reference {
                Reference::Secret(name) => source
                    .secret_key_ref
                    .as_ref()
                    .is_some_and(|wanted| wanted.name == *name && wanted.key == key),
                Reference::ConfigMap(name) => source
                    .config_map_key_ref
                    .as_ref()
                    .is_some_and(|wanted| wanted.name == *name && wanted.key == key),
            });
        let by_volume = spec.volumes.iter().flatten().any(|volume| match reference {
            Reference::Secret(name) => {
                volume.secret.as_ref().is_some_and(|secret| secret.secret_name.as_ref() == Some(name))
            }
            Reference::ConfigMap(name) => {
                volume.config_map.as_ref().is_some_and(|config_map| config_map.name == *name)
            }
        });
        by_variable || by_volume
    };
    let read = cluster.digests.iter().filter(move |((reference, key), _)| reads(reference, key));
    read.map(|((reference, key), digest)| format!("{} {key} {digest}", reference.shown()))
}

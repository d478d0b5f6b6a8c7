//! Where a field is seen in a pod.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{HERE, NAME, spec::tolerations};

/// Whether somewhere in an object a part is as wanted: all its fields, and whatever else.
pub(super) fn has(object: &Value, wanted: &Value) -> bool {
    let covers = match (object, wanted) {
        (Value::Object(object), Value::Object(wanted)) => wanted.iter().all(|(name, wanted)| {
            object.get(name).is_some_and(|found| match wanted {
                Value::Object(_) | Value::Array(_) => has(found, wanted),
                _ => found == wanted,
            })
        }),
        (Value::Array(object), Value::Array(wanted)) => {
            wanted.iter().all(|wanted| object.iter().any(|found| has(found, wanted)))
        }
        _ => object == wanted,
    };
    covers
        || match object {
            Value::Object(fields) => fields.values().any(|field| has(field, wanted)),
            Value::Array(items) => items.iter().any(|item| has(item, wanted)),
            _ => false,
        }
}

/// What a pod has of the fields that both roles share, by the fields' names.
fn of_both() -> Vec<(&'static str, Value)> {
    vec![
        ("image.pullPolicy", json!({"imagePullPolicy": "Never"})),
        ("image.pullSecrets", json!({"imagePullSecrets": [{"name": "registry"}]})),
        ("probes.startupSeconds", json!({"startupProbe": {"failureThreshold": 10}})),
        ("probes.periodSeconds", json!({"livenessProbe": {"periodSeconds": 11}})),
        ("probes.timeoutSeconds", json!({"livenessProbe": {"timeoutSeconds": 7}})),
        ("probes.failureThreshold", json!({"readinessProbe": {"failureThreshold": 5}})),
        ("resources.requests", json!({"requests": {"cpu": "150m", "memory": "1100Mi"}})),
        ("resources.limits", json!({"limits": {"cpu": "1900m", "memory": "1900Mi"}})),
        ("podTemplate", json!({"labels": {"e2e": "fields"}})),
        ("podTemplate's volume", json!({"mountPath": "/extra"})),
        ("scheduling.priorityClassName", json!({"priorityClassName": NAME})),
        ("scheduling.tolerations", json!({"tolerations": tolerations()})),
        ("env", json!({"name": "E2E_VALUE", "value": "as written"})),
    ]
}

pub(super) fn of_master() -> Vec<(&'static str, Value)> {
    let mut all = of_both();
    all.extend([
        ("image.master", json!({"image": "localhost/own-master:1"})),
        ("masters.storage.sizeLimit", json!({"emptyDir": {"sizeLimit": "3Gi"}})),
        ("masters.terminationGracePeriodSeconds", json!({"terminationGracePeriodSeconds": 91})),
        ("masters.scheduling.nodeSelector", json!({"nodeSelector": {"e2e-fields": "masters"}})),
        (
            "masters.scheduling.affinity",
            json!({"matchExpressions": [{"key": "kubernetes.io/hostname", "values": ["node1"]}]}),
        ),
        ("masters.ports", json!({"containerPort": 20998})),
    ]);
    all
}

pub(super) fn of_worker() -> Vec<(&'static str, Value)> {
    let mut all = of_both();
    all.extend([
        ("image.repository", json!({"image": format!("localhost/e2e/alluxio-worker:{HERE}")})),
        ("tiers[].volume.emptyDir.sizeLimit", json!({"emptyDir": {"medium": "Memory", "sizeLimit": "96Mi"}})),
        ("tiers[].path", json!({"mountPath": "/own/memory"})),
        ("workers[].ports", json!({"containerPort": 21999})),
    ]);
    all
}

/// Each of them, or none, is in the pod.
pub fn look(pod: &Pod, looks: &[(&str, Value)], set: bool) -> Result<()> {
    // The status has images by whichever of their names.
    let object = json!({"metadata": pod.metadata, "spec": pod.spec});
    let wrong: Vec<_> =
        looks.iter().filter(|(_, wanted)| has(&object, wanted) != set).map(|it| it.0).collect();
    let shall = if set { "acts" } else { "is gone" };
    ensure!(wrong.is_empty(), "{}: none of these {shall}: {wrong:?}\n{object:#}", pod.name_any());
    Ok(())
}

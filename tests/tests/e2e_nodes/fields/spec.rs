//! The cluster with all fields that it can have, and without those that can be taken out.

use alluxio_tests::{e2e::Outside, s3::S3};
use serde_json::{Value, json};

use super::NAME;

pub(super) fn env() -> Value {
    json!([
        {"name": "E2E_VALUE", "value": "as written"},
        {"name": "E2E_MAP", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "level"}}},
        {"name": "E2E_SECRET", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "own"}}},
        {"name": "E2E_FIELD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
    ])
}

pub(super) fn tolerations() -> Value {
    json!([
        {"key": "e2e-fields", "operator": "Equal", "value": "masters", "effect": "NoSchedule"},
        {"key": "e2e-gone", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 61},
    ])
}

/// A node that is not there: it tells the user's affinity from the operator's.
pub(super) const NOWHERE: &str = "nowhere";

/// On one of these nodes.
fn affinity(nodes: &[&str]) -> Value {
    let of_name = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": nodes});
    json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [of_name]}]}}})
}

fn probes() -> Value {
    json!({"startupSeconds": 110, "periodSeconds": 11, "timeoutSeconds": 7, "failureThreshold": 5})
}

fn template(container: &str) -> Value {
    json!({
        "metadata": {"labels": {"e2e": "fields"}},
        "spec": {
            "volumes": [{"name": "extra", "emptyDir": {}}],
            "containers": [{"name": container, "volumeMounts": [{"name": "extra", "mountPath": "/extra"}]}],
        },
    })
}

pub(super) fn mount(server: &S3) -> Value {
    let options = json!({
        "alluxio.underfs.s3.region": "us-east-1",
        "alluxio.underfs.s3.endpoint": format!("http://{}", server.at()),
        "alluxio.underfs.s3.disable.dns.buckets": "true",
    });
    json!([{
        "path": "/s3",
        "uri": "s3://bucket/data",
        "readOnly": true,
        "options": options,
        "credentials": [
            {"option": "s3a.accessKeyId", "secretKey": {"name": "s3", "key": "access"}},
            {"option": "s3a.secretKey", "secretKey": {"name": "s3", "key": "secret"}},
        ],
    }])
}

/// With everything set.
pub(super) fn full(server: &S3) -> Value {
    json!({
        "apiVersion": "alluxio.org/v1alpha1",
        "kind": "AlluxioCluster",
        "metadata": {"name": NAME},
        "spec": {
            "image": {
                "repository": "localhost/e2e",
                "master": "localhost/own-master:1",
                "pullPolicy": "Never",
                "pullSecrets": [{"name": "registry"}],
            },
            "zookeeper": {
                "addressesFrom": {"name": "zk", "key": "servers"},
                "chroot": "/own/place",
                "sessionTimeoutSeconds": 12,
            },
            "journal": {"existingClaim": {"claimName": "journal", "path": "a/b"}},
            "underStorage": {"root": {"claim": "files"}, "mounts": mount(server)},
            "masters": {
                "env": env(),
                "ports": {"rpc": 20998, "web": 20999},
                "probes": probes(),
                "resources": {"requests": {"cpu": "150m", "memory": "1100Mi"}, "limits": {"cpu": "1900m", "memory": "1900Mi"}},
                "storage": {"sizeLimit": "3Gi"},
                "terminationGracePeriodSeconds": 91,
                "podTemplate": template("alluxio-master"),
                "scheduling": {
                    "nodeSelector": {"e2e-fields": "masters"},
                    "affinity": affinity(&["node1"]),
                    "tolerations": tolerations(),
                    "priorityClassName": NAME,
                },
            },
            "workers": [
                {
                    "name": "plain",
                    "env": env(),
                    "ports": {"rpc": 21999, "web": 22000},
                    "probes": probes(),
                    "resources": {"requests": {"cpu": "150m", "memory": "1100Mi"}, "limits": {"cpu": "1900m", "memory": "1900Mi"}},
                    "podTemplate": template("alluxio-worker"),
                    "scheduling": {
                        "affinity": affinity(&["node1", NOWHERE]),
                        "tolerations": tolerations(),
                        "priorityClassName": NAME,
                    },
                    "tiers": [{
                        "mediumType": "MEM",
                        "quota": "64Mi",
                        "path": "/own/memory",
                        "volume": {"emptyDir": {"sizeLimit": "96Mi"}},
                    }],
                },
                {
                    "name": "claims",
                    "kind": "StatefulSet",
                    "count": 2,
                    "tiers": [{
                        "mediumType": "SSD",
                        "quota": "64Mi",
                        "volume": {"claimTemplate": {"size": "80Mi", "storageClassName": "local-path"}},
                    }],
                },
            ],
        },
    })
}

/// The same cluster without what can be taken out. The template of claims cannot, nor can the journal's place.
pub(super) fn bare(outside: &Outside) -> Value {
    json!({"spec": {
        "image": null,
        "zookeeper": {"addressesFrom": null, "addresses": [outside.zookeeper.address()], "sessionTimeoutSeconds": null},
        "underStorage": {"mounts": null},
        "masters": null,
        "workers": [
            {"name": "plain", "scheduling": {"nodeSelector": {"kubernetes.io/hostname": "node1"}}},
            {
                "name": "claims",
                "kind": "StatefulSet",
                "count": 1,
                // It might run beside the other one.
                "ports": {"rpc": 25999, "web": 26000},
                "tiers": [{
                    "mediumType": "SSD",
                    "quota": "64Mi",
                    "volume": {"claimTemplate": {"size": "80Mi", "storageClassName": "local-path"}},
                }],
            },
        ],
    }})
}

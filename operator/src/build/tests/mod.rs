//! The objects: each as a whole (golden files), what matters of them row by row, and what must hold for all.

mod golden;
mod invariants;
mod jobs;
mod objects;
mod overlay;
mod placement;
mod restarts;

use serde_json::Value;

use super::*;
use crate::fixture::{examples, facts, valid};
use crate::validate::validate;

/// Everything that is built for a cluster, as JSON.
fn all(cluster: &ValidatedCluster, live: &Live) -> Vec<Value> {
    fn json<T: serde::Serialize>(objects: impl IntoIterator<Item = T>) -> Vec<Value> {
        objects.into_iter().map(|object| serde_json::to_value(object).expect("is JSON")).collect()
    }
    let Resources {
        service_accounts,
        config_maps,
        services,
        disruption_budget,
        journal_claim,
        workers,
        masters,
    } = build(cluster, live).unwrap_or_else(|refusals| panic!("{refusals}"));
    let mut all = json(service_accounts);
    all.extend(json(config_maps));
    all.extend(json(services));
    all.extend(json([disruption_budget]));
    all.extend(json(journal_claim));
    for set in workers {
        match set {
            WorkerSet::Daemon(set) => all.extend(json([set])),
            WorkerSet::Stateful(set) => all.extend(json([set])),
        }
    }
    all.extend(json([masters]));
    all.extend(json([format_job(cluster, &FormatRequest::default()), deletion_job(cluster, "id-1")]));
    all
}

/// One of them, by `Kind/name`. Of a ConfigMap the hash at the end is left out.
fn one(cluster: &ValidatedCluster, live: &Live, which: &str) -> Value {
    let all = all(cluster, live);
    let names: Vec<String> = all.iter().map(name_of).collect();
    let at = names.iter().position(|name| name == which);
    all[at.unwrap_or_else(|| panic!("{which} is not among {names:?}"))].clone()
}

fn name_of(object: &Value) -> String {
    let (kind, name) = (
        object["kind"].as_str().unwrap_or_default(),
        object["metadata"]["name"].as_str().unwrap_or_default(),
    );
    match (kind, name.rsplit_once('-')) {
        ("ConfigMap", Some((base, _))) => format!("{kind}/{base}"),
        _ => format!("{kind}/{name}"),
    }
}

/// Clusters in which every field is used somewhere.
pub(super) const CASES: [(&str, &str); 12] = [
    ("smallest", "{}"),
    ("paths", "journal: {existingClaim: {claimName: c, path: a/b}}\nunderStorage: {root: {uri: null, claim: files, readOnly: true}}"),
    (
        "hdfs",
        "journal: {uri: 'hdfs://n:8020/j', configuration: {secret: hdfs}, user: me}
underStorage:
  root: {uri: 'hdfs://n:8020/d', configuration: {configMap: hadoop}}
  mounts: [{path: /m, uri: 'hdfs://m/', configuration: {configMap: hadoop}}]",
    ),
    (
        "election",
        "masters: {count: 3, ports: {rpc: 20000, web: 20001}}
zookeeper: {addressesFrom: {name: zk, key: ZOOKEEPER}, chroot: /own/place, sessionTimeoutSeconds: 20, auth: {name: jaas, key: jaas.conf}}
journal: {claim: {size: 5Gi, storageClassName: fast, accessMode: ReadWriteMany}}",
    ),
    (
        "credentials",
        "underStorage: {root: {options: {alluxio.underfs.s3.region: r}, credentials: [{option: s3a.secretKey, secretKey: {name: s3, key: secret}}, {option: s3a.accessKeyId, secretKey: {name: s3, key: access}}]}}",
    ),
    (
        "tiers",
        "workers: [{name: disks, tiers: [{mediumType: MEM, quota: 1Gi}, {mediumType: SSD, quota: 10Gi, path: /ssd/0, volume: {hostPath: {path: /d0, prepare: true}}}, {mediumType: SSD, quota: 20Gi, path: /ssd/1, volume: {hostPath: {path: /d1}}}, {mediumType: HDD, quota: 1Ti, volume: {claimTemplate: {storageClassName: slow}}}]}]",
    ),
    (
        "stateful",
        "deletionPolicy: Delete\nworkers: [{name: kept, kind: StatefulSet, count: 3, tiers: [{mediumType: SSD, quota: 10Gi, volume: {claimTemplate: {size: 12Gi}}}]}, {name: named, kind: StatefulSet, ports: {rpc: 29001, web: 30001}, tiers: [{mediumType: HDD, quota: 1Gi, volume: {claim: {claimName: c}}}]}]",
    ),
    ("host", "masters: {network: Host}\nworkers: [{name: near, network: Host, shortCircuit: {mode: Local}}]"),
    ("sockets", "workers: [{name: uuid, shortCircuit: {mode: UUID, hostPath: /tmp/domain}}]"),
    (
        "scheduled",
        "masters: {scheduling: {nodeSelector: {role: master}, tolerations: [{key: dedicated, operator: Equal, value: alluxio, effect: NoSchedule}], priorityClassName: high}}
workers: [{name: ssd, scheduling: {nodeSelector: {disk: ssd}, affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a, b]}]}]}}}, tolerations: [{operator: Exists}]}}]",
    ),
    (
        "environment",
        "masters: {env: [{name: TZ, value: UTC}, {name: LEVEL, valueFrom: {configMapKeyRef: {name: settings, key: level}}}, {name: KEY, valueFrom: {secretKeyRef: {name: s3, key: access}}}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}, {name: ALLUXIO_MASTER_JAVA_OPTS, value: '-Xmx4g'}]}
workers: [{name: w, env: [{name: ALLUXIO_JAVA_OPTS, value: '-Dalluxio.user.file.writetype.default=THROUGH'}]}]
properties: {alluxio.user.file.writetype.default: CACHE_THROUGH, alluxio.worker.shutdown.persist.timeout: 5min}",
    ),
    (
        "templates",
        "image: {repository: localhost, tag: test, pullPolicy: Never, pullSecrets: [{name: registry}]}
masters: {resources: {requests: {cpu: 1}, limits: {cpu: 2, memory: 4Gi}}, storage: {sizeLimit: 5Gi}, probes: {startupSeconds: 60, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 2}, terminationGracePeriodSeconds: 90, podTemplate: {metadata: {labels: {team: data}, annotations: {a: b}}, spec: {containers: [{name: sidecar, image: busybox}, {name: alluxio-master, volumeMounts: [{name: extra, mountPath: /extra}]}], volumes: [{name: extra, emptyDir: {}}], hostAliases: [{ip: 10.0.0.1, hostnames: [nn]}], nodeSelector: {disk: ssd}, tolerations: [{key: masters, operator: Exists}]}}}",
    ),
];

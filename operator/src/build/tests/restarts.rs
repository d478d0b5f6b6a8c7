//! Which change restarts what.

use super::*;
use crate::validate::Reference;

fn hashes(cluster: &ValidatedCluster) -> (String, String) {
    let of = |which: &str| {
        let object = one(cluster, &Live::default(), which);
        object["spec"]["template"]["metadata"]["annotations"][RESTART_HASH]
            .as_str()
            .expect("is marked")
            .to_owned()
    };
    (of("StatefulSet/demo-masters"), of("DaemonSet/demo-worker-default"))
}

const BASE: &str = "workers: [{name: default}]";

/// What is changed, whether masters restart, whether workers do.
const ROWS: [(&str, bool, bool); 27] = [
    ("{}", false, false),
    ("properties: {alluxio.worker.shutdown.persist.timeout: 61s}", false, true),
    ("properties: {alluxio.master.journal.checkpoint.period.entries: '5'}", true, false),
    ("properties: {alluxio.user.file.writetype.default: THROUGH}", true, false),
    ("properties: {alluxio.security.authorization.permission.enabled: 'false'}", true, true),
    ("image: {tag: other}", true, true),
    ("image: {worker: w}", false, true),
    ("image: {pullPolicy: Always}", true, true),
    ("image: {pullSecrets: [{name: s}]}", false, false),
    ("masters: {env: [{name: A, value: b}]}", true, false),
    ("masters: {resources: {limits: {memory: 3Gi}}}", true, false),
    ("masters: {scheduling: {nodeSelector: {a: b}}}", false, false),
    ("masters: {scheduling: {tolerations: [{operator: Exists}]}}", false, false),
    ("masters: {scheduling: {affinity: {}}}", false, false),
    ("masters: {scheduling: {priorityClassName: high}}", false, false),
    ("masters: {podTemplate: {metadata: {labels: {a: b}, annotations: {c: d}}}}", false, false),
    ("masters: {podTemplate: {spec: {containers: [{name: x, image: y}]}}}", true, false),
    ("masters: {ports: {rpc: 20000}}", true, true),
    ("masters: {storage: {sizeLimit: 3Gi}}", true, false),
    ("underStorage: {root: {options: {alluxio.underfs.s3.region: eu}}}", true, false),
    ("underStorage: {mounts: [{path: /m, uri: 's3://b'}]}", false, false),
    ("workers: [{name: default, scheduling: {nodeSelector: {disk: ssd}}}]", false, false),
    ("workers: [{name: default, maxUnavailable: 3, decommissionTimeoutSeconds: 7}]", false, false),
    ("workers: [{name: default, tiers: [{mediumType: MEM, quota: 2Gi}]}]", false, true),
    ("workers: [{name: default, podTemplate: {metadata: {labels: {a: b}}}}]", false, false),
    ("workers: [{name: default}, {name: other, ports: {rpc: 29001, web: 30001}}]", false, false),
    ("deletionPolicy: Delete\nupgradeStrategy: Recreate\nprogressDeadlineSeconds: 100", false, false),
];

#[test]
fn only_what_a_role_needs_restarts_it() {
    let before = hashes(&valid(BASE));
    for (patch, masters, workers) in ROWS {
        let after = hashes(&valid(patch));
        assert_eq!((before.0 != after.0, before.1 != after.1), (masters, workers), "{patch}");
    }
}

#[test]
fn masters_that_come_and_go_restart_nothing() {
    let patch = |count: u32| {
        format!(
            "masters: {{count: {count}}}\nzookeeper: {{addresses: ['z:1']}}\njournal: {{uri: 'hdfs://n/j'}}"
        )
    };
    assert_eq!(hashes(&valid(&patch(3))), hashes(&valid(&patch(5))));
}

#[test]
fn nodes_that_leave_restart_nothing() {
    let cluster = valid("workers: [{name: default, scheduling: {nodeSelector: {disk: ssd}}}]");
    let live =
        Live { leaving_nodes: [("default".to_owned(), ["n1".to_owned()].into())].into(), ..Live::default() };
    let hash = |live: &Live| {
        let object = one(&cluster, live, "DaemonSet/demo-worker-default");
        object["spec"]["template"]["metadata"]["annotations"][RESTART_HASH].clone()
    };
    assert_eq!(hash(&live), hash(&Live::default()));
}

#[test]
fn new_contents_of_what_is_read_restart_who_reads_it() {
    let patch = "journal: {uri: 'hdfs://n/j', configuration: {secret: hdfs}}
underStorage: {root: {uri: 'hdfs://n/d', configuration: {configMap: hadoop}, credentials: [{option: a.b, secretKey: {name: s3, key: access}}]}}
zookeeper: {addresses: ['z:1'], auth: {name: jaas, key: jaas.conf}}";
    let cluster = valid(patch);
    let before = hashes(&cluster);
    let (secret, map) =
        (|name: &str| Reference::Secret(name.to_owned()), Reference::ConfigMap("hadoop".to_owned()));
    for (reference, key, masters, workers) in [
        (secret("hdfs"), "core-site.xml", true, false),
        (map, "hdfs-site.xml", true, true),
        (secret("s3"), "access", true, false),
        (secret("jaas"), "jaas.conf", true, true),
    ] {
        let mut changed = cluster.clone();
        let digest = changed.digests.get_mut(&(reference.clone(), key.to_owned())).expect("is read");
        digest.push('x');
        let after = hashes(&changed);
        assert_eq!((before.0 != after.0, before.1 != after.1), (masters, workers), "{reference:?}");
    }
}

#[test]
fn going_back_gives_the_same_settings_again() {
    let name = |patch: &str| {
        let objects = all(&valid(patch), &Live::default());
        let map = objects.iter().find(|object| name_of(object) == "ConfigMap/demo-masters").cloned();
        map.expect("is there")["metadata"]["name"].clone()
    };
    let other = "properties: {alluxio.user.file.writetype.default: THROUGH}";
    assert_ne!(name("{}"), name(other));
    assert_eq!(name("{}"), name("{}"));
}

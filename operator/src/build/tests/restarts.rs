//! Which change restarts what.

use super::*;
use crate::validate::Reference;

fn templates(cluster: &ValidatedCluster) -> [Value; 2] {
    let of = |which: &str| one(cluster, &Live::default(), which)["spec"]["template"].clone();
    [of("StatefulSet/demo-masters"), of("DaemonSet/demo-worker-default")]
}

fn hashes(cluster: &ValidatedCluster) -> (String, String) {
    let [masters, workers] = templates(cluster).map(|template| {
        let hash = &template["metadata"]["annotations"][RESTART_HASH];
        hash.as_str().expect("is marked").to_owned()
    });
    (masters, workers)
}

/// What is built, but for what matters only when a pod is put on a node.
fn pods(cluster: &ValidatedCluster) -> [Value; 2] {
    templates(cluster).map(|mut template| {
        let spec = template["spec"].as_object_mut().expect("has a spec");
        spec.retain(|name, _| !restart::OF_SCHEDULING.contains(&name.as_str()));
        template["spec"].take()
    })
}

const BASE: &str = "workers: [{name: default}]";

/// What is changed, whether masters restart, whether workers do.
const ROWS: [(&str, bool, bool); 53] = [
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
    ("image: {master: m}", true, false),
    ("masters: {network: Host}", true, false),
    ("masters: {ports: {web: 20000}}", true, true),
    ("masters: {probes: {periodSeconds: 7}}", true, false),
    ("masters: {terminationGracePeriodSeconds: 600}", true, false),
    ("masters: {env: [{name: A, valueFrom: {secretKeyRef: {name: s3, key: access}}}]}", true, false),
    ("masters: {env: [{name: ALLUXIO_MASTER_JAVA_OPTS, value: '-Xmx4g'}]}", true, false),
    ("masters: {podTemplate: {spec: {priorityClassName: high}}}", false, false),
    ("masters: {podTemplate: {spec: {hostAliases: [{ip: 10.0.0.1, hostnames: [a]}]}}}", true, false),
    ("zookeeper: {addresses: ['z:1']}", true, true),
    ("zookeeper: {addresses: ['z:1'], auth: {name: jaas, key: jaas.conf}}", true, true),
    ("journal: {claim: {size: 9Gi}}", false, false),
    ("journal: {existingClaim: {claimName: c}}", true, false),
    ("journal: {uri: 'hdfs://n/j'}", true, false),
    ("underStorage: {root: {uri: 's3://other/data'}}", true, false),
    ("underStorage: {root: {uri: null, claim: files}}", true, true),
    ("underStorage: {root: {readOnly: true}}", true, false),
    ("underStorage: {root: {uri: 'hdfs://n/d', configuration: {configMap: hadoop}}}", true, true),
    (
        "underStorage: {root: {credentials: [{option: s3a.secretKey, secretKey: {name: s3, key: secret}}]}}",
        true,
        false,
    ),
    (
        "underStorage: {mounts: [{path: /m, uri: 'hdfs://m/', configuration: {configMap: hadoop}}]}",
        true,
        true,
    ),
    (
        "workers: [{name: default, tiers: [{mediumType: MEM, quota: 1Gi}, {mediumType: SSD, quota: 1Gi, volume: {hostPath: {path: /d}}}]}]",
        false,
        true,
    ),
    ("workers: [{name: default, shortCircuit: {mode: UUID, hostPath: /s}}]", true, true),
    ("workers: [{name: default, shortCircuit: {mode: Local}, network: Host}]", true, true),
    ("workers: [{name: default, resources: {limits: {cpu: '3'}}}]", false, true),
    ("workers: [{name: default, env: [{name: A, value: b}]}]", false, true),
    ("workers: [{name: default, podTemplate: {spec: {volumes: [{name: v, emptyDir: {}}]}}}]", false, true),
    ("deletionPolicy: Delete\nupgradeStrategy: Recreate\nprogressDeadlineSeconds: 100", false, false),
];

#[test]
fn only_what_a_role_needs_restarts_it() {
    let before = (hashes(&valid(BASE)), pods(&valid(BASE)));
    for (patch, masters, workers) in ROWS {
        let after = (hashes(&valid(patch)), pods(&valid(patch)));
        let [before_masters, before_workers] = &before.1;
        let [after_masters, after_workers] = &after.1;
        assert_eq!(
            (before_masters != after_masters, before_workers != after_workers),
            (masters, workers),
            "what is built for {patch}"
        );
        assert_eq!(
            (before.0.0 != after.0.0, before.0.1 != after.0.1),
            (masters, workers),
            "the hash of {patch}"
        );
    }
}

/// What releases give for the same spec. A pod or its settings may be built otherwise at any time; if one of these differs, an upgrade
/// of the operator restarts every cluster. A field that is new in the spec is null in the hash while it is not set, and a default that
/// changes keeps its former value there.
#[test]
fn an_upgrade_of_the_operator_restarts_nothing() {
    let mut now = String::new();
    for (name, patch) in CASES {
        for object in all(&valid(patch), &Live::default()) {
            if let Some(hash) = object["spec"]["template"]["metadata"]["annotations"][RESTART_HASH].as_str() {
                now.push_str(&format!("{name} {} {hash}\n", name_of(&object)));
            }
        }
    }
    assert_eq!(now, include_str!("restart-hashes.txt"), "now:\n{now}");
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
        Live { kept_nodes: [("default".to_owned(), ["n1".to_owned()].into())].into(), ..Live::default() };
    let hash = |live: &Live| {
        let object = one(&cluster, live, "DaemonSet/demo-worker-default");
        object["spec"]["template"]["metadata"]["annotations"][RESTART_HASH].clone()
    };
    assert_eq!(hash(&live), hash(&Live::default()));
}

/// Clusters that were there before masters were told it.
#[test]
fn masters_that_are_told_whose_journal_it_is_are_not_restarted() {
    let cluster = valid("{}");
    let told = |id: Option<&str>| {
        let live = Live { cluster_id: id.map(str::to_owned), ..Live::default() };
        let template = one(&cluster, &live, "StatefulSet/demo-masters")["spec"]["template"].clone();
        let hash = template["metadata"]["annotations"][RESTART_HASH].clone();
        let env = template["spec"]["containers"][0]["env"].to_string();
        (hash, env.contains("-Dalluxio.master.journal.cluster.id=8f3c"))
    };
    let ((before, untold), (after, is_told)) = (told(None), told(Some("8f3c")));
    assert_eq!((untold, is_told), (false, true));
    assert_eq!(before, after);
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

//! What comes out of what is written.

use super::*;
use k8s_openapi::api::core::v1::Taint;

use crate::crd::{AlluxioClusterStatus, PinnedImage, Quantity};

#[test]
fn the_smallest_cluster_has_one_master_a_claim_and_one_group() {
    let plan = valid("{}");
    assert_eq!(plan.masters.count, 1);
    assert_eq!(plan.journal.claim("demo"), Some(("demo-journal".to_owned(), "journal".to_owned())));
    assert_eq!(plan.workers.len(), 1);
    assert_eq!(plan.workers[0].kind, KindPlan::DaemonSet);
    assert_eq!(plan.workers[0].tiers.len(), 1);
    assert_eq!(plan.identity.path(), "data/demo");
    assert_eq!(plan.zookeeper, None);
}

#[test]
fn high_availability_needs_two_fields_more() {
    let plan =
        valid("masters: {count: 3}\nzookeeper: {addresses: ['zk:2181']}\njournal: {uri: 'hdfs://n/j'}");
    let zookeeper = plan.zookeeper.expect("has one");
    assert_eq!((zookeeper.address(), zookeeper.chroot), ("zk:2181".into(), "/alluxio/data/demo".into()));
    assert_eq!(zookeeper.session_timeout_seconds, 10);
}

#[test]
fn addresses_are_read_from_a_config_map() {
    let plan = valid("zookeeper: {addressesFrom: {name: zk, key: ZOOKEEPER}}");
    assert_eq!(plan.zookeeper.expect("has one").address(), "zk-0:2181,zk-1:2181");
    let plan = valid("zookeeper: {addresses: ['[fd00::1]:2181', '10.0.0.1:2181']}");
    assert_eq!(plan.zookeeper.expect("has one").addresses.len(), 2);
}

#[test]
fn several_masters_may_share_a_claim() {
    for journal in ["{claim: {accessMode: ReadWriteMany}}", "{existingClaim: {claimName: c}}"] {
        let plan =
            valid(&format!("masters: {{count: 3}}\nzookeeper: {{addresses: ['z:1']}}\njournal: {journal}"));
        assert!(plan.journal.claim("demo").is_some());
    }
    let plan = valid("journal: {existingClaim: {claimName: c}}");
    assert_eq!(plan.journal.claim("demo"), Some(("c".to_owned(), "data/demo".to_owned())));
}

#[test]
fn properties_go_to_the_roles_that_read_them() {
    let plan = valid(
        "properties: {alluxio.worker.tieredstore.level0.watermark.high.ratio: '0.9', alluxio.user.file.writetype.default: THROUGH, \
         alluxio.master.journal.checkpoint.period.entries: '10', fs.foreign: x}",
    );
    let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&plan.properties.master),
        [
            "alluxio.master.journal.checkpoint.period.entries",
            "alluxio.user.file.writetype.default",
            "fs.foreign"
        ]
    );
    assert_eq!(
        names(&plan.properties.worker),
        ["alluxio.worker.tieredstore.level0.watermark.high.ratio", "fs.foreign"]
    );
}

#[test]
fn a_value_may_refer_to_what_only_a_pod_knows() {
    valid("properties: {alluxio.job.worker.hostname: '${alluxio.worker.hostname}'}");
}

#[test]
fn java_options_of_the_virtual_machine_are_no_properties() {
    let plan = valid(
        "masters: {env: [{name: ALLUXIO_MASTER_JAVA_OPTS, value: '-Xmx8g -XX:+UseG1GC -Dalluxio.master.backup.directory=/b'}]}",
    );
    let options = &plan.masters.pod.env.java_opts;
    assert_eq!(
        options["ALLUXIO_MASTER_JAVA_OPTS"],
        "-Xmx8g -XX:+UseG1GC -Dalluxio.master.backup.directory=/b"
    );
}

#[test]
fn memory_is_counted_into_the_limit() {
    let memory = |patch: &str| {
        let plan = valid(patch);
        let limits = plan.workers[0].pod.resources.limits.clone().unwrap_or_default();
        limits.get("memory").map(|amount| amount.0.clone())
    };
    assert_eq!(memory("{}").as_deref(), Some("2Gi"));
    assert_eq!(
        memory(
            "workers: [{name: a, tiers: [{mediumType: MEM, quota: 1536Mi}, {mediumType: SSD, quota: 1Ti}]}]"
        )
        .as_deref(),
        Some("2560Mi")
    );
    assert_eq!(memory("workers: [{name: a, resources: {requests: {cpu: 2}}}]").as_deref(), Some("2Gi"));
    assert_eq!(memory("workers: [{name: a, resources: {limits: {memory: 8Gi}}}]").as_deref(), Some("8Gi"));
    // A tmpfs of the node is charged to the pod, too.
    let on_node =
        "workers: [{name: a, tiers: [{mediumType: MEM, quota: 3Gi, volume: {hostPath: {path: /mnt/ram}}}]}]";
    assert_eq!(memory(on_node).as_deref(), Some("4Gi"));
}

#[test]
fn tiers_are_sorted_and_have_room() {
    let plan = valid(
        "workers: [{name: a, tiers: [{mediumType: HDD, quota: 10Gi}, {mediumType: MEM, quota: 1Gi}, {mediumType: SSD, quota: 1Gi, path: /mnt/ssd}]}]",
    );
    let tiers = &plan.workers[0].tiers;
    let paths: Vec<&str> = tiers.iter().map(|tier| tier.path.as_str()).collect();
    assert_eq!(paths, ["/mnt/alluxio/1", "/mnt/ssd", "/mnt/alluxio/0"]);
    assert_eq!(tiers[2].volume, VolumePlan::EmptyDir { size_limit: 11 << 30 });
}

#[test]
fn groups_on_different_nodes_may_be_alike() {
    valid(
        "workers: [{name: a, scheduling: {nodeSelector: {disk: ssd}}}, {name: b, scheduling: {nodeSelector: {disk: hdd}}}]",
    );
    valid("workers: [{name: a}, {name: b, ports: {rpc: 29001, web: 30001}}]");
    // Affinity and taints keep apart on the nodes that are known.
    let on = |operator: &str| {
        format!(
            "scheduling: {{affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: [{{key: disk, operator: {operator}, values: [ssd]}}]}}]}}}}}}}}"
        )
    };
    let both = |a: &str, b: &str| format!("workers: [{{name: a, {a}}}, {{name: b, {b}}}]");
    valid(&both(&on("In"), &on("NotIn")));
    valid(&both(&on("NotIn"), "scheduling: {nodeSelector: {disk: ssd}}"));
    let mut facts = facts();
    let met = |patch: &str, facts: &Facts| {
        let refused = validate(&cluster(patch), facts).map(drop).map_err(|refusals| refusals.to_string());
        refused.is_err_and(|told| told.starts_with("spec.workers[b].ports.rpc"))
    };
    let taint = |key: &str| Taint {
        key: key.to_owned(),
        value: Some("v".to_owned()),
        effect: "NoSchedule".to_owned(),
        time_added: None,
    };
    facts.nodes.truncate(1);
    let tolerating = "scheduling: {nodeSelector: {disk: ssd}, tolerations: [{key: gpu, value: v}]}";
    let more = "scheduling: {tolerations: [{operator: Exists}]}";
    for (taints, patch, meet) in [
        (vec![], both(tolerating, ""), true),
        (vec![taint("gpu")], both(tolerating, ""), false),
        (vec![taint("gpu")], both(tolerating, more), true),
        (vec![taint("gpu"), taint("other")], both(tolerating, more), false),
        (vec![taint("node.kubernetes.io/not-ready")], both(tolerating, ""), true),
    ] {
        facts.nodes[0].taints = taints;
        assert_eq!(met(&patch, &facts), meet, "{patch}");
    }
    // Where no node is known, affinity may keep apart.
    facts.nodes.clear();
    assert!(!met(&both(&on("In"), ""), &facts));
    assert!(met(&both("", ""), &facts));
}

#[test]
fn a_folder_of_a_node_needs_that_node() {
    let one = "scheduling: {nodeSelector: {kubernetes.io/hostname: n1}}";
    let plan = valid(&format!(
        "underStorage: {{root: {{uri: null, hostFolder: {{path: /data}}}}}}\nmasters: {{{one}}}\nworkers: [{{name: a, {one}}}]"
    ));
    assert_eq!(plan.root.source, RootSource::HostFolder("/data".to_owned()));
    let one = "scheduling: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchFields: [{key: metadata.name, operator: In, values: [n1]}]}]}}}}";
    valid(&format!(
        "underStorage: {{root: {{uri: null, hostFolder: {{path: /data}}}}}}\nmasters: {{{one}}}\nworkers: [{{name: a, {one}}}]"
    ));
}

#[test]
fn the_image_is_pinned_at_creation() {
    let images = |patch: &str, kept: Option<&str>, release: &str| {
        let mut cluster = cluster(patch);
        let image = kept.map(|tag| PinnedImage { repository: "old".into(), tag: tag.into() });
        cluster.status = Some(AlluxioClusterStatus { image, ..AlluxioClusterStatus::default() });
        let mut facts = facts();
        facts.release = Some(PinnedImage { repository: "new".into(), tag: release.into() });
        validate(&cluster, &facts).expect("valid").images
    };
    assert_eq!(images("{}", None, "2").master, "new/alluxio-master:2");
    assert_eq!(images("{}", Some("1"), "2").master, "old/alluxio-master:1");
    assert_eq!(images("{}", Some("1"), "2").pinned.expect("pinned").tag, "1");
    assert_eq!(images("imagePolicy: FollowOperator", Some("1"), "2").worker, "new/alluxio-worker:2");
    assert_eq!(images("image: {tag: '3'}", Some("1"), "2").worker, "old/alluxio-worker:3");
    let own = images(
        "image: {master: 'm@sha256:1', worker: w, pullPolicy: Never, pullSecrets: [{name: s}]}",
        None,
        "2",
    );
    assert_eq!((own.master.as_str(), own.worker.as_str()), ("m@sha256:1", "w"));
    assert_eq!((own.pull_policy, own.pull_secrets), (Some("Never"), vec!["s".to_owned()]));
}

#[test]
fn the_pods_patience_follows_the_programs_own() {
    let seconds = |patch: &str| {
        let plan = valid(patch);
        (plan.masters.pod.grace_seconds, plan.workers[0].pod.grace_seconds)
    };
    // A worker persists for 60 s, and lets streams end for 60 s.
    assert_eq!(seconds("{}"), (75, 150));
    assert_eq!(seconds("properties: {alluxio.worker.shutdown.persist.timeout: 5min}"), (75, 390));
    assert_eq!(seconds("properties: {alluxio.network.connection.server.shutdown.timeout: 2min}"), (135, 210));
    assert_eq!(seconds("masters: {terminationGracePeriodSeconds: 1}").0, 75);
    assert_eq!(seconds("masters: {terminationGracePeriodSeconds: 300}").0, 300);
    let options = "properties: {alluxio.worker.shutdown.persist.timeout: 5min}
workers: [{name: w, env: [{name: ALLUXIO_JAVA_OPTS, value: '-Dalluxio.worker.shutdown.persist.timeout=1s'}, {name: ALLUXIO_WORKER_JAVA_OPTS, value: '-Xmx1g -Dalluxio.worker.shutdown.persist.timeout=10m'}]}]
masters: {env: [{name: ALLUXIO_MASTER_JAVA_OPTS, value: '-Dalluxio.network.connection.server.shutdown.timeout=100s'}]}";
    assert_eq!(seconds(options), (115, 690));
}

#[test]
fn of_references_only_the_wanted_keys_count() {
    let plan = valid("underStorage: {root: {uri: 'hdfs://n/', configuration: {configMap: hadoop}}}");
    let keys: Vec<&str> = plan.digests.keys().map(|(_, key)| key.as_str()).collect();
    assert_eq!(keys, ["core-site.xml", "hdfs-site.xml"]);
    let plan = valid("underStorage: {root: {uri: 'hdfs://n/', configuration: {secret: hdfs}}}");
    assert_eq!(plan.root.settings.configuration.expect("has one").files, ["core-site.xml"]);
}

#[test]
fn every_field_with_a_reference_is_looked_up() {
    let cluster = cluster(
        "zookeeper: {addressesFrom: {name: a, key: k}, auth: {name: b, key: k}}
journal: {uri: 'hdfs://n/j', configuration: {secret: c}}
underStorage:
  root: {uri: 'hdfs://n/', credentials: [{option: o, secretKey: {name: d, key: k}}], configuration: {configMap: e}}
  mounts: [{path: /m, uri: 'hdfs://n/m', credentials: [{option: o, secretKey: {name: f, key: k}}], configuration: {configMap: g}}]
masters: {env: [{name: A, valueFrom: {secretKeyRef: {name: h, key: k}}}]}
workers: [{name: w, env: [{name: A, valueFrom: {configMapKeyRef: {name: i, key: k}}}, {name: B, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]}]",
    );
    let mut names: Vec<String> =
        references(&cluster.spec).into_iter().map(|used| used.reference.shown()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "ConfigMap a",
            "ConfigMap e",
            "ConfigMap g",
            "ConfigMap i",
            "Secret b",
            "Secret c",
            "Secret d",
            "Secret f",
            "Secret h"
        ]
    );
}

#[test]
fn amounts_stay_as_they_are_written() {
    let plan = valid("masters: {resources: {limits: {cpu: 2, memory: 1500M}}}");
    let limits = plan.masters.pod.resources.limits.expect("has some");
    assert_eq!((limits["cpu"].0.as_str(), limits["memory"].0.as_str()), ("2", "1500M"));
    assert_eq!(Quantity("1500M".into()).whole(), Ok(1_500_000_000));
}

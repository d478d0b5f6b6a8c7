//! Row by row: what is written, which object, where in it, what stands there.

use super::*;

/// Patch, `Kind/name`, JSON pointer, JSON.
type Row = (&'static str, &'static str, &'static str, &'static str);

fn each(rows: &[Row]) {
    for (patch, which, pointer, expected) in rows {
        let object = one(&valid(patch), &Live::default(), which);
        let found = object.pointer(pointer).cloned().unwrap_or(Value::Null);
        let expected: Value = serde_json::from_str(expected).expect("is JSON");
        assert_eq!(found, expected, "{patch}\n{which} {pointer}");
    }
}

const MASTERS: &str = "StatefulSet/demo-masters";
const WORKERS: &str = "DaemonSet/demo-worker-default";

#[test]
fn masters() {
    each(&[
        ("{}", MASTERS, "/spec/replicas", "1"),
        ("{}", MASTERS, "/spec/podManagementPolicy", "\"Parallel\""),
        ("{}", MASTERS, "/spec/updateStrategy/type", "\"OnDelete\""),
        ("{}", MASTERS, "/spec/serviceName", "\"demo-masters\""),
        ("{}", MASTERS, "/spec/template/spec/containers/0/args", "[\"master-only\", \"--no-format\"]"),
        (
            "{}",
            MASTERS,
            "/spec/template/spec/containers/0/image",
            "\"registry.example.com/alluxio/alluxio-master:0.1.0\"",
        ),
        ("{}", MASTERS, "/spec/template/spec/containers/0/imagePullPolicy", "null"),
        ("{}", MASTERS, "/spec/template/spec/serviceAccountName", "\"demo-masters\""),
        ("{}", MASTERS, "/spec/template/spec/terminationGracePeriodSeconds", "75"),
        (
            "{}",
            MASTERS,
            "/spec/template/metadata/annotations/kubectl.kubernetes.io~1default-container",
            "\"alluxio-master\"",
        ),
        (
            "{}",
            MASTERS,
            "/spec/template/spec/containers/0/resources",
            "{\"requests\": {\"cpu\": \"500m\", \"memory\": \"1Gi\"}, \"limits\": {\"memory\": \"2Gi\"}}",
        ),
        ("{}", MASTERS, "/spec/template/spec/containers/0/livenessProbe/httpGet/path", "\"/livez\""),
        ("{}", MASTERS, "/spec/template/spec/containers/0/livenessProbe/failureThreshold", "9"),
        ("{}", MASTERS, "/spec/template/spec/containers/0/readinessProbe/httpGet/path", "\"/readyz\""),
        ("{}", MASTERS, "/spec/template/spec/containers/0/readinessProbe/failureThreshold", "3"),
        ("{}", MASTERS, "/spec/template/spec/containers/0/startupProbe/httpGet/path", "\"/livez\""),
        ("{}", MASTERS, "/spec/template/spec/containers/0/startupProbe/failureThreshold", "60"),
        (
            "{}",
            MASTERS,
            "/spec/template/spec/containers/0/ports/0",
            "{\"name\": \"rpc\", \"containerPort\": 19998, \"protocol\": \"TCP\"}",
        ),
        (
            "masters: {ports: {web: 20001}}",
            MASTERS,
            "/spec/template/spec/containers/0/ports/1/containerPort",
            "20001",
        ),
        ("masters: {network: Host}", MASTERS, "/spec/template/spec/hostNetwork", "true"),
        ("masters: {network: Host}", MASTERS, "/spec/template/spec/dnsPolicy", "\"ClusterFirstWithHostNet\""),
        ("masters: {network: Host}", MASTERS, "/spec/template/spec/containers/0/ports/0/hostPort", "19998"),
        (
            "masters: {network: Host}",
            MASTERS,
            "/spec/template/spec/containers/0/env/2",
            "{\"name\": \"ALLUXIO_MASTER_HOSTNAME\", \"value\": \"$(HOST_IP)\"}",
        ),
        (
            "{}",
            MASTERS,
            "/spec/template/spec/containers/0/env/2",
            "{\"name\": \"ALLUXIO_MASTER_HOSTNAME\", \"value\": \"$(POD_NAME).demo-masters.data.svc\"}",
        ),
        (
            "{}",
            MASTERS,
            "/spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/0/podAffinityTerm/topologyKey",
            "\"kubernetes.io/hostname\"",
        ),
        ("masters: {scheduling: {affinity: {}}}", MASTERS, "/spec/template/spec/affinity", "{}"),
        (
            "masters: {storage: {sizeLimit: 7Gi}}",
            MASTERS,
            "/spec/template/spec/volumes/1/emptyDir/sizeLimit",
            "\"7Gi\"",
        ),
        ("{}", MASTERS, "/spec/template/spec/volumes/3/persistentVolumeClaim/claimName", "\"demo-journal\""),
        (
            "journal: {existingClaim: {claimName: c}}",
            MASTERS,
            "/spec/template/spec/volumes/3/persistentVolumeClaim/claimName",
            "\"c\"",
        ),
        ("journal: {uri: 'hdfs://n/j'}", MASTERS, "/spec/template/spec/volumes/3", "null"),
        (
            "journal: {uri: 'hdfs://n/j'}",
            MASTERS,
            "/spec/template/spec/containers/0/env/4",
            "{\"name\": \"HADOOP_USER_NAME\", \"value\": \"alluxio\"}",
        ),
        (
            "journal: {uri: 'hdfs://n/j', user: me}",
            MASTERS,
            "/spec/template/spec/containers/0/env/4/value",
            "\"me\"",
        ),
        (
            "journal: {uri: 'hdfs://n/j'}\nmasters: {env: [{name: HADOOP_USER_NAME, value: you}]}",
            MASTERS,
            "/spec/template/spec/containers/0/env/4/value",
            "\"you\"",
        ),
        (
            "journal: {uri: 'hdfs://n/j', configuration: {secret: hdfs}}",
            MASTERS,
            "/spec/template/spec/volumes/3/secret/items",
            "[{\"key\": \"core-site.xml\", \"path\": \"core-site.xml\"}]",
        ),
    ]);
}

#[test]
fn workers() {
    each(&[
        ("{}", WORKERS, "/spec/updateStrategy/type", "\"OnDelete\""),
        ("{}", WORKERS, "/spec/template/spec/containers/0/args", "[\"worker-only\", \"--no-format\"]"),
        (
            "{}",
            WORKERS,
            "/spec/template/spec/containers/0/image",
            "\"registry.example.com/alluxio/alluxio-worker:0.1.0\"",
        ),
        ("{}", WORKERS, "/spec/template/spec/containers/0/resources/limits/memory", "\"2Gi\""),
        ("{}", WORKERS, "/spec/template/spec/terminationGracePeriodSeconds", "150"),
        (
            "{}",
            WORKERS,
            "/spec/template/spec/volumes/3/emptyDir",
            "{\"medium\": \"Memory\", \"sizeLimit\": \"1127Mi\"}",
        ),
        (
            "{}",
            WORKERS,
            "/spec/template/spec/containers/0/env/5",
            "{\"name\": \"ALLUXIO_WORKER_JAVA_OPTS\", \"value\": \"-Dalluxio.worker.hostname=$(NODE_IP) -Dalluxio.worker.container.hostname=$(POD_IP)\"}",
        ),
        (
            "{}",
            WORKERS,
            "/spec/template/spec/containers/0/env/4",
            "{\"name\": \"ALLUXIO_USER_JAVA_OPTS\", \"value\": \"-Dalluxio.user.hostname=$(NODE_IP)\"}",
        ),
        (
            "workers: [{name: default, network: Host}]",
            WORKERS,
            "/spec/template/spec/containers/0/env/5/value",
            "\"-Dalluxio.worker.hostname=$(NODE_IP)\"",
        ),
        (
            "workers: [{name: default, network: Host}]",
            WORKERS,
            "/spec/template/spec/containers/0/ports/1/hostPort",
            "30000",
        ),
        (
            "workers: [{name: default, env: [{name: ALLUXIO_WORKER_JAVA_OPTS, value: -Xmx1g}]}]",
            WORKERS,
            "/spec/template/spec/containers/0/env/5/value",
            "\"-Dalluxio.worker.hostname=$(NODE_IP) -Dalluxio.worker.container.hostname=$(POD_IP) -Xmx1g\"",
        ),
        (
            "workers: [{name: default, tiers: [{mediumType: SSD, quota: 10Gi}]}]",
            WORKERS,
            "/spec/template/spec/volumes/3/emptyDir",
            "{\"sizeLimit\": \"11Gi\"}",
        ),
        (
            "workers: [{name: default, tiers: [{mediumType: SSD, quota: 10Gi, volume: {hostPath: {path: /d}}}]}]",
            WORKERS,
            "/spec/template/spec/volumes/3/hostPath",
            "{\"path\": \"/d\", \"type\": \"DirectoryOrCreate\"}",
        ),
        (
            "workers: [{name: default, tiers: [{mediumType: SSD, quota: 10Gi, volume: {hostPath: {path: /d}}}]}]",
            WORKERS,
            "/spec/template/spec/initContainers",
            "null",
        ),
        (
            "workers: [{name: default, tiers: [{mediumType: SSD, quota: 10Gi, volume: {hostPath: {path: /d, prepare: true}}}]}]",
            WORKERS,
            "/spec/template/spec/initContainers/0/command",
            "[\"chown\", \"1000:1000\", \"/mnt/alluxio/0\"]",
        ),
        (
            "workers: [{name: default, tiers: [{mediumType: SSD, quota: 10Gi, volume: {claimTemplate: {}}}]}]",
            WORKERS,
            "/spec/template/spec/volumes/3/ephemeral/volumeClaimTemplate/spec/resources/requests/storage",
            "\"11Gi\"",
        ),
        (
            "workers: [{name: default, shortCircuit: {mode: UUID}}]",
            WORKERS,
            "/spec/template/spec/volumes/4/hostPath/path",
            "\"/tmp/alluxio/data/demo\"",
        ),
        (
            "workers: [{name: default, shortCircuit: {mode: UUID}}]",
            WORKERS,
            "/spec/template/spec/initContainers/0/command/2",
            "\"/opt/domain\"",
        ),
        (
            "workers: [{name: default, scheduling: {nodeSelector: {disk: ssd}}}]",
            WORKERS,
            "/spec/template/spec/nodeSelector",
            "{\"disk\": \"ssd\"}",
        ),
        (
            "workers: [{name: default, kind: StatefulSet, count: 4}]",
            "StatefulSet/demo-worker-default",
            "/spec/replicas",
            "4",
        ),
        (
            "workers: [{name: default, kind: StatefulSet}]",
            "StatefulSet/demo-worker-default",
            "/spec/replicas",
            "1",
        ),
        (
            "workers: [{name: default, kind: StatefulSet}]",
            "StatefulSet/demo-worker-default",
            "/spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/0/topologyKey",
            "\"kubernetes.io/hostname\"",
        ),
        (
            "workers: [{name: default, kind: StatefulSet}]",
            "StatefulSet/demo-worker-default",
            "/spec/persistentVolumeClaimRetentionPolicy/whenDeleted",
            "\"Retain\"",
        ),
        (
            "workers: [{name: default, kind: StatefulSet}]\ndeletionPolicy: Delete",
            "StatefulSet/demo-worker-default",
            "/spec/persistentVolumeClaimRetentionPolicy/whenDeleted",
            "\"Delete\"",
        ),
        (
            "workers: [{name: default, kind: StatefulSet, tiers: [{mediumType: SSD, quota: 1Gi, volume: {claimTemplate: {size: 2Gi, storageClassName: fast}}}]}]",
            "StatefulSet/demo-worker-default",
            "/spec/volumeClaimTemplates/0/spec",
            "{\"accessModes\": [\"ReadWriteOnce\"], \"storageClassName\": \"fast\", \"resources\": {\"requests\": {\"storage\": \"2Gi\"}}}",
        ),
        (
            "workers: [{name: default, kind: StatefulSet, tiers: [{mediumType: SSD, quota: 1Gi, volume: {claim: {claimName: c}}}]}]",
            "StatefulSet/demo-worker-default",
            "/spec/template/spec/volumes/3/persistentVolumeClaim/claimName",
            "\"c\"",
        ),
    ]);
}

#[test]
fn services_claims_and_budgets() {
    each(&[
        ("{}", "Service/demo-masters", "/spec/clusterIP", "\"None\""),
        ("{}", "Service/demo-masters", "/spec/publishNotReadyAddresses", "true"),
        (
            "{}",
            "Service/demo-masters",
            "/spec/selector",
            "{\"app.kubernetes.io/instance\": \"demo\", \"app.kubernetes.io/component\": \"master\"}",
        ),
        (
            "{}",
            "Service/demo-leader",
            "/spec/selector",
            "{\"app.kubernetes.io/instance\": \"demo\", \"app.kubernetes.io/component\": \"master\", \"alluxio.org/leader\": \"true\"}",
        ),
        ("{}", "Service/demo-leader", "/spec/clusterIP", "null"),
        ("{}", "Service/demo-leader", "/spec/publishNotReadyAddresses", "null"),
        ("masters: {ports: {rpc: 20000}}", "Service/demo-leader", "/spec/ports/0/port", "20000"),
        ("workers: [{name: a, kind: StatefulSet}]", "Service/demo-worker-a", "/spec/clusterIP", "\"None\""),
        ("{}", "PodDisruptionBudget/demo-masters", "/spec/maxUnavailable", "1"),
        ("{}", "PodDisruptionBudget/demo-masters", "/spec/unhealthyPodEvictionPolicy", "\"AlwaysAllow\""),
        ("{}", "ServiceAccount/demo-masters", "/automountServiceAccountToken", "false"),
        ("{}", "ServiceAccount/demo-workers", "/automountServiceAccountToken", "false"),
        (
            "{}",
            "PersistentVolumeClaim/demo-journal",
            "/spec",
            "{\"accessModes\": [\"ReadWriteOnce\"], \"resources\": {\"requests\": {\"storage\": \"10Gi\"}}}",
        ),
        (
            "journal: {claim: {size: 1Gi, accessMode: ReadWriteMany, storageClassName: nfs}}",
            "PersistentVolumeClaim/demo-journal",
            "/spec/storageClassName",
            "\"nfs\"",
        ),
        ("{}", "ConfigMap/demo-masters", "/immutable", "true"),
        ("{}", "ConfigMap/demo-masters", "/metadata/labels/alluxio.org~1config-row", "\"master\""),
        (
            "{}",
            "ConfigMap/demo-worker-default",
            "/metadata/labels/alluxio.org~1config-row",
            "\"worker-default\"",
        ),
    ]);
}

/// The settings of a role.
fn settings(patch: &str, which: &str) -> std::collections::BTreeMap<String, String> {
    let object = one(&valid(patch), &Live::default(), which);
    let text = object["data"][alluxio_conf::SITE_FILE].as_str().expect("has the file").to_owned();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn settings_of_masters() {
    let of = |patch: &str, name: &str| {
        settings(patch, "ConfigMap/demo-masters").get(name).cloned().unwrap_or_default()
    };
    for (patch, name, value) in [
        ("{}", "alluxio.master.hostname", "demo-masters-0.demo-masters.data.svc"),
        ("{}", "alluxio.work.dir", "/var/lib/alluxio"),
        ("{}", "alluxio.master.journal.folder", "/journal/journal"),
        ("journal: {existingClaim: {claimName: c}}", "alluxio.master.journal.folder", "/journal/data/demo"),
        ("journal: {uri: 'hdfs://n/j'}", "alluxio.master.journal.folder", "hdfs://n/j"),
        (
            "journal: {uri: 'hdfs://n/j', configuration: {configMap: hadoop}}",
            "alluxio.master.journal.ufs.option.alluxio.underfs.hdfs.configuration",
            "/etc/hadoop/journal/core-site.xml:/etc/hadoop/journal/hdfs-site.xml",
        ),
        ("{}", "alluxio.master.mount.table.root.ufs", "s3://bucket/data"),
        ("underStorage: {root: {readOnly: true}}", "alluxio.master.mount.table.root.readonly", "true"),
        (
            "underStorage: {root: {options: {alluxio.underfs.s3.region: eu}}}",
            "alluxio.master.mount.table.root.option.alluxio.underfs.s3.region",
            "eu",
        ),
        (
            "underStorage: {root: {uri: null, claim: files}}",
            "alluxio.master.mount.table.root.ufs",
            "/underfs",
        ),
        (
            "underStorage: {root: {uri: null, claim: files}}",
            "alluxio.master.mount.table.root.local.disk.allowed",
            "true",
        ),
        (
            "underStorage: {root: {uri: 'hdfs://n/', configuration: {secret: hdfs}}}",
            "alluxio.master.mount.table.root.option.alluxio.underfs.hdfs.configuration",
            "/etc/hadoop/root/core-site.xml",
        ),
        ("zookeeper: {addresses: ['a:1', 'b:2']}", "alluxio.zookeeper.address", "a:1,b:2"),
        ("zookeeper: {addresses: ['a:1']}", "alluxio.zookeeper.election.path", "/alluxio/data/demo/election"),
        ("zookeeper: {addresses: ['a:1'], chroot: /x}", "alluxio.zookeeper.leader.path", "/x/leader"),
        ("zookeeper: {addresses: ['a:1']}", "alluxio.zookeeper.session.timeout", "10s"),
        ("zookeeper: {addresses: ['a:1']}", "alluxio.master.hostname", ""),
        (
            "zookeeper: {addresses: ['a:1'], auth: {name: jaas, key: jaas.conf}}",
            "java.security.auth.login.config",
            "/etc/alluxio-zookeeper/jaas.conf",
        ),
        ("{}", "alluxio.user.short.circuit.enabled", "false"),
        ("workers: [{name: a, shortCircuit: {mode: Local}}]", "alluxio.user.short.circuit.enabled", ""),
        (
            "properties: {alluxio.user.short.circuit.enabled: 'true'}",
            "alluxio.user.short.circuit.enabled",
            "true",
        ),
        ("masters: {ports: {rpc: 20000}}", "alluxio.master.rpc.port", "20000"),
        (
            "properties: {alluxio.user.file.writetype.default: THROUGH}",
            "alluxio.user.file.writetype.default",
            "THROUGH",
        ),
        (
            "properties: {alluxio.worker.shutdown.persist.timeout: 5s}",
            "alluxio.worker.shutdown.persist.timeout",
            "",
        ),
    ] {
        assert_eq!(of(patch, name), value, "{patch} {name}");
    }
}

#[test]
fn settings_of_workers() {
    let of = |patch: &str, name: &str| {
        settings(patch, "ConfigMap/demo-worker-default").get(name).cloned().unwrap_or_default()
    };
    let tiers = "workers: [{name: default, tiers: [{mediumType: SSD, quota: 2Gi, path: /s/0}, {mediumType: MEM, quota: 1Gi}, {mediumType: SSD, quota: 3Gi, path: /s/1}]}]";
    for (patch, name, value) in [
        ("{}", "alluxio.master.hostname", "demo-masters-0.demo-masters.data.svc"),
        ("zookeeper: {addresses: ['a:1']}", "alluxio.zookeeper.enabled", "true"),
        ("{}", "alluxio.worker.rpc.port", "29999"),
        ("{}", "alluxio.worker.tieredstore.levels", "1"),
        ("{}", "alluxio.worker.tieredstore.level0.alias", "MEM"),
        ("{}", "alluxio.worker.tieredstore.level0.dirs.path", "/mnt/alluxio/0"),
        ("{}", "alluxio.worker.tieredstore.level0.dirs.quota", "1073741824"),
        (tiers, "alluxio.worker.tieredstore.levels", "2"),
        (tiers, "alluxio.worker.tieredstore.level1.alias", "SSD"),
        (tiers, "alluxio.worker.tieredstore.level1.dirs.path", "/s/0,/s/1"),
        (tiers, "alluxio.worker.tieredstore.level1.dirs.mediumtype", "SSD,SSD"),
        (tiers, "alluxio.worker.tieredstore.level1.dirs.quota", "2147483648,3221225472"),
        (
            "workers: [{name: default, shortCircuit: {mode: UUID}}]",
            "alluxio.worker.data.server.domain.socket.address",
            "/opt/domain",
        ),
        (
            "workers: [{name: default, shortCircuit: {mode: UUID}}]",
            "alluxio.worker.data.server.domain.socket.as.uuid",
            "true",
        ),
        ("{}", "alluxio.worker.data.server.domain.socket.address", ""),
        ("{}", "alluxio.master.mount.table.root.ufs", ""),
        (
            "properties: {alluxio.worker.shutdown.persist.timeout: 5s}",
            "alluxio.worker.shutdown.persist.timeout",
            "5s",
        ),
        (
            "properties: {alluxio.master.journal.checkpoint.period.entries: '10'}",
            "alluxio.master.journal.checkpoint.period.entries",
            "",
        ),
    ] {
        assert_eq!(of(patch, name), value, "{patch} {name}");
    }
}

#[test]
fn credentials_come_from_secrets_and_stay_together() {
    let env = one(&valid(CASES[4].1), &Live::default(), MASTERS)
        .pointer("/spec/template/spec/containers/0/env")
        .cloned();
    let env = env.expect("has some");
    let variable =
        |name: &str| env.as_array().into_iter().flatten().find(|variable| variable["name"] == name).cloned();
    let first = variable("ALLUXIO_ROOT_CREDENTIAL_0").expect("is there");
    assert_eq!(first["valueFrom"]["secretKeyRef"], serde_json::json!({"name": "s3", "key": "access"}));
    let options =
        variable("ALLUXIO_MASTER_JAVA_OPTS").expect("is there")["value"].as_str().map(str::to_owned);
    let options = options.expect("is text");
    let variables = [
        ("ALLUXIO_MASTER_JAVA_OPTS", options.as_str()),
        ("ALLUXIO_ROOT_CREDENTIAL_0", "A B"),
        ("ALLUXIO_ROOT_CREDENTIAL_1", "c+/="),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let environment = alluxio_conf::Environment { variables, ..alluxio_conf::Environment::default() };
    let loaded =
        alluxio_conf::Configuration::load_in(alluxio_conf::Role::Master, [], &environment).expect("is taken");
    let option = |name: &str| loaded.conf.by_name(&format!("alluxio.master.mount.table.root.option.{name}"));
    assert_eq!(option("s3a.accessKeyId").as_deref(), Some("A B"));
    assert_eq!(option("s3a.secretKey").as_deref(), Some("c+/="));
}

#[test]
fn the_options_of_a_mount_name_its_files_in_the_pod() {
    let cluster = valid(CASES[2].1);
    let options = mount_options(&cluster.mounts[0]);
    let files = &options["alluxio.underfs.hdfs.configuration"];
    let masters = one(&cluster, &Live::default(), MASTERS);
    let mounts = masters.pointer("/spec/template/spec/containers/0/volumeMounts").expect("has some");
    let folder = files.split('/').take(4).collect::<Vec<_>>().join("/");
    assert!(
        mounts.as_array().into_iter().flatten().any(|mount| mount["mountPath"] == folder.as_str()),
        "{files}"
    );
}

#[test]
fn more_masters_may_be_wanted_than_the_spec_says() {
    let live = Live { master_replicas: Some(5), ..Live::default() };
    assert_eq!(one(&valid("{}"), &live, MASTERS)["spec"]["replicas"], 5);
}

#[test]
fn addresses_for_clients() {
    let uri = |patch: &str| names::client_uri(&valid(patch));
    assert_eq!(uri("{}"), "alluxio://demo-leader.data.svc:19998/");
    assert_eq!(uri("zookeeper: {addresses: ['a:1', 'b:2']}"), "alluxio://zk@a:1,b:2/");
}

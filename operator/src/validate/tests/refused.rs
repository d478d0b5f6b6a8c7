//! One row for each refusal: what is written, and the line that answers it.

use super::*;

#[test]
fn environment_variables() {
    each(&[
        (
            "masters: {env: [{name: POD_NAME, value: a}]}",
            "spec.masters.env[POD_NAME]: is set by the operator; choose another name",
        ),
        (
            "masters: {env: [{name: ALLUXIO_HOME, value: a}]}",
            "spec.masters.env[ALLUXIO_HOME]: is set by the operator; take it out",
        ),
        (
            "masters: {env: [{name: ALLUXIO_ROOT_CREDENTIAL_3, value: a}]}",
            "spec.masters.env[ALLUXIO_ROOT_CREDENTIAL_3]: is set by the operator",
        ),
        (
            "masters: {env: [{name: ALLUXIO_UNDERFS_ADDRESS, value: a}]}",
            "spec.masters.env[ALLUXIO_UNDERFS_ADDRESS]: is set by the operator; use spec.underStorage.root.uri",
        ),
        (
            "masters: {env: [{name: ALLUXIO_MASTER_JAVA_OPTS, value: '-Xmx1g -Dalluxio.master.rpc.port=1'}]}",
            "spec.masters.env[ALLUXIO_MASTER_JAVA_OPTS] (-Dalluxio.master.rpc.port): is set by the operator; use spec.masters.ports.rpc",
        ),
        (
            "masters: {env: [{name: ALLUXIO_JAVA_OPTS, value: '-Dalluxio.no.such.property.there=1'}]}",
            "spec.masters.env[ALLUXIO_JAVA_OPTS] (-Dalluxio.no.such.property.there): is no property of Alluxio",
        ),
        (
            "masters: {env: [{name: ALLUXIO_JAVA_OPTS, value: '-Dalluxio.user.file.writetype.default=X'}]}",
            "spec.masters.env[ALLUXIO_JAVA_OPTS] (-Dalluxio.user.file.writetype.default): is \"X\"",
        ),
        (
            "masters: {env: [{name: ALLUXIO_JAVA_OPTS, valueFrom: {configMapKeyRef: {name: settings, key: level}}}]}",
            "spec.masters.env[ALLUXIO_JAVA_OPTS].valueFrom: cannot be checked",
        ),
        (
            "workers: [{name: a, env: [{name: NODE_IP, value: a}]}]",
            "spec.workers[a].env[NODE_IP]: is set by the operator",
        ),
        (
            "workers: [{name: a, env: [{name: ALLUXIO_RAM_FOLDER, value: /a}]}]",
            "spec.workers[a].env[ALLUXIO_RAM_FOLDER]: is set by the operator; use spec.workers[].tiers",
        ),
        (
            "workers: [{name: a, env: [{name: ALLUXIO_WORKER_JAVA_OPTS, value: '-Dalluxio.worker.hostname=a'}]}]",
            "spec.workers[a].env[ALLUXIO_WORKER_JAVA_OPTS] (-Dalluxio.worker.hostname): is set by the operator",
        ),
    ]);
}

#[test]
fn masters_and_where_their_journal_lies() {
    each(&[
        (
            "masters: {count: 3}\njournal: {uri: 'hdfs://n/j'}",
            "spec.masters.count: is 3, and there is no election; set spec.zookeeper.addresses",
        ),
        (
            "masters: {count: 3}\nzookeeper: {addresses: ['z:1']}",
            "spec.masters.count: is 3, and the journal is on a claim that one node alone can mount",
        ),
        (
            "masters: {count: 2}\nzookeeper: {addresses: ['z:1']}\njournal: {claim: {size: 1Gi}}",
            "spec.masters.count: is 2, and the journal is on a claim",
        ),
        ("journal: {claim: {size: lots}}", "spec.journal.claim.size: is \"lots\""),
        ("journal: {claim: {size: 0}}", "spec.journal.claim.size: is 0"),
        (
            "journal: {existingClaim: {claimName: c, path: a/../b}}",
            "spec.journal.existingClaim.path: is \"a/../b\"",
        ),
        ("journal: {uri: 'hdfs://n/a/../b'}", "spec.journal.uri: is hdfs://n/a/../b"),
        ("journal: {uri: 'hdfs://n/a?b'}", "spec.journal.uri: is hdfs://n/a?b"),
        ("masters: {storage: {sizeLimit: 0}}", "spec.masters.storage.sizeLimit: is 0"),
        (
            "masters: {resources: {limits: {memory: much}}}",
            "spec.masters.resources.limits.memory: is \"much\"",
        ),
        (
            "masters: {resources: {limits: {memory: 1Gi}, requests: {memory: 2Gi}}}",
            "spec.masters.resources.requests.memory: is 2Gi, more than the limit 1Gi",
        ),
        (
            "masters: {resources: {limits: {cpu: 1}, requests: {cpu: 1500m}}}",
            "spec.masters.resources.requests.cpu: is 1500m, more than the limit 1",
        ),
    ]);
}

/// Masters of both would elect a leader each.
#[test]
fn a_roll_to_an_ensemble_that_running_masters_do_not_know() {
    let told = |patch: &str, ensembles: &[&[&str]]| {
        let owned = |servers: &&[&str]| servers.iter().map(|&server| server.to_owned()).collect();
        let facts = Facts { ensembles: ensembles.iter().map(owned).collect(), ..facts() };
        let three = format!("masters: {{count: 3}}\njournal: {{uri: 'hdfs://n/j'}}\n{patch}");
        validate(&cluster(&three), &facts).err().map(|refusals| refusals.to_string())
    };
    let from = "zookeeper: {addressesFrom: {name: zk, key: ZOOKEEPER}}";
    assert_eq!(
        told(from, &[&["zk-1:2181", "zk-2:2181"], &["old-0:2181", "old-1:2181"]]).as_deref(),
        Some(
            "spec.zookeeper.addressesFrom: holds zk-0:2181,zk-1:2181, and masters run that know old-0:2181,old-1:2181: none in common; \
             set spec.upgradeStrategy to Recreate until all have moved, or go back to an ensemble that has one of those"
        )
    );
    assert_eq!(told(from, &[&["zk-1:2181", "zk-2:2181"]]), None, "one is in both");
    assert_eq!(told(from, &[]), None);
    assert_eq!(told(&format!("upgradeStrategy: Recreate\n{from}"), &[&["old-0:2181"]]), None);
    // Two edits in a row, each with one in common with the one before.
    let seen = told("zookeeper: {addresses: ['c:1']}", &[&["a:1"]]).expect("refused");
    assert!(seen.starts_with("spec.zookeeper.addresses: holds c:1, and masters run that know a:1"), "{seen}");
    let alone = Facts { ensembles: vec![vec!["a:1".to_owned()]], ..facts() };
    validate(&cluster(from), &alone).expect("there is no other that could lead meanwhile");
}

#[test]
fn zookeeper() {
    each(&[
        ("zookeeper: {addresses: ['zk']}", "spec.zookeeper.addresses: holds \"zk\"; write host:port"),
        ("zookeeper: {addresses: ['zk:0']}", "spec.zookeeper.addresses: holds \"zk:0\""),
        ("zookeeper: {addresses: ['zk:99999']}", "spec.zookeeper.addresses: holds \"zk:99999\""),
        ("zookeeper: {addresses: ['zk:2181/a']}", "spec.zookeeper.addresses: holds \"zk:2181/a\""),
        ("zookeeper: {addresses: []}", "spec.zookeeper.addresses: is empty"),
        (
            "zookeeper: {addressesFrom: {name: zk, key: WITH_FOLDER}}",
            "spec.zookeeper.addressesFrom: holds \"zk-0:2181/a\"",
        ),
        (
            "zookeeper: {addressesFrom: {name: none, key: a}}",
            "spec.zookeeper.addressesFrom: names ConfigMap none, which is not there",
        ),
        (
            "zookeeper: {addressesFrom: {name: zk, key: a}}",
            "spec.zookeeper.addressesFrom: names ConfigMap zk, which has no key a",
        ),
        (
            "zookeeper: {addresses: ['z:1'], auth: {name: none, key: a}}",
            "spec.zookeeper.auth: names Secret none, which is not there",
        ),
        ("zookeeper: {addresses: ['z:1'], chroot: /a/../b}", "spec.zookeeper.chroot: is \"/a/../b\""),
    ]);
}

#[test]
fn under_storages() {
    each(&[
        (
            "underStorage: {root: {uri: /data}}",
            "spec.underStorage.root.uri: is /data, a path in each pod's own file system",
        ),
        (
            "underStorage: {root: {uri: 'file:///data'}}",
            "spec.underStorage.root.uri: is file:///data, a path in each pod's own file system",
        ),
        ("underStorage: {root: {uri: bucket}}", "spec.underStorage.root.uri: is bucket; write scheme://"),
        (
            "underStorage: {root: {claim: c}}",
            "spec.underStorage.root: has not exactly one of uri, claim and hostFolder",
        ),
        (
            "underStorage: {root: {uri: null}}",
            "spec.underStorage.root: has not exactly one of uri, claim and hostFolder",
        ),
        (
            "underStorage: {root: {uri: null, hostFolder: {path: /data}}}",
            "spec.underStorage.root.hostFolder: is /data, a folder of one node, and pods may run on 3 nodes (n1, n2, n3, ...)",
        ),
        (
            "underStorage: {root: {configuration: {configMap: hadoop}}}",
            "spec.underStorage.root.configuration: is set, but uri is not on HDFS",
        ),
        (
            "underStorage: {root: {uri: 'hdfs://n/', configuration: {configMap: settings}}}",
            "spec.underStorage.root.configuration: names ConfigMap settings, which has no key core-site.xml or hdfs-site.xml",
        ),
        (
            "underStorage: {root: {uri: 'hdfs://n/', configuration: {secret: none}}}",
            "spec.underStorage.root.configuration: names Secret none, which is not there",
        ),
        (
            "underStorage: {root: {uri: 'hdfs://n/', configuration: {configMap: hadoop}, options: {alluxio.underfs.hdfs.configuration: /a}}}",
            "spec.underStorage.root.options[alluxio.underfs.hdfs.configuration]: is set beside configuration",
        ),
        (
            "underStorage: {root: {options: {alluxio.underfs.s3.enpoint: a}}}",
            "spec.underStorage.root.options[alluxio.underfs.s3.enpoint]: is no property of Alluxio; write alluxio.underfs.s3.endpoint",
        ),
        (
            "underStorage: {root: {credentials: [{option: s3a.secretKey, secretKey: {name: s3, key: nothing}}]}}",
            "spec.underStorage.root.credentials[s3a.secretKey]: names Secret s3, which has no key nothing",
        ),
        (
            "underStorage: {root: {options: {a.b: c}, credentials: [{option: a.b, secretKey: {name: s3, key: access}}]}}",
            "spec.underStorage.root.credentials[a.b]: is set in options too",
        ),
        (
            "underStorage: {mounts: [{path: /a, uri: /data}]}",
            "spec.underStorage.mounts[/a].uri: is /data, a path in each pod's own file system",
        ),
        (
            "underStorage: {mounts: [{path: /a/../b, uri: 's3://b'}]}",
            "spec.underStorage.mounts[/a/../b].path: is /a/../b",
        ),
        (
            "underStorage: {mounts: [{path: /a, uri: 's3://b', configuration: {configMap: hadoop}}]}",
            "spec.underStorage.mounts[/a].configuration: is set, but uri is not on HDFS",
        ),
        (
            "underStorage: {mounts: [{path: /a, uri: 's3://b', credentials: [{option: s3a.secretKey, secretKey: {name: none, key: k}}]}]}",
            "spec.underStorage.mounts[/a].credentials[s3a.secretKey]: names Secret none, which is not there",
        ),
    ]);
}

#[test]
fn workers() {
    each(&[
        (
            "workers: [{name: a, count: 2}]",
            "spec.workers[a].count: is 2, but a DaemonSet has a worker on each node",
        ),
        (
            "workers: [{name: a, scheduling: {nodeSelector: {a: b}}}, {name: a, scheduling: {nodeSelector: {a: c}}}]",
            "spec.workers[a].name: is there twice",
        ),
        (
            "workers: [{name: masters}]",
            "spec.workers[masters].name: is one that another cluster's objects may have",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: MEM, quota: 0}]}]",
            "spec.workers[a].tiers[0].quota: is 0",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: MEM, quota: 1GB}]}]",
            "spec.workers[a].tiers[0].quota: is \"1GB\"",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: SSD, quota: 2Gi, volume: {emptyDir: {sizeLimit: 1Gi}}}]}]",
            "spec.workers[a].tiers[0].volume.emptyDir.sizeLimit: is 1Gi, less than the quota; write at least 2Gi",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: SSD, quota: 2Gi, volume: {claimTemplate: {size: 1Gi}}}]}]",
            "spec.workers[a].tiers[0].volume.claimTemplate.size: is 1Gi, less than the quota",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: SSD, quota: 1Gi, volume: {emptyDir: {}, hostPath: {path: /a}}}]}]",
            "spec.workers[a].tiers[0].volume: has more than one of",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: SSD, quota: 1Gi, path: /opt/alluxio/x}]}]",
            "spec.workers[a].tiers[0].path: is /opt/alluxio/x, and /opt is the image's",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: SSD, quota: 1Gi, path: /mnt/../a}]}]",
            "spec.workers[a].tiers[0].path: is /mnt/../a",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: SSD, quota: 1Gi, path: /mnt/a}, {mediumType: HDD, quota: 1Gi, path: /mnt/a/b}]}]",
            "spec.workers[a].tiers[1].path: is /mnt/a/b, and another folder is /mnt/a",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: SSD, quota: 1Gi, volume: {hostPath: {path: /a/../b}}}]}]",
            "spec.workers[a].tiers[0].volume.hostPath.path: is /a/../b",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: SSD, quota: 1Gi, volume: {hostPath: {path: /a}}}, {mediumType: SSD, quota: 1Gi, volume: {hostPath: {path: /a}}}]}]",
            "spec.workers[a].tiers: have the node's folder /a twice",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: SSD, quota: 1Gi, volume: {claim: {claimName: c}}}]}]",
            "spec.workers[a].tiers[].volume.claim: names c, which several workers would share",
        ),
        (
            "workers: [{name: a, kind: StatefulSet, count: 2, tiers: [{mediumType: SSD, quota: 1Gi, volume: {claim: {claimName: c}}}]}]",
            "spec.workers[a].tiers[].volume.claim: names c, which several workers would share",
        ),
        (
            "workers: [{name: a, kind: StatefulSet, tiers: [{mediumType: SSD, quota: 1Gi, volume: {claim: {claimName: c}}}, {mediumType: HDD, quota: 1Gi, volume: {claim: {claimName: c}}}]}]",
            "spec.workers[a].tiers[1].volume.claim: names c again",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: MEM, quota: 4Gi}], resources: {limits: {memory: 4Gi}}}]",
            "spec.workers[a].resources.limits.memory: is 4Gi, and the quotas of MEM with 1Gi for the worker itself are 5Gi; write at least 5Gi",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: MEM, quota: 1Gi}, {mediumType: MEM, quota: 2Gi}], resources: {limits: {memory: 3Gi}}}]",
            "spec.workers[a].resources.limits.memory: is 3Gi, and the quotas of MEM with 1Gi for the worker itself are 4Gi",
        ),
        (
            "workers: [{name: a}, {name: b}]",
            "spec.workers[b].ports.rpc: is 29999, as in spec.workers[a], and both may run on one node",
        ),
        (
            "workers: [{name: a, tiers: [{mediumType: SSD, quota: 1Gi, volume: {hostPath: {path: /a}}}]}, {name: b, ports: {rpc: 1024, web: 1025}, tiers: [{mediumType: SSD, quota: 1Gi, volume: {hostPath: {path: /a}}}]}]",
            "spec.workers[b].tiers[].volume.hostPath: is /a, as in spec.workers[a]",
        ),
        (
            "masters: {network: Host}\nworkers: [{name: a, network: Host, ports: {rpc: 19998}}]",
            "spec.workers[a].ports.rpc: is 19998, as in spec.masters",
        ),
    ]);
}

/// Affinity is looked into, on the nodes that are known; where pods shall be near each other, or not, is nothing to it.
#[test]
fn groups_that_may_meet_whatever_their_affinity() {
    let group =
        |name: &str, affinity: &str| format!("{{name: {name}, scheduling: {{affinity: {{{affinity}}}}}}}");
    let nodes = |operator: &str, values: &str| {
        format!(
            "nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: [{{key: disk, operator: {operator}, values: {values}}}]}}]}}}}"
        )
    };
    let apart = "podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname}]}";
    let told = "spec.workers[b].ports.rpc: is 29999, as in spec.workers[a], and both may run on one node";
    let groups = |a: &str, b: &str| format!("workers: [{}, {}]", group("a", a), group("b", b));
    each(&[
        (&groups(apart, ""), told),
        (&groups(&nodes("In", "[ssd, hdd]"), &nodes("In", "[hdd]")), told),
        (&groups(&nodes("In", "[ssd]"), ""), told),
        (&groups("nodeAffinity: {}", ""), told),
    ]);
    let selecting = |group: &str| {
        apart.replace(
            "topologyKey",
            &format!("labelSelector: {{matchLabels: {{alluxio.org/worker-group: {group}}}}}, topologyKey"),
        )
    };
    valid(&groups(&selecting("b"), ""));
    valid(&groups("", &selecting("a")));
    each(&[(&groups(&selecting("a"), ""), told)]);
}

#[test]
fn claims_that_workers_would_share() {
    let group = |name: &str, claim: &str, port: u16| {
        format!(
            "{{name: {name}, kind: StatefulSet, count: 1, ports: {{rpc: {port}, web: {}}}, tiers: [{{mediumType: SSD, quota: 1Gi, volume: {{claim: {{claimName: {claim}}}}}}}]}}",
            port + 1
        )
    };
    each(&[
        (
            &format!("workers: [{}, {}]", group("a", "c", 1024), group("b", "c", 1026)),
            "spec.workers[b].tiers[].volume.claim: names c, which spec.workers[a].tiers[].volume.claim has, too; use another claim",
        ),
        (
            &format!("underStorage: {{root: {{uri: null, claim: c}}}}\nworkers: [{}]", group("a", "c", 1024)),
            "spec.workers[a].tiers[].volume.claim: names c, which spec.underStorage.root.claim has, too",
        ),
        (
            &format!("journal: {{existingClaim: {{claimName: c}}}}\nworkers: [{}]", group("a", "c", 1024)),
            "spec.workers[a].tiers[].volume.claim: names c, which spec.journal has, too",
        ),
        (
            &format!("workers: [{}]", group("a", "demo-journal", 1024)),
            "spec.workers[a].tiers[].volume.claim: names demo-journal, which spec.journal has, too",
        ),
        (
            "journal: {existingClaim: {claimName: c}}\nunderStorage: {root: {uri: null, claim: c}}",
            "spec.underStorage.root.claim: names c, which spec.journal has, too; use another claim",
        ),
    ]);
    valid(&format!("workers: [{}, {}]", group("a", "c", 1024), group("b", "d", 1026)));
}

#[test]
fn nodes_that_a_groups_pod_template_chooses() {
    let group = |template: &str| format!("workers: [{{name: a, podTemplate: {{spec: {template}}}}}]");
    each(&[
        (
            &group("{nodeSelector: {disk: ssd}}"),
            "spec.workers[a].podTemplate.spec.nodeSelector: is not looked at when it is decided where workers stay; use spec.workers[a].scheduling.nodeSelector",
        ),
        (
            &group("{affinity: {nodeAffinity: {}}}"),
            "spec.workers[a].podTemplate.spec.affinity: is not looked at when it is decided where workers stay; use spec.workers[a].scheduling.affinity",
        ),
    ]);
    valid("masters: {podTemplate: {spec: {nodeSelector: {disk: ssd}}}}");
}

#[test]
fn parts_that_the_api_server_keeps_as_they_are() {
    each(&[
        (
            "masters: {podTemplate: {spec: {containers: [{name: x, args: one}]}}}",
            "spec.masters.podTemplate.spec.containers[0].args: invalid type",
        ),
        (
            "masters: {podTemplate: {metdata: {labels: {a: b}}}}",
            "spec.masters.podTemplate.metdata: is no field of Kubernetes",
        ),
        (
            "masters: {scheduling: {affinity: {nodeAffinity: {requiredDuringScheduling: {}, preferredDuringSchedulingIgnoredDuringExecution: 1}}}}",
            "spec.masters.scheduling.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution: invalid type",
        ),
        (
            "workers: [{name: a, scheduling: {affinity: {podAntiAfinity: {a: 1}}}}]",
            "spec.workers[a].scheduling.affinity.podAntiAfinity: is no field of Kubernetes",
        ),
        (
            "workers: [{name: a, podTemplate: {spec: {volumes: [{nam: x}]}}}]",
            "spec.workers[a].podTemplate.spec.volumes[0].nam: is no field of Kubernetes",
        ),
    ]);
}

#[test]
fn names() {
    let told = |name: &str| {
        let mut cluster = cluster("{}");
        cluster.metadata.name = Some(name.to_owned());
        validate(&cluster, &facts()).map(drop).map_err(|refusals| refusals.to_string())
    };
    assert_eq!(told(&"a".repeat(LONGEST_NAME)), Ok(()));
    let long = told(&"a".repeat(LONGEST_NAME + 1)).unwrap_err();
    assert!(long.starts_with("metadata.name: aaaa") && long.contains("has 41 characters"), "{long}");
    for name in ["1a", "a-", "A", "a.b", ""] {
        let told = told(name).unwrap_err();
        assert!(told.contains("is no name of a service"), "{told}");
    }
    let mut cluster = cluster("workers: [{name: abcdefghijkl, kind: StatefulSet}]");
    cluster.metadata.name = Some("a".repeat(LONGEST_NAME));
    let told = validate(&cluster, &facts()).unwrap_err().to_string();
    assert!(told.starts_with("spec.workers[abcdefghijkl].name: makes the StatefulSet's name"), "{told}");
}

#[test]
fn an_operator_without_a_release_asks_for_an_image() {
    let mut facts = facts();
    facts.release = None;
    let told = validate(&cluster("{}"), &facts).unwrap_err().to_string();
    assert!(told.starts_with("spec.image.master: is not set, and this operator does not know"), "{told}");
    assert!(validate(&cluster("image: {master: a, worker: b}"), &facts).is_ok());
    assert!(validate(&cluster("image: {repository: a, tag: b}"), &facts).is_ok());
}

#[test]
fn all_mistakes_are_told_at_once() {
    let refusals =
        refusals("masters: {count: 3}\nproperties: {s3a.secretKey: x}\nworkers: [{name: a, count: 1}]");
    assert_eq!(refusals.0.len(), 4, "{refusals}");
    assert_eq!(refusals.reason(), crate::crd::Reason::InvalidSpec);
    let missing = super::refusals("zookeeper: {addressesFrom: {name: none, key: a}}");
    assert_eq!(missing.reason(), crate::crd::Reason::MissingReference);
}

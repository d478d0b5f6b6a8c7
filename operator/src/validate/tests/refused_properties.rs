//! Refusals of properties and of credentials outside of Secrets.

use super::*;

#[test]
fn properties_that_the_operator_owns() {
    each(&[
        (
            "properties: {alluxio.master.hostname: a}",
            "spec.properties[alluxio.master.hostname]: is set by the operator; take it out",
        ),
        (
            "properties: {alluxio.master.rpc.port: '1'}",
            "spec.properties[alluxio.master.rpc.port]: is set by the operator; use spec.masters.ports.rpc",
        ),
        (
            "properties: {alluxio.master.port: '1'}",
            "spec.properties[alluxio.master.port]: is set by the operator; use spec.masters.ports.rpc",
        ),
        (
            "properties: {alluxio.master.web.port: '1'}",
            "spec.properties[alluxio.master.web.port]: is set by the operator; use spec.masters.ports.web",
        ),
        (
            "properties: {alluxio.worker.hostname: a}",
            "spec.properties[alluxio.worker.hostname]: is set by the operator",
        ),
        (
            "properties: {alluxio.worker.container.hostname: a}",
            "spec.properties[alluxio.worker.container.hostname]: is set by the operator",
        ),
        (
            "properties: {alluxio.worker.rpc.port: '1'}",
            "spec.properties[alluxio.worker.rpc.port]: is set by the operator; use spec.workers[].ports.rpc",
        ),
        (
            "properties: {alluxio.worker.web.port: '1'}",
            "spec.properties[alluxio.worker.web.port]: is set by the operator; use spec.workers[].ports.web",
        ),
        (
            "properties: {alluxio.zookeeper.enabled: 'true'}",
            "spec.properties[alluxio.zookeeper.enabled]: is set by the operator; use spec.zookeeper",
        ),
        (
            "properties: {alluxio.zookeeper.address: 'a:1'}",
            "spec.properties[alluxio.zookeeper.address]: is set by the operator; use spec.zookeeper.addresses",
        ),
        (
            "properties: {alluxio.zookeeper.election.path: /a}",
            "spec.properties[alluxio.zookeeper.election.path]: is set by the operator; use spec.zookeeper.chroot",
        ),
        (
            "properties: {alluxio.zookeeper.leader.path: /a}",
            "spec.properties[alluxio.zookeeper.leader.path]: is set by the operator; use spec.zookeeper.chroot",
        ),
        (
            "properties: {alluxio.zookeeper.session.timeout: 5s}",
            "spec.properties[alluxio.zookeeper.session.timeout]: is set by the operator; use spec.zookeeper.sessionTimeoutSeconds",
        ),
        (
            "properties: {java.security.auth.login.config: /a}",
            "spec.properties[java.security.auth.login.config]: is set by the operator; use spec.zookeeper.auth",
        ),
        (
            "properties: {alluxio.master.journal.folder: /a}",
            "spec.properties[alluxio.master.journal.folder]: is set by the operator; use spec.journal",
        ),
        (
            "properties: {alluxio.master.journal.type: UFS}",
            "spec.properties[alluxio.master.journal.type]: is set by the operator; take it out",
        ),
        (
            "properties: {alluxio.master.journal.ufs.option.dfs.blocksize: 1m}",
            "spec.properties[alluxio.master.journal.ufs.option.dfs.blocksize]: is set by the operator; use spec.journal",
        ),
        (
            "properties: {'alluxio.master.embedded.journal.addresses': 'a:1'}",
            "spec.properties[alluxio.master.embedded.journal.addresses]: is set by the operator; take it out",
        ),
        (
            "properties: {alluxio.master.mount.table.root.ufs: 's3://a'}",
            "spec.properties[alluxio.master.mount.table.root.ufs]: is set by the operator; use spec.underStorage.root.uri",
        ),
        (
            "properties: {alluxio.underfs.address: 's3://a'}",
            "spec.properties[alluxio.underfs.address]: is set by the operator; use spec.underStorage.root.uri",
        ),
        (
            "properties: {alluxio.master.mount.table.root.option.a.b: c}",
            "spec.properties[alluxio.master.mount.table.root.option.a.b]: is set by the operator; use spec.underStorage.root.options",
        ),
        (
            "properties: {alluxio.master.mount.table.root.readonly: 'true'}",
            "spec.properties[alluxio.master.mount.table.root.readonly]: is set by the operator; use spec.underStorage.root.readOnly",
        ),
        (
            "properties: {alluxio.worker.tieredstore.levels: '2'}",
            "spec.properties[alluxio.worker.tieredstore.levels]: is set by the operator; use spec.workers[].tiers",
        ),
        (
            "properties: {alluxio.worker.tieredstore.level1.dirs.path: /a}",
            "spec.properties[alluxio.worker.tieredstore.level1.dirs.path]: is set by the operator; use spec.workers[].tiers",
        ),
        (
            "properties: {alluxio.worker.ramdisk.size: 1GB}",
            "spec.properties[alluxio.worker.ramdisk.size]: is set by the operator; use spec.workers[].tiers",
        ),
        (
            "properties: {alluxio.worker.data.server.domain.socket.address: /a}",
            "spec.properties[alluxio.worker.data.server.domain.socket.address]: is set by the operator; use spec.workers[].shortCircuit",
        ),
        (
            "properties: {alluxio.work.dir: /a}",
            "spec.properties[alluxio.work.dir]: is set by the operator; take it out",
        ),
    ]);
}

#[test]
fn properties_that_alluxio_does_not_take() {
    each(&[
        (
            "properties: {alluxio.user.file.writetype: THROUGH}",
            "spec.properties[alluxio.user.file.writetype]: is no property of Alluxio; write alluxio.user.file.writetype.default",
        ),
        (
            "properties: {alluxio.nothing.of.the.kind.at.all: a}",
            "spec.properties[alluxio.nothing.of.the.kind.at.all]: is no property of Alluxio; take it out",
        ),
        (
            "properties: {alluxio.user.file.writetype.default: SOMETIMES}",
            "spec.properties[alluxio.user.file.writetype.default]: is \"SOMETIMES\";",
        ),
        (
            "properties: {alluxio.user.block.size.bytes.default: many}",
            "spec.properties[alluxio.user.block.size.bytes.default]: is \"many\";",
        ),
        (
            "properties: {alluxio.logs.dir: /a}",
            "spec.properties[alluxio.logs.dir]: is set by the operator; take it out",
        ),
        (
            "properties: {alluxio.user.block.size.bytes.default: '${alluxio.user.blocksize}'}",
            "spec.properties[alluxio.user.block.size.bytes.default]: is \"${alluxio.user.blocksize}\", and alluxio.user.blocksize is no property",
        ),
    ]);
}

#[test]
fn credentials_outside_of_secrets() {
    each(&[
        ("properties: {s3a.accessKeyId: AKIA}", "spec.properties[s3a.accessKeyId]: is a credential"),
        (
            "properties: {fs.oss.accessKeySecret: x}",
            "spec.properties[fs.oss.accessKeySecret]: is a credential",
        ),
        ("properties: {my.store.password: x}", "spec.properties[my.store.password]: is a credential"),
        (
            "underStorage: {root: {options: {s3a.secretKey: x}}}",
            "spec.underStorage.root.options[s3a.secretKey]: is a credential",
        ),
        (
            "underStorage: {mounts: [{path: /a, uri: 's3://b', options: {s3a.secretKey: x}}]}",
            "spec.underStorage.mounts[/a].options[s3a.secretKey]: is a credential",
        ),
        (
            "underStorage: {mounts: [{path: /a, uri: 'ftp://me:secret@host/'}]}",
            "spec.underStorage.mounts[/a].uri: has a password in it",
        ),
        (
            "masters: {env: [{name: S3_SECRET_KEY, value: x}]}",
            "spec.masters.env[S3_SECRET_KEY].value: reads like a credential",
        ),
        (
            "masters: {env: [{name: ALLUXIO_JAVA_OPTS, value: '-Ds3a.secretKey=x'}]}",
            "spec.masters.env[ALLUXIO_JAVA_OPTS] (-Ds3a.secretKey): is a credential",
        ),
    ]);
}

/// Variables of the template reach the same process, and count more than the operator's settings.
#[test]
fn the_pod_template_goes_round_no_rule() {
    let masters = |what: &str| {
        format!("masters: {{podTemplate: {{spec: {{containers: [{{name: alluxio-master, {what}}}]}}}}}}")
    };
    let container = "spec.masters.podTemplate.spec.containers[alluxio-master]";
    for (what, told) in [
        (
            "env: [{name: ALLUXIO_JAVA_OPTS, value: '-Dalluxio.master.rpc.port=1'}]",
            ".env[ALLUXIO_JAVA_OPTS]: has properties, which the operator must know; use spec.masters.env, or spec.properties",
        ),
        (
            "env: [{name: ALLUXIO_MASTER_JAVA_OPTS, valueFrom: {configMapKeyRef: {name: c, key: k}}}]",
            ".env[ALLUXIO_MASTER_JAVA_OPTS]: has properties",
        ),
        (
            "env: [{name: ALLUXIO_UNDERFS_ADDRESS, value: /a}]",
            ".env[ALLUXIO_UNDERFS_ADDRESS]: is set by the operator; use spec.underStorage.root.uri",
        ),
        ("env: [{name: S3_SECRET_KEY, value: x}]", ".env[S3_SECRET_KEY].value: reads like a credential"),
        (
            "envFrom: [{configMapRef: {name: c}}]",
            ".envFrom: may set what the operator sets, and cannot be looked into; name each variable in spec.masters.env",
        ),
    ] {
        each(&[(&masters(what), &format!("{container}{told}"))]);
    }
    let worker = "name: alluxio-worker, env: [{name: ALLUXIO_WORKER_JAVA_OPTS, value: '-Dalluxio.worker.tieredstore.level0.dirs.quota=1TB'}]";
    each(&[(
        &format!("workers: [{{name: a, podTemplate: {{spec: {{containers: [{{{worker}}}]}}}}}}]"),
        "spec.workers[a].podTemplate.spec.containers[alluxio-worker].env[ALLUXIO_WORKER_JAVA_OPTS]: has properties, which the operator must know; use spec.workers[a].env",
    )]);
    // Other variables, and other containers, are the user's.
    valid(&masters(
        "env: [{name: KRB5_CONFIG, value: /a}, {name: PASSWORD, valueFrom: {secretKeyRef: {name: s, key: k}}}], envFrom: []",
    ));
    let sidecar = "name: x, image: y, env: [{name: ALLUXIO_JAVA_OPTS, value: '-Da=b'}, {name: TOKEN, value: t}], envFrom: [{configMapRef: {name: c}}]";
    valid(&format!("masters: {{podTemplate: {{spec: {{containers: [{{{sidecar}}}]}}}}}}"));
}

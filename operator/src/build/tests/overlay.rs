//! The user's pod template over the operator's.

use super::*;

fn refused(patch: &str) -> String {
    build(&valid(patch), &Live::default())
        .map(drop)
        .map_or_else(|refusals| refusals.to_string(), |()| String::new())
}

#[test]
fn what_the_user_adds_is_there() {
    let pod =
        one(&valid(CASES[11].1), &Live::default(), "StatefulSet/demo-masters")["spec"]["template"].clone();
    assert_eq!(pod["metadata"]["labels"]["team"], "data");
    assert_eq!(pod["metadata"]["labels"][COMPONENT], "master");
    let containers: Vec<&Value> =
        pod["spec"]["containers"].as_array().into_iter().flatten().map(|c| &c["name"]).collect();
    assert_eq!(containers, ["alluxio-master", "sidecar"]);
    let mounts = pod["spec"]["containers"][0]["volumeMounts"].as_array().cloned().unwrap_or_default();
    assert!(mounts.iter().any(|mount| mount["mountPath"] == "/extra"));
    assert_eq!(pod["spec"]["hostAliases"][0]["ip"], "10.0.0.1");
}

#[test]
fn what_the_user_cannot_change_is_refused() {
    for (template, field) in [
        (
            "{spec: {containers: [{name: alluxio-master, image: mine}]}}",
            "spec.containers[alluxio-master].image",
        ),
        (
            "{spec: {containers: [{name: alluxio-master, args: [sleep]}]}}",
            "spec.containers[alluxio-master].args[0]",
        ),
        ("{spec: {hostNetwork: true, serviceAccountName: mine}}", "spec.serviceAccountName"),
        ("{spec: {securityContext: {runAsUser: 0}}}", "spec.securityContext.runAsUser"),
        ("{spec: {automountServiceAccountToken: true}}", "spec.automountServiceAccountToken"),
        (
            "{metadata: {labels: {app.kubernetes.io/component: mine}}}",
            "metadata.labels.app.kubernetes.io/component",
        ),
        ("{spec: {volumes: [{name: conf, emptyDir: {medium: Memory}}]}}", "spec.volumes[conf]"),
        (
            "{spec: {containers: [{name: alluxio-master, volumeMounts: [{name: x, mountPath: /tmp}]}]}}",
            "spec.containers[alluxio-master].volumeMounts[/tmp].name",
        ),
    ] {
        let told = refused(&format!("masters: {{podTemplate: {template}}}"));
        assert!(
            told.starts_with(&format!("spec.masters.podTemplate.{field}: is set by the operator")),
            "{template}\n{told}"
        );
    }
}

/// One of which the spec decides whether the operator sets it.
#[test]
fn a_variable_of_the_operators_is_not_overridden() {
    let container = "{name: alluxio-master, env: [{name: HADOOP_USER_NAME, value: x}]}";
    let masters = format!("masters: {{podTemplate: {{spec: {{containers: [{container}]}}}}}}");
    assert_eq!(refused(&masters), "");
    let told = refused(&format!("{masters}\njournal: {{uri: 'hdfs://n/j'}}"));
    let field = "spec.masters.podTemplate.spec.containers[alluxio-master].env[HADOOP_USER_NAME]";
    assert!(told.starts_with(field), "{told}");
}

#[test]
fn workers_have_one_too() {
    let told = refused(
        "workers: [{name: a, podTemplate: {spec: {containers: [{name: alluxio-worker, image: mine}]}}}]",
    );
    assert!(
        told.starts_with("spec.workers[a].podTemplate.spec.containers[alluxio-worker].image: is set"),
        "{told}"
    );
    assert_eq!(
        refused("workers: [{name: a, podTemplate: {spec: {dnsConfig: {nameservers: [1.1.1.1]}}}}]"),
        ""
    );
}

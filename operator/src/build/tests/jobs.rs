//! The Jobs.

use super::*;

fn args(job: &k8s_openapi::api::batch::v1::Job) -> Vec<String> {
    let pod = job.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).expect("has a pod");
    pod.containers[0].args.clone().expect("has arguments")
}

#[test]
fn the_format_job_says_whose_journal_it_is() {
    let cluster = valid("{}");
    let plain = args(&format_job(&cluster, &FormatRequest::default()));
    assert_eq!(
        plain,
        [
            "alluxio",
            "clusterMarker",
            "claim",
            "--owner",
            "data/demo",
            "--uid",
            "uid-1",
            "--report",
            "/dev/termination-log"
        ]
    );
    let request = FormatRequest { known: Some("k".into()), adopt: Some("a".into()) };
    let told = args(&format_job(&cluster, &request)).join(" ");
    assert!(told.contains("--known k --adopt a"), "{told}");
}

#[test]
fn the_deletion_job_names_the_cluster() {
    let told = args(&deletion_job(&valid("{}"), "id-1")).join(" ");
    assert!(told.contains("clusterMarker remove --owner data/demo --cluster id-1"), "{told}");
}

#[test]
fn a_job_reaches_the_journal_and_zookeeper_and_nothing_else() {
    let cluster = valid(
        "zookeeper: {addresses: ['z:1'], auth: {name: jaas, key: jaas.conf}}
underStorage: {root: {credentials: [{option: s3a.secretKey, secretKey: {name: s3, key: secret}}]}}",
    );
    let job = serde_json::to_value(format_job(&cluster, &FormatRequest::default())).expect("is JSON");
    let pod = &job["spec"]["template"]["spec"];
    let volumes: Vec<&Value> =
        pod["volumes"].as_array().into_iter().flatten().map(|volume| &volume["name"]).collect();
    assert_eq!(volumes, ["conf", "work", "tmp", "journal", "zookeeper-login"]);
    assert!(!pod.to_string().contains("s3"), "{pod}");
    assert_eq!(
        (&pod["restartPolicy"], &job["spec"]["backoffLimit"]),
        (&Value::from("Never"), &Value::from(3))
    );
    let seconds = deletion_job(&cluster, "id").spec.and_then(|spec| spec.active_deadline_seconds);
    assert!(seconds.is_some_and(|seconds| seconds < 120));
}

/// A Job's pod must be taken neither for a master nor for a worker.
#[test]
fn a_jobs_pod_is_no_master() {
    let job = serde_json::to_value(format_job(&valid("{}"), &FormatRequest::default())).expect("is JSON");
    assert_eq!(job["spec"]["template"]["metadata"]["labels"][COMPONENT], "format");
    let with_network =
        serde_json::to_value(format_job(&valid("masters: {network: Host}"), &FormatRequest::default()));
    assert!(with_network.expect("is JSON")["spec"]["template"]["spec"]["containers"][0]["ports"].is_null());
}

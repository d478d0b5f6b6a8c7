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
            "--wait",
            "90",
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

/// A namespace with a ResourceQuota on processors and memory refuses a pod in which one container says nothing.
#[test]
fn every_container_says_what_it_needs() {
    let cluster = valid(
        "workers: [{name: a, tiers: [{mediumType: SSD, quota: 1Gi, volume: {hostPath: {path: /d, prepare: true}}}]}]",
    );
    let mut pods = 0;
    for object in all(&cluster, &Live::default()) {
        let Some(pod) = object.pointer("/spec/template/spec") else { continue };
        pods += 1;
        let lists = [&pod["containers"], &pod["initContainers"]];
        for container in lists.into_iter().filter_map(Value::as_array).flatten() {
            for path in ["requests/cpu", "requests/memory", "limits/memory"] {
                let amount = container["resources"].pointer(&format!("/{path}"));
                assert!(amount.is_some_and(Value::is_string), "{} {path}", container["name"]);
            }
        }
    }
    assert_eq!(pods, 4, "masters, workers, two Jobs");
}

/// A keytab for HDFS, an authority, a name that only the template knows: the journal is not reached without.
#[test]
fn a_job_has_what_the_masters_template_mounts() {
    let cluster = valid(
        "masters:
  podTemplate:
    metadata: {annotations: {mesh/inject: 'false'}}
    spec:
      hostAliases: [{ip: 10.0.0.1, hostnames: [nn]}]
      volumes: [{name: keytab, secret: {secretName: k}}, {name: unused, emptyDir: {}}]
      containers:
      - {name: sidecar, image: busybox, volumeMounts: [{name: unused, mountPath: /x}]}
      - name: alluxio-master
        env: [{name: KRB5_CONFIG, value: /etc/keytab/krb5.conf}]
        volumeMounts: [{name: keytab, mountPath: /etc/keytab}, {name: work, mountPath: /again}]
journal: {uri: 'hdfs://n/j'}",
    );
    for job in [format_job(&cluster, &FormatRequest::default()), deletion_job(&cluster, "id")] {
        let template = serde_json::to_value(job.spec.expect("has a spec").template).expect("is JSON");
        let pod = &template["spec"];
        let containers = pod["containers"].as_array().expect("are some");
        assert_eq!(containers.len(), 1, "it could never end");
        let names = |list: &Value| -> Vec<String> {
            let items = list.as_array().into_iter().flatten();
            items.map(|item| item["name"].as_str().unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(names(&containers[0]["volumeMounts"]), ["conf", "work", "tmp", "keytab", "work"]);
        assert_eq!(names(&pod["volumes"]), ["conf", "work", "tmp", "keytab"]);
        assert!(names(&containers[0]["env"]).contains(&"KRB5_CONFIG".to_owned()), "{pod}");
        assert_eq!(pod["hostAliases"][0]["ip"], "10.0.0.1");
        assert_eq!(template["metadata"]["annotations"]["mesh/inject"], "false");
    }
}

/// Where a claim is bound to the zone, or the disk, of the first pod that uses it, a master could never follow.
#[test]
fn a_job_runs_where_the_masters_template_puts_masters() {
    let cluster = valid(
        "masters:
  podTemplate:
    spec:
      nodeSelector: {disk: ssd}
      tolerations: [{key: b, operator: Exists}]
      schedulerName: s
      runtimeClassName: r
      imagePullSecrets: [{name: registry}]
      affinity:
        nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: Exists}]}]}}
        podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: h, labelSelector: {matchLabels: {a: b}}}]}
      containers: []",
    );
    let masters = serde_json::to_value(build(&cluster, &Live::default()).expect("is built").masters);
    let masters = masters.expect("is JSON")["spec"]["template"]["spec"].clone();
    let jobs =
        [format_job(&cluster, &FormatRequest::default()), deletion_job(&cluster, "id"), reads_job(&cluster)];
    for job in jobs {
        let pod = serde_json::to_value(job).expect("is JSON")["spec"]["template"]["spec"].clone();
        for field in ["nodeSelector", "tolerations", "schedulerName", "runtimeClassName", "imagePullSecrets"]
        {
            assert!(!pod[field].is_null(), "{field}");
            assert_eq!(pod[field], masters[field], "{field}");
        }
        let nodes = "requiredDuringSchedulingIgnoredDuringExecution";
        assert_eq!(pod["affinity"]["nodeAffinity"][nodes], masters["affinity"]["nodeAffinity"][nodes]);
        assert!(pod["affinity"]["podAffinity"].is_null(), "it would wait for others");
    }
}

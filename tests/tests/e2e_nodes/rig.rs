//! The rig's own nodes: they run the product's images, reach each other, share volumes, get lost and return.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use alluxio_tests::{e2e::patient, kube::Scenario};
use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, Pod, Service};
use kube::{
    Api,
    api::{LogParams, PostParams},
    runtime::wait::await_condition,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

fn limit() -> Duration {
    patient(Duration::from_secs(120))
}

/// What the rig itself runs in pods: has a shell.
const RIG: &str = "localhost/rig:1";

fn from<T: DeserializeOwned>(value: Value) -> Result<T> {
    Ok(serde_json::from_value(value)?)
}

/// A pod on that node, for a user who is not root, as the strictest rules of Kubernetes want it.
fn pod(name: &str, node: usize, image: &str, command: Value) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"name": name}},
        "spec": {
            "nodeName": format!("node{node}"),
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsUser": 1000, "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "main",
                "image": image,
                "imagePullPolicy": "Never",
                "args": command,
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    })
}

/// A pod of the rig's image that runs a shell's line, with the shared claim `common` where it asks for it.
fn shell(name: &str, node: usize, line: &str, with_claim: bool) -> Value {
    let mut pod = pod(name, node, RIG, json!([]));
    pod["spec"]["containers"][0]["command"] = json!(["/bin/sh", "-c", line]);
    if with_claim {
        pod["spec"]["containers"][0]["volumeMounts"] = json!([{"name": "common", "mountPath": "/common"}]);
        pod["spec"]["volumes"] =
            json!([{"name": "common", "persistentVolumeClaim": {"claimName": "common"}}]);
    }
    pod
}

fn phase(pod: Option<&Pod>) -> Option<&str> {
    pod?.status.as_ref()?.phase.as_deref()
}

/// What a pod has printed that runs to its end.
async fn printed(pods: &Api<Pod>, pod: Value) -> Result<String> {
    let name = pod["metadata"]["name"].as_str().context("a pod without a name")?.to_owned();
    pods.create(&PostParams::default(), &from(pod)?).await?;
    let ended = |pod: Option<&Pod>| matches!(phase(pod), Some("Succeeded" | "Failed"));
    let pod = timeout(limit(), await_condition(pods.clone(), &name, ended))
        .await
        .with_context(|| format!("the pod {name} has not ended after {:?}", limit()))??;
    let log = pods.logs(&name, &LogParams::default()).await?;
    ensure!(phase(pod.as_ref()) == Some("Succeeded"), "the pod {name} failed: {log}");
    Ok(log)
}

async fn wait_until_running(pods: &Api<Pod>, name: &str) -> Result<Pod> {
    let runs = |pod: Option<&Pod>| phase(pod) == Some("Running");
    let pod = timeout(limit(), await_condition(pods.clone(), name, runs)).await;
    pod.with_context(|| format!("the pod {name} does not run after {:?}", limit()))??.context("no pod")
}

/// Whether the node says of itself that it is ready; anything but "True" is not.
fn is_ready(node: Option<&Node>) -> bool {
    let conditions = node.and_then(|node| node.status.as_ref()?.conditions.as_ref());
    conditions.into_iter().flatten().any(|one| one.type_ == "Ready" && one.status == "True")
}

async fn wait_until_node(nodes: &Api<Node>, name: &str, ready: bool) -> Result<()> {
    let wanted = move |node: Option<&Node>| is_ready(node) == ready;
    timeout(limit(), await_condition(nodes.clone(), name, wanted))
        .await
        .with_context(|| format!("{name} is still ready={} after {:?}", !ready, limit()))??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_run_the_images() -> Result<()> {
    let scenario = Scenario::begin("nodes_run_the_images").await?;
    let pods: Api<Pod> = Api::namespaced(scenario.client(), scenario.namespace());
    let images =
        scenario.rig(&["in-node", "1", "ctr", "--namespace", "k8s.io", "images", "list", "--quiet"])?;
    let image =
        images.lines().find(|name| name.contains("alluxio-master")).context("no image of the master")?;
    for node in 1..=3 {
        let version =
            printed(&pods, pod(&format!("on-{node}"), node, image, json!(["alluxio", "version"]))).await?;
        ensure!(version.trim() == env!("CARGO_PKG_VERSION"), "node {node}: {version}");
    }
    scenario.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_reach_each_other_and_share_volumes() -> Result<()> {
    let scenario = Scenario::begin("pods_reach_each_other_and_share_volumes").await?;
    let pods: Api<Pod> = Api::namespaced(scenario.client(), scenario.namespace());
    let post = PostParams::default();
    let claim = json!({
        "metadata": {"name": "common"},
        "spec": {"storageClassName": "shared", "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Mi"}}},
    });
    Api::<PersistentVolumeClaim>::namespaced(scenario.client(), scenario.namespace())
        .create(&post, &from(claim)?)
        .await?;
    let line = "echo said on $HOSTNAME >/common/index.html && exec httpd -f -p 8080 -h /common";
    pods.create(&post, &from(shell("web", 1, line, true))?).await?;
    let service = json!({
        "metadata": {"name": "web"},
        "spec": {"selector": {"name": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    let services: Api<Service> = Api::namespaced(scenario.client(), scenario.namespace());
    let service = services.create(&post, &from(service)?).await?;
    wait_until_running(&pods, "web").await?;

    // By its name, from another node: the service's rules come a moment after the pod.
    let line = format!(
        "for i in $(seq 50); do wget -q -O - http://web.{}.svc.cluster.local && exit; sleep 0.2; done; exit 1",
        scenario.namespace()
    );
    let answer = printed(&pods, shell("asks", 3, &line, false)).await?;
    ensure!(answer.trim() == "said on web", "{answer}");
    let file = printed(&pods, shell("reads", 2, "cat /common/index.html", true)).await?;
    ensure!(file.trim() == "said on web", "{file}");
    // From outside of the nodes, where servers of the tests run.
    let address = service.spec.and_then(|spec| spec.cluster_ip).context("a service without an address")?;
    let mut stream = TcpStream::connect((&*address, 80))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.contains("said on web"), "{answer}");
    scenario.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_lost_and_return() -> Result<()> {
    let scenario = Scenario::begin("nodes_are_lost_and_return").await?;
    let nodes: Api<Node> = Api::all(scenario.client());
    let pods: Api<Pod> = Api::namespaced(scenario.client(), scenario.namespace());
    // It says once a second whether it still runs.
    let line = "i=0; while :; do i=$((i + 1)); echo $i; sleep 1; done";
    pods.create(&PostParams::default(), &from(shell("counts", 2, line, false))?).await?;
    wait_until_running(&pods, "counts").await?;

    scenario.rig(&["node-kill", "3"])?;
    scenario.rig(&["api-cut", "2"])?;
    let cut = Instant::now();
    wait_until_node(&nodes, "node3", false).await?;
    wait_until_node(&nodes, "node2", false).await?;
    ensure!(is_ready(Some(&nodes.get("node1").await?)), "node1 is not ready either");
    scenario.rig(&["node-up", "3"])?;
    wait_until_node(&nodes, "node3", true).await?;
    scenario.rig(&["api-join", "2"])?;
    wait_until_node(&nodes, "node2", true).await?;
    let away = cut.elapsed().as_secs();
    // What ran on the node that was only cut off has gone on.
    let counted = async || -> Result<u64> {
        let log = pods.logs("counts", &LogParams::default()).await?;
        Ok(log.lines().last().context("it printed nothing")?.parse()?)
    };
    while counted().await? < away {
        ensure!(cut.elapsed() < 2 * limit(), "counted only to {} in {away} s", counted().await?);
        sleep(Duration::from_secs(1)).await;
    }
    let pod = pods.get("counts").await?;
    let restarts = pod.status.and_then(|status| Some(status.container_statuses?.first()?.restart_count));
    ensure!(restarts == Some(0), "{restarts:?} restarts");
    scenario.finish().await
}

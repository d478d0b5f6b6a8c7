//! Clients on a worker's node read without the network: through its socket, or its own files.

use std::{process::Command, time::Duration};

use alluxio_tests::{
    e2e::{Deployed, Operator, kubectl_with, patient},
    java::Artifacts,
    kube::Scenario,
    web,
};
use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::{available::single, ha::LIMIT};

const READS: Duration = Duration::from_secs(120);
/// Of the file that is read.
const SIZE: i64 = 3_000_000;
/// MD5 of so many zeros.
const CHECKSUM: &str = "c9fc2d3dd83ab67a129ac10b09c9ebbb";

/// A pod on that node with the original's shell, run from the machine's own folders: no image has a JVM.
/// `folder` of the node is at `seen` for it.
fn java_pod(node: &str, (folder, seen): (&str, &str), options: &[String], words: &[&str]) -> Result<Value> {
    let java = Command::new("sh").args(["-c", "readlink -f $(command -v java)"]).output()?;
    let java = String::from_utf8(java.stdout)?.trim().to_owned();
    let mut command = vec!["chroot".to_owned(), "/machine".to_owned(), java, "-Xmx256m".to_owned()];
    command.extend(options.iter().cloned());
    command.extend(["-cp".to_owned(), Artifacts::of("2.9.6")?.class_path()]);
    command.push("alluxio.cli.fs.FileSystemShell".to_owned());
    command.extend(words.iter().map(|word| (*word).to_owned()));
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "java"},
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "containers": [{
                "name": "java",
                "image": "localhost/rig:1",
                "imagePullPolicy": "Never",
                "command": command,
                "volumeMounts": [
                    {"name": "machine", "mountPath": "/machine"},
                    {"name": "folder", "mountPath": format!("/machine{seen}")},
                ],
            }],
            "volumes": [
                {"name": "machine", "hostPath": {"path": "/"}},
                {"name": "folder", "hostPath": {"path": folder}},
            ],
        },
    }))
}

fn counter(metrics: &Value, name: &str) -> i64 {
    let of_name =
        |full: &str| full.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let counters = metrics["counters"].as_object();
    counters
        .into_iter()
        .flatten()
        .filter(|(full, _)| of_name(full))
        .filter_map(|(_, it)| it["count"].as_i64())
        .sum()
}

/// What workers have counted.
#[derive(Debug)]
struct Sent {
    socket: i64,
    network: i64,
}

/// What all workers have sent so far.
fn sent(workers: &[Pod]) -> Result<Sent> {
    let mut sent = Sent { socket: 0, network: 0 };
    for worker in workers {
        let ip = worker.status.as_ref().and_then(|status| status.pod_ip.clone()).context("no address")?;
        let metrics = block_in_place(|| web::get_json_at(&ip, 30000, "/metrics/json/"))?;
        sent.socket += counter(&metrics, "Worker.BytesReadDomain");
        sent.network += counter(&metrics, "Worker.BytesReadRemote");
    }
    Ok(sent)
}

/// A Java client in a pod on the node of a worker reads a file that is there; what workers sent of it. The node's folder is at `seen` for it.
async fn java_reads(
    cluster: &Deployed<'_>,
    namespace: &str,
    (folder, seen): (&str, &str),
    option: Option<&str>,
) -> Result<Sent> {
    // A client on node 1 writes to the worker there, which then has all of it.
    let workers = cluster.pods("worker").await?;
    let worker = workers
        .iter()
        .find(|pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.as_deref() == Some("node1")));
    let worker = worker.context("no worker on node1")?;
    let node = worker.status.as_ref().and_then(|status| status.host_ip.clone()).context("no node")?;
    let write = format!(
        "head -c {SIZE} /dev/zero >/tmp/f && alluxio fs -Dalluxio.user.hostname={node} copyFromLocal /tmp/f /file"
    );
    cluster.exec(&worker.name_any(), &["/bin/sh", "-c", &write])?;
    let before = sent(&workers)?;
    let mut options: Vec<_> =
        cluster.client_settings()?.iter().map(|(name, value)| format!("-D{name}={value}")).collect();
    options.push(format!("-Dalluxio.user.hostname={node}"));
    options.extend(option.map(str::to_owned));
    let pod = java_pod("node1", (folder, seen), &options, &["checksum", "/file"])?;
    kubectl_with(namespace, &["apply", "--filename", "-"], &pod.to_string())?;
    let limit = format!("--timeout={}s", patient(READS).as_secs());
    let done = cluster.kubectl(&["wait", "pod/java", "--for=jsonpath={.status.phase}=Succeeded", &limit]);
    let log = cluster.kubectl(&["logs", "java"])?;
    done.with_context(|| log.clone())?;
    ensure!(log.contains(CHECKSUM), "another checksum: {log}");
    let after = sent(&workers)?;
    let sent = Sent { socket: after.socket - before.socket, network: after.network - before.network };
    println!("of {SIZE} bytes workers sent {sent:?}");
    Ok(sent)
}

/// The example of one master, with this group of workers.
async fn with_group<'a>(scenario: &'a Scenario, group: &Value) -> Result<Deployed<'a>> {
    let cluster = Deployed::apply(scenario, "demo", &single(scenario)?)?;
    cluster.edit(&json!({"spec": {"workers": [group]}}))?;
    cluster.available(LIMIT).await?;
    Ok(cluster)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_java_client_in_a_pod_reads_through_the_socket_of_its_node() -> Result<()> {
    let scenario = Scenario::begin("a_java_client_in_a_pod_reads_through_the_socket_of_its_node").await?;
    let operator = Operator::install(&[])?;
    let folder = format!("/srv/local/{}", scenario.namespace());
    let group = json!({"name": "default", "shortCircuit": {"mode": "UUID", "hostPath": folder}});
    let cluster = with_group(&scenario, &group).await?;
    let uuid = "-Dalluxio.worker.data.server.domain.socket.as.uuid=true";
    let sent = java_reads(&cluster, scenario.namespace(), (&folder, "/opt/domain"), Some(uuid)).await?;
    ensure!(sent.socket >= SIZE && sent.network == 0, "not all went through the socket: {sent:?}");
    operator.is_content()?;
    scenario.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_java_client_in_a_pod_reads_the_files_of_its_nodes_worker() -> Result<()> {
    let scenario = Scenario::begin("a_java_client_in_a_pod_reads_the_files_of_its_nodes_worker").await?;
    let operator = Operator::install(&[])?;
    let folder = format!("/srv/local/{}", scenario.namespace());
    let volume = json!({"hostPath": {"path": folder, "prepare": true}});
    let tier = json!({"mediumType": "SSD", "quota": "256Mi", "path": folder, "volume": volume});
    let group = json!({"name": "default", "tiers": [tier], "shortCircuit": {"mode": "Local"}});
    let cluster = with_group(&scenario, &group).await?;
    let sent = java_reads(&cluster, scenario.namespace(), (&folder, &folder), None).await?;
    ensure!(sent.socket == 0 && sent.network == 0, "a worker sent what the client can read itself: {sent:?}");
    operator.is_content()?;
    scenario.finish().await
}

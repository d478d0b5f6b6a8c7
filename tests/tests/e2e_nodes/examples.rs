//! The other examples: files in S3, and a cluster on the nodes' own network.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use alluxio_tests::{
    e2e::{
        ADDRESS, Deployed, Operator, Outside, Writer, example, java_shell, kubectl, kubectl_with, patient,
        peers_of, promised, ready_pods,
    },
    kube::Scenario,
    s3::{self, S3},
};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::{task::block_in_place, time::sleep};

use super::{
    fields::{look, settled, site},
    ha::{LIMIT, TOLD},
    roll::ROLL,
};

const AVAILABLE: Duration = Duration::from_secs(60);
/// The longest time without an acknowledged write when the leader's pod is deleted.
const DELETED: Duration = Duration::from_secs(3);
const WRITES: usize = 30;
/// How often a client's connections are looked at: some may be short.
const LOOKS: usize = 10;
const MASTER_PORT: u16 = 19998;
const WORKER_PORT: u16 = 29999;

#[tokio::test(flavor = "multi_thread")]
async fn files_in_s3() -> Result<()> {
    let scenario = Scenario::begin("files_in_s3").await?;
    let operator = Operator::install(&[])?;
    let server = block_in_place(|| S3::start_at(ADDRESS, &["bucket"]))?;
    // As the master says where it is missing: the root exists before. A folder is there by what is in it.
    std::fs::create_dir(server.file("bucket", "data"))?;
    std::fs::write(server.file("bucket", "data/there"), "")?;
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s3"},
        "stringData": {"access": s3::KEY_ID, "secret": s3::SECRET},
    });
    kubectl_with(scenario.namespace(), &["apply", "--filename", "-"], &secret.to_string())?;
    // The server is none of Amazon's, the nodes are small, and have their disks elsewhere.
    let here = format!(
        "alluxio.underfs.s3.region: us-east-1\n        alluxio.underfs.s3.endpoint: http://{}\n        \
         alluxio.underfs.s3.disable.dns.buckets: \"true\"\n        alluxio.underfs.s3.max.error.retry: \"4\"",
        server.at()
    );
    let text = example("s3.yaml")?
        .replace("alluxio.underfs.s3.region: eu-central-1", &here)
        .replace("/mnt/disks/alluxio", &format!("/srv/local/{}", scenario.namespace()))
        .replace("quota: 4Gi", "quota: 256Mi")
        .replace("quota: 200Gi", "quota: 1Gi");
    kubectl("default", &["label", "nodes", "node1", "node2", "disk=ssd", "--overwrite"])?;
    let cluster = Deployed::apply(&scenario, "s3", &text)?;
    promised("files in S3, from kubectl apply to Available", cluster.available(LIMIT).await?, AVAILABLE)?;
    let workers = cluster.pods("worker").await?;
    ensure!(
        ready_pods(&workers).len() == 2,
        "a worker on each node with the label: {:?}",
        ready_pods(&workers)
    );
    cluster.leader_is_known_everywhere("s3-masters-0").await?;
    cluster.runs_the_tests()?;
    cluster.exec(
        "s3-masters-0",
        &["/bin/sh", "-c", "echo hello >/tmp/f && alluxio fs copyFromLocal /tmp/f /hello"],
    )?;
    let object = server.file("bucket", "data/hello");
    ensure!(std::fs::read_to_string(&object)? == "hello\n", "not in the bucket as it was written");
    the_key_is_another_one(&scenario, &cluster).await?;
    kubectl("default", &["label", "nodes", "node1", "node2", "disk-"])?;
    operator.is_content()?;
    scenario.finish().await?;
    server.finish()
}

/// The root's credentials come from another Secret, and an option that can be spared is taken out.
async fn the_key_is_another_one(scenario: &Scenario, cluster: &Deployed<'_>) -> Result<()> {
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "other"},
        "stringData": {"id": s3::KEY_ID, "key": s3::SECRET},
    });
    kubectl_with(scenario.namespace(), &["apply", "--filename", "-"], &secret.to_string())?;
    let of = |secret: &str, key: &str| json!({"valueFrom": {"secretKeyRef": {"name": secret, "key": key}}});
    let before = [("access key", of("s3", "access")), ("secret key", of("s3", "secret"))];
    let after = [("access key", of("other", "id")), ("secret key", of("other", "key"))];
    let retries = "alluxio.master.mount.table.root.option.alluxio.underfs.s3.max.error.retry";
    let master = "s3-masters-0";
    look(&cluster.pod(master).await?, &before, true)?;
    ensure!(site(cluster, master, retries)? == "4", "the option is not in the master's settings");
    let credential =
        |option: &str, key: &str| json!({"option": option, "secretKey": {"name": "other", "key": key}});
    cluster.edit(&json!({"spec": {"underStorage": {"root": {
        "credentials": [credential("s3a.accessKeyId", "id"), credential("s3a.secretKey", "key")],
        "options": {"alluxio.underfs.s3.max.error.retry": null},
    }}}}))?;
    cluster.until("the edit is rolled", ROLL, settled).await?;
    let pod = cluster.pod(master).await?;
    look(&pod, &before, false)?;
    look(&pod, &after, true)?;
    ensure!(site(cluster, master, retries)?.is_empty(), "the option is left");
    cluster
        .exec(master, &["/bin/sh", "-c", "echo again >/tmp/g && alluxio fs copyFromLocal /tmp/g /again"])
        .map(drop)
}

/// No client is connected to an address of the pods' network, which it would not reach from outside; one is to such a port of a node.
fn are_of_nodes(who: &str, peers: &BTreeSet<SocketAddr>, port: u16) -> Result<()> {
    let of_nodes = "--output=jsonpath={.items[*].status.addresses[?(@.type==\"InternalIP\")].address}";
    let nodes = kubectl("default", &["get", "nodes", of_nodes])?;
    let nodes: BTreeSet<IpAddr> = nodes.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    println!("{who} was connected to {peers:?}, nodes are {nodes:?}");
    // ZooKeeper and HDFS are outside, too.
    let elsewhere: Vec<_> =
        peers.iter().filter(|peer| peer.ip() != ADDRESS && !nodes.contains(&peer.ip())).collect();
    ensure!(elsewhere.is_empty(), "{who} is connected to {elsewhere:?}, and nodes are {nodes:?}");
    let asked = |peer: &&SocketAddr| nodes.contains(&peer.ip()) && peer.port() == port;
    ensure!(peers.iter().any(|peer| asked(&peer)), "{who} is connected to port {port} of no node: {peers:?}");
    Ok(())
}

/// Whom a writer is connected to, a few times.
async fn peers(writer: &Writer) -> Result<BTreeSet<SocketAddr>> {
    let mut all = BTreeSet::new();
    for _ in 0..LOOKS {
        all.extend(writer.peers()?);
        sleep(Duration::from_millis(200)).await;
    }
    Ok(all)
}

/// Content goes to a worker and comes from one.
fn content_goes_by_nodes(settings: &[(String, String)]) -> Result<()> {
    const CONTENT: &str = "from outside\n";
    let files = tempfile::tempdir()?;
    let file = files.path().join("content");
    std::fs::write(&file, CONTENT)?;
    let mut shell = java_shell(settings, files.path())?;
    let read = block_in_place(|| {
        let file = file.to_str().context("a path that is no text")?;
        shell.run(&["copyFromLocal", file, "/from_outside"])?;
        shell.text(&["cat", "/from_outside"])
    })?;
    ensure!(read == CONTENT, "{read:?} was read");
    // It keeps them for later commands.
    let peers = peers_of(shell.process())?;
    are_of_nodes("Java, after a file was written and read,", &peers, WORKER_PORT)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_outside_of_the_pod_network_use_the_nodes_addresses() -> Result<()> {
    let scenario = Scenario::begin("clients_outside_of_the_pod_network_use_the_nodes_addresses").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::start()?;
    outside.configure(scenario.namespace())?;
    // This HDFS has a name service, so its settings are named, too.
    let named = "configuration: {configMap: hadoop}\n";
    let text = outside
        .adapted(&example("host-network.yaml")?)
        .replace("/alluxio/journal\n", &format!("/alluxio/journal\n    {named}"))
        .replace("/data\n", &format!("/data\n      {named}"))
        .replace("path: /data/alluxio\n", &format!("path: /srv/local/{}\n", scenario.namespace()))
        .replace("quota: 500Gi", "quota: 1Gi");
    let cluster = Deployed::apply(&scenario, "outside", &text)?;
    promised(
        "on the nodes' network, from kubectl apply to Available",
        cluster.available(LIMIT).await?,
        AVAILABLE,
    )?;
    let leader = cluster.serving().await?.context("no master serves")?;
    cluster.leader_is_known_everywhere(&leader.pod).await?;
    cluster.runs_the_tests()?;
    let (conf, settings) = (cluster.client_conf()?, cluster.client_settings()?);
    content_goes_by_nodes(&settings)?;
    let mut java = Writer::start_java(&settings, &conf, "/written_by_java")?;
    java.goes_on(WRITES, patient(LIMIT)).await?;
    are_of_nodes("Java, before the leader is deleted,", &peers(&java).await?, MASTER_PORT)?;
    let (from, before) = (java.files() - 1, cluster.serving().await?.context("no master serves")?);
    cluster.kubectl(&["delete", "pod", &before.pod, "--wait=false"])?;
    let (serving, told) = cluster.led_after(before.term, LIMIT).await?;
    println!("{} serves after {}", serving.pod, before.pod);
    java.goes_on(WRITES, patient(LIMIT)).await?;
    are_of_nodes("Java, after the leader was deleted,", &peers(&java).await?, MASTER_PORT)?;
    promised(
        "on the nodes' network, the leader is deleted: Java's largest gap",
        java.largest_gap_since(from),
        DELETED,
    )?;
    promised("another master leads: status and Service agree", told, TOLD)?;
    println!("{} files were acknowledged, and all are there", java.finish().await?);

    // Back to the pods' network.
    let on_the_nodes = [("network", json!({"hostNetwork": true}))];
    let pods = async || anyhow::Ok([cluster.pods("master").await?, cluster.pods("worker").await?].concat());
    pods().await?.iter().try_for_each(|pod| look(pod, &on_the_nodes, true))?;
    let mut group = cluster.seen().await?["spec"]["workers"][0].clone();
    group["network"] = "Pod".into();
    cluster.edit(&json!({"spec": {"masters": {"network": null}, "workers": [group]}}))?;
    cluster.until("all pods are on their own network", ROLL, settled).await?;
    pods().await?.iter().try_for_each(|pod| look(pod, &on_the_nodes, false))?;
    let leader = cluster.serving().await?.context("no master serves")?;
    cluster.leader_is_known_everywhere(&leader.pod).await?;
    cluster.runs_the_tests()?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

//! The other examples: files in S3, and a cluster on the nodes' own network.

use std::time::Duration;

use alluxio_tests::{
    e2e::{
        ADDRESS, Deployed, Operator, Outside, Writer, example, kubectl, kubectl_with, patient, promised,
        ready_pods,
    },
    kube::Scenario,
    s3::{self, S3},
};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::task::block_in_place;

use super::ha::{LIMIT, TOLD};

const AVAILABLE: Duration = Duration::from_secs(60);
/// The longest time without an acknowledged write when the leader's pod is deleted.
const DELETED: Duration = Duration::from_secs(3);
const WRITES: usize = 30;

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
         alluxio.underfs.s3.disable.dns.buckets: \"true\"",
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
    kubectl("default", &["label", "nodes", "node1", "node2", "disk-"])?;
    operator.is_content()?;
    scenario.finish().await?;
    server.finish()
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
        .replace(
            "path: /data/alluxio\n",
            &format!("path: /srv/local/{}\n              prepare: true\n", scenario.namespace()),
        )
        .replace("quota: 500Gi", "quota: 1Gi");
    let cluster = Deployed::apply(&scenario, "outside", &text)?;
    promised(
        "on the nodes' network, from kubectl apply to Available",
        cluster.available(LIMIT).await?,
        AVAILABLE,
    )?;
    cluster.runs_the_tests()?;
    let (conf, settings) = (cluster.client_conf()?, cluster.client_settings()?);
    let mut java = Writer::start_java(&settings, &conf, "/written_by_java")?;
    java.goes_on(WRITES, patient(LIMIT)).await?;
    let (from, before) = (java.files() - 1, cluster.serving().await?.context("no master serves")?);
    cluster.kubectl(&["delete", "pod", &before.pod, "--wait=false"])?;
    let (serving, told) = cluster.led_after(before.term, LIMIT).await?;
    println!("{} serves after {}", serving.pod, before.pod);
    java.goes_on(WRITES, patient(LIMIT)).await?;
    promised(
        "on the nodes' network, the leader is deleted: Java's largest gap",
        java.largest_gap_since(from),
        DELETED,
    )?;
    promised("another master leads: status and Service agree", told, TOLD)?;
    println!("{} files were acknowledged, and all are there", java.finish().await?);
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

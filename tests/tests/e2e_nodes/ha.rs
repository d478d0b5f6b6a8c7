//! Three masters, with ZooKeeper and the journal on HDFS outside of the cluster.

use std::{env, time::Duration};

use alluxio_tests::{
    e2e::{Deployed, Operator, Outside, Writer, example, patient, promised, ready_pods},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};

const LIMIT: Duration = Duration::from_secs(180);
/// From `kubectl apply` on, with the images on the nodes.
const AVAILABLE: Duration = Duration::from_secs(60);
/// The longest time without an acknowledged write when the leader's pod is deleted.
const DELETED: Duration = Duration::from_secs(3);
/// Until status and Service name the master that serves.
const TOLD: Duration = Duration::from_secs(3);
/// So many writes are waited for around each fault.
const WRITES: usize = 50;

/// How often each fault happens: `E2E_ROUNDS`.
fn rounds() -> usize {
    env::var("E2E_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

/// The example of three masters, with what it needs.
fn ha(scenario: &Scenario, outside: &Outside) -> Result<String> {
    outside.configure(scenario.namespace())?;
    Ok(outside.adapted(&example("ha-hdfs.yaml")?))
}

#[tokio::test(flavor = "multi_thread")]
async fn three_masters_with_a_journal_on_hdfs() -> Result<()> {
    let scenario = Scenario::begin("three_masters_with_a_journal_on_hdfs").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::start()?;
    let cluster = Deployed::apply(&scenario, "ha", &ha(&scenario, &outside)?)?;
    promised("three masters, from kubectl apply to Available", cluster.available(LIMIT).await?, AVAILABLE)?;
    let masters = cluster.pods("master").await?;
    ensure!(ready_pods(&masters).len() == 3, "{:?}", ready_pods(&masters));
    let leader = cluster.serving().await?.context("no master serves")?;
    cluster.leader_is_known_everywhere(&leader).await?;
    cluster.runs_the_tests()?;
    promised("status and Service name the leader", cluster.agrees(TOLD).await?, TOLD)?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_hardly_notice_that_the_leader_is_deleted() -> Result<()> {
    let scenario = Scenario::begin("writers_hardly_notice_that_the_leader_is_deleted").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::start()?;
    let cluster = Deployed::apply(&scenario, "ha", &ha(&scenario, &outside)?)?;
    cluster.available(LIMIT).await?;
    let mut writer = Writer::start(&cluster.client_conf()?, "/written").await?;
    let mut longest = Duration::ZERO;
    for round in 0..rounds() {
        writer.goes_on(WRITES, patient(LIMIT)).await?;
        let leader = cluster.serving().await?.context("no master serves")?;
        cluster.kubectl(&["delete", "pod", &leader, "--wait=false"])?;
        let other = |object: &serde_json::Value| {
            object["status"]["leader"]["pod"].as_str().is_some_and(|pod| pod != leader)
        };
        cluster.until("another master leads", LIMIT, other).await?;
        let told = cluster.agrees(TOLD).await?;
        longest = longest.max(told);
        writer.goes_on(WRITES, patient(LIMIT)).await?;
        cluster
            .until("all masters are back", LIMIT, |object| object["status"]["phase"] == "Available")
            .await?;
        println!("round {round}: {leader} was deleted");
    }
    let written = writer.finish().await?;
    println!("{} files were acknowledged, and all are there", written.files());
    promised("the leader is deleted: the largest gap between writes", written.largest_gap(), DELETED)?;
    promised("another master leads: status and Service agree", longest, TOLD)?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

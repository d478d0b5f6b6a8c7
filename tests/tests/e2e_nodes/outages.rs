//! What the cluster stands on is away for a minute: ZooKeeper, or the API server.

use std::{collections::BTreeMap, time::Duration};

use alluxio_tests::{
    e2e::{Asker, Deployed, Operator, Streams, Writer, patient, promised},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::ha::{Journal, LIMIT};

/// How long what is away stays away.
const AWAY: Duration = Duration::from_secs(60);
/// A leader answers until its lease ends: nine tenths of the session of 10 s, after it was last renewed, which it is six times in a session. One
/// second is left for the machine.
const LEASE_LEFT: Duration = Duration::from_secs(6);
/// Until the condition says so.
const UNREACHABLE: Duration = Duration::from_secs(15);
/// Until files are written again.
const WRITES_AGAIN: Duration = Duration::from_secs(15);
/// A call that comes when the lease has ended is held: the session may be renewed yet. Without an answer the master gives it up after two sessions and some.
const REFUSED: Duration = Duration::from_secs(30);
/// Without a word of the API server a leader that was killed is replaced as always.
const KILLED: Duration = Duration::from_secs(8);
/// Until the status is true after the API server's return.
const TRUE_AGAIN: Duration = Duration::from_secs(30);
const WRITES: usize = 30;

/// All pods of a cluster, and how often their containers were started again.
async fn restarts(cluster: &Deployed<'_>) -> Result<BTreeMap<String, (String, i32)>> {
    let mut all = BTreeMap::new();
    for component in ["master", "worker"] {
        for pod in cluster.pods(component).await? {
            let name = pod.name_any();
            let count = cluster.restarts(&name).await?;
            all.insert(name, (pod.uid().unwrap_or_default(), count));
        }
    }
    Ok(all)
}

fn zookeeper_is(object: &Value, status: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|one| one["type"] == "ZooKeeperReachable" && one["status"] == status)
}

async fn zookeeper_is_away(name: &str, journal: Journal) -> Result<()> {
    let scenario = Scenario::begin(name).await?;
    let operator = Operator::install(&[])?;
    let mut outside = journal.outside()?;
    let cluster = journal.cluster(&scenario, &outside).await?;
    let mut writer = Writer::start(&cluster.client_conf()?, "/written").await?;
    writer.goes_on(WRITES, patient(LIMIT)).await?;
    let leader = cluster.serving().await?.context("no master serves")?.pod;
    let asker = Asker::start(&cluster.conf_of_master(&leader)?, "/written").await?;
    let streams = Streams::open(&cluster.client_conf()?, "/streams").await?;
    let before = restarts(&cluster).await?;
    outside.zookeeper.kill(0)?;
    let gone = Instant::now();
    cluster.until("ZooKeeperReachable is False", LIMIT, |object| zookeeper_is(object, "False")).await?;
    promised("ZooKeeper is away: until the condition says so", gone.elapsed(), UNREACHABLE)?;
    sleep_until(gone + AWAY).await;
    ensure!(cluster.serving().await?.is_none(), "a master serves though its lease must have ended");

    // The lease has ended once, not earlier than it had to; what is asked from then on is answered, with UNAVAILABLE.
    let answers = asker.finish().await?;
    let (read, wrote) = (answers.last_answer - gone, writer.last().context("nothing was written")? - gone);
    println!("ZooKeeper is away: the last answer after {read:.2?}, the last write after {wrote:.2?}");
    ensure!(read >= LEASE_LEFT && wrote >= LEASE_LEFT, "the leader gave up early: {read:.2?}, {wrote:.2?}");
    let refused = answers.first_refusal.context("nothing was refused")? - gone;
    promised("ZooKeeper is away: until reads are refused", refused, REFUSED)?;
    ensure!(answers.last_answer - gone <= refused, "answers after a refusal");
    // Workers need no master for what is open.
    let streams = streams.went_on(gone)?;

    outside.zookeeper.launch(0)?;
    outside.zookeeper.wait(0)?;
    let back = Instant::now();
    writer.goes_on(1, patient(LIMIT)).await?;
    promised("ZooKeeper is back: until a file is written", back.elapsed(), WRITES_AGAIN)?;
    writer.goes_on(WRITES, patient(LIMIT)).await?;
    let bytes = streams.finish().await?;
    println!("{bytes} bytes were read and written by streams that were open all the time");
    cluster.until("ZooKeeperReachable is True", LIMIT, |object| zookeeper_is(object, "True")).await?;
    cluster.available(LIMIT).await?;
    let after = restarts(&cluster).await?;
    ensure!(after == before, "pods were started again: {before:?} {after:?}");
    println!("{} files were acknowledged, and all are there", writer.finish().await?);
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn zookeeper_is_away_for_a_minute() -> Result<()> {
    zookeeper_is_away("zookeeper_is_away_for_a_minute", Journal::SharedVolume).await
}

#[tokio::test(flavor = "multi_thread")]
async fn zookeeper_is_away_for_a_minute_with_a_journal_on_hdfs() -> Result<()> {
    zookeeper_is_away("zookeeper_is_away_for_a_minute_with_a_journal_on_hdfs", Journal::Hdfs).await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    /// It takes connections and never answers.
    Stopped,
    /// Connections are refused.
    Killed,
}

async fn the_api_server_is_away(name: &str, how: Gone) -> Result<()> {
    let scenario = Scenario::begin(name).await?;
    let operator = Operator::install(&[])?;
    let outside = Journal::SharedVolume.outside()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    let mut writer = Writer::start(&cluster.client_conf()?, "/written").await?;
    writer.goes_on(WRITES, patient(LIMIT)).await?;
    let mut before = restarts(&cluster).await?;
    let leader = cluster.serving().await?.context("no master serves")?;
    let process = cluster.process_of(&leader.pod).await?;
    let from = writer.files() - 1;
    scenario.rig(&["signal", "kube-apiserver", if how == Gone::Killed { "KILL" } else { "STOP" }])?;
    let gone = Instant::now();
    let killed = process.signal(&scenario, "KILL");
    let wrote = writer.goes_on(WRITES, patient(AWAY / 2)).await;
    sleep_until(gone + AWAY).await;
    match how {
        Gone::Stopped => scenario.rig(&["signal", "kube-apiserver", "CONT"])?,
        Gone::Killed => scenario.rig(&["api-up"])?,
    };
    let back = Instant::now();
    killed.and(wrote)?;
    promised(
        "no API server, the leader is killed: the largest gap between writes",
        writer.largest_gap_since(from),
        KILLED,
    )?;
    cluster.status_agrees(LIMIT).await?;
    promised("the API server is back: until the status is true", back.elapsed(), TRUE_AGAIN)?;
    // Who is behind a Service is told by Kubernetes' own controllers, which have waited longer and longer between their tries.
    cluster.agrees(LIMIT).await?;
    println!("the API server is back: the Service leads to the leader after {:.1?}", back.elapsed());
    cluster.available(LIMIT).await?;
    let after = restarts(&cluster).await?;
    before.entry(leader.pod.clone()).and_modify(|(_, count)| *count += 1);
    ensure!(after == before, "more than {} was started again: {before:?} {after:?}", leader.pod);
    println!("{} files were acknowledged, and all are there", writer.finish().await?);
    // It ends with its lease, once: the one that is started in its place waits for the API server.
    operator.is_content_after(1)?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_is_away_for_a_minute() -> Result<()> {
    the_api_server_is_away("the_api_server_is_away_for_a_minute", Gone::Stopped).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_ends_and_returns_after_a_minute() -> Result<()> {
    the_api_server_is_away("the_api_server_ends_and_returns_after_a_minute", Gone::Killed).await
}

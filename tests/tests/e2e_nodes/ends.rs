//! Clusters are deleted: what shall stay stays, what shall go goes, and nothing hangs, whatever is gone already.

use std::{collections::BTreeSet, time::Duration};

use alluxio_tests::{
    e2e::{Deployed, Operator, Outside, Writer, all_are_there, patient, promised},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use zookeeper_client::Client;

use super::ha::{Journal, LIMIT};

/// The time for which the object may be held, and what its pods may take to end before.
pub const GONE: Duration = Duration::from_secs(150);
const WRITES: usize = 100;

/// Makes empty files in `/written`, so many; and `/content`.
pub async fn some_files(cluster: &Deployed<'_>) -> Result<usize> {
    let mut writer = Writer::start(&cluster.client_conf()?, "/written").await?;
    writer.goes_on(WRITES, patient(LIMIT)).await?;
    // One with content, which is in the under storage too.
    let put = "echo what was written >/tmp/f && alluxio fs copyFromLocal /tmp/f /content && alluxio fs persist /content";
    let master = cluster.serving().await?.context("no master serves")?.pod;
    cluster.exec(&master, &["/bin/sh", "-c", put])?;
    writer.finish().await
}

fn delete_policy(cluster: &Deployed<'_>) -> Result<()> {
    cluster.edit(&json!({"spec": {"deletionPolicy": "Delete"}}))
}

async fn the_finalizer_is_there(cluster: &Deployed<'_>) -> Result<()> {
    let has = |object: &serde_json::Value| {
        object["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty())
    };
    cluster.until("the finalizer is there", LIMIT, has).await.map(drop)
}

/// What is in ZooKeeper of a cluster.
async fn is_in_zookeeper(outside: &Outside, scenario: &Scenario, name: &str) -> Result<bool> {
    let client = Client::connect(&outside.zookeeper.address()).await?;
    let folder = format!("/alluxio/{}/{name}", scenario.namespace());
    Ok(client.check_stat(&folder).await?.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_applied_again_finds_its_files() -> Result<()> {
    let scenario = Scenario::begin("a_cluster_that_is_applied_again_finds_its_files").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::zookeeper()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    let count = some_files(&cluster).await?;
    let id = cluster.seen().await?["status"]["journal"]["clusterId"].clone();
    promised("with Retain, from kubectl delete to the last pod's end", cluster.delete(GONE).await?, GONE)?;
    cluster.kubectl(&["get", "pvc", "shared-journal", "files"])?;
    let again = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    ensure!(again.seen().await?["status"]["journal"]["clusterId"] == id, "another journal");
    all_are_there(&again.client_conf()?, "/written", count).await?;
    let content = again.exec("shared-masters-0", &["alluxio", "fs", "cat", "/content"])?;
    ensure!(content == "what was written\n", "{content:?}");
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_on_hdfs_is_deleted_with_its_cluster() -> Result<()> {
    let scenario = Scenario::begin("a_journal_on_hdfs_is_deleted_with_its_cluster").await?;
    let operator = Operator::install(&[])?;
    let mut outside = Outside::start()?;
    let cluster = Journal::Hdfs.cluster(&scenario, &outside).await?;
    delete_policy(&cluster)?;
    some_files(&cluster).await?;
    ensure!(is_in_zookeeper(&outside, &scenario, "ha").await?, "ZooKeeper knows nothing of the cluster");
    the_finalizer_is_there(&cluster).await?;
    promised("with Delete, from kubectl delete to the last pod's end", cluster.delete(GONE).await?, GONE)?;
    // Folders may be left, empty: others may have put something there. And the term that the deletion has claimed: a master that was cut off and comes
    // back finds itself deposed, also where another journal was made there meanwhile.
    let (_, listing) = outside.hdfs()?.try_shell("root", &["-ls", "-R", "/alluxio/journal"])?;
    let files = listing.lines().filter(|line| line.starts_with('-'));
    let (of_terms, files): (Vec<_>, Vec<_>) =
        files.partition(|line| line.contains("/alluxio/journal/terms/"));
    let term = |line: &&str| line.rsplit('/').nth(1).unwrap_or_default().to_owned();
    let terms: BTreeSet<_> = of_terms.iter().map(term).collect();
    ensure!(
        files.is_empty() && of_terms.len() <= 2 && terms.len() <= 1,
        "of the journal is left: {files:?} {of_terms:?}"
    );
    let content = outside.hdfs()?.shell("root", &["-cat", "/data/content"])?;
    ensure!(content.trim() == "what was written", "{content:?}");
    ensure!(!is_in_zookeeper(&outside, &scenario, "ha").await?, "ZooKeeper still knows the cluster");
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_are_deleted_with_their_cluster() -> Result<()> {
    let scenario = Scenario::begin("claims_are_deleted_with_their_cluster").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::zookeeper()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    delete_policy(&cluster)?;
    the_finalizer_is_there(&cluster).await?;
    promised("with Delete, from kubectl delete to the last pod's end", cluster.delete(GONE).await?, GONE)?;
    cluster.kubectl(&["wait", "--for=delete", "pvc/shared-journal", "--timeout=60s"])?;
    cluster.kubectl(&["get", "pvc", "files"])?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hangs_when_zookeeper_is_gone() -> Result<()> {
    let scenario = Scenario::begin("nothing_hangs_when_zookeeper_is_gone").await?;
    let operator = Operator::install(&[])?;
    let mut outside = Outside::zookeeper()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    delete_policy(&cluster)?;
    the_finalizer_is_there(&cluster).await?;
    outside.zookeeper.kill(0)?;
    promised(
        "ZooKeeper is gone: from kubectl delete to the last pod's end",
        cluster.delete(GONE).await?,
        GONE,
    )?;
    // What could not be done is told, and nothing of it was done by halves: the claim with the journal is there.
    let told = cluster.kubectl(&[
        "get",
        "events",
        "--field-selector=reason=JournalLeft,type=Warning",
        "--output=jsonpath={.items[*].message}",
    ])?;
    println!("the event: {told}");
    ensure!(told.contains("the journal at") && told.contains("remove them by hand"), "it says {told:?}");
    cluster.kubectl(&["get", "pvc", "shared-journal", "files"])?;
    outside.zookeeper.launch(0)?;
    outside.zookeeper.wait(0)?;
    ensure!(is_in_zookeeper(&outside, &scenario, "shared").await?, "ZooKeeper has forgotten the cluster");
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hangs_when_hdfs_is_gone() -> Result<()> {
    let scenario = Scenario::begin("nothing_hangs_when_hdfs_is_gone").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::start()?;
    let cluster = Journal::Hdfs.cluster(&scenario, &outside).await?;
    delete_policy(&cluster)?;
    the_finalizer_is_there(&cluster).await?;
    outside.finish()?;
    promised(
        "HDFS and ZooKeeper are gone: from kubectl delete to the last pod's end",
        cluster.delete(GONE).await?,
        GONE,
    )?;
    let events =
        cluster.kubectl(&["get", "events", "--field-selector", "reason=JournalLeft", "--output", "name"])?;
    ensure!(!events.trim().is_empty(), "no event says that the journal is left");
    operator.is_content()?;
    scenario.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hangs_when_the_namespace_is_deleted() -> Result<()> {
    let scenario = Scenario::begin("nothing_hangs_when_the_namespace_is_deleted").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::zookeeper()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    delete_policy(&cluster)?;
    the_finalizer_is_there(&cluster).await?;
    let took = scenario.delete_namespace().await?;
    promised("from kubectl delete namespace to its end", took, GONE)?;
    operator.is_content()?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hangs_when_the_operator_was_uninstalled_first() -> Result<()> {
    let scenario = Scenario::begin("nothing_hangs_when_the_operator_was_uninstalled_first").await?;
    let first = Operator::install(&[])?;
    let outside = Outside::zookeeper()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    let count = some_files(&cluster).await?;
    delete_policy(&cluster)?;
    the_finalizer_is_there(&cluster).await?;
    first.uninstall()?;
    promised("no operator: from kubectl delete to the last pod's end", cluster.delete(GONE).await?, GONE)?;
    // It is installed again, and the cluster as well: nobody was there to delete its journal.
    let operator = Operator::install(&[])?;
    let again = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    all_are_there(&again.client_conf()?, "/written", count).await?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

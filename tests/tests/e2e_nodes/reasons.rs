//! What goes wrong with a cluster, one thing after the other: each is told with its reason, and gone when it is mended as the message says.
//! `tests/e2e/fields.tsv` counts on it.

use std::time::Duration;

use alluxio_tests::{
    e2e::{Deployed, Operator, Outside, Writer, kubectl_with, patient},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    fields::settled,
    ha::{LIMIT, shared_claim},
    roll::{ROLL, property, told},
};

const NO_IMAGE: &str = "there-is-none";
const CONTENT: &str = "what was written\n";

/// One that keeps its journal in a folder of a claim, where another one may find it.
fn cluster(name: &str) -> Value {
    json!({
        "apiVersion": "alluxio.org/v1alpha1",
        "kind": "AlluxioCluster",
        "metadata": {"name": name},
        "spec": {
            "journal": {"existingClaim": {"claimName": "journal", "path": "one"}},
            "underStorage": {"root": {"claim": "files"}},
        },
    })
}

/// Waits until all of these are said at a time, as `Degraded=True/InvalidSpec`; the message of the first.
async fn says(cluster: &Deployed<'_>, words: &[&str]) -> Result<String> {
    let split = |word: &str| word.split_once('=').map(|(name, rest)| (name.to_owned(), rest.to_owned()));
    let wanted: Vec<_> = words.iter().filter_map(|word| split(word)).collect();
    let all_are_said = |object: &Value| wanted.iter().all(|(name, word)| told(object, name).0 == *word);
    let took = cluster.until(&format!("it says {words:?}"), ROLL, all_are_said).await?;
    let (_, message) = told(&cluster.seen().await?, &wanted.first().context("nothing is wanted")?.0);
    println!("{words:?} after {took:.0?}: {message}");
    Ok(message)
}

async fn heals(cluster: &Deployed<'_>) -> Result<()> {
    let took = cluster.until("it is healed", ROLL, settled).await?;
    println!("healed after {took:.0?}");
    says(cluster, &["Degraded=False/AsExpected", "Available=True/LeaderServing"]).await.map(drop)
}

async fn its_first_image_is_wrong(cluster: &Deployed<'_>) -> Result<()> {
    let message = says(
        cluster,
        &["JournalReady=False/FormatFailed", "Degraded=True/JournalNotReady", "Progressing=False/Held"],
    )
    .await?;
    ensure!(message.contains(NO_IMAGE) && message.contains("spec.image"), "{message}");
    cluster.edit(&json!({"spec": {"image": null}}))?;
    heals(cluster).await
}

async fn its_workers_image_is_wrong(cluster: &Deployed<'_>) -> Result<()> {
    cluster.edit(&json!({"spec": {"image": {"worker": format!("localhost/alluxio-worker:{NO_IMAGE}")}}}))?;
    says(cluster, &["Degraded=True/WorkersNotReady", "Progressing=False/StepFailed"]).await?;
    cluster.edit(&json!({"spec": {"image": null}}))?;
    heals(cluster).await
}

async fn a_quota_refuses_its_settings(scenario: &Scenario, cluster: &Deployed<'_>) -> Result<()> {
    let quota = json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"count/configmaps": "0"}},
    });
    kubectl_with(scenario.namespace(), &["apply", "--filename", "-"], &quota.to_string())?;
    // It refuses nothing before it was counted.
    let began = Instant::now();
    loop {
        let quota: Value =
            serde_json::from_str(&cluster.kubectl(&["get", "quota/none", "--output=json"])?)?;
        if quota["status"]["used"]["count/configmaps"].is_string() {
            break;
        }
        ensure!(began.elapsed() < patient(LIMIT), "nobody counts for the quota: {quota:#}");
        sleep(Duration::from_millis(200)).await;
    }
    cluster.edit(&property("alluxio.master.worker.timeout", json!("7min")))?;
    let message = says(cluster, &["Degraded=True/ApplyFailed"]).await?;
    ensure!(message.contains("exceeded quota"), "{message}");
    cluster.kubectl(&["delete", "quota/none"])?;
    heals(cluster).await
}

/// Where the claim's folders are, on each node.
fn in_journals(scenario: &Scenario, command: &str) -> Result<()> {
    let line = format!("cd /srv/shared/*_{}_journal && {command}", scenario.namespace());
    scenario.rig(&["in-node", "1", "sh", "-c", &line]).map(drop)
}

async fn its_journal_is_away(scenario: &Scenario, cluster: &Deployed<'_>) -> Result<()> {
    cluster.edit(&json!({"spec": {"paused": true}}))?;
    says(cluster, &["Paused=True/PausedByUser"]).await?;
    cluster.kubectl(&["delete", "statefulset/wrong-masters"])?;
    cluster.kubectl(&["wait", "--for=delete", "pod/wrong-masters-0", "--timeout=100s"])?;
    in_journals(scenario, "mv one away")?;
    cluster.edit(&json!({"spec": {"paused": null}}))?;
    let message =
        says(cluster, &["JournalReady=False/JournalMissing", "Degraded=True/JournalNotReady"]).await?;
    ensure!(message.contains("bring it back"), "{message}");
    let sets = cluster.kubectl(&["get", "statefulsets", "--output=name"])?;
    ensure!(sets.trim().is_empty(), "masters without their journal: {sets}");
    in_journals(
        scenario,
        "if [ -e one ]; then echo something was made in its place; exit 1; fi; mv away one",
    )?;
    heals(cluster).await
}

/// The second one finds the journal of the first: while that lives, and after it.
async fn another_one_takes_its_journal(scenario: &Scenario, first: &Deployed<'_>) -> Result<()> {
    let id = first.seen().await?["status"]["journal"]["clusterId"].as_str().context("no id")?.to_owned();
    let second = Deployed::apply(scenario, "second", &cluster("second").to_string())?;
    let message = says(&second, &["Degraded=True/ConflictsWithCluster"]).await?;
    ensure!(message.contains("wrong") && message.contains("spec.journal"), "{message}");
    first.delete(LIMIT).await?;
    let message =
        says(&second, &["JournalReady=False/JournalForeign", "Degraded=True/JournalNotReady"]).await?;
    let adopt = format!("alluxio.org/adopt-journal={id}");
    ensure!(message.contains(&adopt), "{message}");
    second.kubectl(&["annotate", "alx/second", &adopt])?;
    heals(&second).await?;
    ensure!(second.seen().await?["status"]["journal"]["clusterId"] == id, "another journal");
    let content = second.exec("second-masters-0", &["alluxio", "fs", "cat", "/content"])?;
    ensure!(content == CONTENT, "{content:?}");

    // A single master needs no election, and may have one.
    says(&second, &["ZooKeeperReachable=Unknown/NotConfigured"]).await?;
    let endpoints = second.seen().await?["status"]["endpoints"].clone();
    ensure!(endpoints["zookeeperLeaderPath"].is_null(), "{endpoints:#}");
    let outside = Outside::zookeeper()?;
    let addresses = json!([outside.zookeeper.address()]);
    second.edit(&json!({"spec": {"zookeeper": {"addresses": addresses}}}))?;
    let elects = |object: &Value| told(object, "ZooKeeperReachable").0 == "True/Reachable" && settled(object);
    second.until("its master is elected", ROLL, elects).await?;
    let endpoints = second.seen().await?["status"]["endpoints"].clone();
    ensure!(endpoints["uri"] == format!("alluxio://zk@{}/", outside.zookeeper.address()), "{endpoints:#}");
    // What the status tells is all that a client needs.
    let mut writer = Writer::start(&second.client_conf()?, "/written").await?;
    writer.goes_on(1, patient(LIMIT)).await?;
    writer.finish().await?;
    second.delete(LIMIT).await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_and_goes_when_it_is_mended() -> Result<()> {
    let scenario = Scenario::begin("what_is_wrong_is_told_and_goes_when_it_is_mended").await?;
    let operator = Operator::install(&[])?;
    shared_claim(&scenario, "journal")?;
    shared_claim(&scenario, "files")?;
    let mut text = cluster("wrong");
    text["spec"]["image"] = json!({"tag": NO_IMAGE});
    let first = Deployed::apply(&scenario, "wrong", &text.to_string())?;
    its_first_image_is_wrong(&first).await?;
    let put = format!(
        "printf '{CONTENT}' >/tmp/f && alluxio fs copyFromLocal /tmp/f /content && alluxio fs persist /content"
    );
    first.exec("wrong-masters-0", &["/bin/sh", "-c", &put])?;
    its_workers_image_is_wrong(&first).await?;
    a_quota_refuses_its_settings(&scenario, &first).await?;
    its_journal_is_away(&scenario, &first).await?;
    another_one_takes_its_journal(&scenario, &first).await?;
    operator.is_content()?;
    scenario.finish().await
}

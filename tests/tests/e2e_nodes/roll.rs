//! Edits of the spec under writers: what is right is rolled, what is wrong changes nothing or stops at the first master.

use std::{collections::BTreeMap, time::Duration};

use alluxio_tests::{
    e2e::{Deployed, Operator, Outside, Writer, patient, promised},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    ha::{Journal, LIMIT},
    leader::rounds,
};

/// The longest time without an acknowledged write while all masters are replaced.
const GAP: Duration = Duration::from_secs(5);
/// For three masters to be replaced, one after the other.
pub const ROLL: Duration = Duration::from_secs(300);
const WRITES: usize = 30;

/// What says that a master was not touched: its pod, and when its container started.
pub async fn starts(cluster: &Deployed<'_>) -> Result<BTreeMap<String, (String, String)>> {
    let started = |pod: &Pod| {
        let container = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
        Some(container.state.as_ref()?.running.as_ref()?.started_at.as_ref()?.0.to_string())
    };
    let pods = cluster.pods("master").await?;
    Ok(pods
        .iter()
        .map(|pod| (pod.name_any(), (pod.uid().unwrap_or_default(), started(pod).unwrap_or_default())))
        .collect())
}

pub fn is_rolled(object: &Value) -> bool {
    let (status, masters) = (&object["status"], &object["status"]["masters"]);
    status["phase"] == "Available"
        && status["observedGeneration"] == object["metadata"]["generation"]
        && masters["updated"] == masters["desired"]
        && masters["ready"] == masters["desired"]
}

fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == name)
}

/// `True/MastersNotReady`, and the message.
pub fn told(object: &Value, name: &str) -> (String, String) {
    let text = |field: &str| condition(object, name).and_then(|it| it[field].as_str()).unwrap_or_default();
    (format!("{}/{}", text("status"), text("reason")), text("message").to_owned())
}

/// A cluster with two writers.
pub struct Written<'a> {
    pub cluster: Deployed<'a>,
    writers: Vec<Writer>,
}

impl<'a> Written<'a> {
    pub async fn begin(scenario: &'a Scenario, outside: &Outside) -> Result<Written<'a>> {
        let cluster = Journal::Hdfs.cluster(scenario, outside).await?;
        let (conf, settings) = (cluster.client_conf()?, cluster.client_settings()?);
        let ours = Writer::start(&conf, "/written").await?;
        let java = Writer::start_java(&settings, &conf, "/written_by_java")?;
        Ok(Written { cluster, writers: vec![ours, java] })
    }

    pub async fn go_on(&mut self) -> Result<()> {
        for writer in &mut self.writers {
            writer.goes_on(WRITES, patient(LIMIT)).await?;
        }
        Ok(())
    }

    pub fn files(&self) -> Vec<usize> {
        self.writers.iter().map(|writer| writer.files().saturating_sub(1)).collect()
    }

    pub fn gap(&self, what: &str, since: &[usize]) -> Result<()> {
        for (writer, since) in self.writers.iter().zip(since) {
            let what = format!("{what}, {}: the largest gap between writes", writer.who());
            promised(&what, writer.largest_gap_since(*since), GAP)?;
        }
        Ok(())
    }

    pub async fn finish(self) -> Result<()> {
        for writer in self.writers {
            println!("{} files were acknowledged, and all are there", writer.finish().await?);
        }
        Ok(())
    }
}

pub fn property(name: &str, value: Value) -> Value {
    json!({"spec": {"properties": {name: value}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_rolled_under_writers() -> Result<()> {
    let scenario = Scenario::begin("an_edit_is_rolled_under_writers").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::start()?;
    let mut written = Written::begin(&scenario, &outside).await?;
    for round in 0..rounds() {
        written.go_on().await?;
        let (before, files) = (starts(&written.cluster).await?, written.files());
        let leader = written.cluster.serving().await?.context("no master serves")?.pod;
        written
            .cluster
            .edit(&property("alluxio.master.worker.timeout", json!(format!("{}min", 6 + round))))?;
        let took = written.cluster.until("the edit is rolled", ROLL, is_rolled).await?;
        written.go_on().await?;
        written.gap(&format!("round {round}, an edit rolled in {took:.0?}"), &files)?;
        let after = starts(&written.cluster).await?;
        for (pod, start) in &before {
            ensure!(after.get(pod).is_some_and(|now| now.0 != start.0), "{pod} was not replaced");
        }
        let last = after.iter().max_by_key(|(_, (_, started))| started).map(|(pod, _)| pod.clone());
        ensure!(last.as_ref() == Some(&leader), "{leader} led, and {last:?} was the last: {after:?}");
    }
    written.finish().await?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_edit_touches_nobody_or_one_standby() -> Result<()> {
    let scenario = Scenario::begin("a_bad_edit_touches_nobody_or_one_standby").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::start()?;
    let mut written = Written::begin(&scenario, &outside).await?;
    let before = starts(&written.cluster).await?;
    let files = written.files();

    // No value of this property: told, and nothing is changed.
    let audit = scenario.audit().end()?;
    written.cluster.edit(&property("alluxio.master.worker.timeout", json!("soon")))?;
    let refused = |object: &Value| told(object, "Degraded").0 == "True/InvalidSpec";
    written.cluster.until("the edit is refused", LIMIT, refused).await?;
    let (_, message) = told(&written.cluster.seen().await?, "Degraded");
    ensure!(
        message.contains("spec.properties[alluxio.master.worker.timeout]") && message.contains("soon"),
        "it says {message:?}"
    );
    written.go_on().await?;
    ensure!(starts(&written.cluster).await? == before, "masters were touched");
    let changes = scenario.audit().changes_since(audit)?;
    let by_operator = changes.iter().filter(|change| {
        change.namespace == scenario.namespace()
            && change.user.contains(":alluxio-operator:")
            && !change.resource.ends_with("/status")
            && !change.resource.starts_with("events")
    });
    let by_operator: Vec<_> = by_operator.collect();
    ensure!(by_operator.is_empty(), "the operator changed {by_operator:?}");
    written.cluster.edit(&property("alluxio.master.worker.timeout", Value::Null))?;
    written.cluster.until("the edit is taken back", LIMIT, is_rolled).await?;
    ensure!(starts(&written.cluster).await? == before, "masters were touched");

    // What each master dies of, or never starts with.
    let fatal = [
        ("a property", property("alluxio.security.authentication.type", json!("CUSTOM"))),
        ("an image", json!({"spec": {"image": {"tag": "there-is-none"}}})),
    ];
    let healed =
        [property("alluxio.security.authentication.type", Value::Null), json!({"spec": {"image": null}})];
    for ((what, edit), back) in fatal.into_iter().zip(healed) {
        let before = starts(&written.cluster).await?;
        let leader = written.cluster.serving().await?.context("no master serves")?;
        written.cluster.edit(&edit)?;
        let stopped = |object: &Value| told(object, "Degraded").0 == "True/MastersNotReady";
        let took = written.cluster.until("the roll stops", ROLL, stopped).await?;
        println!("{what}: {} after {took:.0?}", told(&written.cluster.seen().await?, "Degraded").1);
        written.go_on().await?;
        let now = starts(&written.cluster).await?;
        let touched: Vec<_> = before.keys().filter(|pod| now.get(*pod) != before.get(*pod)).collect();
        ensure!(
            touched.len() == 1 && *touched[0] != leader.pod,
            "{touched:?} were touched, {} leads",
            leader.pod
        );
        ensure!(written.cluster.serving().await?.as_ref() == Some(&leader), "another one leads");
        written.cluster.edit(&back)?;
        written.cluster.until("taking it back heals it", ROLL, is_rolled).await?;
        let healed = starts(&written.cluster).await?;
        let touched: Vec<_> = before.keys().filter(|pod| healed.get(*pod) != before.get(*pod)).collect();
        ensure!(touched.len() == 1, "healing touched {touched:?}");
    }
    written.go_on().await?;
    written.gap("bad edits", &files)?;
    written.finish().await?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_goes_on_when_its_operator_is_killed() -> Result<()> {
    let scenario = Scenario::begin("a_roll_goes_on_when_its_operator_is_killed").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::start()?;
    let mut written = Written::begin(&scenario, &outside).await?;
    written.go_on().await?;
    let (before, files) = (starts(&written.cluster).await?, written.files());
    written.cluster.edit(&property("alluxio.master.worker.timeout", json!("7min")))?;
    // After each step: so many masters have been replaced.
    for step in 1..=3 {
        let replaced = move |object: &Value| {
            object["status"]["masters"]["updated"].as_i64().is_some_and(|updated| updated >= step)
                && object["status"]["observedGeneration"] == object["metadata"]["generation"]
        };
        written.cluster.until(&format!("{step} masters are replaced"), ROLL, replaced).await?;
        operator.kill()?;
        println!("the operator was killed after step {step}");
    }
    written.cluster.until("the edit is rolled", ROLL, is_rolled).await?;
    written.go_on().await?;
    written.gap("an edit is rolled by four operators", &files)?;
    let after = starts(&written.cluster).await?;
    for (pod, start) in &before {
        ensure!(after.get(pod).is_some_and(|now| now.0 != start.0), "{pod} was not replaced");
    }
    written.finish().await?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

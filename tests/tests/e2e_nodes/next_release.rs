//! An upgrade, and the way back: masters and workers of a release with a newer journal format, an operator that builds pods otherwise.
//! `scripts/next_release.sh` builds them; their images have the tag `next`.

use std::{fs, path::Path, time::Duration};

use alluxio_tests::{
    e2e::{Deployed, Operator, Outside, patient},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    ha::{Journal, LIMIT},
    operators::uids,
    roll::{ROLL, Written, is_rolled, starts, told},
};

/// What the release reads that is there, and the next one.
const FORMAT: u64 = 1;
/// For each worker to end what it does, too.
const ROLL_ALL: Duration = Duration::from_secs(600);

fn tag(tag: Value) -> Value {
    json!({"spec": {"image": {"tag": tag}}})
}

/// Masters and workers.
fn all_rolled(object: &Value) -> bool {
    let workers = &object["status"]["workers"];
    is_rolled(object) && workers["updated"] == workers["desired"] && workers["ready"] == workers["desired"]
}

fn is_written_in(object: &Value, format: u64) -> bool {
    object["status"]["journal"]["format"] == format
}

/// The tags of all images that the cluster's pods run.
async fn tags(cluster: &Deployed<'_>) -> Result<Vec<String>> {
    let mut tags = Vec::new();
    for component in ["master", "worker"] {
        for pod in cluster.pods(component).await? {
            let containers = pod.spec.context("a pod without a spec")?.containers;
            let image = containers.first().and_then(|container| container.image.clone());
            let image = image.context("a container without an image")?;
            tags.push(image.rsplit(':').next().unwrap_or_default().to_owned());
        }
    }
    tags.dedup();
    Ok(tags)
}

async fn rolls_to(written: &mut Written<'_>, what: &str, edit: &Value, wanted: &str) -> Result<()> {
    written.go_on().await?;
    let files = written.files();
    written.cluster.edit(edit)?;
    let took = written.cluster.until(what, ROLL_ALL, all_rolled).await?;
    written.go_on().await?;
    written.gap(&format!("{what} in {took:.0?}"), &files)?;
    let tags = tags(&written.cluster).await?;
    ensure!(tags == [wanted], "{what}: pods run {tags:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_goes_forth_and_back_until_the_journal_has_its_format() -> Result<()> {
    let scenario = Scenario::begin("an_image_goes_forth_and_back_until_the_journal_has_its_format").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::start()?;
    let mut written = Written::begin(&scenario, &outside).await?;
    let here = env!("CARGO_PKG_VERSION");

    // Before the format goes up, which takes ten minutes, both ways are open.
    rolls_to(&mut written, "the next image", &tag(json!("next")), "next").await?;
    rolls_to(&mut written, "back to the image before", &tag(Value::Null), here).await?;
    ensure!(is_written_in(&written.cluster.seen().await?, FORMAT), "the format went up");

    // After it only one.
    let soon = json!({"spec": {
        "image": {"tag": "next"},
        "properties": {"alluxio.master.journal.format.raise.delay": "5s"},
    }});
    rolls_to(&mut written, "the next image, to stay", &soon, "next").await?;
    written.cluster.until("the format goes up", LIMIT, |it| is_written_in(it, FORMAT + 1)).await?;
    written.go_on().await?;
    let (masters, all) = (starts(&written.cluster).await?, uids(&written.cluster).await?);
    let (files, audit) = (written.files(), scenario.audit().end()?);
    written.cluster.edit(&tag(Value::Null))?;
    let refused = |object: &Value| told(object, "Degraded").0 == "True/DowngradeRefused";
    written.cluster.until("the way back is refused", LIMIT, refused).await?;
    let (_, message) = told(&written.cluster.seen().await?, "Degraded");
    println!("{message}");
    ensure!(message.contains("spec.image") && message.contains("format 2"), "it says {message:?}");
    written.go_on().await?;
    written.gap("the way back is refused", &files)?;
    ensure!(starts(&written.cluster).await? == masters, "masters were touched");
    ensure!(uids(&written.cluster).await? == all, "pods were touched");
    let changes = scenario.audit().changes_since(audit)?;
    let sets = ["statefulsets.apps", "daemonsets.apps", "pods/eviction"];
    let touched: Vec<_> = changes
        .iter()
        .filter(|change| change.namespace == scenario.namespace() && sets.contains(&&*change.resource))
        .filter(|change| change.user.contains(":alluxio-operator:"))
        .collect();
    ensure!(touched.is_empty(), "the operator changed {touched:?}");

    // The image that runs again: nothing is to be done, and nothing is told any more.
    written.cluster.edit(&tag(json!("next")))?;
    let well = |object: &Value| told(object, "Degraded").0 == "False/AsExpected" && all_rolled(object);
    written.cluster.until("the refusal is taken back", LIMIT, well).await?;
    ensure!(starts(&written.cluster).await? == masters, "masters were touched");
    written.finish().await?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

/// Of the chart, with a definition that allows one value more.
fn changed_chart(folder: &Path) -> Result<()> {
    let copy = |from: &Path, to: &Path| -> Result<()> {
        let done = std::process::Command::new("cp").arg("-R").arg(from).arg(to).status()?;
        ensure!(done.success(), "cp {}: {done}", from.display());
        Ok(())
    };
    copy(&Operator::chart(), folder)?;
    let file = folder.join("alluxio-operator/files/alluxioclusters.yaml");
    let mut definition: Value = serde_yaml::from_str(&fs::read_to_string(&file)?)?;
    let place =
        "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/progressDeadlineSeconds/maximum";
    let maximum = definition.pointer_mut(place).context("no such bound in the definition")?;
    ensure!(*maximum == json!(86_400) || *maximum == json!(86_400.0), "it is {maximum}");
    *maximum = json!(90_000);
    fs::write(&file, serde_yaml::to_string(&definition)?)?;
    Ok(())
}

fn deadline(seconds: Value) -> Value {
    json!({"spec": {"progressDeadlineSeconds": seconds}})
}

/// Waits until the masters' set has what the next operator adds, or has it no more.
async fn is_built(cluster: &Deployed<'_>, by_the_next: bool) -> Result<()> {
    let began = Instant::now();
    loop {
        let set = cluster.kubectl(&["get", "statefulset", "shared-masters", "--output", "json"])?;
        if set.contains("NEXT_TEMPLATE") == by_the_next {
            return Ok(());
        }
        ensure!(began.elapsed() < patient(LIMIT), "by the next operator: {}", !by_the_next);
        sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until a pod that was deleted runs again, with the variable of the next operator.
async fn has_the_variable(cluster: &Deployed<'_>, pod: &str) -> Result<()> {
    let began = Instant::now();
    loop {
        let said = cluster.environment(pod);
        if said.as_ref().is_ok_and(|said| said.iter().any(|variable| variable == "NEXT_TEMPLATE=1")) {
            return Ok(());
        }
        ensure!(began.elapsed() < patient(LIMIT), "{pod}: {said:?}");
        sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_builds_pods_otherwise_restarts_none() -> Result<()> {
    let scenario = Scenario::begin("an_operator_that_builds_pods_otherwise_restarts_none").await?;
    let first = Operator::install(&[])?;
    let outside = Journal::SharedVolume.outside()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    let before = (uids(&cluster).await?, starts(&cluster).await?);
    let refused = cluster.edit(&deadline(json!(90_000)));
    ensure!(refused.is_err(), "the definition already allows what only the changed one shall");

    let folder = tempfile::tempdir()?;
    changed_chart(folder.path())?;
    let next = first.upgrade_chart(&folder.path().join("alluxio-operator"), &["image.tag=next"])?;
    cluster.edit(&deadline(json!(90_000))).context("the changed definition has no effect")?;
    // It looks after the cluster: what was edited is seen, what it builds is applied, and everything is as the spec says.
    cluster.until("the next operator looks after it", ROLL, all_rolled).await?;
    is_built(&cluster, true).await?;
    let told_at_rest = told(&cluster.seen().await?, "Progressing");
    ensure!(told_at_rest.0 == "False/Settled", "{told_at_rest:?}");
    ensure!(
        (uids(&cluster).await?, starts(&cluster).await?) == before,
        "an upgrade of the operator touched pods"
    );
    ensure!(
        tags(&cluster).await? == [env!("CARGO_PKG_VERSION")],
        "the images are not those of the first operator"
    );

    // What is built otherwise holds for the next pod.
    let leader = cluster.serving().await?.context("no master serves")?.pod;
    let standby = before.1.keys().find(|pod| **pod != leader).context("no standby")?;
    cluster.kubectl(&["delete", "pod", standby])?;
    has_the_variable(&cluster, standby).await?;
    cluster.until("the standby is back", LIMIT, all_rolled).await?;

    // And back: as other tests want it.
    cluster.edit(&deadline(Value::Null))?;
    let touched = (uids(&cluster).await?, starts(&cluster).await?);
    let operator = next.upgrade(&[])?;
    cluster.until("the operator before looks after it", ROLL, all_rolled).await?;
    is_built(&cluster, false).await?;
    ensure!((uids(&cluster).await?, starts(&cluster).await?) == touched, "the way back touched pods");
    ensure!(cluster.edit(&deadline(json!(90_000))).is_err(), "the definition is the changed one");
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn images_follow_the_operator_where_that_is_wanted() -> Result<()> {
    let scenario = Scenario::begin("images_follow_the_operator_where_that_is_wanted").await?;
    let first = Operator::install(&[])?;
    let outside = Journal::SharedVolume.outside()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    ensure!(tags(&cluster).await? == [env!("CARGO_PKG_VERSION")], "{:?}", tags(&cluster).await?);
    cluster.edit(&json!({"spec": {"imagePolicy": "FollowOperator"}}))?;
    let next = first.upgrade(&["image.tag=next"])?;
    let follows = |object: &Value| object["status"]["image"]["tag"] == "next" && all_rolled(object);
    cluster.until("the images follow", ROLL_ALL, follows).await?;
    ensure!(tags(&cluster).await? == ["next"], "{:?}", tags(&cluster).await?);
    // Pinned again they stay, whatever the operator is.
    cluster.edit(&json!({"spec": {"imagePolicy": "Pinned"}}))?;
    cluster.until("they are pinned", LIMIT, all_rolled).await?;
    let before = uids(&cluster).await?;
    let operator = next.upgrade(&[])?;
    is_built(&cluster, false).await?;
    cluster.until("the operator before looks after it", ROLL, all_rolled).await?;
    ensure!(uids(&cluster).await? == before, "pinned images were changed");
    ensure!(cluster.seen().await?["status"]["image"]["tag"] == "next", "the pin went");
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

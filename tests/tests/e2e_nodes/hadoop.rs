//! The fields of a cluster on HDFS that others do not set, and how its masters are replaced: all at once, or not in time.

use std::time::Duration;

use alluxio_tests::{
    e2e::{Deployed, Operator, Outside, promised},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    fields::{also_named, look, settled},
    ha::{Journal, LIMIT, shared_claim},
    roll::{ROLL, property, starts},
};

/// After `progressDeadlineSeconds` a step is given up; another minute for it to begin, and to be told.
const DEADLINE: u64 = 60;
const GIVEN_UP: Duration = Duration::from_secs(DEADLINE + 60);

/// The example, and two mounts.
fn spec(scenario: &Scenario, outside: &Outside) -> Result<Value> {
    let (_, text) = Journal::Hdfs.example(scenario, outside)?;
    let mut cluster: Value = serde_yaml::from_str(&text)?;
    let spec = &mut cluster["spec"];
    spec["image"] = json!({"worker": "localhost/own-worker:1"});
    spec["journal"]["user"] = "journalist".into();
    let root = spec["underStorage"]["root"]["uri"].as_str().context("no root")?.to_owned();
    let beside = |name: &str| root.replace("/data", &format!("/{name}"));
    let mounts = json!([
        {"path": "/by_map", "uri": beside("by_map"), "configuration": {"configMap": "hadoop"}},
        {"path": "/by_secret", "uri": beside("by_secret"), "configuration": {"secret": "hadoop"}},
    ]);
    spec["underStorage"]["mounts"] = mounts;
    spec["progressDeadlineSeconds"] = DEADLINE.into();
    let tier = json!({"mediumType": "HDD", "quota": "64Mi", "volume": {"claim": {"claimName": "blocks"}}});
    spec["workers"] = json!([{"name": "named", "kind": "StatefulSet", "count": 1, "tiers": [tier]}]);
    Ok(cluster)
}

/// Where the journal and the root have HDFS' settings from.
fn configured(configuration: &Value) -> Value {
    json!({"journal": {"configuration": configuration}, "underStorage": {"root": {"configuration": configuration}}})
}

fn by_map() -> Value {
    json!({"secret": null, "configMap": "hadoop"})
}

/// Without what can be taken out: HDFS' settings come from the ConfigMap, and the journal's files belong to who made them.
fn bare() -> Value {
    json!({"spec": {
        "image": null,
        "workers": null,
        "journal": {"configuration": by_map()},
        "underStorage": {"root": {"configuration": by_map()}, "mounts": null},
        "progressDeadlineSeconds": null,
        "upgradeStrategy": null,
    }})
}

fn of_worker() -> [(&'static str, Value); 2] {
    [
        ("image.worker", json!({"image": "localhost/own-worker:1"})),
        ("tiers[].volume.claim", json!({"persistentVolumeClaim": {"claimName": "blocks"}})),
    ]
}

/// HDFS' settings in a master's pod: from the ConfigMap, or from the Secret.
async fn masters_have(cluster: &Deployed<'_>, source: &Value, set: bool) -> Result<()> {
    let volume = |name: &str| {
        let mut volume = source.clone();
        volume["name"] = name.into();
        volume
    };
    let looks = [("journal's", volume("hadoop-journal")), ("root's", volume("hadoop-root"))];
    cluster.pods("master").await?.iter().try_for_each(|pod| look(pod, &looks, set))
}

fn volume_of_map() -> Value {
    json!({"configMap": {"name": "hadoop"}})
}

fn volume_of_secret() -> Value {
    json!({"secret": {"secretName": "hadoop"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_a_cluster_on_hdfs_act_and_go() -> Result<()> {
    let scenario = Scenario::begin("fields_of_a_cluster_on_hdfs_act_and_go").await?;
    let operator = Operator::install(&[])?;
    let mut outside = Outside::start()?;
    for folder in ["/by_map", "/by_secret"] {
        tokio::task::block_in_place(|| outside.hdfs()?.make_folder(folder, "777"))?;
    }
    outside.configure_by_secret(scenario.namespace())?;
    shared_claim(&scenario, "blocks")?;
    also_named(&scenario, "alluxio-worker", "own-worker:1")?;
    let text = spec(&scenario, &outside)?.to_string();
    let cluster = Deployed::apply(&scenario, "ha", &text)?;
    let said = cluster.told();
    cluster.until("all is as the spec says", ROLL, settled).await?;

    let folders = outside.hdfs()?.shell("root", &["-ls", "/alluxio"])?;
    ensure!(
        folders.lines().any(|line| line.contains("journalist") && line.ends_with("/journal")),
        "the journal is another user's: {folders}"
    );
    masters_have(&cluster, &volume_of_map(), true).await?;
    cluster.edit(&json!({"spec": configured(&json!({"secret": "hadoop", "configMap": null}))}))?;
    cluster.until("HDFS' settings come from the Secret", ROLL, settled).await?;
    masters_have(&cluster, &volume_of_map(), false).await?;
    masters_have(&cluster, &volume_of_secret(), true).await?;
    for pod in cluster.pods("worker").await? {
        look(&pod, &of_worker(), true)?;
    }
    let leader = cluster.serving().await?.context("no master serves")?.pod;
    for folder in ["by_map", "by_secret"] {
        let put = format!(
            "echo into {folder} >/tmp/f && alluxio fs -Dalluxio.user.file.writetype.default=CACHE_THROUGH \
             copyFromLocal /tmp/f /{folder}/file"
        );
        cluster.exec(&leader, &["/bin/sh", "-c", &put])?;
        let there = outside.hdfs()?.shell("root", &["-cat", &format!("/{folder}/file")])?;
        ensure!(there.trim() == format!("into {folder}"), "{there:?} is in HDFS");
    }

    // One that never starts is given up so soon, and not after the ten minutes of the default.
    cluster.edit(&json!({"spec": {"image": {"master": "localhost/alluxio-master:there-is-none"}}}))?;
    let began = tokio::time::Instant::now();
    said.has_said(&["Progressing=False/StepFailed", "Degraded=True/MastersNotReady"], GIVEN_UP).await?;
    promised("a step is given up", began.elapsed(), GIVEN_UP)?;
    cluster.edit(&json!({"spec": {"image": {"master": null}}}))?;
    cluster.until("taking it back heals it", ROLL, settled).await?;

    // All masters at once.
    let before = starts(&cluster).await?;
    let mut edit = property("alluxio.master.worker.timeout", json!("7min"));
    edit["spec"]["upgradeStrategy"] = "Recreate".into();
    cluster.edit(&edit)?;
    cluster.until("all masters are replaced", ROLL, settled).await?;
    said.has_said(&["Progressing=True/Recreating", "Available=False/NoLeader"], LIMIT).await?;
    let after = starts(&cluster).await?;
    ensure!(
        before.iter().all(|(pod, start)| after.get(pod) != Some(start)),
        "one was not replaced: {after:?}"
    );

    cluster.kubectl(&["scale", "alx/ha", "--replicas=1"])?;
    cluster
        .until("one master is left", ROLL, |it| settled(it) && it["status"]["masters"]["desired"] == 1)
        .await?;
    said.has_said(&["Progressing=True/Scaling"], LIMIT).await?;
    cluster.kubectl(&["scale", "alx/ha", "--replicas=3"])?;
    cluster.until("three again", ROLL, |it| settled(it) && it["status"]["masters"]["desired"] == 3).await?;

    // One after the other again, and a master serves nearly all the time.
    cluster.edit(&bare())?;
    cluster.until("all is taken out", ROLL, settled).await?;
    said.has_said(&["Progressing=True/Rolling"], LIMIT).await?;
    masters_have(&cluster, &volume_of_secret(), false).await?;
    for pod in cluster.pods("worker").await? {
        look(&pod, &of_worker(), false)?;
    }
    let groups = cluster.seen().await?["status"]["workers"]["groups"].clone();
    ensure!(groups[0]["name"] == "default" && groups[1].is_null(), "{groups:#}");
    cluster.kubectl(&["get", "pvc", "blocks"])?;
    let mounts = cluster.exec("ha-masters-0", &["alluxio", "fs", "mount"])?;
    ensure!(!mounts.contains("by_map") && !mounts.contains("by_secret"), "still mounted: {mounts}");
    let spec = cluster.seen().await?["spec"].clone();
    ensure!(spec["progressDeadlineSeconds"] == 600 && spec["upgradeStrategy"] == "Rolling", "{spec:#}");
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

//! One cluster that sets as many fields as it can: each is seen where it acts, in a pod or in what the master says, and is gone again when it is
//! taken out. `tests/e2e/fields.tsv` counts on it.

mod pods;
mod spec;

use std::time::Duration;

use alluxio_tests::{
    e2e::{ADDRESS, Deployed, Operator, Outside, kubectl, kubectl_with},
    kube::Scenario,
    s3::{self, S3},
    web,
};
use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::{Value, json};
use tokio::task::block_in_place;

pub use self::pods::look;
use self::{
    pods::{of_master, of_worker},
    spec::{NOWHERE, bare, full, mount},
};
use super::{
    ha::{LIMIT, shared_claim},
    operators::uids,
    roll::{is_rolled, told},
};

/// For all pods to be replaced, workers one after the other.
const ROLL: Duration = Duration::from_secs(300);
/// Until what a condition has said has come to the test.
const SAID: Duration = Duration::from_secs(5);
const HERE: &str = env!("CARGO_PKG_VERSION");
const NAME: &str = "fields";
const MASTER: &str = "fields-masters-0";

pub fn settled(object: &Value) -> bool {
    let workers = &object["status"]["workers"];
    let leaving = workers["groups"].as_array().into_iter().flatten();
    let leaving = leaving.filter_map(|group| group["leaving"].as_array()).any(|nodes| !nodes.is_empty());
    is_rolled(object)
        && !leaving
        && workers["ready"] == workers["desired"]
        && workers["updated"] == workers["desired"]
        && told(object, "Progressing").0 == "False/Settled"
}

/// What the cluster's spec refers to, and the nodes that it wants.
fn prepare(scenario: &Scenario, outside: &Outside) -> Result<()> {
    for claim in ["journal", "files"] {
        shared_claim(scenario, claim)?;
    }
    let list = json!({
        "apiVersion": "v1",
        "kind": "List",
        "items": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "zk"}, "data": {"servers": outside.zookeeper.address()}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"level": "from a map"}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s3"}, "stringData": {"access": s3::KEY_ID, "secret": s3::SECRET}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "registry"}, "type": "kubernetes.io/dockerconfigjson",
             "stringData": {".dockerconfigjson": "{\"auths\": {}}"}},
        ],
    });
    kubectl_with(scenario.namespace(), &["apply", "--filename", "-"], &list.to_string())?;
    let class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": NAME}, "value": 1000});
    kubectl_with("default", &["apply", "--filename", "-"], &class.to_string())?;
    also_named(scenario, "alluxio-master", "own-master:1")?;
    also_named(scenario, "alluxio-worker", &format!("e2e/alluxio-worker:{HERE}"))?;
    kubectl("default", &["label", "nodes", "node1", "e2e-fields=masters", "--overwrite"])?;
    kubectl("default", &["taint", "nodes", "node1", "e2e-fields=masters:NoSchedule", "--overwrite"]).map(drop)
}

/// Gives one of the images another name, on all nodes.
pub fn also_named(scenario: &Scenario, image: &str, name: &str) -> Result<()> {
    let (from, to) = (format!("localhost/{image}:{HERE}"), format!("localhost/{name}"));
    for node in ["1", "2", "3"] {
        scenario.rig(&[
            "in-node",
            node,
            "ctr",
            "--namespace",
            "k8s.io",
            "images",
            "tag",
            "--force",
            &from,
            &to,
        ])?;
    }
    Ok(())
}

/// Nodes as other tests want them. Also where it was done before.
fn tidy() -> Result<()> {
    untaint().ok();
    kubectl("default", &["label", "nodes", "node1", "e2e-fields-"])?;
    kubectl("default", &["delete", "priorityclass", NAME, "--ignore-not-found"]).map(drop)
}

fn untaint() -> Result<()> {
    kubectl("default", &["taint", "nodes", "node1", "e2e-fields-"]).map(drop)
}

/// What a container was started with from these fields.
fn variables(cluster: &Deployed<'_>, pod: &str) -> Result<Vec<String>> {
    let mut ours = cluster.environment(pod)?;
    ours.retain(|variable| variable.starts_with("E2E_"));
    ours.sort();
    Ok(ours)
}

/// A property of a pod's site file; empty where it has none.
pub fn site(cluster: &Deployed<'_>, pod: &str, name: &str) -> Result<String> {
    let file = cluster.exec(pod, &["cat", "/opt/alluxio/conf/alluxio-site.properties"])?;
    let mut values = file.lines().filter_map(|line| line.split_once('=')).filter(|(key, _)| *key == name);
    Ok(values.next().map(|(_, value)| value.to_owned()).unwrap_or_default())
}

async fn workers_of(cluster: &Deployed<'_>, group: &str) -> Result<Vec<Pod>> {
    let begins = format!("{NAME}-worker-{group}-");
    Ok(cluster.pods("worker").await?.into_iter().filter(|pod| pod.name_any().starts_with(&begins)).collect())
}

/// The fields of the status, against what is so.
async fn status_is_true(scenario: &Scenario, outside: &Outside, cluster: &Deployed<'_>) -> Result<()> {
    let object = cluster.seen().await?;
    let status = &object["status"];
    let pod = cluster.pod(MASTER).await?;
    let ip = pod.status.as_ref().and_then(|status| status.pod_ip.clone()).context("no address")?;
    let role = block_in_place(|| web::get_json_at(&ip, 20_999, "/role"))?;
    let service = format!("{NAME}-leader.{}.svc", scenario.namespace());
    for (what, is, shall) in [
        ("leader.pod", &status["leader"]["pod"], json!(MASTER)),
        ("leader.address", &status["leader"]["address"], json!(format!("{ip}:20998"))),
        ("leader.term", &status["leader"]["term"], role["term"].clone()),
        ("masters.desired", &status["masters"]["desired"], json!(1)),
        ("masters.updated", &status["masters"]["updated"], json!(1)),
        ("workers.updated", &status["workers"]["updated"], status["workers"]["desired"].clone()),
        ("workers.desired", &status["workers"]["desired"], json!(3)),
        (
            "endpoints.uri",
            &status["endpoints"]["uri"],
            json!(format!("alluxio://zk@{}/", outside.zookeeper.address())),
        ),
        ("endpoints.rpc", &status["endpoints"]["rpc"], json!(format!("{service}:20998"))),
        ("endpoints.web", &status["endpoints"]["web"], json!(format!("{service}:20999"))),
        ("image.repository", &status["image"]["repository"], json!("localhost")),
        ("image.tag", &status["image"]["tag"], json!(HERE)),
        ("journal.location", &status["journal"]["location"], json!("claim journal, folder a/b")),
        ("journal.format", &status["journal"]["format"], json!(1)),
        ("mounts[].path", &status["mounts"][0]["path"], json!("/s3")),
    ] {
        ensure!(*is == shall, "status.{what} is {is}, and not {shall}");
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    ensure!(!text(&status["mounts"][0]["digest"]).is_empty(), "{:#}", status["mounts"]);
    let selected = format!("--selector={}", text(&status["masters"]["selector"]));
    let selected = cluster.kubectl(&["get", "pods", &selected, "--output=name"])?;
    ensure!(selected.trim() == format!("pod/{MASTER}"), "status.masters.selector selects {selected:?}");
    let groups: Vec<_> = status["workers"]["groups"].as_array().into_iter().flatten().collect();
    for (name, count) in [("plain", 1), ("claims", 2)] {
        let group = groups.iter().find(|group| group["name"] == name).context("a group is not told")?;
        let all = ["desired", "ready", "updated"].iter().all(|field| group[*field] == count);
        // It stands there only while it is so.
        ensure!(all && group["rolling"].is_null(), "status.workers.groups[]: {group:#}");
    }
    let conditions: Vec<_> = status["conditions"].as_array().into_iter().flatten().collect();
    ensure!(conditions.len() == 6, "status.conditions: {conditions:#?}");
    for one in conditions {
        let time = text(&one["lastTransitionTime"]);
        ensure!(
            time.ends_with('Z') && one["observedGeneration"] == object["metadata"]["generation"],
            "{one:#}"
        );
    }
    Ok(())
}

async fn all_is_set(scenario: &Scenario, outside: &Outside, cluster: &Deployed<'_>) -> Result<()> {
    let masters = cluster.pods("master").await?;
    look(masters.first().context("no master")?, &of_master(), true)?;
    ensure!(cluster.node_of(MASTER).await? == "1", "the master is on another node");
    let plain = workers_of(cluster, "plain").await?;
    let nodes: Vec<_> = plain.iter().filter_map(|pod| pod.spec.as_ref()?.node_name.as_deref()).collect();
    ensure!(nodes == ["node1"], "workers on {nodes:?}");
    plain.iter().try_for_each(|pod| look(pod, &of_worker(), true))?;
    let worker = plain[0].name_any();
    let namespace = format!("E2E_FIELD={}", scenario.namespace());
    let wanted = [&*namespace, "E2E_MAP=from a map", "E2E_SECRET=from a secret", "E2E_VALUE=as written"];
    for pod in [MASTER, &worker] {
        let found = variables(cluster, pod)?;
        ensure!(found == wanted, "{pod} has {found:?}");
        cluster.exec(pod, &["/bin/sh", "-c", "echo written >/extra/file"])?;
    }
    for (pod, name, wanted) in [
        (MASTER, "alluxio.master.rpc.port", "20998"),
        (MASTER, "alluxio.master.web.port", "20999"),
        (MASTER, "alluxio.zookeeper.address", &outside.zookeeper.address().replace(':', "\\:")),
        (MASTER, "alluxio.zookeeper.election.path", "/own/place/election"),
        (MASTER, "alluxio.zookeeper.session.timeout", "12s"),
        (MASTER, "alluxio.master.journal.folder", "/journal/a/b"),
        (&worker, "alluxio.worker.rpc.port", "21999"),
        (&worker, "alluxio.worker.web.port", "22000"),
        (&worker, "alluxio.worker.tieredstore.level0.dirs.path", "/own/memory"),
    ] {
        let found = site(cluster, pod, name)?;
        ensure!(
            found.replace('\\', "") == wanted.replace('\\', ""),
            "{pod}: {name}={found}, and not {wanted}"
        );
    }
    let journal = cluster.exec(MASTER, &["ls", "/journal/a/b"])?;
    ensure!(!journal.trim().is_empty(), "no journal in the folder of the claim");
    let client = zookeeper_client::Client::connect(&outside.zookeeper.address()).await?;
    ensure!(client.check_stat("/own/place/leader").await?.is_some(), "ZooKeeper has no such folder");

    // Claims: one made for each worker, and one that was there.
    let claims = cluster.kubectl(&["get", "pvc", "--output", "json"])?;
    let claims: Value = serde_json::from_str(&claims)?;
    let made: Vec<_> = claims["items"].as_array().into_iter().flatten().collect();
    let made = made.iter().filter(|claim| {
        claim["spec"]["storageClassName"] == "local-path"
            && claim["spec"]["resources"]["requests"]["storage"] == "80Mi"
    });
    ensure!(made.count() == 2, "not a claim for each worker: {claims:#}");
    Ok(())
}

async fn all_is_gone(outside: &Outside, cluster: &Deployed<'_>) -> Result<()> {
    look(&cluster.pod(MASTER).await?, &of_master(), false)?;
    let plain = workers_of(cluster, "plain").await?;
    ensure!(plain.len() == 1, "{} workers on one node", plain.len());
    let set = cluster.kubectl(&["get", &format!("daemonset/{NAME}-worker-plain"), "--output", "json"])?;
    // The operator writes node affinity, too: a group that is limited has the nodes of its workers by name.
    ensure!(!set.contains(NOWHERE), "the affinity is left: {set}");
    plain.iter().try_for_each(|pod| look(pod, &of_worker(), false))?;
    let worker = plain[0].name_any();
    for pod in [MASTER, &worker] {
        let found = variables(cluster, pod)?;
        ensure!(found.is_empty(), "{pod} has {found:?}");
    }
    ensure!(workers_of(cluster, "claims").await?.len() == 1, "not one worker is left of two");
    for (pod, name, wanted) in [
        (MASTER, "alluxio.master.rpc.port", "19998"),
        (MASTER, "alluxio.zookeeper.address", &*outside.zookeeper.address()),
        (MASTER, "alluxio.zookeeper.session.timeout", "10s"),
        (&worker, "alluxio.worker.rpc.port", "29999"),
        (&worker, "alluxio.worker.tieredstore.level0.dirs.path", "/mnt/alluxio/0"),
    ] {
        let found = site(cluster, pod, name)?;
        ensure!(found.replace('\\', "") == wanted, "{pod}: {name}={found}, and not {wanted}");
    }
    let mounts = cluster.exec(MASTER, &["alluxio", "fs", "mount"])?;
    ensure!(!mounts.contains("s3://"), "it is still mounted: {mounts}");
    let status = &cluster.seen().await?["status"];
    let workers = &status["workers"];
    ensure!(workers["desired"] == 2 && workers["ready"] == 2 && workers["updated"] == 2, "{workers:#}");
    let groups = workers["groups"].as_array().into_iter().flatten();
    let groups: Vec<_> = groups.map(|group| (group["name"].clone(), group["desired"].clone())).collect();
    let wanted = ["plain", "claims"].map(|name| (json!(name), json!(1)));
    ensure!(wanted.iter().all(|group| groups.contains(group)) && groups.len() == 2, "{groups:?}");
    ensure!(status["mounts"].as_array().is_none_or(Vec::is_empty), "{:#}", status["mounts"]);
    ensure!(
        status["leader"]["address"].as_str().is_some_and(|it| it.ends_with(":19998")),
        "{:#}",
        status["leader"]
    );
    ensure!(status["endpoints"]["rpc"].as_str().is_some_and(|it| it.ends_with(":19998")), "{status:#}");
    ensure!(status["endpoints"]["web"].as_str().is_some_and(|it| it.ends_with(":19999")), "{status:#}");
    Ok(())
}

/// What is mounted is shown and read, and refuses writes until it is told otherwise.
async fn the_mount_acts(cluster: &Deployed<'_>, server: &S3) -> Result<()> {
    let printed = cluster.exec(MASTER, &["alluxio", "fs", "cat", "/s3/there"])?;
    ensure!(printed == "in the bucket\n", "{printed:?}");
    let write = "echo hello >/tmp/f && alluxio fs -Dalluxio.user.file.writetype.default=CACHE_THROUGH copyFromLocal /tmp/f /s3/new";
    ensure!(cluster.exec(MASTER, &["/bin/sh", "-c", write]).is_err(), "it is written though it is readOnly");
    let mut writable = mount(server);
    writable[0]["readOnly"] = false.into();
    let digest = cluster.seen().await?["status"]["mounts"][0]["digest"].clone();
    cluster.edit(&json!({"spec": {"underStorage": {"mounts": writable}}}))?;
    let changed = |object: &Value| {
        let now = &object["status"]["mounts"][0]["digest"];
        now.is_string() && *now != digest && settled(object)
    };
    cluster.until("the mount is changed", LIMIT, changed).await?;
    cluster.exec(MASTER, &["/bin/sh", "-c", write])?;
    let object = std::fs::read_to_string(server.file("bucket", "data/new"))?;
    ensure!(object == "hello\n", "{object:?} is in the bucket");
    Ok(())
}

/// Nothing is done for what is edited meanwhile.
async fn a_pause_holds_edits(cluster: &Deployed<'_>) -> Result<()> {
    cluster.edit(&json!({"spec": {"paused": true}}))?;
    let paused = |object: &Value| told(object, "Paused").0 == "True/PausedByUser" && seen(object);
    cluster.until("it is paused", LIMIT, paused).await?;
    let before = uids(cluster).await?;
    cluster.edit(&json!({"spec": {"masters": {"terminationGracePeriodSeconds": 92}}}))?;
    cluster.until("the edit is seen", LIMIT, paused).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    ensure!(uids(cluster).await? == before, "a paused cluster was changed");
    cluster.edit(&json!({"spec": {"paused": null}}))?;
    let goes_on = |object: &Value| told(object, "Paused").0 == "False/NotPaused" && settled(object);
    cluster.until("it goes on", ROLL, goes_on).await?;
    let after = uids(cluster).await?;
    ensure!(after.get(MASTER) != before.get(MASTER), "what was edited in the pause was not done");
    cluster.edit(&json!({"spec": {"masters": {"terminationGracePeriodSeconds": 91}}}))?;
    cluster.until("as before", ROLL, settled).await.map(drop)
}

fn seen(object: &Value) -> bool {
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_acts_in_its_pod_and_goes() -> Result<()> {
    let scenario = Scenario::begin("every_field_acts_in_its_pod_and_goes").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::zookeeper()?;
    let server = block_in_place(|| S3::start_at(ADDRESS, &["bucket"]))?;
    prepare(&scenario, &outside)?;
    let tested = acts_and_goes(&scenario, &outside, &server).await;
    tidy()?;
    tested?;
    operator.is_content()?;
    scenario.finish().await?;
    server.finish()?;
    outside.finish()
}

async fn acts_and_goes(scenario: &Scenario, outside: &Outside, server: &S3) -> Result<()> {
    // A reference that is not there yet is waited for.
    let cluster = Deployed::apply(scenario, NAME, &full(server).to_string())?;
    let said = cluster.told();
    said.has_said(&["Degraded=True/MissingReference"], LIMIT).await?;
    let keys = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"own": "from a secret"}});
    kubectl_with(scenario.namespace(), &["apply", "--filename", "-"], &keys.to_string())?;
    // And a folder of the bucket that is not there is told, beside all else that works.
    said.has_said(&["Degraded=True/MountFailed"], ROLL).await?;
    std::fs::create_dir(server.file("bucket", "data"))?;
    std::fs::write(server.file("bucket", "data/there"), "in the bucket\n")?;
    cluster.until("all is as the spec says", ROLL, settled).await?;
    all_is_set(scenario, outside, &cluster).await?;
    status_is_true(scenario, outside, &cluster).await?;
    the_mount_acts(&cluster, server).await?;
    a_pause_holds_edits(&cluster).await?;

    // Without their tolerations pods are to come back there, too.
    untaint()?;
    cluster.edit(&bare(outside))?;
    cluster.until("all is taken out", ROLL, settled).await?;
    all_is_gone(outside, &cluster).await?;
    said.has_said(
        &[
            "Available=False/NotStarted",
            "Available=False/NoLeader",
            "Available=True/LeaderServing",
            "JournalReady=False/JournalNotFormatted",
            "JournalReady=True/JournalFormatted",
            "Progressing=True/Formatting",
            "Progressing=True/Rolling",
            "Progressing=False/Settled",
            "Degraded=False/AsExpected",
            "Paused=False/NotPaused",
            "Paused=True/PausedByUser",
            "ZooKeeperReachable=True/Reachable",
        ],
        SAID,
    )
    .await
}

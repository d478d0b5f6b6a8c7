//! More masters and fewer, workers that come and go, and what only a worker has.

use std::time::Duration;

use alluxio_tests::{
    e2e::{Deployed, Operator, Writer, kubectl, patient, promised},
    kube::Scenario,
    web,
};
use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use serde_json::{Value, json};
use tokio::{
    task::block_in_place,
    time::{Instant, sleep},
};

use super::ha::{Journal, LIMIT};

/// For masters to come or to go, one after the other.
const SCALED: Duration = Duration::from_secs(300);
/// For a worker to be taken out of service, and to persist a few small files.
const LEAVES: Duration = Duration::from_secs(120);
const WRITES: usize = 30;
/// Of the files that only a worker has.
const FILES: usize = 10;

fn masters_are(object: &Value, count: u64) -> bool {
    let (status, masters) = (&object["status"], &object["status"]["masters"]);
    let all = ["desired", "replicas", "ready", "updated"].iter().all(|name| masters[*name] == count);
    status["phase"] == "Available" && all && status["observedGeneration"] == object["metadata"]["generation"]
}

#[tokio::test(flavor = "multi_thread")]
async fn masters_become_more_and_fewer_under_a_writer() -> Result<()> {
    let scenario = Scenario::begin("masters_become_more_and_fewer_under_a_writer").await?;
    let operator = Operator::install(&[])?;
    let outside = Journal::SharedVolume.outside()?;
    let (name, text) = Journal::SharedVolume.example(&scenario, &outside)?;
    let cluster = Deployed::apply(&scenario, name, &text.replace("count: 3", "count: 1"))?;
    cluster.available(LIMIT).await?;
    let mut writer = Writer::start(&cluster.client_conf()?, "/written").await?;
    for count in [3, 5, 3, 1] {
        writer.goes_on(WRITES, patient(LIMIT)).await?;
        let replicas = format!("--replicas={count}");
        cluster.kubectl(&["scale", "alx/shared", &replicas])?;
        let took =
            cluster.until(&format!("{count} masters"), SCALED, |object| masters_are(object, count)).await?;
        println!("{count} masters after {took:.0?}");
        cluster.agrees(LIMIT).await?;
        if count == 5 {
            // The next step takes this one away: it hands over first.
            lead(&cluster, "shared-masters-4", count).await?;
        }
    }
    writer.goes_on(WRITES, patient(LIMIT)).await?;
    println!("the largest gap between writes: {:.2?}", writer.largest_gap_since(0));
    println!("{} files were acknowledged, and all are there", writer.finish().await?);
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

/// Has leaders hand over until this one leads.
pub async fn lead(cluster: &Deployed<'_>, wanted: &str, masters: u64) -> Result<()> {
    let began = Instant::now();
    loop {
        let leader = cluster.serving().await?.context("no master serves")?;
        if leader.pod == wanted {
            return Ok(());
        }
        ensure!(began.elapsed() < patient(SCALED), "{wanted} does not come to lead");
        cluster.kubectl(&["delete", "pod", &leader.pod])?;
        cluster.led_after(leader.term, LIMIT).await?;
        cluster.until("all masters are back", LIMIT, |object| masters_are(object, masters)).await?;
    }
}

/// Files that only workers have, and what is in them.
struct OnlyCached<'a, 'b> {
    cluster: &'b Deployed<'a>,
    master: String,
}

impl<'a, 'b> OnlyCached<'a, 'b> {
    async fn write(cluster: &'b Deployed<'a>) -> Result<OnlyCached<'a, 'b>> {
        let master = cluster.serving().await?.context("no master serves")?.pod;
        // They go to all workers, in turns.
        let options = "-Dalluxio.user.file.writetype.default=MUST_CACHE \
             -Dalluxio.user.block.write.location.policy.class=alluxio.client.block.policy.RoundRobinPolicy";
        let line = format!(
            "alluxio fs mkdir /only && for i in $(seq 0 {}); do echo content of $i >/tmp/f && \
             alluxio fs {options} copyFromLocal /tmp/f /only/$i || exit 1; done",
            FILES - 1
        );
        cluster.exec(&master, &["/bin/sh", "-c", &line])?;
        Ok(OnlyCached { cluster, master })
    }

    fn all_are_there(&self) -> Result<()> {
        for number in 0..FILES {
            let content =
                self.cluster.exec(&self.master, &["alluxio", "fs", "cat", &format!("/only/{number}")])?;
            ensure!(content == format!("content of {number}\n"), "/only/{number} is {content:?}");
        }
        Ok(())
    }
}

fn workers_are(object: &Value, desired: u64) -> bool {
    let workers = &object["status"]["workers"];
    let leaving = workers["groups"].as_array().is_some_and(|groups| {
        groups.iter().any(|group| group["leaving"].as_array().is_some_and(|nodes| !nodes.is_empty()))
    });
    object["status"]["phase"] == "Available"
        && !leaving
        && workers["desired"] == desired
        && workers["ready"] == desired
        && object["status"]["observedGeneration"] == object["metadata"]["generation"]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_is_lost_with_workers_that_leave() -> Result<()> {
    let scenario = Scenario::begin("no_file_is_lost_with_workers_that_leave").await?;
    let operator = Operator::install(&[])?;
    let outside = Journal::SharedVolume.outside()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    let files = OnlyCached::write(&cluster).await?;
    let said = cluster.told();

    // Two of three nodes are not wanted any more, by name; then a second group comes, and goes.
    let only = |name: &str| json!({"name": "default", "scheduling": {"nodeSelector": {"kubernetes.io/hostname": name}}});
    cluster.edit(&json!({"spec": {"workers": [only("node1")]}}))?;
    let took = cluster.until("one worker is left", LEAVES, |object| workers_are(object, 1)).await?;
    println!("two workers left after {took:.0?}");
    said.has_said(&["Progressing=True/Decommissioning"], LEAVES).await?;
    files.all_are_there()?;
    let other = json!({
        "name": "other",
        "scheduling": {"nodeSelector": {"kubernetes.io/hostname": "node2"}},
        "tiers": [{"mediumType": "MEM", "quota": "256Mi"}],
    });
    cluster.edit(&json!({"spec": {"workers": [only("node1"), other]}}))?;
    cluster.until("two groups", LEAVES, |object| workers_are(object, 2)).await?;
    cluster.edit(&json!({"spec": {"workers": [only("node1")]}}))?;
    cluster.until("one group", LEAVES, |object| workers_are(object, 1)).await?;
    cluster.kubectl(&["wait", "--for=delete", "daemonset/shared-worker-other", "--timeout=60s"])?;
    files.all_are_there()?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

/// How many files a worker has that are nowhere else; `None` while it serves.
async fn unpersisted(cluster: &Deployed<'_>, pod: &str) -> Result<Option<u64>> {
    let ip = cluster.pod(pod).await?.status.and_then(|status| status.pod_ip).context("no address")?;
    let role = block_in_place(|| web::get_json_at(&ip, 30000, "/role"))?;
    Ok(role["unpersistedFiles"].as_u64())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cordoned_nodes_worker_persists_what_only_it_has() -> Result<()> {
    let scenario = Scenario::begin("a_cordoned_nodes_worker_persists_what_only_it_has").await?;
    let operator = Operator::install(&[])?;
    let outside = Journal::SharedVolume.outside()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    let files = OnlyCached::write(&cluster).await?;
    let workers = cluster.pods("worker").await?;
    let on = |node: &str| {
        workers
            .iter()
            .find(|pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.as_deref() == Some(node)))
    };
    let worker = on("node3").context("no worker on node3")?.name_any();
    kubectl("default", &["cordon", "node3"])?;
    let out = settles(&cluster, &worker, Some(0)).await;
    let all = files.all_are_there();
    kubectl("default", &["uncordon", "node3"])?;
    promised("a node is cordoned: until its worker has nothing of its own", out?, LEAVES)?;
    all?;
    let back = settles(&cluster, &worker, None).await?;
    println!("it serves again {back:.0?} after the node may be used again");
    cluster.available(LIMIT).await?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

/// Until a worker says so.
async fn settles(cluster: &Deployed<'_>, worker: &str, wanted: Option<u64>) -> Result<Duration> {
    let began = Instant::now();
    loop {
        let now = unpersisted(cluster, worker).await?;
        if now == wanted {
            return Ok(began.elapsed());
        }
        ensure!(began.elapsed() < patient(LEAVES), "{worker} says {now:?}, and not {wanted:?}");
        sleep(Duration::from_millis(500)).await;
    }
}

/// All that was cached is cached again when the workers' pods were replaced.
async fn a_cache_outlives_its_worker(name: &str, group: impl Fn(&Scenario) -> Value) -> Result<()> {
    let scenario = Scenario::begin(name).await?;
    let operator = Operator::install(&[])?;
    let outside = Journal::SharedVolume.outside()?;
    let (name, text) = Journal::SharedVolume.example(&scenario, &outside)?;
    let cluster = Deployed::apply(&scenario, name, &text)?;
    cluster.edit(&json!({"spec": {"workers": [group(&scenario)]}}))?;
    cluster.available(LIMIT).await?;
    let files = OnlyCached::write(&cluster).await?;
    let cached = |line: &str| line.contains("100%");
    let listing = || cluster.exec("shared-masters-0", &["alluxio", "fs", "ls", "/only"]);
    let before = listing()?;
    ensure!(before.lines().filter(|line| cached(line)).count() == FILES, "not all is cached:\n{before}");
    for pod in cluster.pods("worker").await? {
        cluster.kubectl(&["delete", "pod", &pod.name_any()])?;
    }
    cluster.available(LIMIT).await?;
    let began = Instant::now();
    loop {
        let now = listing()?;
        if now.lines().filter(|line| cached(line)).count() == FILES {
            break;
        }
        ensure!(began.elapsed() < patient(LIMIT), "not all is cached any more:\n{now}");
        sleep(Duration::from_secs(1)).await;
    }
    println!("all is cached again {:.0?} after the workers are back", began.elapsed());
    files.all_are_there()?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_on_a_nodes_folder_outlives_its_worker() -> Result<()> {
    a_cache_outlives_its_worker("a_cache_on_a_nodes_folder_outlives_its_worker", |scenario| {
        let folder = format!("/srv/local/{}", scenario.namespace());
        let volume = json!({"hostPath": {"path": folder, "prepare": true}});
        json!({"name": "default", "tiers": [{"mediumType": "SSD", "quota": "256Mi", "volume": volume}]})
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_on_a_claim_outlives_its_worker() -> Result<()> {
    a_cache_outlives_its_worker("a_cache_on_a_claim_outlives_its_worker", |_| {
        let volume = json!({"claimTemplate": {"size": "300Mi", "storageClassName": "local-path"}});
        let tier = json!({"mediumType": "SSD", "quota": "256Mi", "volume": volume});
        json!({"name": "claims", "kind": "StatefulSet", "count": 2, "tiers": [tier]})
    })
    .await
}

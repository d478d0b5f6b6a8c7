//! The leader goes in all the ways in which a pod can, under writers that notice how long.

use std::{collections::BTreeSet, env, time::Duration};

use alluxio_tests::{
    e2e::{Deployed, Operator, Serving, Writer, patient, promised, ready_pods},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use tokio::time::{Instant, sleep, sleep_until};

use super::ha::{Journal, LIMIT, TOLD};

/// The longest time without an acknowledged write when the leader's pod is deleted.
const DELETED: Duration = Duration::from_secs(3);
/// When it is killed, and starts again at once.
const KILLED: Duration = Duration::from_secs(8);
/// When ZooKeeper must notice it: the session of 10 s, and 5 s.
pub const LOST: Duration = Duration::from_secs(15);
/// What ends again within ten minutes is not started at once: kubelet waits for 10 s, and longer each time. In whole seconds.
const BACK_OFF: Duration = Duration::from_secs(9);
/// So many writes are waited for around each fault.
const WRITES: usize = 30;

/// A JVM remembers the address of a name for 30 s (docs/kubernetes.md tells), DNS for 5 s, and a pod that is made anew has another one. Channels that Java's client still has to a
/// former leader look it up again at times, so its old address may be remembered as late as when it goes. It leads again two rounds later at the earliest.
const REMEMBERED: Duration = Duration::from_secs(20);

/// How often each fault happens: `E2E_ROUNDS`.
pub fn rounds() -> usize {
    env::var("E2E_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// `kubectl delete pod`.
    Delete,
    /// SIGKILL, from the node.
    Kill,
    /// `kubectl delete pod --force --grace-period=0`.
    ForceDelete,
    /// The power of its node is cut.
    NodeKill,
    /// No packet to or from its node.
    NodeCut,
    /// Its node does not reach the API server, nor the other way, and the pod is force-deleted: it is started elsewhere, too.
    ApiCut,
}

impl Fault {
    /// Whether pods beside the leader go with it.
    fn takes_the_node(self) -> bool {
        matches!(self, Fault::NodeKill | Fault::NodeCut | Fault::ApiCut)
    }

    /// Makes it happen; what the gap between writes may be.
    async fn happens(
        self,
        cluster: &Deployed<'_>,
        scenario: &Scenario,
        node: &str,
        pod: &str,
    ) -> Result<Duration> {
        match self {
            Fault::Delete => {
                cluster.kubectl(&["delete", "pod", pod, "--wait=false"])?;
                Ok(DELETED)
            }
            Fault::Kill => {
                // After the first time kubelet waits before it starts it again, and its session must end by itself.
                let first = cluster.restarts(pod).await? == 0;
                cluster.kill(pod).await?;
                Ok(if first { KILLED } else { LOST })
            }
            Fault::ForceDelete => {
                cluster.kubectl(&["delete", "pod", pod, "--force", "--grace-period=0", "--wait=false"])?;
                Ok(LOST)
            }
            Fault::NodeKill => scenario.rig(&["node-kill", node]).map(|_| LOST),
            Fault::NodeCut => scenario.rig(&["node-cut", node]).map(|_| LOST),
            Fault::ApiCut => {
                scenario.rig(&["api-cut", node])?;
                // For a while Kubernetes takes the node for a good one.
                let name = format!("node{node}");
                cluster.kubectl(&["cordon", &name])?;
                let away = starts_elsewhere(cluster, pod).await;
                cluster.kubectl(&["uncordon", &name])?;
                away.map(|()| LOST)
            }
        }
    }

    fn heals(self, scenario: &Scenario, node: &str) -> Result<()> {
        let command = match self {
            Fault::Delete | Fault::Kill | Fault::ForceDelete => return Ok(()),
            Fault::NodeKill => "node-up",
            Fault::NodeCut => "node-join",
            Fault::ApiCut => "api-join",
        };
        scenario.rig(&[command, node]).map(drop)
    }
}

/// Force-deletes a pod, and waits until the one that follows it has a node.
async fn starts_elsewhere(cluster: &Deployed<'_>, pod: &str) -> Result<()> {
    let uid = cluster.pod(pod).await?.uid();
    cluster.kubectl(&["delete", "pod", pod, "--force", "--grace-period=0", "--wait=false"])?;
    let began = Instant::now();
    loop {
        // Between the two there is none.
        if let Ok(now) = cluster.pod(pod).await
            && now.uid() != uid
            && now.spec.is_some_and(|spec| spec.node_name.is_some())
        {
            return Ok(());
        }
        ensure!(began.elapsed() < LIMIT, "{pod} is not started elsewhere");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until a master serves that did not before the fault, or does so again; status and Service name it.
async fn led_again(cluster: &Deployed<'_>, before: &Serving) -> Result<Duration> {
    let (serving, told) = cluster.led_after(before.term, LIMIT).await?;
    println!("{} serves in term {}, after {} in term {}", serving.pod, serving.term, before.pod, before.term);
    Ok(told)
}

/// Kills the masters that do not lead, once, and waits until nothing is left of it but what kubelet remembers: the leader that is killed next starts again at
/// once, and the one that follows it, killed in its turn, does not.
async fn standbys_were_killed(cluster: &Deployed<'_>) -> Result<()> {
    let leader = cluster.serving().await?.context("no master serves")?.pod;
    let masters = cluster.pods("master").await?.into_iter().map(|pod| pod.name_any());
    let mut before = Vec::new();
    for standby in masters.filter(|pod| *pod != leader) {
        before.push((standby.clone(), cluster.restarts(&standby).await?));
        cluster.kill(&standby).await?;
    }
    let killed = Instant::now();
    loop {
        let mut again = ready_pods(&cluster.pods("master").await?).len() == 3;
        for (standby, restarts) in &before {
            again &= cluster.restarts(standby).await? > *restarts;
        }
        if again {
            break;
        }
        ensure!(killed.elapsed() < patient(LIMIT), "not all standbys are ready again");
        sleep(Duration::from_millis(200)).await;
    }
    // Their old places in ZooKeeper's queue go with their sessions.
    sleep_until(killed + LOST).await;
    Ok(())
}

/// What was killed was started again; that of which the longer limit was asked for, only when kubelet had waited.
async fn was_started_again(
    cluster: &Deployed<'_>,
    pod: &str,
    restarts: i32,
    promise: Duration,
) -> Result<()> {
    let now = cluster.restarts(pod).await?;
    ensure!(now > restarts, "{pod} was not started again: {now} times, {restarts} before");
    let down = cluster.down_before_its_start(pod).await?;
    println!("{pod} was started again after {down:.0?}; {now} times by now");
    ensure!(promise == KILLED || down >= BACK_OFF, "kubelet did not wait before it started {pod} again");
    Ok(())
}

async fn writers_go_on(name: &str, journal: Journal, fault: Fault) -> Result<()> {
    let scenario = Scenario::begin(name).await?;
    let operator = Operator::install(&[])?;
    let outside = journal.outside()?;
    let cluster = journal.cluster(&scenario, &outside).await?;
    if matches!(fault, Fault::Kill) {
        standbys_were_killed(&cluster).await?;
    }
    let (conf, settings) = (cluster.client_conf()?, cluster.client_settings()?);
    let mut promises = BTreeSet::new();
    let mut writers =
        [Writer::start(&conf, "/written").await?, Writer::start_java(&settings, &conf, "/written_by_java")?];
    for round in 0..rounds() {
        for writer in &mut writers {
            writer.goes_on(WRITES, patient(LIMIT)).await?;
        }
        let before = cluster.serving().await?.context("no master serves")?;
        let restarts = cluster.restarts(&before.pod).await?;
        let node = cluster.node_of(&before.pod).await?;
        if fault.takes_the_node() {
            operator.leave_node(&node)?;
            cluster.agrees(LIMIT).await?;
        }
        let from = writers.each_ref().map(|writer| writer.files() - 1);
        let goes = Instant::now();
        let promise = fault.happens(&cluster, &scenario, &node, &before.pod).await?;
        promises.insert(promise);
        let told = led_again(&cluster, &before).await?;
        for writer in &mut writers {
            writer.goes_on(WRITES, patient(LIMIT)).await?;
        }
        for (writer, from) in writers.iter().zip(from) {
            let what = format!("{fault:?} round {round}, {}: the largest gap between writes", writer.who());
            promised(&what, writer.largest_gap_since(from), promise)?;
        }
        promised("another master leads: status and Service agree", told, TOLD)?;
        fault.heals(&scenario, &node)?;
        cluster
            .until("all masters are back", LIMIT, |object| {
                object["status"]["phase"] == "Available" && object["status"]["masters"]["ready"] == 3
            })
            .await?;
        if matches!(fault, Fault::Kill) {
            was_started_again(&cluster, &before.pod, restarts, promise).await?;
        }
        sleep_until(goes + REMEMBERED).await;
    }
    if matches!(fault, Fault::Kill) && rounds() > 1 {
        ensure!(promises == [KILLED, LOST].into(), "of the two limits only {promises:?} was asked for");
    }
    for writer in writers {
        let who = writer.who().to_owned();
        println!("{} files of {who} were acknowledged, and all are there", writer.finish().await?);
    }
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

macro_rules! writers_go_on {
    ($($name:ident: $journal:ident, $fault:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() -> Result<()> {
            writers_go_on(stringify!($name), Journal::$journal, Fault::$fault).await
        }
    )*};
}

writers_go_on! {
    writers_go_on_when_the_leader_is_deleted: Hdfs, Delete;
    writers_go_on_when_the_leader_is_killed: Hdfs, Kill;
    writers_go_on_when_the_leader_is_deleted_by_force: Hdfs, ForceDelete;
    writers_go_on_when_the_leaders_node_dies: Hdfs, NodeKill;
    writers_go_on_when_the_leaders_node_is_cut_off: Hdfs, NodeCut;
    writers_go_on_when_the_leaders_node_is_cut_off_from_the_api_server: Hdfs, ApiCut;
    writers_go_on_when_the_leader_is_deleted_with_a_shared_volume: SharedVolume, Delete;
    writers_go_on_when_the_leader_is_killed_with_a_shared_volume: SharedVolume, Kill;
    writers_go_on_when_the_leader_is_deleted_by_force_with_a_shared_volume: SharedVolume, ForceDelete;
    writers_go_on_when_the_leaders_node_dies_with_a_shared_volume: SharedVolume, NodeKill;
    writers_go_on_when_the_leaders_node_is_cut_off_with_a_shared_volume: SharedVolume, NodeCut;
    writers_go_on_when_the_leaders_node_is_cut_off_from_the_api_server_with_a_shared_volume: SharedVolume, ApiCut;
}

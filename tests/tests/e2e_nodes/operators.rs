//! Two operators of which one acts; one that is upgraded, taken away and installed again beside a cluster that goes on.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use alluxio_tests::{
    e2e::{Deployed, NodeProcess, Operator, Writer, patient, promised},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::{
    ha::{Journal, LIMIT, TOLD},
    leader::LOST,
    roll::{ROLL, is_rolled, property},
    sizes::lead,
};

/// How long the one that acts is stopped at least, and at most: kubelet asks it every 10 s, ends it when it has not answered within 5 s three times in a row, and
/// kills it 30 s after that, so 55 s after it was stopped at the earliest.
const STOPPED: Duration = Duration::from_secs(40);
const AWAKE: Duration = Duration::from_secs(48);
/// Until the status is true after the only operator's node was lost: the 40 s after which Kubernetes takes a node for lost, and those that it gives the
/// pod there; until another has started.
const BACK: Duration = Duration::from_secs(100);
/// The same where another one waits: the 15 s of a lease, the 2 s after which that looks again, and what it has to read first.
const TAKEN_OVER: Duration = Duration::from_secs(30);

const WRITES: usize = 30;

#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    Stop,
}

/// The pods of a cluster.
pub async fn uids(cluster: &Deployed<'_>) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for component in ["master", "worker"] {
        let pods = cluster.pods(component).await?;
        all.extend(pods.into_iter().map(|pod| (pod.name_any(), pod.uid().unwrap_or_default())));
    }
    Ok(all)
}

fn one_is_replaced(object: &Value) -> bool {
    let updated = object["status"]["masters"]["updated"].as_i64();
    object["status"]["observedGeneration"] == object["metadata"]["generation"]
        && updated.is_some_and(|it| it >= 1)
}

/// Waits until another one has the lease.
async fn other_acts(acting: &str) -> Result<String> {
    let began = Instant::now();
    loop {
        let now = Operator::acting()?;
        if now != acting && !now.is_empty() {
            println!("{now} acts after {acting}, {:.0?} later", began.elapsed());
            return Ok(now);
        }
        ensure!(began.elapsed() < LIMIT, "{acting} still has the lease");
        sleep(Duration::from_millis(200)).await;
    }
}

/// Waits for the end of the roll, and wakes the one that was stopped: after the roll or, where that takes long, in the midst of it. Another has the lease by then.
/// One that was killed meanwhile shows nothing.
async fn it_wakes(
    scenario: &Scenario,
    acting: &str,
    process: &NodeProcess,
    stopped: Instant,
    rolled: impl Future<Output = Result<Duration>>,
) -> Result<()> {
    let mut rolled = pin!(rolled);
    let finished = timeout_at(stopped + AWAKE, rolled.as_mut()).await;
    sleep_until(stopped + STOPPED).await;
    let state = process.state(scenario).with_context(|| format!("{acting} did not live to be woken"))?;
    ensure!(state == 'T', "{acting} was stopped, and its process is in the state {state} before it is woken");
    process.signal(scenario, "CONT")?;
    let when = if finished.is_ok() { "after" } else { "in the midst of" };
    println!("{acting} was woken {:.0?} after it was stopped, {when} the roll", stopped.elapsed());
    match finished {
        Ok(finished) => finished.map(drop),
        Err(_) => rolled.await.map(drop),
    }
}

async fn the_other_finishes(name: &str, fault: Fault) -> Result<()> {
    let scenario = Scenario::begin(name).await?;
    let operator = Operator::install(&["replicas=2"])?;
    let outside = Journal::SharedVolume.outside()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    let before = uids(&cluster).await?;
    let acting = Operator::acting()?;
    let process = Operator::process_of(&scenario, &acting).await?;
    cluster.edit(&property("alluxio.master.worker.timeout", json!("9min")))?;
    cluster.until("one master is replaced", ROLL, one_is_replaced).await?;
    let stopped = Instant::now();
    match fault {
        Fault::Kill => process.signal(&scenario, "KILL")?,
        Fault::Stop => process.signal(&scenario, "STOP")?,
    }
    other_acts(&acting).await?;
    let taken_over = scenario.audit().end()?;
    let rolled = cluster.until("the other one finishes the roll", ROLL, is_rolled);
    match fault {
        Fault::Kill => rolled.await.map(drop)?,
        Fault::Stop => it_wakes(&scenario, &acting, &process, stopped, rolled).await?,
    }
    // It finds out by itself, and ends; the one that is started in its place waits.
    operator.starts_again(&acting, LIMIT).await?;
    sleep(2 * TOLD).await;
    let changes = scenario.audit().changes_since(taken_over)?;
    let late: Vec<_> = changes
        .iter()
        .filter(|change| change.pod == acting && !change.resource.starts_with("leases"))
        .collect();
    ensure!(late.is_empty(), "{acting} wrote after it was deposed: {late:?}");
    let after = uids(&cluster).await?;
    for (pod, uid) in before.iter().filter(|(pod, _)| pod.contains("-masters-")) {
        ensure!(after.get(pod).is_some_and(|now| now != uid), "{pod} was not replaced");
    }
    operator.is_content_but_for(&acting)?;
    scenario.finish().await?;
    // As other tests want it.
    Operator::install(&[])?;
    outside.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_operator_finishes_the_roll_of_one_that_is_killed() -> Result<()> {
    the_other_finishes("another_operator_finishes_the_roll_of_one_that_is_killed", Fault::Kill).await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_operator_finishes_the_roll_of_one_that_is_stopped() -> Result<()> {
    the_other_finishes("another_operator_finishes_the_roll_of_one_that_is_stopped", Fault::Stop).await
}

/// Its node is lost, and it was the only one.
#[tokio::test(flavor = "multi_thread")]
async fn the_only_operator_comes_back_when_its_node_is_lost() -> Result<()> {
    let scenario = Scenario::begin("the_only_operator_comes_back_when_its_node_is_lost").await?;
    let operator = Operator::install(&[])?;
    let outside = Journal::SharedVolume.outside()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    let acting = Operator::acting()?;
    let node = Operator::node_of(&scenario, &acting).await?;
    let leader = cluster.serving().await?.context("no master serves")?;
    let with_leader = cluster.node_of(&leader.pod).await? == node;
    operator.is_content()?;
    scenario.rig(&["node-kill", &node])?;
    let lost = Instant::now();
    other_acts(&acting).await?;
    if with_leader {
        cluster.led_after(leader.term, LIMIT).await?;
    }
    cluster.agrees(LIMIT).await?;
    promised("the operator's node is lost: until the status is true", lost.elapsed(), BACK)?;
    scenario.rig(&["node-up", &node])?;
    cluster.available(LIMIT).await?;
    Operator::until_gone(&acting)?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

/// As the chart installs it: two, of which one waits. The acting one and the leader are lost with one node.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_operator_acts_when_the_leaders_node_dies() -> Result<()> {
    let scenario = Scenario::begin("the_other_operator_acts_when_the_leaders_node_dies").await?;
    let operator = Operator::install(&["replicas=2"])?;
    let outside = Journal::SharedVolume.outside()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    let acting = Operator::acting()?;
    let node = Operator::node_of(&scenario, &acting).await?;
    let mut beside = None;
    for master in cluster.pods("master").await? {
        if cluster.node_of(&master.name_any()).await? == node {
            beside = Some(master.name_any());
        }
    }
    lead(&cluster, &beside.with_context(|| format!("no master on node {node}"))?, 3).await?;
    let mut writer = Writer::start(&cluster.client_conf()?, "/written").await?;
    writer.goes_on(WRITES, patient(LIMIT)).await?;
    ensure!(Operator::acting()? == acting, "{acting} has lost the lease before its node");
    let leader = cluster.serving().await?.context("no master serves")?;
    let from = writer.files() - 1;
    scenario.rig(&["node-kill", &node])?;
    let lost = Instant::now();
    cluster.led_after(leader.term, LIMIT).await?;
    promised("leader and acting operator are lost: until the status is true", lost.elapsed(), TAKEN_OVER)?;
    other_acts(&acting).await?;
    writer.goes_on(WRITES, patient(LIMIT)).await?;
    promised("the largest gap between writes", writer.largest_gap_since(from), LOST)?;
    scenario.rig(&["node-up", &node])?;
    // Its node was not away for so long that it would have been given up: it is started again there, and waits.
    operator.starts_again(&acting, LIMIT).await?;
    cluster.available(LIMIT).await?;
    println!("{} files were acknowledged, and all are there", writer.finish().await?);
    operator.is_content_but_for(&acting)?;
    scenario.finish().await?;
    // As other tests want it.
    Operator::install(&[])?;
    outside.finish()
}

/// `helm test` fails where nobody answers.
fn helm_test_can_fail(operator: &Operator) -> Result<()> {
    operator.scale(0)?;
    let failed = Operator::helm_test();
    operator.scale(1)?;
    let failed = failed.err().context("helm test passes without an operator")?.to_string();
    println!("without an operator: {failed}");
    ensure!(failed.contains("-test failed"), "helm test fails, but not because its pod does: {failed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_are_not_touched_by_what_helm_does_with_the_operator() -> Result<()> {
    let scenario = Scenario::begin("clusters_are_not_touched_by_what_helm_does_with_the_operator").await?;
    let operator = Operator::install(&[])?;
    let outside = Journal::SharedVolume.outside()?;
    let cluster = Journal::SharedVolume.cluster(&scenario, &outside).await?;
    let before = uids(&cluster).await?;
    let pods = Operator::pods()?;
    Operator::helm_test().context("helm test, with the operator")?;

    let operator = operator.upgrade(&["logLevel=debug"])?;
    let upgraded = Operator::pods()?;
    ensure!(
        pods.iter().all(|pod| !upgraded.contains(pod)),
        "{upgraded:?} were not started with the new value"
    );
    cluster.agrees(LIMIT).await?;
    ensure!(uids(&cluster).await? == before, "an upgrade of the operator touched pods");
    helm_test_can_fail(&operator)?;

    operator.uninstall()?;
    // Masters elect a leader without it.
    let leader = cluster.serving().await?.context("no master serves")?;
    cluster.kill(&leader.pod).await?;
    let began = Instant::now();
    while cluster.serving().await?.is_none_or(|serving| serving.term == leader.term) {
        ensure!(began.elapsed() < LIMIT, "no master leads without an operator");
        sleep(Duration::from_millis(200)).await;
    }
    ensure!(uids(&cluster).await? == before, "taking the operator away touched pods");

    let operator = Operator::install(&["logLevel=info"])?;
    cluster.agrees(LIMIT).await?;
    cluster.available(LIMIT).await?;
    ensure!(uids(&cluster).await? == before, "installing the operator again touched pods");
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

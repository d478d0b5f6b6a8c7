//! What takes minutes: three masters, real ZooKeeper, and faults that are long, or come one after the other.

use std::time::{Duration, Instant};

use alluxio_tests::{
    Cluster, Masters,
    ha::{ANSWERS, Fault, Meanwhile, Rig},
    links::Traffic,
    masters::{LIMIT, SESSION},
    waiting::wait_until,
    web,
};
use anyhow::{Context, Result, ensure};
use tokio::{task::block_in_place, time::sleep};

/// In this time a master that was elected, and whose journal gives nothing, leaves it to another.
const STANDS_STILL: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn zookeeper_is_away_for_a_minute() -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(3))?;
    rig.happens(|_| Fault::ZooKeeper, Duration::from_secs(60), Meanwhile::Wait).await?;
    block_in_place(|| rig.finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn zookeeper_refuses_the_leader() -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(1))?;
    let refused = |leader| Fault::FromZooKeeper(leader, Traffic::Refused);
    rig.happens(refused, SESSION * 3, Meanwhile::Follow).await?;
    block_in_place(|| rig.finish())
}

/// It has the lease, and never comes to serving: the others are well and must not wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_master_whose_mount_hangs_when_it_is_elected_leaves_it_to_another() -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(1))?;
    let mut workload = rig.workload("/before", 1)?;
    workload.goes_on(ANSWERS, LIMIT).await?;
    workload.finish().await?;
    block_in_place(|| -> Result<()> {
        rig.begin(Fault::FromJournal(1))?;
        rig.begin(Fault::Kill(0))?;
        let port = rig.masters()?.web_port(1);
        wait_until(LIMIT, "the one whose mount hangs is elected", || {
            Ok(web::get(port, "/readyz").is_ok_and(|page| page.text.contains("replaying")))
        })?;
        let masters = rig.masters()?;
        wait_until(STANDS_STILL * 2, "the third one leads", || Ok(masters.leader() == Some(2)))
    })?;
    let mut workload = rig.workload("/after", 2)?;
    workload.goes_on(ANSWERS, LIMIT).await?;
    block_in_place(|| rig.end(Fault::FromJournal(1)))?;
    block_in_place(|| rig.end(Fault::Kill(0)))?;
    workload.goes_on(ANSWERS, LIMIT).await?;
    workload.finish().await?;
    block_in_place(|| {
        rig.agree()?;
        rig.finish()
    })
}

/// Who was only asleep is no worse a leader for that: when the tenth of them dies, another one leads as soon as its session has ended.
#[tokio::test(flavor = "multi_thread")]
async fn after_ten_pauses_the_next_leader_does_not_let_itself_be_waited_for() -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(1))?;
    let mut workload = rig.workload("/pauses", 1)?;
    for pause in 0..10 {
        workload.goes_on(ANSWERS, LIMIT).await.with_context(|| format!("before pause {pause}"))?;
        let leader = block_in_place(|| rig.masters()?.wait_for_leader())?;
        rig.begin(Fault::Pause(leader))?;
        sleep(SESSION * 2).await;
        rig.end(Fault::Pause(leader))?;
    }
    let leader = block_in_place(|| rig.masters()?.wait_for_leader())?;
    block_in_place(|| rig.begin(Fault::Kill(leader)))?;
    let began = Instant::now();
    rig.follows(leader)?;
    let took = began.elapsed();
    ensure!(took < SESSION * 4, "nobody led for {took:?}");
    workload.goes_on(ANSWERS, LIMIT).await?;
    block_in_place(|| rig.end(Fault::Kill(leader)))?;
    workload.finish().await?;
    block_in_place(|| {
        rig.agree()?;
        rig.finish()
    })
}

/// A load job outlives its master: it is submitted while no worker is there, and done when one is.
#[test]
fn the_next_leader_goes_on_with_a_load_job() -> Result<()> {
    let mut masters = Masters::prepare(2, Cluster::plan())?;
    masters.launch(0)?;
    masters.wait_for_leader()?;
    masters.launch(1)?;
    masters.wait_for_standby(1)?;
    let folder = masters.cluster.under_storage().join("data");
    std::fs::create_dir(&folder)?;
    for number in 0..10 {
        std::fs::write(folder.join(number.to_string()), "content")?;
    }
    let ours = |masters: &Masters, words: &[&str]| -> Result<String> {
        let done = masters.cluster.alluxio(&[&["fs", "load", "/data"], words].concat())?;
        ensure!(done.code == 0, "{words:?}: {}", done.output);
        Ok(done.output)
    };
    ours(&masters, &["--submit", "--verify"])?;
    masters.kill(0)?;
    ensure!(masters.wait_for_leader()? == 1);
    let told = ours(&masters, &["--progress"])?;
    ensure!(told.contains("verify: true") && told.contains("RUNNING"), "{told}");
    masters.cluster.start_worker(0)?;
    wait_until(LIMIT, "the load has succeeded", || {
        let told = ours(&masters, &["--progress"])?;
        ensure!(!told.contains("FAILED"), "{told}");
        Ok(told.contains("SUCCEEDED") && told.contains("Files Processed: 10"))
    })?;
    masters.finish()
}

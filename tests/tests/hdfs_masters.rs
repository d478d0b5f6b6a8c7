//! Masters whose journal is on HDFS, clients at work, and one fault, or several by seed.

use std::{env, time::Duration};

use alluxio_tests::{
    ha::{Fault, Rig, Sequence},
    hdfs::Hdfs,
    masters::{LIMIT, SESSION},
    waiting::wait_until,
};
use anyhow::{Context, Result};
use tokio::{task::block_in_place, time::sleep};

const ANSWERS: usize = 40;

/// What is demanded while the fault is there: that another master leads, or nothing.
async fn alone(fault: impl FnOnce(usize) -> Fault, long: Duration, follows: bool) -> Result<()> {
    let mut rig = block_in_place(|| Rig::start_on(Hdfs::plan().start()?))?;
    let mut workload = rig.workload("/alone", 1)?;
    workload.goes_on(ANSWERS, LIMIT).await?;
    let leader = block_in_place(|| rig.masters()?.wait_for_leader())?;
    let fault = fault(leader);
    block_in_place(|| rig.begin(fault))?;
    if follows {
        let masters = rig.masters()?;
        let other = || Ok(masters.leader().is_some_and(|other| other != leader));
        block_in_place(|| wait_until(LIMIT, "another master leads", other))?;
        workload.goes_on(ANSWERS, LIMIT).await.with_context(|| format!("during {fault:?}"))?;
    }
    sleep(long).await;
    block_in_place(|| rig.end(fault))?;
    workload.goes_on(ANSWERS, LIMIT).await.with_context(|| format!("after {fault:?}"))?;
    eprintln!("{fault:?}: {:?}", workload.finish().await?);
    block_in_place(|| {
        rig.agree()?;
        rig.finish()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_killed() -> Result<()> {
    alone(Fault::Kill, Duration::ZERO, true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_sleeps_and_wakes() -> Result<()> {
    alone(Fault::Pause, SESSION * 2, true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_cut_off_from_hdfs() -> Result<()> {
    alone(Fault::FromJournal, Duration::ZERO, true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_namenode_is_started_anew() -> Result<()> {
    alone(|_| Fault::NameNode, SESSION / 2, false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datanode_ends() -> Result<()> {
    alone(|_| Fault::DataNode(0), SESSION / 2, false).await
}

/// `HDFS_SEEDS=20` runs the first twenty.
#[tokio::test(flavor = "multi_thread")]
async fn random_faults_lose_nothing() -> Result<()> {
    let seeds = env::var("HDFS_SEEDS")
        .map_or(Ok(1), |text| text.parse().with_context(|| format!("HDFS_SEEDS={text}")))?;
    let mut rig = block_in_place(|| Rig::start_on(Hdfs::plan().start()?))?;
    for seed in 0..seeds {
        let summary = Sequence::run(&mut rig, seed).await?;
        eprintln!("seed {seed}: {summary:?}");
    }
    block_in_place(|| rig.finish())
}

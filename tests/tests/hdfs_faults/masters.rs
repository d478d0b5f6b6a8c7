//! Masters whose journal is on HDFS, clients at work, and one fault, or several by seed.

use std::{env, time::Duration};

use alluxio_tests::{
    ha::{Fault, Meanwhile, Rig, Sequence},
    hdfs::Hdfs,
    masters::SESSION,
};
use anyhow::{Context, Result};
use tokio::task::block_in_place;

async fn alone(fault: impl FnOnce(usize) -> Fault, long: Duration, meanwhile: Meanwhile) -> Result<()> {
    let mut rig = block_in_place(|| Rig::start_on(Hdfs::plan().start()?))?;
    rig.happens(fault, long, meanwhile).await?;
    block_in_place(|| rig.finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_killed() -> Result<()> {
    alone(Fault::Kill, Duration::ZERO, Meanwhile::Follow).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_sleeps_and_wakes() -> Result<()> {
    alone(Fault::Pause, SESSION * 2, Meanwhile::Follow).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_cut_off_from_hdfs() -> Result<()> {
    alone(Fault::FromJournal, Duration::ZERO, Meanwhile::Follow).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_namenode_is_started_anew() -> Result<()> {
    alone(|_| Fault::NameNode, SESSION / 2, Meanwhile::Wait).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datanode_ends() -> Result<()> {
    alone(|_| Fault::DataNode(0), SESSION / 2, Meanwhile::Wait).await
}

/// HDFS believes it alive for minutes: whatever the next leader writes, it begins on DataNodes of which one is dead.
#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_killed_after_a_datanode() -> Result<()> {
    let mut rig = block_in_place(|| Rig::start_on(Hdfs::plan().start()?))?;
    block_in_place(|| rig.begin(Fault::DataNode(0)))?;
    rig.happens(Fault::Kill, Duration::ZERO, Meanwhile::Follow).await?;
    block_in_place(|| rig.end(Fault::DataNode(0)))?;
    block_in_place(|| rig.finish())
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

/// `PAUSES=50` for more.
#[tokio::test(flavor = "multi_thread")]
async fn leaders_that_sleep_and_wake_lose_nothing() -> Result<()> {
    let pauses =
        env::var("PAUSES").map_or(Ok(1), |text| text.parse().with_context(|| format!("PAUSES={text}")))?;
    let mut rig = block_in_place(|| Rig::start_on(Hdfs::plan().start()?))?;
    rig.pauses(pauses).await?;
    block_in_place(|| rig.finish())
}

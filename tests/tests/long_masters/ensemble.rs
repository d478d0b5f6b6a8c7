//! The rig's ZooKeeper: an ensemble that serves as long as a majority lives.

use std::time::Duration;

use alluxio_tests::{waiting::wait_until, zookeeper::Ensemble};
use anyhow::{Result, ensure};

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn an_ensemble_outlives_its_leader_but_not_its_majority() -> Result<()> {
    let mut zookeeper = Ensemble::start(3)?;
    let first = zookeeper.leader()?;
    zookeeper.kill(first)?;
    wait_until(LIMIT, "another server leads", || Ok(zookeeper.leader().is_ok_and(|leader| leader != first)))?;
    let second = zookeeper.leader()?;
    let last = 3 - first - second;
    zookeeper.pause(second)?;
    ensure!(zookeeper.mode(second).is_none(), "a stopped server answers");
    wait_until(LIMIT, "the last one alone serves nobody", || Ok(zookeeper.mode(last).is_none()))?;
    zookeeper.resume(second)?;
    zookeeper.launch(first)?;
    zookeeper.wait(first)?;
    wait_until(LIMIT, "all three serve", || Ok((0..3).all(|index| zookeeper.mode(index).is_some())))?;
    zookeeper.finish()
}

//! Paths that say themselves which cluster they mean: `alluxio://zk@…/`, `alluxio://h1:1,h2:2/`, and any host where
//! ZooKeeper tells who leads.

use std::time::Duration;

use alluxio_tests::{
    Cluster,
    process::{our_binary, run},
    zookeeper::Ensemble,
};
use anyhow::{Result, ensure};
use tokio::task::block_in_place;
use zookeeper_client::{Acls, Client, CreateMode};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_path_finds_the_leader() -> Result<()> {
    let zookeeper = block_in_place(|| Ensemble::start(1))?;
    let cluster = block_in_place(|| Cluster::plan().workers(0).start())?;
    std::fs::write(cluster.under_storage().join("found"), "x")?;
    let leader = format!("127.0.0.1:{}", cluster.master_rpc_port());
    // What a leader leaves there.
    let client = Client::connect(&zookeeper.address()).await?;
    let mode = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.mkdir("/alluxio/leader", &mode).await?;
    client.create(&format!("/alluxio/leader/{leader}"), b"", &mode).await?;

    let ensemble = format!("alluxio://zk@{}", zookeeper.address());
    let list = |settings: &[&str], root: &str| {
        let mut command = our_binary("alluxio")?;
        // Nothing of the cluster's: the path alone, and what a test gives.
        command.args(["fs", "ls", &format!("{root}/")]).args(settings);
        command.arg(format!("-Dalluxio.site.conf.dir={}", cluster.folder().join("none").display()));
        let log = tempfile::NamedTempFile::new_in(cluster.folder())?;
        block_in_place(|| run(root, command, log.path(), LIMIT))
    };
    let lists = |settings: &[&str], root: &str| {
        let done = list(settings, root)?;
        ensure!(done.code == 0 && done.output.contains("/found"), "{settings:?} {root}:\n{}", done.output);
        anyhow::Ok(())
    };
    for root in [ensemble.clone(), format!("alluxio://{leader}"), format!("alluxio://127.0.0.1:1,{leader}")] {
        lists(&[], &root)?;
    }
    let address = format!("-Dalluxio.zookeeper.address={}", zookeeper.address());
    let elected = ["-Dalluxio.zookeeper.enabled=true", address.as_str()];
    for root in ["", "alluxio://anyhost:1", "alluxio://anyhost", &ensemble] {
        lists(&elected, root)?;
    }
    let other = list(&elected, "alluxio://zk@127.0.0.1:1")?;
    ensure!(
        other.code == 255 && other.output.contains("does not match the configured value"),
        "{}",
        other.output
    );
    let other = list(&["-Dalluxio.master.hostname=elsewhere"], &format!("alluxio://{leader}"))?;
    ensure!(
        other.code == 255 && other.output.contains("does not match the configured value"),
        "{}",
        other.output
    );

    block_in_place(|| zookeeper.finish())?;
    block_in_place(|| cluster.finish())
}

//! A worker that dies with what is not in the under storage yet: another holder persists it, else it is lost and says so.

use std::{
    fs,
    time::{Duration, Instant},
};

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{FileInfo, WritePType};
use alluxio_tests::{Cluster, client};
use anyhow::{Context, Result, ensure};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn another_holder_persists_what_a_dead_worker_cannot() -> Result<()> {
    let mut cluster = Cluster::plan()
        .workers(2)
        .set("alluxio.master.replication.check.interval", "200ms")
        .set("alluxio.master.worker.timeout", "2s")
        .set("alluxio.master.lost.worker.detection.interval", "200ms")
        .start()?;
    let client = client::connect(&cluster).await?;
    let content = vec![7_u8; 300_000];
    for path in ["/kept", "/lost"] {
        client::write(&client, path, content.clone().into(), WritePType::MustCache).await?;
    }
    run(&cluster, &["fs", "setReplication", "--min", "2", "/kept"])?;
    becomes(&client, "/kept", "held by both workers", |info| holders(info).len() == 2).await?;

    // The one that has the other file alone.
    let info = status(&client, "/lost").await?;
    let port = *holders(&info).first().context("nobody holds /lost")?;
    let worker = (0..2).find(|worker| i32::from(cluster.worker_rpc_port(*worker)) == port);
    cluster.kill_worker(worker.context("no such worker")?)?;
    becomes(&client, "/lost", "LOST", |info| info.persistence_state() == "LOST").await?;

    let persisted = run(&cluster, &["fs", "persist", "/kept"])?;
    ensure!(persisted.contains("Successfully persisted file: /kept"), "{persisted}");
    ensure!(
        fs::read(cluster.under_storage().join("kept"))? == content,
        "/kept was persisted otherwise than written"
    );
    ensure!(status(&client, "/kept").await?.persistence_state() == "PERSISTED", "/kept is not persisted");
    let told = run(&cluster, &["fs", "persist", "-t", "500", "/lost"])?;
    ensure!(told.contains("Timed out waiting for file to be persisted: /lost"), "{told}");
    ensure!(!cluster.under_storage().join("lost").exists(), "something half was written");
    drop(client);
    cluster.finish()
}

async fn status(fs: &FileSystem, path: &str) -> Result<FileInfo> {
    Ok(fs.get_status(&AlluxioPath::parse(path)?, Default::default()).await?)
}

/// The ports of the workers that have it.
fn holders(info: &FileInfo) -> Vec<i32> {
    let blocks = info.file_block_infos.iter().filter_map(|block| block.block_info.as_ref());
    let addresses = blocks.flat_map(|block| &block.locations).filter_map(|at| at.worker_address.as_ref());
    addresses.map(|address| address.rpc_port()).collect()
}

async fn becomes(fs: &FileSystem, path: &str, what: &str, is: impl Fn(&FileInfo) -> bool) -> Result<()> {
    let until = Instant::now() + LIMIT;
    loop {
        let info = status(fs, path).await?;
        if is(&info) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "{path} is not {what}: {info:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn run(cluster: &Cluster, words: &[&str]) -> Result<String> {
    let done = cluster.alluxio(words)?;
    ensure!(done.code == 0, "{words:?}: {}", done.output);
    Ok(done.output)
}

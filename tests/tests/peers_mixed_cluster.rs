//! Clusters of both kinds of servers: a worker of the original with our master, our worker with a master of the
//! original, and both kinds of workers together. Clients of each version use them.

use std::{fs, time::Duration};

use alluxio_proto::grpc::file::WritePType;
use alluxio_tests::{
    Cluster, client,
    java::{JavaClient, Locality},
    waiting::wait_until,
};
use anyhow::{Context, Result, ensure};

const SERVER: &str = "2.9.6";
const LIMIT: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_the_original_serves_our_master() -> Result<()> {
    let mut cluster = Cluster::plan().prepare()?;
    cluster.format()?;
    cluster.start_master()?;
    cluster.launch_java_worker(0, SERVER)?;
    workers_are_live(&mut cluster, 1).await?;

    all_tests_pass(&cluster, "2.9.4", Locality::ShortCircuit)?;
    all_tests_pass(&cluster, "2.9.6", Locality::Streams)?;
    ours_passes(&cluster)?;

    // What the master tells its worker to drop is dropped.
    let fs = client::connect(&cluster).await?;
    client::write(&fs, "/dropped", payload_of(100_000), WritePType::MustCache).await?;
    ensure!(blocks_on_disk(&cluster, 0)? > 0, "the file has no block in the Java worker's folder");
    let done = cluster.alluxio(&["fs", "rm", "/dropped"])?;
    ensure!(done.code == 0, "{}", done.output);
    let done = cluster.alluxio(&["fs", "rm", "-R", "/default_tests_files"])?;
    ensure!(done.code == 0, "{}", done.output);
    wait_until(LIMIT, "the Java worker drops the blocks of removed files", || {
        Ok(blocks_on_disk(&cluster, 0)? == 0)
    })?;

    // A master that comes back knows the worker's blocks again.
    client::write(&fs, "/kept", payload_of(100_000), WritePType::MustCache).await?;
    drop(fs);
    cluster.kill_master()?;
    cluster.start_master()?;
    workers_are_live(&mut cluster, 1).await?;
    let fs = client::connect(&cluster).await?;
    ensure!(client::read(&fs, "/kept").await? == payload_of(100_000), "/kept reads otherwise than written");

    drop(fs);
    cluster.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_worker_serves_a_master_of_the_original() -> Result<()> {
    let mut cluster = Cluster::plan().prepare()?;
    cluster.start_java_master(SERVER)?;
    cluster.start_worker(0)?;

    all_tests_pass(&cluster, "2.9.4", Locality::Streams)?;
    all_tests_pass(&cluster, "2.9.6", Locality::ShortCircuit)?;
    ours_passes(&cluster)?;

    let fs = client::connect(&cluster).await?;
    client::write(&fs, "/through", payload_of(3_000_000), WritePType::CacheThrough).await?;
    ensure!(fs::read(cluster.under_storage().join("through"))? == payload_of(3_000_000), "not persisted");

    // What was cached is known again to the master after the worker was away.
    cluster.kill_worker(0)?;
    cluster.start_worker(0)?;
    ensure!(client::read(&fs, "/through").await? == payload_of(3_000_000), "/through reads otherwise");
    for path in ["/through", "/default_tests_files"] {
        let done = cluster.alluxio(&["fs", "rm", "-R", path])?;
        ensure!(done.code == 0, "{}", done.output);
    }
    wait_until(LIMIT, "our worker drops the blocks of removed files", || {
        Ok(blocks_on_disk(&cluster, 0)? == 0)
    })?;
    // Each registration finds out anew that such a master takes no reports of persisted files.
    let log = fs::read_to_string(cluster.folder().join("java-master.log"))?;
    let refused = log.matches("Exit (Error): workerHeartbeat").count();
    ensure!(refused <= 2, "the Java master refused {refused} reports");

    drop(fs);
    cluster.finish()
}

/// The original's master does not say what may be evicted.
#[tokio::test(flavor = "multi_thread")]
async fn our_worker_makes_room_with_a_master_of_the_original() -> Result<()> {
    let mut cluster = Cluster::plan()
        .set("alluxio.worker.tieredstore.level0.dirs.quota", "8MB")
        .set("alluxio.user.block.size.bytes.default", "1MB")
        .prepare()?;
    cluster.start_java_master(SERVER)?;
    cluster.start_worker(0)?;

    let fs = client::connect(&cluster).await?;
    for number in 0..6 {
        let path = format!("/file-{number}");
        client::write(&fs, &path, payload_of(3_000_000), WritePType::CacheThrough).await?;
    }
    ensure!(blocks_on_disk(&cluster, 0)? <= 8, "more than the tier holds");
    for number in 0..6 {
        let read = client::read(&fs, &format!("/file-{number}")).await?;
        ensure!(read == payload_of(3_000_000), "/file-{number} reads otherwise than written");
    }

    drop(fs);
    cluster.finish()
}

/// Workers of the original take no persist jobs: ours do, for blocks that lie on the others.
#[tokio::test(flavor = "multi_thread")]
async fn our_worker_persists_what_lies_on_a_worker_of_the_original() -> Result<()> {
    let mut cluster = Cluster::plan().workers(2).prepare()?;
    cluster.format()?;
    cluster.start_master()?;
    cluster.launch_java_worker(0, SERVER)?;
    workers_are_live(&mut cluster, 1).await?;

    let fs = client::connect(&cluster).await?;
    let data = payload_of(3_000_000);
    client::write(&fs, "/later", data.clone(), WritePType::AsyncThrough).await?;
    let target = cluster.under_storage().join("later");
    wait_until(LIMIT, "the master has looked for a worker that persists /later", || {
        Ok(cluster.master()?.output().contains("no live worker takes such jobs"))
    })?;
    ensure!(!target.exists(), "somebody persisted /later, and no worker here does");

    cluster.start_worker(1)?;
    wait_until(LIMIT, "/later is persisted", || Ok(target.exists()))?;
    ensure!(fs::read(&target)? == data, "/later was persisted otherwise than written");

    drop(fs);
    cluster.finish()
}

fn all_tests_pass(cluster: &Cluster, version: &str, locality: Locality) -> Result<()> {
    JavaClient::new(version, locality, cluster)?
        .passes_all_tests(LIMIT)
        .with_context(|| format!("client {version}"))
}

/// The same program with our own client.
fn ours_passes(cluster: &Cluster) -> Result<()> {
    let done = cluster.alluxio(&["runTests"])?;
    let passed = done.output.matches("Passed the test!").count();
    ensure!(done.code == 0 && passed == 24, "our client: {passed} of 24 passed:\n{}", done.output);
    Ok(())
}

/// Waits until the master knows so many workers.
async fn workers_are_live(cluster: &mut Cluster, count: usize) -> Result<()> {
    let fs = client::connect(cluster).await?;
    let deadline = tokio::time::Instant::now() + LIMIT;
    loop {
        if fs.cluster().workers().await.is_ok_and(|workers| workers.len() == count) {
            return Ok(());
        }
        for worker in 0..count {
            let process = cluster.worker(worker)?;
            if let Some(status) = process.ended()? {
                anyhow::bail!("{process} ended with {status}:\n{}", process.last_lines());
            }
        }
        ensure!(tokio::time::Instant::now() < deadline, "no {count} live workers within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn blocks_on_disk(cluster: &Cluster, worker: usize) -> Result<usize> {
    let folder = cluster.tier(worker).join("alluxioworker");
    let entries = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
    // Blocks are named by their ids; all else has a dot in front.
    Ok(entries.iter().filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count())
}

fn payload_of(length: usize) -> bytes::Bytes {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

//! What the master has workers cache: load jobs, submitted by our command and by the Java client, and as many copies as files
//! are to have; on real workers.

use std::{fs, time::Duration};

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{FileInfo, WritePType};
use alluxio_tests::{
    Cluster, client,
    java::{JavaClient, Kind, Locality, ShellSession},
    waiting::wait_until,
};
use anyhow::{Result, ensure};

const LIMIT: Duration = Duration::from_secs(60);
const BLOCK: usize = 256 << 10;
const FILES: usize = 24;

fn content(number: usize) -> Vec<u8> {
    (0..BLOCK + 1000 + number).map(|byte| (byte * 31 + number) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_is_loaded_onto_all_workers() -> Result<()> {
    let mut cluster = Cluster::plan()
        .workers(2)
        .set("alluxio.user.block.size.bytes.default", &BLOCK.to_string())
        .start()?;
    for number in 0..FILES {
        let folder = cluster.under_storage().join(format!("data/part{}", number % 3));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("f{number}")), content(number))?;
    }
    let submitted = ours(&cluster, &["fs", "load", "/data", "--submit", "--verify"])?;
    ensure!(submitted.starts_with("Load '/data' is successfully submitted. JobId: "), "{submitted}");
    let report = succeeded(&cluster, "/data")?;
    ensure!(report.contains(&format!("Files Processed: {FILES}\n")), "{report}");
    ensure!(report.contains("Files Failed: 0"), "{report}");
    for worker in 0..2 {
        let blocks = fs::read_dir(cluster.tier(worker).join("alluxioworker"))?.count();
        ensure!(blocks > 0, "worker {worker} has loaded nothing");
    }
    // What was loaded is what is read when the under storage has it no more.
    fs::rename(cluster.under_storage().join("data"), cluster.under_storage().join("away"))?;
    let fs = client::connect(&cluster).await?;
    for number in 0..FILES {
        let path = format!("/data/part{}/f{number}", number % 3);
        ensure!(status(&fs, &path).await?.in_alluxio_percentage() == 100, "{path} is not loaded");
        ensure!(client::read(&fs, &path).await? == content(number), "{path} reads otherwise");
    }
    drop(fs);

    java_submits_and_asks(&mut cluster)?;
    cluster.finish()
}

fn java_submits_and_asks(cluster: &mut Cluster) -> Result<()> {
    let folder = cluster.under_storage().join("more");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("f"), content(1))?;
    let client = JavaClient::new("2.9.6", Locality::Streams, cluster)?;
    let mut shell = ShellSession::start(&client, Kind::Tools, LIMIT)?;
    let submitted = shell.text(&["fs", "load", "/more", "--submit", "--bandwidth", "104857600"])?;
    ensure!(submitted.starts_with("Load '/more' is successfully submitted. JobId: "), "{submitted}");
    succeeded(cluster, "/more")?;
    let text = shell.text(&["fs", "load", "/more", "--progress", "--verbose"])?;
    ensure!(text.contains("bandwidth: 104857600\tverify: false") && text.contains("SUCCEEDED"), "{text}");
    let json = shell.text(&["fs", "load", "/more", "--progress", "--format", "JSON"])?;
    ensure!(json.contains("\"mJobState\":\"SUCCEEDED\""), "{json}");
    let stopped = shell.text(&["fs", "load", "/more", "--stop"])?;
    ensure!(stopped.starts_with("Cannot find load job for path /more"), "{stopped}");
    syncs_as_tasks(cluster, &mut shell)
}

/// The second kind of `loadMetadata`, of the Java client and of ours.
fn syncs_as_tasks(cluster: &Cluster, shell: &mut ShellSession) -> Result<()> {
    fs::write(cluster.under_storage().join("more/f"), content(2))?;
    fs::write(cluster.under_storage().join("more/g"), content(3))?;
    let text = shell.text(&["fs", "loadMetadata", "-v2", "-R", "/more"])?;
    ensure!(text.contains("State: SUCCEEDED") && text.contains("Load Metadata Completed."), "{text}");
    let listing = ours(cluster, &["fs", "ls", "/more"])?;
    let lengths = [content(2).len(), content(3).len()].map(|length| format!(" {length} "));
    ensure!(lengths.iter().all(|length| listing.contains(length)), "{listing}");
    fs::remove_file(cluster.under_storage().join("more/g"))?;
    let text = ours(cluster, &["fs", "loadMetadata", "-v2", "-a", "-p", "100", "/more"])?;
    let id = text.split_once("Task group ").and_then(|(_, rest)| rest.split_once(' ')).map(|(id, _)| id);
    ensure!(!ours(cluster, &["fs", "ls", "/more"])?.contains("/more/g"), "{text}");
    let id = id.ok_or_else(|| anyhow::anyhow!("no number in {text}"))?;
    for told in [shell.text(&["fs", "loadMetadata", "-o", "get", "-id", id])?, text.clone()] {
        ensure!(told.contains("State: SUCCEEDED") && told.contains("/more, with what is in it"), "{told}");
    }
    let failed = cluster.alluxio(&["fs", "loadMetadata", "-v2", "/not/there"])?;
    ensure!(failed.code == 255, "{}", failed.output);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_have_as_many_copies_as_they_are_to_have() -> Result<()> {
    let mut cluster = Cluster::plan()
        .workers(3)
        .set("alluxio.master.replication.check.interval", "200ms")
        .set("alluxio.master.worker.timeout", "2s")
        .set("alluxio.master.lost.worker.detection.interval", "200ms")
        .start()?;
    let fs = client::connect(&cluster).await?;
    client::write(&fs, "/f", content(7).into(), WritePType::MustCache).await?;
    ours(&cluster, &["fs", "setReplication", "--min", "2", "/f"])?;
    copies_become(&fs, 2).await?;
    // A holder is killed: the other one and a new one have the file.
    let gone = holders(&fs).await?[0];
    let worker = (0..3).find(|worker| i32::from(cluster.worker_rpc_port(*worker)) == gone);
    cluster.kill_worker(worker.ok_or_else(|| anyhow::anyhow!("no worker on port {gone}"))?)?;
    let until = std::time::Instant::now() + LIMIT;
    while holders(&fs).await?.contains(&gone) || holders(&fs).await?.len() < 2 {
        ensure!(std::time::Instant::now() < until, "no second copy: {:?}", holders(&fs).await?);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ensure!(client::read(&fs, "/f").await? == content(7), "/f reads otherwise than written");
    ours(&cluster, &["fs", "setReplication", "--min", "0", "--max", "1", "/f"])?;
    copies_become(&fs, 1).await?;
    ensure!(client::read(&fs, "/f").await? == content(7), "the last copy is not the file");
    drop(fs);
    cluster.finish()
}

async fn status(fs: &FileSystem, path: &str) -> Result<FileInfo> {
    Ok(fs.get_status(&AlluxioPath::parse(path)?, Default::default()).await?)
}

/// The ports of the workers that have the file.
async fn holders(fs: &FileSystem) -> Result<Vec<i32>> {
    let info = status(fs, "/f").await?;
    let blocks = info.file_block_infos.iter().filter_map(|block| block.block_info.as_ref());
    let addresses = blocks.flat_map(|block| &block.locations).filter_map(|at| at.worker_address.as_ref());
    Ok(addresses.map(|address| address.rpc_port()).collect())
}

async fn copies_become(fs: &FileSystem, count: usize) -> Result<()> {
    let until = std::time::Instant::now() + LIMIT;
    while holders(fs).await?.len() != count {
        ensure!(std::time::Instant::now() < until, "not {count} copies: {:?}", holders(fs).await?);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn ours(cluster: &Cluster, words: &[&str]) -> Result<String> {
    let done = cluster.alluxio(words)?;
    ensure!(done.code == 0, "{words:?}: {}", done.output);
    Ok(done.output)
}

fn succeeded(cluster: &Cluster, path: &str) -> Result<String> {
    let mut report = String::new();
    wait_until(LIMIT, "the load succeeds", || {
        report = ours(cluster, &["fs", "load", path, "--progress", "--verbose"])?;
        ensure!(!report.contains("FAILED"), "{report}");
        Ok(report.contains("Job State: SUCCEEDED"))
    })?;
    Ok(report)
}

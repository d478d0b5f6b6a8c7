//! An S3 store that answers late or never: nothing half is seen, nothing is lost.

use std::time::{Duration, Instant};

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{FileInfo, WritePType};
use alluxio_tests::{
    Cluster, client,
    s3::{Answer, Proxy, S3, options},
    waiting::wait_until,
};
use anyhow::{Result, ensure};
use bytes::Bytes;
use tokio::task::block_in_place;

/// The master gives a job to a worker again when nobody has told of it for a minute.
const LIMIT: Duration = Duration::from_secs(150);
/// A look at a store is given up after 40 seconds.
const LOOK: Duration = Duration::from_secs(55);

fn cluster(proxy: &Proxy) -> Result<Cluster> {
    let mut plan = Cluster::plan().set("alluxio.master.mount.table.root.ufs", "s3://root/");
    for (name, value) in options(proxy.at()) {
        plan = plan.set(&format!("alluxio.master.mount.table.root.option.{name}"), &value);
    }
    plan.start()
}

async fn status(files: &FileSystem, path: &str) -> Result<FileInfo> {
    Ok(files.get_status(&AlluxioPath::parse(path)?, Default::default()).await?)
}

/// Three parts of an upload.
fn content() -> Vec<u8> {
    (0..20_usize << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_while_it_persists_leaves_nothing_half_and_does_it_again() -> Result<()> {
    let server = S3::start(&["root"])?;
    let proxy = Proxy::open(server.at())?;
    let plain = server.client("root")?;
    let mut cluster = cluster(&proxy)?;
    let files = client::connect(&cluster).await?;
    proxy.inject("partNumber=2", Answer::Hold, usize::MAX);
    client::write(&files, "/file", Bytes::from(content()), WritePType::AsyncThrough).await?;
    block_in_place(|| wait_until(LIMIT, "it is being persisted", || Ok(proxy.held() > 0)))?;
    ensure!(status(&files, "/file").await?.persistence_state() == "TO_BE_PERSISTED");
    cluster.kill_worker(0)?;
    ensure!(plain.list("/").await?.iter().all(|entry| entry.path() == "/"), "something half is shown");
    cluster.start_worker(0)?;
    // What the dead worker had sent arrives only now: it has not the last word.
    proxy.heal();
    let until = Instant::now() + LIMIT;
    while status(&files, "/file").await?.persistence_state() != "PERSISTED" {
        ensure!(status(&files, "/file").await?.in_alluxio_percentage() == 100, "it was evicted");
        ensure!(Instant::now() < until, "it is not persisted: {:?}", status(&files, "/file").await?);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    ensure!(plain.read("file").await?.to_vec() == content(), "it was persisted otherwise than written");
    let left: Vec<_> = plain.list("/").await?.into_iter().map(|entry| entry.path().to_owned()).collect();
    ensure!(left.iter().filter(|key| *key != "/").eq(["file"]), "left: {left:?}");
    drop(proxy);
    cluster.finish()?;
    server.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_silent_is_given_up_and_nothing_is_dropped() -> Result<()> {
    let server = S3::start(&["root"])?;
    let proxy = Proxy::open(server.at())?;
    let plain = server.client("root")?;
    let cluster = cluster(&proxy)?;
    let files = client::connect(&cluster).await?;
    for name in ["folder/a", "folder/b"] {
        plain.write(name, name).await?;
        ensure!(client::read(&files, &format!("/{name}")).await? == name);
    }
    let before = status(&files, "/folder/a").await?.file_id();
    // All of the folder is known from here on: listing it needs no look at the store.
    let listed = block_in_place(|| cluster.alluxio(&["fs", "ls", "/folder"]))?;
    ensure!(listed.code == 0 && listed.output.lines().count() == 2, "{}", listed.output);
    proxy.inject("list-type=2", Answer::Hold, usize::MAX);
    let began = Instant::now();
    let told = block_in_place(|| cluster.alluxio(&["fs", "ls", "-f", "/folder"]))?;
    ensure!(told.code != 0 && told.output.trim().lines().count() == 1, "{}", told.output);
    ensure!(told.output.contains("the under storage has not answered for 40s"), "{}", told.output);
    ensure!(began.elapsed() < LOOK, "{:?}", began.elapsed());
    // What is known is shown and read meanwhile.
    let listed = block_in_place(|| cluster.alluxio(&["fs", "ls", "/folder"]))?;
    ensure!(listed.code == 0 && listed.output.lines().count() == 2, "{}", listed.output);
    ensure!(client::read(&files, "/folder/b").await? == "folder/b");
    proxy.heal();
    let listed = block_in_place(|| cluster.alluxio(&["fs", "ls", "-f", "/folder"]))?;
    ensure!(listed.code == 0 && listed.output.lines().count() == 2, "{}", listed.output);
    ensure!(status(&files, "/folder/a").await?.file_id() == before, "it was dropped and loaded again");
    drop(proxy);
    cluster.finish()?;
    server.finish()
}

//! kill -9 of a worker while it is written to: persisted files read back, committed blocks stay in its tier,
//! nothing half written shows.

use std::{fs, path::Path, time::Duration};

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::{CreateFilePOptions, FileInfo, WritePType};
use alluxio_tests::{
    Cluster,
    client::{connect, connect_with, only_block, read, worker_client, write},
    waiting::wait_until,
};
use anyhow::{Result, ensure};
use bytes::Bytes;
use futures::TryStreamExt;
use tokio::task::block_in_place;

const FILES: usize = 8;
const LENGTH: usize = 5_000_000;
const LIMIT: Duration = Duration::from_secs(60);
/// Blocks of 2 MB: each file has three, the last not full.
const SMALL_BLOCKS: (&str, &str) = ("alluxio.user.block.size.bytes.default", "2MB");
/// Reads of what is gone must fail within the test.
const SHORT_RETRY: (&str, &str) = ("alluxio.user.block.read.retry.max.duration", "5s");

#[tokio::test(flavor = "multi_thread")]
async fn committed_blocks_and_persisted_files_survive() -> Result<()> {
    let mut cluster = Cluster::plan().start()?;
    let fs = connect_with(&cluster, &[SMALL_BLOCKS, SHORT_RETRY]).await?;
    for file in 0..FILES {
        write(&fs, &cached(file), content(file), WritePType::MustCache).await?;
        write(&fs, &persisted(file), content(100 + file), WritePType::CacheThrough).await?;
    }
    let writers: Vec<_> = (0..4).map(|writer| tokio::spawn(write_for_ever(fs.clone(), writer))).collect();
    block_in_place(|| {
        wait_until(LIMIT, "blocks are being written", || Ok(temporary_blocks(&cluster.tier(0))? > 0))?;
        cluster.kill_worker(0)
    })?;
    for writer in writers {
        ensure!(writer.await?.is_err(), "a write succeeded on a killed worker");
    }
    block_in_place(|| cluster.start_worker(0))?;
    ensure!(temporary_blocks(&cluster.tier(0))? == 0, "temporary blocks of before the kill are still there");

    let fs = connect_with(&cluster, &[SMALL_BLOCKS, SHORT_RETRY]).await?;
    for file in 0..FILES {
        ensure!(read(&fs, &cached(file)).await? == content(file), "{} changed", cached(file));
        ensure!(read(&fs, &persisted(file)).await? == content(100 + file), "{} changed", persisted(file));
        for path in [cached(file), persisted(file)] {
            let info = fs.get_status(&AlluxioPath::parse(&path)?, Default::default()).await?;
            ensure!(info.in_alluxio_percentage() == 100, "{path} lost blocks: {info:?}");
        }
    }
    no_half_written_file(&fs).await?;

    // Without its tier, the worker still serves what the under storage holds.
    block_in_place(|| {
        cluster.kill_worker(0)?;
        fs::remove_dir_all(cluster.tier(0))?;
        cluster.start_worker(0)
    })?;
    let fs = connect_with(&cluster, &[SMALL_BLOCKS, SHORT_RETRY]).await?;
    for file in 0..FILES {
        ensure!(read(&fs, &persisted(file)).await? == content(100 + file), "{} changed", persisted(file));
    }
    ensure!(read(&fs, &cached(0)).await.is_err(), "a file whose only blocks are gone was read");
    drop(fs);
    block_in_place(|| cluster.finish())
}

/// The worker drops the only copy. Readers ask on while the master has not heard of it, and are told then.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_of_lost_data_fails_soon_and_says_so() -> Result<()> {
    let cluster = Cluster::plan().start()?;
    // With the default patience of five minutes.
    let fs = connect(&cluster).await?;
    write(&fs, &cached(0), content(0), WritePType::MustCache).await?;
    let block = only_block(&fs, &cached(0)).await?;
    worker_client(&fs).await?.remove_block(block).await?;
    for _ in 0..2 {
        let error = tokio::time::timeout(Duration::from_secs(30), read(&fs, &cached(0))).await?.unwrap_err();
        ensure!(error.message.starts_with(&format!("The data of {} is lost: ", cached(0))), "{error}");
        ensure!(error.message.contains(&format!("block {block}")), "{error}");
    }
    drop(fs);
    block_in_place(|| cluster.finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_registers_again_with_a_restarted_master() -> Result<()> {
    let mut cluster = Cluster::plan().start()?;
    let fs = connect(&cluster).await?;
    write(&fs, &cached(0), content(0), WritePType::MustCache).await?;
    block_in_place(|| {
        cluster.kill_master()?;
        cluster.start_master()
    })?;
    ensure!(read(&fs, &cached(0)).await? == content(0), "{} changed", cached(0));
    write(&fs, &cached(1), content(1), WritePType::MustCache).await?;
    ensure!(read(&fs, &cached(1)).await? == content(1), "{} changed", cached(1));
    drop(fs);
    block_in_place(|| cluster.finish())
}

fn cached(file: usize) -> String {
    format!("/cached/{file}")
}

fn persisted(file: usize) -> String {
    format!("/persisted/{file}")
}

fn content(seed: usize) -> Bytes {
    (0..LENGTH).map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 7) as u8).collect()
}

/// Ends with the worker's end.
async fn write_for_ever(fs: FileSystem, writer: usize) -> Result<()> {
    for file in 0..10_000 {
        let path = AlluxioPath::parse(&format!("/torn/{writer}-{file}"))?;
        let options = CreateFilePOptions {
            recursive: Some(true),
            write_type: Some(WritePType::MustCache.into()),
            ..Default::default()
        };
        let mut out = fs.create(&path, options).await?;
        out.write(content(file)).await?;
        out.close().await?;
        // The tier must not fill up while the test waits.
        fs.delete(&path, Default::default()).await?;
    }
    Ok(())
}

/// A file that was being written is either gone, or whole, or says that it is not complete and cannot be read.
async fn no_half_written_file(fs: &FileSystem) -> Result<()> {
    let torn: Vec<FileInfo> =
        fs.list_status(&AlluxioPath::parse("/torn")?, Default::default()).await?.try_collect().await?;
    ensure!(!torn.is_empty(), "no write was cut short: the test has shown nothing");
    for info in torn {
        let file: usize = info.name().rsplit('-').next().unwrap_or_default().parse()?;
        let outcome = read(fs, info.path()).await;
        if info.completed() {
            ensure!(outcome? == content(file), "{} is half there", info.path());
        } else {
            ensure!(outcome.is_err(), "{} is not complete and was read", info.path());
        }
    }
    Ok(())
}

/// How many files lie in the tier's folder for blocks that are being written.
fn temporary_blocks(tier: &Path) -> Result<usize> {
    let mut count = 0;
    let Ok(folders) = fs::read_dir(tier.join("alluxioworker/.tmp_blocks")) else { return Ok(0) };
    for folder in folders {
        let path = folder?.path();
        count += if path.is_dir() { fs::read_dir(path)?.count() } else { 1 };
    }
    Ok(count)
}

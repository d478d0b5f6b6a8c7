//! Clients that do nothing: keep streams open, stop reading, connect and say nothing. Each costs little, and
//! holds nobody else up.

use std::time::{Duration, Instant};

use alluxio_client::FileSystem;
use alluxio_proto::grpc::{block::ReadRequest, file::WritePType};
use alluxio_tests::{
    Cluster, Masters,
    client::{connect, only_block, read, worker_client, write},
    cluster::HOST,
};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use tokio::{task::block_in_place, time::timeout};

const AT_ONCE: Duration = Duration::from_secs(5);
const MASTER_ENDS: Duration = Duration::from_secs(1);

/// A client may keep a stream open after it got everything: that must not hold up a worker's end.
#[tokio::test(flavor = "multi_thread")]
async fn an_answered_stream_does_not_hold_up_the_end() -> Result<()> {
    const LONGEST_END: Duration = Duration::from_secs(15);

    let mut cluster = block_in_place(|| Cluster::plan().start())?;
    let fs = connect(&cluster).await?;
    write(&fs, "/data", Bytes::from(vec![7; 100_000]), WritePType::CacheThrough).await?;
    let request = ReadRequest {
        block_id: Some(only_block(&fs, "/data").await?),
        offset: Some(0),
        length: Some(100_000),
        ..Default::default()
    };
    let mut open = worker_client(&fs).await?.read_block(request).await?;
    while open.next().await?.is_some() {}

    let began = Instant::now();
    block_in_place(|| cluster.stop_worker(0))?;
    ensure!(began.elapsed() < LONGEST_END, "the worker took {:?} to end", began.elapsed());
    drop((open, fs));
    block_in_place(|| cluster.finish())
}

/// Clients and workers are connected to a master at any time.
#[tokio::test(flavor = "multi_thread")]
async fn connected_clients_do_not_hold_up_a_masters_end() -> Result<()> {
    let mut cluster = block_in_place(|| Cluster::plan().start())?;
    let mut clients = Vec::new();
    for number in 0..20 {
        let fs = connect(&cluster).await?;
        write(&fs, &format!("/{number}"), Bytes::from_static(b"data"), WritePType::MustCache).await?;
        clients.push((fs, tokio::net::TcpStream::connect((HOST, cluster.master_rpc_port())).await?));
    }
    let began = Instant::now();
    block_in_place(|| cluster.stop_master())?;
    ensure!(began.elapsed() < MASTER_ENDS, "the master took {:?} to end", began.elapsed());
    drop(clients);
    block_in_place(|| cluster.finish())
}

/// The same of one that stands for election, and has no other to hand over to.
#[tokio::test(flavor = "multi_thread")]
async fn connected_clients_do_not_hold_up_a_lone_leaders_end() -> Result<()> {
    let mut masters = block_in_place(|| Masters::start(1, Cluster::plan()))?;
    let mut clients = Vec::new();
    for number in 0..20 {
        let fs = FileSystem::connect(&masters.client_conf(&[])?).await?;
        write(&fs, &format!("/{number}"), Bytes::from_static(b"data"), WritePType::MustCache).await?;
        clients.push((fs, tokio::net::TcpStream::connect((HOST, masters.rpc_port(0))).await?));
    }
    let began = Instant::now();
    block_in_place(|| masters.stop(0))?;
    ensure!(began.elapsed() < MASTER_ENDS, "the master took {:?} to end", began.elapsed());
    drop(clients);
    block_in_place(|| masters.finish())
}

/// 64 readers of a block of 64 MB that take one chunk each and then nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_stop_reading_cost_little() -> Result<()> {
    const LENGTH: usize = 64 << 20;
    const READERS: u64 = 64;
    /// What one stream may have under way: the un-acknowledged bytes of the protocol and the flow window.
    const EACH: u64 = 8 << 20;

    let mut cluster = block_in_place(|| Cluster::plan().start())?;
    let fs = connect(&cluster).await?;
    write(&fs, "/large", Bytes::from(vec![3; LENGTH]), WritePType::MustCache).await?;
    let block_id = only_block(&fs, "/large").await?;
    let before = cluster.worker(0)?.resident_bytes()?;

    let mut stuck = Vec::new();
    for _ in 0..READERS {
        let worker = worker_client(&connect(&cluster).await?).await?;
        let request = ReadRequest {
            block_id: Some(block_id),
            offset: Some(0),
            length: Some(LENGTH as i64),
            ..Default::default()
        };
        let mut reader = worker.read_block(request).await?;
        ensure!(reader.next().await?.is_some(), "no first chunk");
        stuck.push((worker, reader));
    }
    // Time to send as much as it ever will.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let grown = cluster.worker(0)?.resident_bytes()?.saturating_sub(before);
    ensure!(grown < READERS * EACH, "{} MB for {READERS} stuck readers", grown >> 20);

    // Others are served as if nothing was.
    let whole = timeout(AT_ONCE, read(&fs, "/large")).await??;
    ensure!(whole.len() == LENGTH, "{} bytes came", whole.len());
    // And a stuck reader goes on where it stopped.
    let (_, mut reader) = stuck.pop().context("a stuck reader")?;
    while reader.next().await?.is_some() {}
    ensure!(reader.position() == LENGTH as i64, "the stream ended at {}", reader.position());
    drop((stuck, reader, fs));
    block_in_place(|| cluster.finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idle_connections() -> Result<()> {
    const CONNECTIONS: usize = 1_000;
    const MEMORY: u64 = 64 << 20;

    let mut cluster = block_in_place(|| Cluster::plan().start())?;
    let fs = connect(&cluster).await?;
    // A master that has just started holds writes for its safe mode: that is over after this one.
    write(&fs, "/first", Bytes::from_static(b"data"), WritePType::MustCache).await?;
    let before = (cluster.master()?.resident_bytes()?, cluster.worker(0)?.resident_bytes()?);

    let mut idle = Vec::new();
    for port in [cluster.master_rpc_port(), cluster.worker_rpc_port(0)] {
        for _ in 0..CONNECTIONS {
            idle.push(timeout(AT_ONCE, tokio::net::TcpStream::connect((HOST, port))).await??);
        }
    }
    let fresh = timeout(AT_ONCE, connect(&cluster)).await??;
    timeout(AT_ONCE, write(&fresh, "/beside", Bytes::from_static(b"data"), WritePType::MustCache)).await??;
    ensure!(timeout(AT_ONCE, read(&fs, "/beside")).await?? == "data", "wrong data");
    let after = (cluster.master()?.resident_bytes()?, cluster.worker(0)?.resident_bytes()?);
    ensure!(after.0 < before.0 + MEMORY, "the master grew from {} to {} bytes", before.0, after.0);
    ensure!(after.1 < before.1 + MEMORY, "the worker grew from {} to {} bytes", before.1, after.1);

    // They must not hold up a clean end either.
    drop((fs, fresh));
    block_in_place(|| cluster.finish())?;
    drop(idle);
    Ok(())
}

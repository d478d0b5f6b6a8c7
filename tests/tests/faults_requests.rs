//! Requests that no well-behaved client sends: each is answered at once, and nothing leaves its bounds.

use std::time::Duration;

use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::{
    block::ReadRequest,
    file::{
        CreateDirectoryPOptions, CreateDirectoryPRequest, CreateFilePOptions, CreateFilePRequest,
        DeletePRequest, GetStatusPRequest, RenamePRequest, WritePType,
        file_system_master_client_service_client::FileSystemMasterClientServiceClient,
    },
};
use alluxio_rpc::{ServiceType, SessionChannel};
use alluxio_tests::{
    Cluster,
    client::{connect, create_empty, read, worker_client, write},
    cluster::HOST,
};
use anyhow::{Result, ensure};
use bytes::Bytes;
use tokio::{task::block_in_place, time::timeout};
use tonic::Code;

const AT_ONCE: Duration = Duration::from_secs(5);

/// `..` is resolved by name, as the Java client does it, and never leads out of the root.
#[tokio::test(flavor = "multi_thread")]
async fn paths_with_dots_stay_inside() -> Result<()> {
    let cluster = block_in_place(|| Cluster::plan().start())?;
    let mut master = raw_master(&cluster).await?;
    let fs = connect(&cluster).await?;
    create_empty(&fs, "/dir/inside").await?;

    for escape in
        ["/..", "/../etc", "/dir/../../etc/passwd", "/../../../../../../tmp/escaped", "..", "../x", "x", ""]
    {
        let path = Some(escape.to_owned());
        let answers = [
            master.get_status(GetStatusPRequest { path: path.clone(), options: None }).await.map(drop),
            master
                .create_directory(CreateDirectoryPRequest {
                    path: path.clone(),
                    options: Some(CreateDirectoryPOptions { recursive: Some(true), ..Default::default() }),
                })
                .await
                .map(drop),
            master
                .create_file(CreateFilePRequest {
                    path: path.clone(),
                    options: Some(CreateFilePOptions {
                        block_size_bytes: Some(1 << 20),
                        ..Default::default()
                    }),
                })
                .await
                .map(drop),
            master
                .rename(RenamePRequest {
                    path: Some("/dir".to_owned()),
                    dst_path: path.clone(),
                    options: None,
                })
                .await
                .map(drop),
            master.remove(DeletePRequest { path: path.clone(), options: None }).await.map(drop),
        ];
        for answer in answers {
            let status = answer.err().map(|status| status.code());
            ensure!(status == Some(Code::InvalidArgument), "{escape:?}: {status:?}");
        }
    }
    let found =
        master.get_status(GetStatusPRequest { path: Some("/dir/../dir/./inside".to_owned()), options: None });
    let info = found.await?.into_inner().file_info.unwrap_or_default();
    ensure!(info.path() == "/dir/inside", "{info:?}");

    // What is persisted under a path with dots lies below the under storage's root.
    write(&fs, "/dir/../dir/../stays", Bytes::from_static(b"x"), WritePType::CacheThrough).await?;
    ensure!(cluster.under_storage().join("stays").exists(), "the file is not in the under storage");
    ensure!(!cluster.folder().join("stays").exists(), "the file lies outside of the under storage");
    drop(fs);
    block_in_place(|| cluster.finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn zero_sizes_are_refused() -> Result<()> {
    let cluster = block_in_place(|| Cluster::plan().start())?;
    let fs = connect(&cluster).await?;
    let mut master = raw_master(&cluster).await?;
    let options = CreateFilePOptions { block_size_bytes: Some(0), ..Default::default() };
    let request = CreateFilePRequest { path: Some("/zero".to_owned()), options: Some(options) };
    let status = master.create_file(request).await.err();
    ensure!(
        status
            .as_ref()
            .is_some_and(|s| s.code() == Code::InvalidArgument && s.message() == "Invalid block size 0"),
        "{status:?}"
    );

    write(&fs, "/data", Bytes::from(vec![7; 100_000]), WritePType::MustCache).await?;
    let block_id = block_of(&fs, "/data").await?;
    let worker = worker_client(&fs).await?;
    let whole = ReadRequest {
        block_id: Some(block_id),
        offset: Some(0),
        length: Some(100_000),
        chunk_size: Some(4096),
        ..Default::default()
    };
    // A Java worker hangs on a chunk size of 0.
    for wrong in [
        ReadRequest { chunk_size: Some(0), ..whole.clone() },
        ReadRequest { chunk_size: Some(-1), ..whole.clone() },
        ReadRequest { length: Some(0), ..whole.clone() },
        ReadRequest { length: Some(-5), ..whole.clone() },
        ReadRequest { offset: Some(-1), ..whole.clone() },
        ReadRequest { offset: Some(i64::MAX), ..whole.clone() },
    ] {
        let answer = timeout(AT_ONCE, async { worker.read_block(wrong.clone()).await?.next().await }).await;
        let error = answer.map_err(|_| anyhow::anyhow!("no answer to {wrong:?}"))?.err();
        let kind = error.as_ref().map(|error| error.kind);
        ensure!(
            matches!(kind, Some(ErrorKind::InvalidArgument | ErrorKind::OutOfRange)),
            "{wrong:?}: {error:?}"
        );
    }
    let mut right = worker.read_block(whole).await?;
    let mut length = 0;
    while let Some(chunk) = right.next().await? {
        length += chunk.len();
    }
    ensure!(length == 100_000, "{length} bytes came");
    drop(right);

    let error = timeout(AT_ONCE, worker.open_local_block(12_345, false, 0, 1)).await?.err();
    ensure!(error.as_ref().is_some_and(|error| error.kind == ErrorKind::NotFound), "{error:?}");
    drop(fs);
    block_in_place(|| cluster.finish())
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
    let block_id = block_of(&fs, "/large").await?;
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
    let (_, mut reader) = stuck.pop().unwrap_or_else(|| unreachable!());
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
    create_empty(&fs, "/file").await?;
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

/// The generated client, which sends whatever it is given.
async fn raw_master(cluster: &Cluster) -> Result<FileSystemMasterClientServiceClient<SessionChannel>> {
    let fs = connect(cluster).await?;
    let connector = fs.cluster().connector();
    let channel =
        connector.channel(HOST, cluster.master_rpc_port(), ServiceType::FileSystemMasterClientService)?;
    Ok(FileSystemMasterClientServiceClient::new(channel))
}

async fn block_of(fs: &alluxio_client::FileSystem, path: &str) -> Result<i64> {
    let info = fs.get_status(&alluxio_fs::AlluxioPath::parse(path)?, Default::default()).await?;
    ensure!(info.block_ids.len() == 1, "{path} has {} blocks", info.block_ids.len());
    Ok(info.block_ids[0])
}

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
    client::{connect, create_empty, only_block, worker_client, write},
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
    let block_id = only_block(&fs, "/data").await?;
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

/// The generated client, which sends whatever it is given.
async fn raw_master(cluster: &Cluster) -> Result<FileSystemMasterClientServiceClient<SessionChannel>> {
    let fs = connect(cluster).await?;
    let connector = fs.cluster().connector();
    let channel =
        connector.channel(HOST, cluster.master_rpc_port(), ServiceType::FileSystemMasterClientService)?;
    Ok(FileSystemMasterClientServiceClient::new(channel))
}

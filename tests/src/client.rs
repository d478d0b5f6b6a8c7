//! Our own client against a cluster of the rig.

use alluxio_client::{FileSystem, WorkerClient};
use alluxio_conf::{Configuration, Role};
use alluxio_fs::{AlluxioPath, FsError, FsResult};
use alluxio_proto::grpc::file::{CompleteFilePOptions, CreateFilePOptions, WritePType};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;

use crate::Cluster;

/// A new client with sessions and connections of its own.
pub async fn connect(cluster: &Cluster) -> Result<FileSystem> {
    connect_with(cluster, &[]).await
}

/// The same with further properties, which overrule the cluster's.
pub async fn connect_with(cluster: &Cluster, properties: &[(&str, &str)]) -> Result<FileSystem> {
    Ok(FileSystem::connect(&configuration(cluster)?.with(properties)?).await?)
}

/// What a client of the cluster is configured with.
pub fn configuration(cluster: &Cluster) -> Result<Configuration> {
    Ok(Configuration::load(Role::Client, cluster.properties())?.conf)
}

/// Creates an empty file, and its parents, and completes it: two calls that change the tree.
pub async fn create_empty(fs: &FileSystem, path: &str) -> FsResult<()> {
    let path = AlluxioPath::parse(path)?;
    fs.create_file(&path, CreateFilePOptions { recursive: Some(true), ..Default::default() }).await?;
    fs.complete_file(&path, CompleteFilePOptions::default()).await
}

/// Writes a file, and its parents, in one go.
pub async fn write(fs: &FileSystem, path: &str, data: Bytes, how: WritePType) -> FsResult<()> {
    let options =
        CreateFilePOptions { recursive: Some(true), write_type: Some(how.into()), ..Default::default() };
    let mut file = fs.create(&AlluxioPath::parse(path)?, options).await?;
    file.write(data).await?;
    file.close().await
}

/// Reads a whole file.
pub async fn read(fs: &FileSystem, path: &str) -> FsResult<Bytes> {
    fs.open(&AlluxioPath::parse(path)?, Default::default()).await?.read_to_end().await
}

/// Reads a file under which `replace` puts another one as soon as the first bytes have come: what came in all, and the error
/// that ended it, if one did.
pub async fn read_across(
    fs: &FileSystem,
    path: &str,
    replace: impl Future<Output = Result<()>>,
) -> Result<(Vec<u8>, Option<FsError>)> {
    let mut reader = fs.open(&AlluxioPath::parse(path)?, Default::default()).await?;
    let mut read = reader.read().await?.context("the file is empty")?.to_vec();
    replace.await?;
    loop {
        match reader.read().await {
            Ok(Some(piece)) => read.extend_from_slice(&piece),
            Ok(None) => return Ok((read, None)),
            Err(error) => return Ok((read, Some(error))),
        }
    }
}

/// A client of the cluster's only worker.
pub async fn worker_client(fs: &FileSystem) -> Result<WorkerClient> {
    let workers = fs.cluster().workers().await?;
    ensure!(workers.len() == 1, "{} workers are registered", workers.len());
    let address = workers[0].address.clone().unwrap_or_default();
    Ok(WorkerClient::new(&fs.conf(), fs.cluster().connector(), &address)?)
}

/// The id of a file's only block.
pub async fn only_block(fs: &FileSystem, path: &str) -> Result<i64> {
    let info = fs.get_status(&AlluxioPath::parse(path)?, Default::default()).await?;
    ensure!(info.block_ids.len() == 1, "{path} has {} blocks", info.block_ids.len());
    Ok(info.block_ids[0])
}

//! The clients that make the load.

use alluxio_client::FileSystem;
use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, FsResult};
use alluxio_proto::grpc::file::{CompleteFilePOptions, CreateFilePOptions, GetStatusPOptions, WritePType};
use anyhow::Result;
use futures::future::try_join_all;

use crate::simulated_worker::SimulatedWorker;

/// The length of each file that has a block.
const LENGTH: i64 = 1 << 20;

/// So many clients, connected. Each has a TCP connection and a session of its own, like so many programs.
pub async fn connect(conf: &Configuration, count: usize) -> Result<Vec<FileSystem>> {
    Ok(try_join_all((0..count).map(|_| FileSystem::connect(conf))).await?)
}

/// An empty file, from the first call to the last.
pub async fn create_empty(files: &FileSystem, path: &AlluxioPath) -> FsResult<()> {
    files.create_file(path, in_alluxio_only()).await?;
    files.complete_file(path, CompleteFilePOptions::default()).await
}

/// A file of one block, which lies on `worker`.
pub async fn create_with_block(
    files: &FileSystem,
    worker: &SimulatedWorker,
    path: &AlluxioPath,
) -> FsResult<()> {
    files.create_file(path, in_alluxio_only()).await?;
    let block = files.get_new_block_id(path).await?;
    worker.commit(block, LENGTH).await?;
    files.complete_file(path, CompleteFilePOptions::default()).await
}

pub async fn get_status(files: &FileSystem, path: &AlluxioPath) -> FsResult<()> {
    files.get_status(path, GetStatusPOptions::default()).await.map(drop)
}

/// The under storage is not what is measured here.
fn in_alluxio_only() -> CreateFilePOptions {
    CreateFilePOptions { write_type: Some(WritePType::MustCache.into()), ..CreateFilePOptions::default() }
}

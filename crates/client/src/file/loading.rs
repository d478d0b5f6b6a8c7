//! Bringing a file into Alluxio: workers are asked to cache its blocks, and the answer says that they
//! have them.

use alluxio_conf::key;
use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::{
    WorkerNetAddress,
    block::CacheRequest,
    file::{FileInfo, ReadPType},
};

use super::source::{Spot, candidates, signed, ufs_options};
use crate::{
    cluster::Cluster,
    file_system::FileSystem,
    worker::{WorkerClient, worker_host},
};

impl FileSystem {
    /// Whether a worker runs on this host.
    ///
    /// # Errors
    /// When the master cannot be asked.
    pub async fn has_local_worker(&self) -> FsResult<bool> {
        Ok(self.cluster().local_worker().await?.is_some())
    }

    /// Waits until the blocks of a file are in Alluxio; with `local` on the worker of this host, which
    /// there must be.
    ///
    /// # Errors
    /// When a block is neither on a worker nor in the under storage, or a worker cannot cache it.
    pub async fn load(&self, info: &FileInfo, local: bool) -> FsResult<()> {
        let cluster = self.cluster();
        let concurrency = cluster.conf().get(key::USER_UFS_BLOCK_READ_CONCURRENCY_MAX);
        let concurrency = i32::try_from(concurrency).unwrap_or(i32::MAX);
        let mut position = 0;
        let local = if local { Some(local_worker(cluster, info).await?) } else { None };
        while let Some(spot) = Spot::at(info, position)? {
            let source = source(cluster, info, &spot).await?;
            let request = CacheRequest {
                block_id: Some(spot.block_id),
                length: Some(signed(spot.length)),
                open_ufs_block_options: Some(ufs_options(info, &spot, ReadPType::Cache, concurrency)),
                source_host: Some(worker_host(&source).to_owned()),
                source_port: Some(source.data_port()),
                r#async: Some(false),
            };
            // A worker that has the block already says so at once.
            let cacher = local.as_ref().unwrap_or(&source);
            let worker = WorkerClient::new(&cluster.conf(), cluster.connector(), cacher)?;
            worker.cache(request).await.map_err(|error| {
                let message = format!(
                    "Worker {} could not cache block {} of {}: {}",
                    worker.address(),
                    spot.block_id,
                    info.path(),
                    error.message
                );
                FsError { message, ..error }
            })?;
            position = spot.end();
        }
        Ok(())
    }
}

/// Where the block is, or the worker that shall read it from the under storage.
async fn source(cluster: &Cluster, info: &FileInfo, spot: &Spot) -> FsResult<WorkerNetAddress> {
    let first = candidates(cluster, info, spot, None).await?.into_iter().next();
    first.map(|candidate| candidate.address).ok_or_else(|| no_worker("live", info))
}

async fn local_worker(cluster: &Cluster, info: &FileInfo) -> FsResult<WorkerNetAddress> {
    cluster.local_worker().await?.ok_or_else(|| no_worker("local", info))
}

fn no_worker(what: &str, info: &FileInfo) -> FsError {
    FsError::unavailable(format!("There is no {what} worker to load {}.", info.path()))
}

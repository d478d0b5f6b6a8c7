//! The calls a worker makes to the leading master, each with a time limit: the client itself bounds none
//! of the calls it makes once.

use alluxio_client::{BlockMasterClient, Cluster, FileSystem, WorkerMasterClient};
use alluxio_fs::{AlluxioPath, ErrorKind, FsError};
use alluxio_proto::{
    grpc::{
        BlockInfo, Command, WorkerNetAddress,
        block::{
            BlockHeartbeatPRequest, CommitBlockPRequest, LocationBlockIdListEntry, RegisterWorkerPRequest,
        },
        file::{
            FileInfo, FileSystemCommand, FileSystemHeartbeatPRequest, FileSystemMasterCommonPOptions,
            GetStatusPOptions, LoadMetadataPType, ScheduleAsyncPersistencePOptions, UfsInfo,
        },
    },
    own::MayEvictResponse,
};
use futures::stream;
use std::{future::Future, time::Duration};
use tokio::time::timeout;

/// For calls that the master answers from memory. Longer than a leader's pause that is no failure.
const QUICK: Duration = Duration::from_secs(10);
/// Before evicting: a writer waits meanwhile, and no answer only means that nothing is evicted.
const EVICTION: Duration = Duration::from_secs(3);

/// Cheap to clone.
#[derive(Clone)]
pub struct MasterLink {
    worker: WorkerMasterClient,
    blocks: BlockMasterClient,
    files: FileSystem,
}

pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, FsError>>,
) -> Result<T, FsError> {
    let late = |_| FsError::deadline_exceeded(format!("The master did not answer within {limit:?}."));
    timeout(limit, call).await.map_err(late)?
}

/// What the calls mean is told by [`WorkerMasterClient`].
impl MasterLink {
    pub fn new(cluster: &Cluster) -> MasterLink {
        MasterLink {
            worker: WorkerMasterClient::new(cluster),
            blocks: BlockMasterClient::new(cluster),
            files: FileSystem::new(cluster.clone()),
        }
    }

    pub async fn worker_id(&self, address: &WorkerNetAddress) -> Result<i64, FsError> {
        within(QUICK, self.worker.get_worker_id(address.clone())).await
    }

    /// Whether the worker may register now.
    pub async fn register_lease(&self, worker: i64, blocks: usize) -> Result<bool, FsError> {
        let answer = within(QUICK, self.worker.request_register_lease(worker, blocks as i64)).await?;
        Ok(answer.allowed.unwrap_or(false))
    }

    /// Bounded by the client with `alluxio.worker.register.stream.deadline`.
    pub async fn register(
        &self,
        first: RegisterWorkerPRequest,
        rest: Vec<Vec<LocationBlockIdListEntry>>,
    ) -> Result<(), FsError> {
        self.worker.register(first, stream::iter(rest)).await
    }

    pub async fn register_at_once(
        &self,
        request: RegisterWorkerPRequest,
        limit: Duration,
    ) -> Result<(), FsError> {
        within(limit, self.worker.register_at_once(request)).await
    }

    pub async fn block_heartbeat(&self, request: BlockHeartbeatPRequest) -> Result<Command, FsError> {
        within(QUICK, self.worker.block_heartbeat(request)).await
    }

    /// Tried again by the client within the limit.
    pub async fn commit_block(&self, request: CommitBlockPRequest, limit: Duration) -> Result<(), FsError> {
        within(limit.min(QUICK), self.worker.commit_block(request)).await
    }

    pub async fn block_info(&self, block: i64) -> Result<BlockInfo, FsError> {
        within(QUICK, self.blocks.get_block_info(block)).await
    }

    pub async fn pinned_files(&self) -> Result<Vec<i64>, FsError> {
        within(QUICK, self.worker.get_pinned_file_ids()).await
    }

    pub async fn ufs_info(&self, mount: i64) -> Result<UfsInfo, FsError> {
        within(QUICK, self.worker.get_ufs_info(mount)).await
    }

    pub async fn file_info(&self, file: i64) -> Result<FileInfo, FsError> {
        within(QUICK, self.worker.get_file_info(file)).await
    }

    pub async fn file_status(&self, path: &AlluxioPath) -> Result<FileInfo, FsError> {
        within(QUICK, self.files.get_status(path, GetStatusPOptions::default())).await
    }

    /// Where a mount is.
    pub async fn mount_point(&self, mount: i64) -> Result<AlluxioPath, FsError> {
        let mounts = within(QUICK, self.files.get_mount_table(false)).await?;
        let found = mounts.iter().find(|(_, info)| info.mount_id() == mount);
        let gone = || FsError::unavailable(format!("Mount {mount} is not known to the master."));
        AlluxioPath::parse(found.ok_or_else(gone)?.0)
    }

    /// Whether the master knows anything at a path, which it does not look for in the under storage.
    pub async fn is_known(&self, path: &AlluxioPath) -> Result<bool, FsError> {
        let options = GetStatusPOptions {
            load_metadata_type: Some(LoadMetadataPType::Never.into()),
            common_options: Some(FileSystemMasterCommonPOptions {
                sync_interval_ms: Some(-1),
                ..FileSystemMasterCommonPOptions::default()
            }),
            update_timestamps: Some(false),
            ..GetStatusPOptions::default()
        };
        match within(QUICK, self.files.get_status(path, options)).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub async fn file_system_heartbeat(
        &self,
        request: FileSystemHeartbeatPRequest,
    ) -> Result<FileSystemCommand, FsError> {
        within(QUICK, self.worker.file_system_heartbeat(request)).await
    }

    /// Asks that a file be persisted soon.
    pub async fn persist_soon(&self, path: &str) -> Result<(), FsError> {
        let path = AlluxioPath::parse(path)?;
        let options = ScheduleAsyncPersistencePOptions::default();
        within(QUICK, self.files.schedule_async_persistence(&path, options)).await
    }

    pub async fn may_evict(
        &self,
        worker: i64,
        blocks: &[i64],
        looking: bool,
    ) -> Result<Option<MayEvictResponse>, FsError> {
        within(EVICTION, self.worker.may_evict(worker, blocks.to_vec(), looking)).await
    }

    pub async fn deregister(&self, worker: i64) -> Result<(), FsError> {
        within(QUICK, self.worker.deregister(worker)).await
    }
}

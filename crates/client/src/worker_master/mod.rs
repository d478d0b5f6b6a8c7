//! What a worker says to its master.
//!
//! These calls are tried once: a worker has its own rhythm, and a heartbeat sent two minutes late says
//! what is no longer so. The exceptions are what must not get lost: commits, which go on to the next
//! leader with the same id and length.

mod register;
mod reports;

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::{
    grpc::{
        Command, WorkerNetAddress,
        block::{
            BlockHeartbeatPRequest, CommitBlockInUfsPOptions, CommitBlockInUfsPRequest, CommitBlockPRequest,
            GetRegisterLeasePRequest, GetRegisterLeasePResponse, GetWorkerIdPOptions, GetWorkerIdPRequest,
            NotifyWorkerIdPOptions, NotifyWorkerIdPRequest, RegisterWorkerPRequest,
        },
        file::{
            FileInfo, FileSystemCommand, FileSystemHeartbeatPRequest, GetFileInfoPOptions,
            GetFileInfoPRequest, GetPinnedFileIdsPOptions, GetPinnedFileIdsPRequest, GetUfsInfoPOptions,
            GetUfsInfoPRequest, UfsInfo,
        },
    },
    own::{DeregisterRequest, MayEvictRequest, MayEvictResponse},
};
use tonic::{Code, Response, Status};

pub use reports::WorkerReportsClient;

use crate::{
    cluster::Cluster,
    stubs::{COORDINATION, WORKER_BLOCKS, WORKER_FILES},
};

/// Calls once, with a request that is used up.
macro_rules! once {
    ($self:ident, $stub:ident.$method:ident($request:expr)) => {{
        let mut request = Some($request);
        $self
            .cluster
            .call_once(&$stub, |mut client| {
                // Taken once: `call_once` calls this once.
                let request = request.take();
                async move {
                    let request = request.ok_or_else(|| Status::internal("The request was already sent."))?;
                    client.$method(request).await
                }
            })
            .await
    }};
}

/// The master's worker services. Cheap to clone.
#[derive(Clone)]
pub struct WorkerMasterClient {
    cluster: Cluster,
}

/// All methods fail with what the master answers, or UNAVAILABLE.
#[allow(clippy::missing_errors_doc)]
impl WorkerMasterClient {
    /// For whichever master leads.
    pub fn new(cluster: &Cluster) -> Self {
        Self { cluster: cluster.clone() }
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The id under which the master knows the worker at this address.
    pub async fn get_worker_id(&self, address: WorkerNetAddress) -> FsResult<i64> {
        let options = Some(GetWorkerIdPOptions {});
        let request = GetWorkerIdPRequest { worker_net_address: Some(address), options };
        Ok(once!(self, WORKER_BLOCKS.get_worker_id(request))?.worker_id())
    }

    /// Tells a master the id that another one gave.
    pub async fn notify_worker_id(&self, worker_id: i64, address: WorkerNetAddress) -> FsResult<()> {
        let options = Some(NotifyWorkerIdPOptions {});
        let request =
            NotifyWorkerIdPRequest { worker_id: Some(worker_id), worker_net_address: Some(address), options };
        once!(self, WORKER_BLOCKS.notify_worker_id(request)).map(drop)
    }

    /// Asks for leave to register so many blocks; a busy master may say no.
    pub async fn request_register_lease(
        &self,
        worker_id: i64,
        block_count: i64,
    ) -> FsResult<GetRegisterLeasePResponse> {
        let request = GetRegisterLeasePRequest { worker_id: Some(worker_id), block_count: Some(block_count) };
        once!(self, WORKER_BLOCKS.request_register_lease(request))
    }

    /// Registers the worker with one message that holds all its blocks. The master takes only so large a
    /// message (`alluxio.master.network.max.inbound.message.size`); [`register`](Self::register) has no such end.
    pub async fn register_at_once(&self, request: RegisterWorkerPRequest) -> FsResult<()> {
        once!(self, WORKER_BLOCKS.register_worker(request)).map(drop)
    }

    /// Tells what changed and gets the master's command.
    pub async fn block_heartbeat(&self, request: BlockHeartbeatPRequest) -> FsResult<Command> {
        let reply = once!(self, WORKER_BLOCKS.block_heartbeat(request))?;
        reply.command.ok_or_else(|| FsError::internal("The master answered a heartbeat without a command."))
    }

    /// Makes a block known. Tried again, also at the next leader, for `alluxio.user.rpc.retry.*`.
    pub async fn commit_block(&self, request: CommitBlockPRequest) -> FsResult<()> {
        let call = |mut client: WorkerBlocks| {
            let request = request.clone();
            async move { client.commit_block(request).await }
        };
        self.cluster.call(&WORKER_BLOCKS, call).await.map(drop)
    }

    /// Makes a block known that exists in the under storage only. Tried again like
    /// [`commit_block`](Self::commit_block).
    pub async fn commit_block_in_ufs(&self, block_id: i64, length: i64) -> FsResult<()> {
        let call = |mut client: WorkerBlocks| {
            let options = Some(CommitBlockInUfsPOptions {});
            let request =
                CommitBlockInUfsPRequest { block_id: Some(block_id), length: Some(length), options };
            async move { client.commit_block_in_ufs(request).await }
        };
        self.cluster.call(&WORKER_BLOCKS, call).await.map(drop)
    }

    pub async fn get_pinned_file_ids(&self) -> FsResult<Vec<i64>> {
        let request = GetPinnedFileIdsPRequest { options: Some(GetPinnedFileIdsPOptions {}) };
        Ok(once!(self, WORKER_FILES.get_pinned_file_ids(request))?.pinned_file_ids)
    }

    /// The under storage of a mount, with its properties.
    pub async fn get_ufs_info(&self, mount_id: i64) -> FsResult<UfsInfo> {
        let options = Some(GetUfsInfoPOptions {});
        let reply =
            once!(self, WORKER_FILES.get_ufs_info(GetUfsInfoPRequest { mount_id: Some(mount_id), options }))?;
        reply.ufs_info.ok_or_else(|| {
            FsError::unavailable(format!("The master knows no under storage for mount {mount_id}."))
        })
    }

    pub async fn get_file_info(&self, file_id: i64) -> FsResult<FileInfo> {
        let options = Some(GetFileInfoPOptions {});
        let reply =
            once!(self, WORKER_FILES.get_file_info(GetFileInfoPRequest { file_id: Some(file_id), options }))?;
        reply.file_info.ok_or_else(|| FsError::internal("The master answered without a FileInfo."))
    }

    /// Tells which files were persisted and gets what to persist next.
    pub async fn file_system_heartbeat(
        &self,
        request: FileSystemHeartbeatPRequest,
    ) -> FsResult<FileSystemCommand> {
        Ok(once!(self, WORKER_FILES.file_system_heartbeat(request))?.command.unwrap_or_default())
    }

    /// Which of these blocks may be evicted? `looking`: nothing will be evicted for the answer. Ours: `None`
    /// from a Java master, which does not know the question.
    pub async fn may_evict(
        &self,
        worker_id: i64,
        block_ids: Vec<i64>,
        looking: bool,
    ) -> FsResult<Option<MayEvictResponse>> {
        let mut request =
            Some(MayEvictRequest { worker_id: Some(worker_id), block_ids, looking: Some(looking) });
        let call = |mut client: Ours| {
            let request = request.take().unwrap_or_default();
            async move {
                match client.may_evict(request).await {
                    Err(status) if status.code() == Code::Unimplemented => Ok(Response::new(None)),
                    answer => answer.map(|response| response.map(Some)),
                }
            }
        };
        self.cluster.call_once(&COORDINATION, call).await
    }

    /// Takes a worker that shuts down off the master's list. Ours: a Java master does not know it, which is
    /// reported as FAILED_PRECONDITION.
    pub async fn deregister(&self, worker_id: i64) -> FsResult<()> {
        let request = DeregisterRequest { worker_id: Some(worker_id) };
        let call = |mut client: Ours| async move { client.deregister(request).await.map_err(not_ours) };
        self.cluster.call_once(&COORDINATION, call).await.map(drop)
    }
}

/// A Java master answers what it does not know with UNIMPLEMENTED; asking again does not help.
fn not_ours(status: Status) -> Status {
    match status.code() {
        Code::Unimplemented => {
            Status::failed_precondition("This master only speaks the protocol of Alluxio 2.9.")
        }
        _ => status,
    }
}

type Ours = alluxio_proto::own::coordination_client::CoordinationClient<alluxio_rpc::SessionChannel>;
type WorkerBlocks =
    alluxio_proto::grpc::block::block_master_worker_service_client::BlockMasterWorkerServiceClient<
        alluxio_rpc::SessionChannel,
    >;

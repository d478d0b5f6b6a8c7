//! `BlockMasterWorkerService`: what workers call.

use std::pin::Pin;
use std::sync::Arc;

use alluxio_fs::FsError;
use alluxio_proto::grpc::block::{
    BlockHeartbeatPRequest, BlockHeartbeatPResponse, CommitBlockInUfsPRequest, CommitBlockInUfsPResponse,
    CommitBlockPRequest, CommitBlockPResponse, GetRegisterLeasePRequest, GetRegisterLeasePResponse,
    GetWorkerIdPRequest, GetWorkerIdPResponse, NotifyWorkerIdPRequest, NotifyWorkerIdPResponse,
    RegisterWorkerPRequest, RegisterWorkerPResponse,
    block_master_worker_service_server::BlockMasterWorkerService,
};
use futures::Stream;
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

use super::heartbeat::Heartbeat;
use super::master::BlockMaster;
use super::register_stream::{register_stream, registration_of};
use super::registration::now_ms;
use crate::meta::ClusterMetrics;

/// Serves workers.
pub struct BlockWorkerService {
    master: Arc<BlockMaster>,
    metrics: Arc<ClusterMetrics>,
    keep: fn(&str) -> bool,
}

impl BlockWorkerService {
    /// `metrics` takes what heartbeats bring along; `keep` says which of a worker's properties are
    /// remembered for the configuration check.
    pub fn new(master: Arc<BlockMaster>, metrics: Arc<ClusterMetrics>, keep: fn(&str) -> bool) -> Self {
        Self { master, metrics, keep }
    }
}

type Reply<T> = Result<Response<T>, Status>;

/// A field that the request cannot do without.
fn required<T>(field: Option<T>, name: &str) -> Result<T, FsError> {
    field.ok_or_else(|| FsError::invalid_argument(format!("The request lacks {name}.")))
}

#[tonic::async_trait]
impl BlockMasterWorkerService for BlockWorkerService {
    async fn block_heartbeat(
        &self,
        request: Request<BlockHeartbeatPRequest>,
    ) -> Reply<BlockHeartbeatPResponse> {
        alluxio_rpc::caller(&request)?;
        let mut request = request.into_inner();
        let worker_id = required(request.worker_id, "workerId")?;
        let metrics = request.options.as_mut().map(|options| std::mem::take(&mut options.metrics));
        let command = self.master.heartbeat(worker_id, Heartbeat::of(request)).await?;
        if self.master.is_worker_live(worker_id) {
            self.metrics.add_from_worker(&metrics.unwrap_or_default());
        }
        Ok(Response::new(BlockHeartbeatPResponse { command: Some(command) }))
    }

    async fn commit_block(&self, request: Request<CommitBlockPRequest>) -> Reply<CommitBlockPResponse> {
        alluxio_rpc::caller(&request)?;
        let request = request.into_inner();
        let worker_id = required(request.worker_id, "workerId")?;
        let block_id = required(request.block_id, "blockId")?;
        let length = required(request.length, "length")?;
        let (tier, medium) = (request.tier_alias(), request.medium_type());
        self.master
            .commit_block(worker_id, block_id, length, tier, medium, request.used_bytes_on_tier)
            .await?;
        Ok(Response::new(CommitBlockPResponse {}))
    }

    async fn commit_block_in_ufs(
        &self,
        request: Request<CommitBlockInUfsPRequest>,
    ) -> Reply<CommitBlockInUfsPResponse> {
        alluxio_rpc::caller(&request)?;
        let request = request.into_inner();
        let block_id = required(request.block_id, "blockId")?;
        let length = required(request.length, "length")?;
        self.master.commits.commit_block(block_id, length).await?;
        Ok(Response::new(CommitBlockInUfsPResponse {}))
    }

    async fn get_worker_id(&self, request: Request<GetWorkerIdPRequest>) -> Reply<GetWorkerIdPResponse> {
        alluxio_rpc::caller(&request)?;
        let address = required(request.into_inner().worker_net_address, "workerNetAddress")?;
        let worker_id = self.master.worker_id(address)?;
        Ok(Response::new(GetWorkerIdPResponse { worker_id: Some(worker_id) }))
    }

    async fn notify_worker_id(
        &self,
        request: Request<NotifyWorkerIdPRequest>,
    ) -> Reply<NotifyWorkerIdPResponse> {
        alluxio_rpc::caller(&request)?;
        let request = request.into_inner();
        let worker_id = required(request.worker_id, "workerId")?;
        let address = required(request.worker_net_address, "workerNetAddress")?;
        self.master.adopt_worker_id(worker_id, address)?;
        Ok(Response::new(NotifyWorkerIdPResponse {}))
    }

    async fn register_worker(
        &self,
        request: Request<RegisterWorkerPRequest>,
    ) -> Reply<RegisterWorkerPResponse> {
        alluxio_rpc::caller(&request)?;
        let mut message = request.into_inner();
        let worker_id = required(message.worker_id, "workerId")?;
        let registration = registration_of(&mut message, self.keep);
        let attempt = self.master.begin_registration(worker_id, registration)?;
        self.master.list_blocks(&attempt, &message.current_blocks).await?;
        self.master.finish_registration(attempt).await?;
        Ok(Response::new(RegisterWorkerPResponse {}))
    }

    type RegisterWorkerStreamStream =
        Pin<Box<dyn Stream<Item = Result<RegisterWorkerPResponse, Status>> + Send>>;

    async fn register_worker_stream(
        &self,
        request: Request<Streaming<RegisterWorkerPRequest>>,
    ) -> Reply<Self::RegisterWorkerStreamStream> {
        alluxio_rpc::caller(&request)?;
        let answers = register_stream(Arc::clone(&self.master), request.into_inner(), self.keep);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn request_register_lease(
        &self,
        request: Request<GetRegisterLeasePRequest>,
    ) -> Reply<GetRegisterLeasePResponse> {
        alluxio_rpc::caller(&request)?;
        let worker_id = required(request.into_inner().worker_id, "workerId")?;
        let expiry = self.master.request_lease(worker_id);
        let left = expiry.map_or(0, |at| at.saturating_duration_since(Instant::now()).as_millis());
        Ok(Response::new(GetRegisterLeasePResponse {
            worker_id: Some(worker_id),
            allowed: Some(expiry.is_some()),
            expiry_ms: Some(now_ms().saturating_add(i64::try_from(left).unwrap_or(i64::MAX))),
            options: None,
        }))
    }
}

#[cfg(test)]
#[path = "worker_service_tests.rs"]
mod tests;

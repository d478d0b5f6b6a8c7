//! A master that registers workers and tells its configuration.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use alluxio_proto::grpc::{
    ConfigProperty,
    block::{
        BlockHeartbeatPRequest, BlockHeartbeatPResponse, CommitBlockInUfsPRequest, CommitBlockInUfsPResponse,
        CommitBlockPRequest, CommitBlockPResponse, GetRegisterLeasePRequest, GetRegisterLeasePResponse,
        GetWorkerIdPRequest, GetWorkerIdPResponse, NotifyWorkerIdPRequest, NotifyWorkerIdPResponse,
        RegisterWorkerPRequest, RegisterWorkerPResponse,
        block_master_worker_service_server::BlockMasterWorkerService,
    },
    meta::{
        BackupPRequest, BackupPStatus, BackupStatusPRequest, CheckpointPOptions, CheckpointPResponse,
        GetConfigHashPOptions, GetConfigHashPResponse, GetConfigReportPOptions, GetConfigReportPResponse,
        GetConfigurationPOptions, GetConfigurationPResponse, GetMasterInfoPOptions, GetMasterInfoPResponse,
        ListProxyStatusPRequest, ListProxyStatusPResponse, MasterInfo, RemovePathConfigurationPRequest,
        RemovePathConfigurationPResponse, SetPathConfigurationPRequest, SetPathConfigurationPResponse,
        UpdateConfigurationPRequest, UpdateConfigurationPResponse,
        meta_master_client_service_server::MetaMasterClientService,
        meta_master_configuration_service_server::MetaMasterConfigurationService,
    },
};
use alluxio_rpc::unsupported;
use futures::{StreamExt, stream::BoxStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// What the master has seen of registrations.
#[derive(Default)]
pub struct Seen {
    pub blocks: AtomicUsize,
    pub batches: AtomicUsize,
    pub commits: AtomicUsize,
}

#[derive(Clone, Default)]
pub struct FakeMaster {
    pub name: &'static str,
    pub seen: Arc<Seen>,
    /// Registrations end after so many acknowledgements.
    pub gives_up_after: Option<usize>,
    /// Commits fail so often.
    pub failing_commits: usize,
    /// Of the block size that it tells: 7 MB, and one more for each change.
    pub changes: Arc<AtomicUsize>,
}

impl FakeMaster {
    async fn register(
        self,
        mut requests: Streaming<RegisterWorkerPRequest>,
        replies: mpsc::Sender<Result<RegisterWorkerPResponse, Status>>,
    ) {
        let mut acknowledged = 0;
        while let Ok(Some(request)) = requests.message().await {
            let ids = request.current_blocks.iter().filter_map(|entry| entry.value.as_ref());
            self.seen.blocks.fetch_add(ids.map(|list| list.block_id.len()).sum(), Ordering::SeqCst);
            self.seen.batches.fetch_add(1, Ordering::SeqCst);
            if self.gives_up_after.is_some_and(|most| acknowledged >= most) {
                return;
            }
            let _ = replies.send(Ok(RegisterWorkerPResponse {})).await;
            acknowledged += 1;
        }
    }
}

#[tonic::async_trait]
impl BlockMasterWorkerService for FakeMaster {
    type RegisterWorkerStreamStream = BoxStream<'static, Result<RegisterWorkerPResponse, Status>>;

    async fn register_worker_stream(
        &self,
        request: Request<Streaming<RegisterWorkerPRequest>>,
    ) -> Result<Response<Self::RegisterWorkerStreamStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.clone().register(request.into_inner(), sender));
        Ok(Response::new(ReceiverStream::new(receiver).boxed()))
    }

    async fn commit_block(
        &self,
        _request: Request<CommitBlockPRequest>,
    ) -> Result<Response<CommitBlockPResponse>, Status> {
        if self.seen.commits.fetch_add(1, Ordering::SeqCst) < self.failing_commits {
            return Err(Status::unavailable("not now"));
        }
        Ok(Response::new(CommitBlockPResponse {}))
    }

    async fn get_worker_id(
        &self,
        _request: Request<GetWorkerIdPRequest>,
    ) -> Result<Response<GetWorkerIdPResponse>, Status> {
        Ok(Response::new(GetWorkerIdPResponse { worker_id: Some(42) }))
    }

    async fn block_heartbeat(
        &self,
        _request: Request<BlockHeartbeatPRequest>,
    ) -> Result<Response<BlockHeartbeatPResponse>, Status> {
        self.seen.batches.fetch_add(1, Ordering::SeqCst);
        Err(Status::unavailable("not now"))
    }

    async fn commit_block_in_ufs(
        &self,
        _request: Request<CommitBlockInUfsPRequest>,
    ) -> Result<Response<CommitBlockInUfsPResponse>, Status> {
        Err(unsupported("CommitBlockInUfs"))
    }

    async fn notify_worker_id(
        &self,
        _request: Request<NotifyWorkerIdPRequest>,
    ) -> Result<Response<NotifyWorkerIdPResponse>, Status> {
        Err(unsupported("NotifyWorkerId"))
    }

    async fn register_worker(
        &self,
        _request: Request<RegisterWorkerPRequest>,
    ) -> Result<Response<RegisterWorkerPResponse>, Status> {
        Err(unsupported("RegisterWorker"))
    }

    async fn request_register_lease(
        &self,
        _request: Request<GetRegisterLeasePRequest>,
    ) -> Result<Response<GetRegisterLeasePResponse>, Status> {
        Err(unsupported("RequestRegisterLease"))
    }
}

#[tonic::async_trait]
impl MetaMasterClientService for FakeMaster {
    async fn get_master_info(
        &self,
        _request: Request<GetMasterInfoPOptions>,
    ) -> Result<Response<GetMasterInfoPResponse>, Status> {
        let info = MasterInfo { leader_master_address: Some(self.name.to_owned()), ..MasterInfo::default() };
        Ok(Response::new(GetMasterInfoPResponse { master_info: Some(info) }))
    }

    async fn backup(&self, _request: Request<BackupPRequest>) -> Result<Response<BackupPStatus>, Status> {
        Err(unsupported("Backup"))
    }

    async fn get_backup_status(
        &self,
        _request: Request<BackupStatusPRequest>,
    ) -> Result<Response<BackupPStatus>, Status> {
        Err(unsupported("GetBackupStatus"))
    }

    async fn get_config_report(
        &self,
        _request: Request<GetConfigReportPOptions>,
    ) -> Result<Response<GetConfigReportPResponse>, Status> {
        Err(unsupported("GetConfigReport"))
    }

    async fn checkpoint(
        &self,
        _request: Request<CheckpointPOptions>,
    ) -> Result<Response<CheckpointPResponse>, Status> {
        Err(unsupported("Checkpoint"))
    }

    async fn list_proxy_status(
        &self,
        _request: Request<ListProxyStatusPRequest>,
    ) -> Result<Response<ListProxyStatusPResponse>, Status> {
        Err(unsupported("ListProxyStatus"))
    }
}

#[tonic::async_trait]
impl MetaMasterConfigurationService for FakeMaster {
    async fn get_configuration(
        &self,
        _request: Request<GetConfigurationPOptions>,
    ) -> Result<Response<GetConfigurationPResponse>, Status> {
        let property = |name: &str, value: Option<&str>| ConfigProperty {
            name: Some(name.to_owned()),
            source: Some("SITE_PROPERTY".to_owned()),
            value: value.map(str::to_owned),
        };
        let changes = self.changes.load(Ordering::SeqCst);
        Ok(Response::new(GetConfigurationPResponse {
            cluster_config_hash: Some(changes.to_string()),
            cluster_configs: vec![
                property("alluxio.user.block.size.bytes.default", Some(&format!("{}MB", 7 + changes))),
                property("alluxio.user.file.writetype.default", Some("THROUGH")),
                property("alluxio.user.hostname", None),
                property("alluxio.of.another.version", Some("x")),
            ],
            ..GetConfigurationPResponse::default()
        }))
    }

    async fn set_path_configuration(
        &self,
        _request: Request<SetPathConfigurationPRequest>,
    ) -> Result<Response<SetPathConfigurationPResponse>, Status> {
        Err(unsupported("SetPathConfiguration"))
    }

    async fn remove_path_configuration(
        &self,
        _request: Request<RemovePathConfigurationPRequest>,
    ) -> Result<Response<RemovePathConfigurationPResponse>, Status> {
        Err(unsupported("RemovePathConfiguration"))
    }

    async fn get_config_hash(
        &self,
        _request: Request<GetConfigHashPOptions>,
    ) -> Result<Response<GetConfigHashPResponse>, Status> {
        let hash = Some(self.changes.load(Ordering::SeqCst).to_string());
        Ok(Response::new(GetConfigHashPResponse { cluster_config_hash: hash, ..Default::default() }))
    }

    async fn update_configuration(
        &self,
        _request: Request<UpdateConfigurationPRequest>,
    ) -> Result<Response<UpdateConfigurationPResponse>, Status> {
        Err(unsupported("UpdateConfiguration"))
    }
}

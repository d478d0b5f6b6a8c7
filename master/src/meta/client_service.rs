//! `MetaMasterClientService`: what `fsadmin` asks about masters, and has them do.

use std::sync::Arc;

use alluxio_client::BACKUP_ID;
use alluxio_fs::FsError;
use alluxio_proto::grpc::meta::{
    BackupPRequest, BackupPStatus, BackupStatusPRequest, CheckpointPOptions, CheckpointPResponse,
    GetConfigReportPOptions, GetConfigReportPResponse, GetMasterInfoPOptions, GetMasterInfoPResponse,
    ListProxyStatusPRequest, ListProxyStatusPResponse, ProxyStatus,
    meta_master_client_service_server::MetaMasterClientService,
};
use async_trait::async_trait;
use tonic::{Request, Response, Status};

use super::backups::{BackupOrder, Backups};
use super::config_check::ConfigCheck;
use super::configuration::ClusterConfiguration;
use super::info::{MasterFacts, master_info};
use super::peers::Peers;
use crate::block::BlockMaster;

/// Writes a checkpoint of the tree.
#[async_trait]
pub trait Checkpointer: Send + Sync {
    /// Returns when a verified checkpoint of at least the present state is stored.
    async fn checkpoint(&self) -> Result<(), FsError>;
}

/// Serves `fsadmin`.
pub struct MetaClientService {
    pub backups: Arc<dyn Backups>,
    pub facts: Arc<MasterFacts>,
    pub configuration: Arc<ClusterConfiguration>,
    pub blocks: Arc<BlockMaster>,
    pub checkpointer: Arc<dyn Checkpointer>,
    pub standbys: Arc<Peers>,
    pub proxies: Arc<Peers>,
}

type Reply<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl MetaMasterClientService for MetaClientService {
    async fn backup(&self, request: Request<BackupPRequest>) -> Reply<BackupPStatus> {
        alluxio_rpc::caller(&request)?;
        let id = request.metadata().get(BACKUP_ID).and_then(|id| id.to_str().ok()?.parse().ok());
        let request = request.into_inner();
        let options = request.options.unwrap_or_default();
        let order = BackupOrder {
            id,
            folder: request.target_directory,
            local: options.local_file_system(),
            allow_leader: options.allow_leader(),
            bypass_delegation: options.bypass_delegation(),
            in_background: options.run_async(),
        };
        Ok(Response::new(self.backups.back_up(order).await?.to_wire()?))
    }

    async fn get_backup_status(&self, request: Request<BackupStatusPRequest>) -> Reply<BackupPStatus> {
        alluxio_rpc::caller(&request)?;
        let id = request.into_inner().backup_id.unwrap_or_default();
        let status = self.backups.status(&id).ok_or_else(|| {
            FsError::not_found(format!("Backup {id} is not known: this master has not made it, or long ago."))
        })?;
        Ok(Response::new(status.to_wire()?))
    }

    async fn get_config_report(
        &self,
        request: Request<GetConfigReportPOptions>,
    ) -> Reply<GetConfigReportPResponse> {
        alluxio_rpc::caller(&request)?;
        let check = ConfigCheck::of_cluster(&self.facts, &self.configuration, &self.blocks);
        Ok(Response::new(GetConfigReportPResponse { report: Some(check.report()) }))
    }

    async fn get_master_info(
        &self,
        request: Request<GetMasterInfoPOptions>,
    ) -> Reply<GetMasterInfoPResponse> {
        alluxio_rpc::caller(&request)?;
        let wanted: Vec<_> = request.into_inner().filter().collect();
        let master_info = master_info(&self.facts, &self.blocks, &self.standbys, &wanted);
        Ok(Response::new(GetMasterInfoPResponse { master_info: Some(master_info) }))
    }

    async fn checkpoint(&self, request: Request<CheckpointPOptions>) -> Reply<CheckpointPResponse> {
        alluxio_rpc::caller(&request)?;
        self.checkpointer.checkpoint().await?;
        Ok(Response::new(CheckpointPResponse { master_hostname: Some(self.facts.host.clone()) }))
    }

    async fn list_proxy_status(
        &self,
        request: Request<ListProxyStatusPRequest>,
    ) -> Reply<ListProxyStatusPResponse> {
        alluxio_rpc::caller(&request)?;
        let status = |peer: super::peers::Peer| ProxyStatus {
            address: Some(peer.address),
            state: Some(if peer.live { "ACTIVE" } else { "LOST" }.to_owned()),
            start_time: Some(peer.start_time_ms),
            last_heartbeat_time: Some(peer.last_contact_ms),
            version: Some(peer.version),
        };
        let proxy_statuses = self.proxies.list().into_iter().map(status).collect();
        Ok(Response::new(ListProxyStatusPResponse { proxy_statuses }))
    }
}

#[cfg(test)]
#[path = "client_service_tests.rs"]
mod tests;

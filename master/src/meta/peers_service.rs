//! `MetaMasterMasterService` and `MetaMasterProxyService`: standby masters and proxies report in.

use std::sync::Arc;

use alluxio_fs::FsError;
use alluxio_proto::grpc::{
    BuildVersion,
    meta::{
        GetMasterIdPRequest, GetMasterIdPResponse, MasterHeartbeatPRequest, MasterHeartbeatPResponse,
        MetaCommand, ProxyHeartbeatPRequest, ProxyHeartbeatPResponse, RegisterMasterPRequest,
        RegisterMasterPResponse, meta_master_master_service_server::MetaMasterMasterService,
        meta_master_proxy_service_server::MetaMasterProxyService,
    },
};
use tonic::{Request, Response, Status};

use super::peers::{Introduction, Peers};

/// Serves standby masters.
pub struct MasterPeersService {
    peers: Arc<Peers>,
}

impl MasterPeersService {
    pub fn new(peers: Arc<Peers>) -> Self {
        Self { peers }
    }
}

#[tonic::async_trait]
impl MetaMasterMasterService for MasterPeersService {
    async fn get_master_id(
        &self,
        request: Request<GetMasterIdPRequest>,
    ) -> Result<Response<GetMasterIdPResponse>, Status> {
        alluxio_rpc::caller(&request)?;
        let address = request.into_inner().master_address.unwrap_or_default();
        let master_id = Some(self.peers.id_for(&address)?);
        Ok(Response::new(GetMasterIdPResponse { master_id }))
    }

    async fn register_master(
        &self,
        request: Request<RegisterMasterPRequest>,
    ) -> Result<Response<RegisterMasterPResponse>, Status> {
        alluxio_rpc::caller(&request)?;
        let request = request.into_inner();
        let id = request.master_id();
        let options = request.options.unwrap_or_default();
        let introduction = Introduction {
            start_time_ms: options.start_time_ms(),
            journal_format: options.journal_format,
            version: BuildVersion { version: options.version, revision: options.revision },
        };
        if !self.peers.register(id, introduction) {
            return Err(FsError::not_found(format!("No master with masterId {id} is found.")).into());
        }
        Ok(Response::new(RegisterMasterPResponse {}))
    }

    async fn master_heartbeat(
        &self,
        request: Request<MasterHeartbeatPRequest>,
    ) -> Result<Response<MasterHeartbeatPResponse>, Status> {
        alluxio_rpc::caller(&request)?;
        let known = self.peers.heartbeat(request.into_inner().master_id());
        let command = if known { MetaCommand::Nothing } else { MetaCommand::Register };
        Ok(Response::new(MasterHeartbeatPResponse { command: Some(command as i32) }))
    }
}

/// Serves proxies.
pub struct ProxyPeersService {
    peers: Arc<Peers>,
}

impl ProxyPeersService {
    pub fn new(peers: Arc<Peers>) -> Self {
        Self { peers }
    }
}

#[tonic::async_trait]
impl MetaMasterProxyService for ProxyPeersService {
    async fn proxy_heartbeat(
        &self,
        request: Request<ProxyHeartbeatPRequest>,
    ) -> Result<Response<ProxyHeartbeatPResponse>, Status> {
        alluxio_rpc::caller(&request)?;
        let options = request.into_inner().options.unwrap_or_default();
        let start_time_ms = options.start_time();
        let version = options.version.unwrap_or_default();
        let address = options.proxy_address.unwrap_or_default();
        let id = self.peers.id_for(&address)?;
        self.peers.register(id, Introduction { start_time_ms, version, journal_format: None });
        Ok(Response::new(ProxyHeartbeatPResponse {}))
    }
}

//! Two small services: one behind the session check, one open.

use std::{collections::BTreeMap, time::Duration};

use alluxio_proto::grpc::{
    meta::{
        GetConfigHashPOptions, GetConfigHashPResponse, GetConfigurationPOptions, GetConfigurationPResponse,
        RemovePathConfigurationPRequest, RemovePathConfigurationPResponse, SetPathConfigurationPRequest,
        SetPathConfigurationPResponse, UpdateConfigurationPRequest, UpdateConfigurationPResponse,
        meta_master_configuration_service_server::MetaMasterConfigurationService,
    },
    metric::{
        ClearMetricsPRequest, ClearMetricsPResponse, GetMetricsPOptions, GetMetricsPResponse, MetricValue,
        MetricsHeartbeatPRequest, MetricsHeartbeatPResponse,
        metrics_master_client_service_server::MetricsMasterClientService,
    },
};
use alluxio_rpc::{caller, unsupported};
use tonic::{Request, Response, Status};

/// GetMetrics tells who called, MetricsHeartbeat takes its time, ClearMetrics panics.
pub struct Metrics {
    pub heartbeat: Duration,
}

#[tonic::async_trait]
impl MetricsMasterClientService for Metrics {
    async fn clear_metrics(
        &self,
        _request: Request<ClearMetricsPRequest>,
    ) -> Result<Response<ClearMetricsPResponse>, Status> {
        panic!("meant to");
    }

    async fn metrics_heartbeat(
        &self,
        _request: Request<MetricsHeartbeatPRequest>,
    ) -> Result<Response<MetricsHeartbeatPResponse>, Status> {
        tokio::time::sleep(self.heartbeat).await;
        Ok(Response::new(MetricsHeartbeatPResponse {}))
    }

    async fn get_metrics(
        &self,
        request: Request<GetMetricsPOptions>,
    ) -> Result<Response<GetMetricsPResponse>, Status> {
        let caller = caller(&request)?;
        let text = |value: String| MetricValue { string_value: Some(value), ..MetricValue::default() };
        let metrics = BTreeMap::from([
            ("user".to_owned(), text(caller.user)),
            ("connection".to_owned(), text(caller.connection_user)),
        ]);
        Ok(Response::new(GetMetricsPResponse { metrics }))
    }
}

/// GetConfigHash tells who called, SetPathConfiguration finds no path, UpdateConfiguration wants a session and then
/// tells who called; the rest is not supported.
pub struct Settings;

#[tonic::async_trait]
impl MetaMasterConfigurationService for Settings {
    async fn get_configuration(
        &self,
        _request: Request<GetConfigurationPOptions>,
    ) -> Result<Response<GetConfigurationPResponse>, Status> {
        Err(unsupported("GetConfiguration"))
    }

    async fn set_path_configuration(
        &self,
        request: Request<SetPathConfigurationPRequest>,
    ) -> Result<Response<SetPathConfigurationPResponse>, Status> {
        Err(Status::not_found(format!("Path \"{}\" does not exist.", request.into_inner().path())))
    }

    async fn remove_path_configuration(
        &self,
        _request: Request<RemovePathConfigurationPRequest>,
    ) -> Result<Response<RemovePathConfigurationPResponse>, Status> {
        Err(Status::unimplemented("A handler may not say this either."))
    }

    async fn get_config_hash(
        &self,
        request: Request<GetConfigHashPOptions>,
    ) -> Result<Response<GetConfigHashPResponse>, Status> {
        let user = caller(&request)?.user;
        Ok(Response::new(GetConfigHashPResponse { cluster_config_hash: Some(user), path_config_hash: None }))
    }

    async fn update_configuration(
        &self,
        request: Request<UpdateConfigurationPRequest>,
    ) -> Result<Response<UpdateConfigurationPResponse>, Status> {
        let user = caller(&request)?.user;
        if user.is_empty() {
            return Err(Status::unauthenticated("Who are you?"));
        }
        Ok(Response::new(UpdateConfigurationPResponse { status: [(user, true)].into() }))
    }
}

//! Versions, what is not here, what is too large, what fails.

use std::time::Duration;

use alluxio_proto::grpc::{
    meta::{
        SetPathConfigurationPRequest,
        meta_master_configuration_service_client::MetaMasterConfigurationServiceClient,
    },
    metric::{
        ClearMetricsPRequest, ClientMetrics, MetricsHeartbeatPOptions, MetricsHeartbeatPRequest,
        metrics_master_client_service_client::MetricsMasterClientServiceClient,
    },
    version::{
        GetServiceVersionPRequest, service_version_client_service_client::ServiceVersionClientServiceClient,
    },
};
use alluxio_rpc::{Role, RpcServer, ServiceType};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    fakes::Metrics,
    raw::{self, authenticate, claim, connect},
    rig::{Rig, conf, who},
};

pub async fn version(rig: &Rig, service: i32) -> Result<i64, Status> {
    let request = GetServiceVersionPRequest { service_type: Some(service), allowed_on_standby_masters: None };
    let reply =
        ServiceVersionClientServiceClient::new(connect(rig.addr)).get_service_version(request).await?;
    Ok(reply.into_inner().version())
}

#[tokio::test]
async fn versions_are_answered_as_measured() {
    let rig = Rig::start(&[]).await;
    assert_eq!(version(&rig, ServiceType::MetricsMasterClientService.into()).await.unwrap(), 2);
    assert_eq!(version(&rig, ServiceType::UnknownService.into()).await.unwrap(), -1);
    let absent = version(&rig, ServiceType::RaftJournalService.into()).await.unwrap_err();
    assert_eq!(absent.code(), Code::NotFound);
    assert_eq!(absent.message(), "Service RAFT_JOURNAL_SERVICE is not found.");
    assert_eq!(version(&rig, 12345).await.unwrap_err().code(), Code::NotFound);
    rig.stop().await;
}

#[tokio::test]
async fn another_version_is_refused_by_the_client() {
    use alluxio_proto::grpc::metric::metrics_master_client_service_server::MetricsMasterClientServiceServer;
    let conf = conf(&[]);
    let sessions = alluxio_rpc::Sessions::new(&conf, std::sync::Arc::new(alluxio_rpc::NoGroups)).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let fake = MetricsMasterClientServiceServer::new(Metrics { heartbeat: Duration::ZERO });
    let server = RpcServer::new(&conf, Role::Master, sessions).service(
        ServiceType::MetricsMasterClientService,
        7,
        fake,
    );
    let serving = tokio::spawn(server.serve(listener, CancellationToken::new()));
    let connector = alluxio_rpc::Connector::new(&conf, "ann").unwrap();
    let channel = connector.channel("127.0.0.1", port, ServiceType::MetricsMasterClientService).unwrap();
    let status = who(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("has version 7, this client speaks version 2"), "{status}");
    serving.abort();
}

#[tokio::test]
async fn what_is_not_here_is_named_and_never_unimplemented() {
    let rig = Rig::start(&[]).await;
    let channel = connect(rig.addr);
    let id = Uuid::new_v4().to_string();
    let _session = authenticate(channel.clone(), claim(&id, b"\0ann\0x")).await.unwrap();
    for path in [
        "/alluxio.grpc.metric.MetricsMasterClientService/Nope",
        "/alluxio.grpc.table.TableMasterClientService/GetAllDatabases",
        "/alluxio.grpc.sasl.SaslAuthenticationService/nope",
        "/nonsense",
        "/",
    ] {
        let status = raw::call(channel.clone(), path, Some(&id)).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition, "{path}");
        assert_eq!(
            status.message(),
            format!("{} is not supported by this server.", path.trim_start_matches('/'))
        );
    }
    let path = "/alluxio.grpc.meta.MetaMasterConfigurationService/RemovePathConfiguration";
    let status = raw::call(channel, path, None).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Internal, "A handler may not say this either."));
    rig.stop().await;
}

#[tokio::test]
async fn a_message_above_the_limit_is_refused_and_the_connection_lives() {
    let rig = Rig::start(&[]).await;
    let channel = rig.channel(&rig.connector("ann", &[]));
    let beat = |bytes: usize| {
        let metrics = ClientMetrics { source: Some("x".repeat(bytes)), metrics: Vec::new() };
        let options = MetricsHeartbeatPOptions { client_metrics: vec![metrics] };
        let mut client = MetricsMasterClientServiceClient::new(channel.clone());
        async move { client.metrics_heartbeat(MetricsHeartbeatPRequest { options: Some(options) }).await }
    };
    // The worker's limit is 4 MB.
    assert!(beat(3 << 20).await.is_ok());
    let status = beat(5 << 20).await.unwrap_err();
    assert!(status.message().contains("too large"), "{status}");
    assert!(who(&channel).await.is_ok());
    rig.stop().await;
}

#[tokio::test]
async fn an_error_text_fits_the_headers_that_java_takes() {
    let rig = Rig::start(&[]).await;
    let mut client = MetaMasterConfigurationServiceClient::new(connect(rig.addr));
    for path in ["/short", &format!("/{}", "ü".repeat(10_000))] {
        let request = SetPathConfigurationPRequest { path: Some(path.to_owned()), ..Default::default() };
        let status = client.set_path_configuration(request).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        let whole = format!("Path \"{path}\" does not exist.");
        match status.message().strip_suffix(" ...") {
            Some(beginning) => assert!(whole.starts_with(beginning) && beginning.len() > 1_000),
            None => assert_eq!(status.message(), whole),
        }
        assert!(status.message().len() * 3 < 8 * 1024);
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_panic_costs_one_call() {
    let rig = Rig::start(&[]).await;
    let channel = rig.channel(&rig.connector("ann", &[]));
    let mut client = MetricsMasterClientServiceClient::new(channel.clone());
    let status = client.clear_metrics(ClearMetricsPRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("failed unexpectedly"), "{status}");
    assert!(who(&channel).await.is_ok());
    rig.stop().await;
}

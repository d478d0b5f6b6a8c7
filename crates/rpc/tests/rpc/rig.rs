//! Starts a server with the fake services, and clients for it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use alluxio_conf::Configuration;
use alluxio_fs::FsError;
use alluxio_proto::grpc::{
    meta::meta_master_configuration_service_server::MetaMasterConfigurationServiceServer,
    metric::{
        GetMetricsPOptions, metrics_master_client_service_client::MetricsMasterClientServiceClient,
        metrics_master_client_service_server::MetricsMasterClientServiceServer,
    },
};
use alluxio_rpc::{
    Connector, Mandate, Role, RpcError, RpcServer, ServiceType, SessionChannel, Sessions, Stage, UserAsGroup,
    version_of,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::fakes::{Metrics, Settings};

pub type Settled = [(&'static str, &'static str)];

pub struct Rig {
    pub addr: SocketAddr,
    pub sessions: Sessions,
    pub stage: Stage,
    services: RpcServer,
    pub stop: CancellationToken,
    pub served: JoinHandle<Result<(), RpcError>>,
}

pub fn conf(settings: &Settled) -> Configuration {
    Configuration::defaults().with(settings).unwrap()
}

pub fn server(settings: &Settled, heartbeat: Duration) -> (RpcServer, Sessions) {
    let conf = conf(settings);
    let sessions = Sessions::new(&conf, Arc::new(UserAsGroup)).unwrap();
    let metrics = ServiceType::MetricsMasterClientService;
    let settings = ServiceType::MetaMasterConfigService;
    let server = RpcServer::new(&conf, Role::Worker, sessions.clone())
        .service(metrics, version_of(metrics), MetricsMasterClientServiceServer::new(Metrics { heartbeat }))
        .service(settings, version_of(settings), MetaMasterConfigurationServiceServer::new(Settings));
    (server, sessions)
}

impl Rig {
    pub async fn start(settings: &Settled) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), settings, Duration::from_millis(300)).await
    }

    pub async fn start_at(addr: SocketAddr, settings: &Settled, heartbeat: Duration) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (server, sessions) = server(settings, heartbeat);
        let stop = CancellationToken::new();
        let stage = Stage::new(&conf(settings), Role::Worker, sessions.clone(), "Nothing is here yet.");
        stage.open(server.clone(), Arc::new(|| true));
        let served = tokio::spawn(stage.clone().serve(listener, stop.clone()));
        Self { addr, sessions, stage, services: server, stop, served }
    }

    /// The same services again.
    pub fn open(&self, mandate: Mandate) {
        self.stage.open(self.services.clone(), mandate);
    }

    /// A connector of its own, so a connection of its own.
    pub fn connector(&self, user: &str, settings: &Settled) -> Connector {
        Connector::new(&conf(settings), user).unwrap()
    }

    pub fn channel(&self, connector: &Connector) -> SessionChannel {
        let port = self.addr.port();
        connector.channel("127.0.0.1", port, ServiceType::MetricsMasterClientService).unwrap()
    }

    /// The user and the connection's user that the server sees.
    pub async fn who(&self, user: &str, settings: &Settled) -> Result<(String, String), FsError> {
        Ok(who(&self.channel(&self.connector(user, settings))).await?)
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.served.await.unwrap().unwrap();
    }

    /// Waits until the server has so many sessions; bounded.
    pub async fn expect_sessions(&self, count: usize) {
        for _ in 0..200 {
            if self.sessions.len() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{} sessions instead of {count}", self.sessions.len());
    }
}

pub async fn who(channel: &SessionChannel) -> Result<(String, String), Status> {
    let metrics = MetricsMasterClientServiceClient::new(channel.clone())
        .get_metrics(GetMetricsPOptions {})
        .await?
        .into_inner()
        .metrics;
    Ok((metrics["user"].string_value().to_owned(), metrics["connection"].string_value().to_owned()))
}

//! Servers on ports of their own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use alluxio_client::WorkerClient;
use alluxio_conf::Configuration;
use alluxio_proto::grpc::{WorkerNetAddress, block::block_worker_server::BlockWorkerServer};
use alluxio_rpc::{Connector, NoGroups, Role, RpcServer, ServiceType, Sessions, Stage, version_of};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::worker::{Event, FakeWorker};

pub fn conf(settings: &[(&str, &str)]) -> Configuration {
    Configuration::defaults().with(settings).unwrap()
}

pub struct Server {
    pub addr: SocketAddr,
    stage: Stage,
    services: RpcServer,
    _stop: DropGuard,
}

impl Server {
    /// From now on it answers as a standby does.
    pub fn stand_by(&self) {
        self.stage.shut("This master is a standby.");
    }

    pub fn lead(&self) {
        self.stage.open(self.services.clone(), Arc::new(|| true));
    }
}

/// Serves what `build` adds.
pub async fn serve(conf: &Configuration, build: impl FnOnce(RpcServer) -> RpcServer) -> Server {
    serve_at("127.0.0.1:0".parse().unwrap(), conf, build).await
}

pub async fn serve_at(
    addr: SocketAddr,
    conf: &Configuration,
    build: impl FnOnce(RpcServer) -> RpcServer,
) -> Server {
    let sessions = Sessions::new(conf, Arc::new(NoGroups)).unwrap();
    let services = build(RpcServer::new(conf, Role::Worker, sessions.clone()));
    let stage = Stage::new(conf, Role::Worker, sessions, "Nothing is here yet.");
    let listener = TcpListener::bind(addr).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(stage.clone().serve(listener, stop.clone()));
    let server = Server { addr, stage, services, _stop: stop.drop_guard() };
    server.lead();
    server
}

/// A fake worker, a client for it, and what the worker saw.
pub struct WorkerRig {
    pub client: WorkerClient,
    pub events: mpsc::UnboundedReceiver<Event>,
    pub dir: tempfile::TempDir,
    _server: Server,
}

impl WorkerRig {
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let conf = conf(settings);
        let dir = tempfile::tempdir().unwrap();
        let (sender, events) = mpsc::unbounded_channel();
        let worker = BlockWorkerServer::new(FakeWorker { events: sender, dir: dir.path().to_owned() });
        let service = ServiceType::BlockWorkerClientService;
        let server = serve(&conf, |server| server.service(service, version_of(service), worker)).await;
        let client = client(&conf, server.addr);
        Self { client, events, dir, _server: server }
    }

    /// The next thing the worker saw; bounded.
    pub async fn event(&mut self) -> Event {
        tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await.expect("an event").unwrap()
    }
}

pub fn client(conf: &Configuration, addr: SocketAddr) -> WorkerClient {
    let address = WorkerNetAddress {
        host: Some("127.0.0.1".into()),
        data_port: Some(addr.port().into()),
        ..WorkerNetAddress::default()
    };
    WorkerClient::new(conf, &Connector::new(conf, "ann").unwrap(), &address).unwrap()
}

//! What lives as long as the process: ports, web pages, metrics. What leads comes and goes on it.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use alluxio_conf::{Configuration, KeyName, UnsetKey, key};
use alluxio_proto::own::worker_reports_server::WorkerReportsServer;
use alluxio_rpc::{GroupLookup, RpcError, Sessions, Stage, group_lookup};
use alluxio_telemetry::{logs::LogHandle, metrics::Metrics};
use alluxio_web::WebSettings;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    error::StartError,
    role::{Logs, Role},
    watch,
};
use crate::{
    block::{BlockOptions, ReportDesk, WorkerReportsService},
    meta::{MasterFacts, is_compared},
    namespace::now_ms,
    web::MasterWeb,
};

/// Until anything is known.
const STARTING: &str = "The master is starting: try again in a moment.";

pub(super) struct Process {
    pub conf: Configuration,
    /// The name under which others reach this master.
    pub host: String,
    pub rpc_addr: SocketAddr,
    pub web_addr: SocketAddr,
    pub start_time_ms: i64,
    pub metrics: Metrics,
    pub role: Arc<Role>,
    pub pages: Arc<MasterWeb>,
    pub sessions: Sessions,
    pub groups: Arc<dyn GroupLookup>,
    pub stage: Stage,
    /// Where workers report, whoever leads.
    pub desk: ReportDesk,
    /// Set before any block master is made.
    one_host: OnceLock<String>,
}

/// The servers of both ports.
pub(super) struct Servers {
    rpc_stop: CancellationToken,
    web_stop: CancellationToken,
    running: JoinSet<()>,
}

impl Process {
    /// Binds the ports and serves them. Whoever runs this master wants to know how far it is, and clients that
    /// they must go on to another.
    pub async fn start(
        conf: Configuration,
        logs: Option<LogHandle>,
    ) -> Result<(Arc<Self>, Servers), StartError> {
        let rpc = bind(&conf, key::MASTER_BIND_HOST.name(), key::MASTER_RPC_PORT.name()).await?;
        let web = bind(&conf, key::MASTER_WEB_BIND_HOST.name(), key::MASTER_WEB_PORT.name()).await?;
        let (rpc_addr, web_addr) = (local(&rpc)?, local(&web)?);
        let metrics = Metrics::master();
        watch::start(&metrics);
        let desk = ReportDesk::default();
        let role = Arc::new(Role::new(web_addr.port(), desk.clone()));
        let settings = WebSettings::new(&conf, logs.as_ref().and_then(|logs| logs.folder()));
        let pages = MasterWeb::new(role.clone(), metrics.clone(), Arc::new(Logs(logs)), settings);
        let groups = group_lookup(&conf).map_err(StartError::Rpc)?;
        let sessions = Sessions::new(&conf, groups.clone()).map_err(StartError::Rpc)?;
        let reports = WorkerReportsService::new(desk.clone(), is_compared);
        let stage = Stage::new(&conf, alluxio_rpc::Role::Master, sessions.clone(), STARTING)
            .beside(WorkerReportsServer::new(reports));
        let servers = Servers::start(rpc, stage.clone(), web, &pages);
        let host = own_host(&conf, key::MASTER_HOSTNAME);
        let start_time_ms = now_ms();
        let process = Self {
            conf,
            host,
            rpc_addr,
            web_addr,
            start_time_ms,
            metrics,
            role,
            pages,
            sessions,
            groups,
            stage,
            desk,
            one_host: OnceLock::new(),
        };
        Ok((Arc::new(process), servers))
    }

    /// Why all workers must run on one host, if they must.
    pub fn knows_root_disk(&self, one_host: Option<String>) {
        if let Some(reason) = one_host {
            self.one_host.get_or_init(|| reason);
        }
    }

    pub fn block_options(&self) -> BlockOptions {
        BlockOptions { one_host: self.one_host.get().cloned(), ..BlockOptions::from_conf(&self.conf) }
    }

    /// `host:port`, as others know this master.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.rpc_addr.port())
    }

    pub fn facts(&self, cluster_id: String) -> MasterFacts {
        let (rpc, web) = (self.rpc_addr.port(), self.web_addr.port());
        let facts = MasterFacts::new(&self.conf, self.host.clone(), rpc, web, cluster_id);
        MasterFacts { start_time_ms: self.start_time_ms, ..facts }
    }
}

impl Servers {
    fn start(rpc: TcpListener, stage: Stage, web: TcpListener, pages: &Arc<MasterWeb>) -> Self {
        let (rpc_stop, web_stop) = (CancellationToken::new(), CancellationToken::new());
        let mut running = JoinSet::new();
        running.spawn(alluxio_web::connections::serve(web, pages.router(), web_stop.clone()));
        let stop = rpc_stop.clone();
        running.spawn(async move {
            let ended: Result<(), RpcError> = stage.serve(rpc, stop).await;
            if let Err(error) = ended {
                tracing::error!(%error, "the RPC server ended");
            }
        });
        Self { rpc_stop, web_stop, running }
    }

    /// No new calls are taken; those under way go on.
    pub fn refuse_calls(&self) {
        self.rpc_stop.cancel();
    }

    /// Returns when the last answer is given, or its time is over.
    pub async fn stop(mut self) {
        self.rpc_stop.cancel();
        self.web_stop.cancel();
        while self.running.join_next().await.is_some() {}
    }
}

fn own_host(conf: &Configuration, hostname: UnsetKey<alluxio_conf::Str>) -> String {
    let configured = conf.opt(hostname).filter(|name| !name.is_empty());
    configured.unwrap_or_else(|| {
        nix::unistd::gethostname()
            .ok()
            .and_then(|name| name.into_string().ok())
            .unwrap_or_else(|| "localhost".into())
    })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(StartError::Address)
}

async fn bind(conf: &Configuration, host: &str, port: &str) -> Result<TcpListener, StartError> {
    let value = |name: &str| conf.by_name(name).unwrap_or_default();
    let address = format!("{}:{}", value(host), value(port));
    TcpListener::bind(&address).await.map_err(|source| StartError::Bind {
        address,
        property: port.to_owned(),
        source,
    })
}

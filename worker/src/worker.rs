//! Start and end of a worker.

use crate::{
    address,
    core::Core,
    drain::{self, Unpersisted},
    error::WorkerError,
    masters::{
        Commits, LeaderGate, MasterLink, Registered, ToldMasters, WorkerState, follow_pins, keep_registered,
        tell_standbys,
    },
    metrics::WorkerMetrics,
    peers::Peers,
    persist::{PersistJobs, persist_for_leader},
    settings::Settings,
    shutdown,
    store::BlockStore,
    streams::{Admission, BlockEndpoint, BufferPool, DomainSocket, Fetches},
    under::{Mounts, Versions},
    web::{HeldFiles, Web},
};
use alluxio_client::Cluster;
use alluxio_conf::{Configuration, key};
use alluxio_fs::ErrorKind;
use alluxio_rpc::{Role, RpcError, RpcServer, ServiceType, Sessions, group_lookup, version_of};
use alluxio_telemetry::{logs::LogHandle, metrics::Metrics};
use alluxio_web::WebSettings;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// For the first answer of a master at start.
const DEFAULTS_PATIENCE: Duration = Duration::from_secs(2);

/// A running worker.
pub struct Worker {
    pub(crate) core: Arc<Core>,
    pub(crate) registered: Registered,
    pub(crate) told: ToldMasters,
    pub(crate) persist: PersistJobs,
    pub(crate) stops: Stops,
    pub(crate) tasks: Tasks,
    rpc_addr: SocketAddr,
    web_addr: SocketAddr,
}

/// What ends in which order; see [`shutdown`].
#[derive(Clone, Default)]
pub(crate) struct Stops {
    /// Shutdown began: not ready any more.
    pub leaving: CancellationToken,
    /// The RPC server takes no more calls.
    pub rpc: CancellationToken,
    /// Heartbeats, pins, persisting.
    pub masters: CancellationToken,
    /// The store's keeper and the web port.
    pub last: CancellationToken,
}

#[derive(Default)]
pub(crate) struct Tasks {
    pub rpc: Vec<JoinHandle<()>>,
    pub masters: Vec<JoinHandle<()>>,
    pub last: Vec<JoinHandle<()>>,
}

impl Worker {
    /// Opens the store, binds the ports and starts everything. Registration goes on in the background:
    /// a worker may be started before its master.
    pub async fn start(conf: Configuration) -> Result<Worker, WorkerError> {
        Worker::start_with_logs(conf, None).await
    }

    /// The same, with log levels that can be changed on the web port.
    pub async fn start_with_logs(
        conf: Configuration,
        logs: Option<LogHandle>,
    ) -> Result<Worker, WorkerError> {
        Worker::start_adjusted(conf, logs, |_| {}).await
    }

    /// With a last word on the settings, for tests that shorten times no property sets.
    pub(crate) async fn start_adjusted(
        conf: Configuration,
        logs: Option<LogHandle>,
        adjust: impl Fn(&mut Settings),
    ) -> Result<Worker, WorkerError> {
        let cluster = join(&conf).await?;
        let conf = cluster.conf();
        let rpc =
            bind(conf.get(key::WORKER_BIND_HOST), conf.get(key::WORKER_RPC_PORT), "alluxio.worker.rpc.port")
                .await?;
        let web = bind(
            conf.get(key::WORKER_WEB_BIND_HOST),
            conf.get(key::WORKER_WEB_PORT),
            "alluxio.worker.web.port",
        )
        .await?;
        let (rpc_addr, web_addr) = (local_addr(&rpc)?, local_addr(&web)?);
        let socket = DomainSocket::bind(&conf)?;
        let host = address::host(&conf);
        let name = format!("{host}:{}", rpc_addr.port());
        let mut settings = Settings::of(&conf, name)?;
        adjust(&mut settings);

        let link = MasterLink::new(&cluster);
        let registered = Registered::default();
        let state = WorkerState::default();
        let gate = Arc::new(LeaderGate::new(link.clone(), registered.clone()));
        let metrics = Arc::new(WorkerMetrics::new(Metrics::with_source(&host.replace('.', "_"))));
        settings.store.counters = metrics.of_store();
        let (layout, options, store_gate) = (settings.layout.clone(), settings.store.clone(), gate.clone());
        let opened = tokio::task::spawn_blocking(move || BlockStore::open(layout, options, store_gate)).await;
        let store = opened.map_err(|_| WorkerError::Stopped)??;
        let admission = Admission::new(settings.most_readers, settings.most_writers);
        metrics.watch(&store, &admission);
        let commits = Commits::new(
            store.clone(),
            link.clone(),
            registered.clone(),
            state.clone(),
            settings.master_patience,
        );
        let core = Arc::new(Core {
            address: address::of(
                &conf,
                &host,
                rpc_addr.port(),
                web_addr.port(),
                socket.as_ref().map(DomainSocket::path),
            ),
            mounts: Mounts::new(conf.clone(), link.clone(), metrics.clone()),
            versions: Versions::default(),
            fetches: Fetches::default(),
            peers: Peers::new(&cluster),
            buffers: BufferPool::default(),
            settings,
            store,
            gate,
            link,
            commits,
            admission,
            metrics,
        });
        let told = ToldMasters::new(&cluster, &core.store);
        let mut worker = Worker {
            core,
            registered,
            told,
            persist: PersistJobs::default(),
            stops: Stops::default(),
            tasks: Tasks::default(),
            rpc_addr,
            web_addr,
        };
        worker.serve(&conf, rpc, socket)?;
        worker.follow_masters(&state);
        worker.keep(web, state, logs, conf);
        let usage = worker.core.store.usage();
        tracing::info!(
            rpc = %worker.rpc_addr, web = %worker.web_addr, host,
            blocks = usage.blocks, capacity_bytes = usage.capacity(), "worker started"
        );
        Ok(worker)
    }

    fn serve(
        &mut self,
        conf: &Configuration,
        listener: TcpListener,
        socket: Option<DomainSocket>,
    ) -> Result<(), WorkerError> {
        let groups = group_lookup(conf).map_err(WorkerError::Server)?;
        let sessions = Sessions::new(conf, groups).map_err(WorkerError::Server)?;
        let service = BlockEndpoint::new(Arc::clone(&self.core));
        let kind = ServiceType::BlockWorkerClientService;
        let server = RpcServer::new(conf, Role::Worker, sessions).service(kind, version_of(kind), service);
        if let Some(socket) = socket {
            let (listener, file) = socket.into_parts();
            let serving = server.clone().serve(listener, self.stops.rpc.clone());
            self.tasks.rpc.push(tokio::spawn(async move {
                ended(serving.await);
                drop(file);
            }));
        }
        let serving = server.serve(listener, self.stops.rpc.clone());
        self.tasks.rpc.push(tokio::spawn(async move { ended(serving.await) }));
        Ok(())
    }

    fn follow_masters(&mut self, state: &WorkerState) {
        let core = || Arc::clone(&self.core);
        let (told, registered) = (|| self.told.clone(), || self.registered.clone());
        let session = keep_registered(core(), told(), registered(), state.clone());
        let standbys = tell_standbys(core(), told(), registered(), state.clone());
        let pins = follow_pins(core(), registered());
        let persist = persist_for_leader(core(), self.persist.clone(), registered());
        let following =
            [self.follow(session), self.follow(standbys), self.follow(pins), self.follow(persist)];
        self.tasks.masters.extend(following);
    }

    /// Dropped at the end wherever it is: a call that a silent master does not answer is not waited for.
    fn follow(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let stop = self.stops.masters.clone();
        tokio::spawn(async move {
            stop.run_until_cancelled(task).await;
        })
    }

    fn keep(
        &mut self,
        listener: TcpListener,
        state: WorkerState,
        logs: Option<LogHandle>,
        conf: Configuration,
    ) {
        let stop = &self.stops.last;
        let keeper = self.core.store.clone().keep(self.core.settings.check_folders, stop.clone());
        // Not for a worker that leaves: its blocks are better left where they are.
        let managing = self
            .core
            .store
            .clone()
            .manage_tiers(self.core.settings.manage.clone(), self.stops.leaving.clone());
        let unpersisted = Unpersisted::default();
        let web = Web {
            core: Arc::clone(&self.core),
            held: HeldFiles::default(),
            registered: self.registered.clone(),
            state: state.clone(),
            unpersisted: unpersisted.clone(),
            leaving: self.stops.leaving.clone(),
            settings: Arc::new(WebSettings::new(&conf, logs.as_ref().and_then(|logs| logs.folder()))),
            logs,
            conf,
            start_time_ms: alluxio_web::show::now_ms(),
        };
        // At shutdown the same is done with a time limit.
        let draining = drain::drain(Arc::clone(&self.core), state, unpersisted, self.stops.leaving.clone());
        self.tasks.last.extend([
            tokio::spawn(keeper),
            tokio::spawn(managing),
            tokio::spawn(draining),
            tokio::spawn(web.serve(listener, stop.clone())),
        ]);
    }

    /// Where block streams are served.
    pub fn rpc_addr(&self) -> SocketAddr {
        self.rpc_addr
    }

    /// Where health, metrics and log levels are served.
    pub fn web_addr(&self) -> SocketAddr {
        self.web_addr
    }

    /// Waits until a master knows this worker.
    pub async fn registered(&self) -> i64 {
        self.registered.wait(None).await.id
    }

    /// Stops everything at once, as kill -9 would: nothing is finished and nobody told.
    #[cfg(test)]
    pub(crate) async fn kill(&mut self) {
        let tasks = std::mem::take(&mut self.tasks);
        for task in tasks.masters.into_iter().chain(tasks.last).chain(tasks.rpc) {
            task.abort();
            // It was cancelled: that is what was wanted.
            let _ = task.await;
        }
    }

    /// Leaves in order: see [`shutdown`](crate::shutdown).
    pub async fn shutdown(self) {
        shutdown::leave(self).await;
    }
}

fn ended(served: Result<(), RpcError>) {
    if let Err(error) = served {
        tracing::error!(%error, "the RPC port failed");
    }
}

async fn bind(host: String, port: i64, key: &'static str) -> Result<TcpListener, WorkerError> {
    let port = u16::try_from(port).map_err(|_| WorkerError::Port { key, port })?;
    let refused = |source| WorkerError::Bind { key, host: host.clone(), port, source };
    TcpListener::bind((host.as_str(), port)).await.map_err(refused)
}

fn local_addr(listener: &TcpListener) -> Result<SocketAddr, WorkerError> {
    listener.local_addr().map_err(WorkerError::LocalAddress)
}

/// The cluster, with the defaults it has for workers. They are waited for only shortly: a worker may be
/// started before its master, and then goes on with its own configuration.
async fn join(conf: &Configuration) -> Result<Cluster, WorkerError> {
    let alone = Cluster::without_defaults(conf).map_err(WorkerError::Cluster)?;
    match timeout(DEFAULTS_PATIENCE, Cluster::connect(conf)).await {
        Ok(Ok(cluster)) => return Ok(cluster),
        // They do not fit this worker.
        Ok(Err(error)) if error.kind == ErrorKind::InvalidArgument => {
            return Err(WorkerError::Cluster(error));
        }
        Ok(Err(error)) => tracing::warn!(%error, "the cluster's defaults for workers are not applied"),
        Err(_) => tracing::warn!("no master answers yet: the cluster's defaults for workers are not applied"),
    }
    Ok(alone)
}

//! Bringing a master up and down: ports, journal, replay, services, tasks.

mod error;
mod journal_store;
mod replay;
mod role;
mod services;
mod watch;

#[cfg(test)]
mod metrics_tests;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use alluxio_conf::{Configuration, KeyName, Source, UnsetKey, key};
use alluxio_journal::Options;
use alluxio_rpc::{RpcServer, Sessions, group_lookup};
use alluxio_telemetry::{logs::LogHandle, metrics::Metrics};
use alluxio_web::WebSettings;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::{
    error::StartError,
    journal_store::{JournalPlaceError, journal_store, journal_store_at},
};
use self::{
    replay::{Restored, restore},
    role::{Logs, Role},
};
use crate::{
    block::{BlockMaster, BlockOptions},
    checkpoint::Checkpointer,
    fs::FileSystemMaster,
    meta::MasterFacts,
    namespace::Namespace,
    web::MasterWeb,
};

/// A running master.
pub struct Master {
    rpc_addr: SocketAddr,
    web_addr: SocketAddr,
    namespace: Arc<Namespace>,
    rpc_stop: CancellationToken,
    task_stop: CancellationToken,
    web_stop: CancellationToken,
    serving: JoinSet<()>,
    tasks: JoinSet<()>,
    role: Arc<Role>,
}

impl Master {
    /// Binds the ports, opens the journal, replays it and serves. Without `logs` the web port cannot
    /// change log levels.
    pub async fn start(conf: Configuration, logs: Option<LogHandle>) -> Result<Self, StartError> {
        let rpc = bind(&conf, key::MASTER_BIND_HOST.name(), key::MASTER_RPC_PORT.name()).await?;
        let web = bind(&conf, key::MASTER_WEB_BIND_HOST.name(), key::MASTER_WEB_PORT.name()).await?;
        let (rpc_addr, web_addr) = (local(&rpc)?, local(&web)?);
        let metrics = Metrics::master();
        watch::start(&metrics);
        let role = Arc::new(Role::default());
        let settings = WebSettings::new(&conf, logs.as_ref().and_then(|logs| logs.folder()));
        let pages = MasterWeb::new(role.clone(), metrics.clone(), Arc::new(Logs(logs)), settings);
        let web_stop = CancellationToken::new();
        let mut serving = JoinSet::new();
        // Up during replay already: whoever runs this master wants to know how far it is.
        serving.spawn(alluxio_web::connections::serve(web, pages.router(), web_stop.clone()));

        let host = alluxio_rpc_host(&conf, key::MASTER_HOSTNAME);
        let store = journal_store(&conf)?;
        let begun = Instant::now();
        let Restored { mut tree, journal, checkpoint } =
            restore(store, journal_options(&conf, format!("{host}:{}", rpc_addr.port())), &role).await?;
        let replayed = begun.elapsed();
        mount_root(&conf, &mut tree).await?;
        let namespace = Arc::new(Namespace::new(tree, journal));
        watch::journal(&metrics, namespace.journal(), checkpoint, replayed);
        replay::bootstrap(&conf, &namespace).await?;
        role.leads(namespace.clone());

        let groups = group_lookup(&conf).map_err(StartError::Rpc)?;
        let sessions = Sessions::new(&conf, groups.clone()).map_err(StartError::Rpc)?;
        let blocks =
            Arc::new(BlockMaster::new(BlockOptions::from_conf(&conf), namespace.clone(), namespace.clone()));
        let fs = Arc::new(FileSystemMaster::new(&conf, namespace.clone(), blocks.clone(), groups, &metrics));
        let period =
            u64::try_from(conf.get(key::MASTER_JOURNAL_CHECKPOINT_PERIOD_ENTRIES)).unwrap_or(u64::MAX);
        let checkpointer = Arc::new(Checkpointer::new(namespace.clone(), period, checkpoint));
        let cluster_id = namespace.peek(|tree| tree.cluster_id().to_owned());
        let facts = Arc::new(MasterFacts::new(&conf, host, rpc_addr.port(), web_addr.port(), cluster_id));

        let (rpc_stop, task_stop) = (CancellationToken::new(), CancellationToken::new());
        let parts = services::Parts {
            conf,
            facts,
            namespace: namespace.clone(),
            blocks,
            fs,
            checkpointer,
            metrics: metrics.clone(),
        };
        let server = services::register(
            &parts,
            watch::calls(&metrics, RpcServer::new(&parts.conf, alluxio_rpc::Role::Master, sessions)),
            &pages,
        );
        let mut tasks = JoinSet::new();
        services::run_tasks(&parts, &mut tasks, &task_stop);
        parts.blocks.start_serving();
        role.serves();
        let stop = rpc_stop.clone();
        serving.spawn(async move {
            if let Err(error) = server.serve(rpc, stop).await {
                tracing::error!(%error, "the RPC server ended");
            }
        });
        tracing::info!(rpc = %rpc_addr, web = %web_addr, "the master serves");
        Ok(Self { rpc_addr, web_addr, namespace, rpc_stop, task_stop, web_stop, serving, tasks, role })
    }

    pub fn rpc_addr(&self) -> SocketAddr {
        self.rpc_addr
    }

    pub fn web_addr(&self) -> SocketAddr {
        self.web_addr
    }

    /// Returns when this master must not go on: its journal belongs to another, or its memory is not
    /// to be trusted. Whoever runs it ends the process.
    pub async fn failed(&self) -> String {
        tokio::select! {
            state = self.namespace.journal().ended_with() => format!("the journal has ended: {state:?}"),
            () = self.namespace.broken() => "the memory is not consistent".to_owned(),
        }
    }

    /// Takes no new calls, lets those under way end, ends the tasks, closes the journal.
    pub async fn shutdown(mut self) {
        self.role.stops();
        self.rpc_stop.cancel();
        self.task_stop.cancel();
        // Bounded: each task looks at its token between steps, and a step ends with the journal's.
        let tasks = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(10), tasks).await.is_err() {
            tracing::warn!("background tasks did not end within 10 s and are cut off");
            self.tasks.abort_all();
        }
        self.web_stop.cancel();
        while self.serving.join_next().await.is_some() {}
        if let Err(error) = self.namespace.journal().shutdown().await {
            tracing::error!(%error, "the journal could not be closed; the next start will replay its end");
        }
        tracing::info!("the master has stopped");
    }
}

/// The namespace of a store as a start leaves it, without anything that serves it.
#[cfg(test)]
pub(crate) async fn open_namespace(
    conf: &Configuration,
    store: Arc<dyn alluxio_journal::store::Store>,
) -> Result<Namespace, StartError> {
    let Restored { mut tree, journal, .. } =
        restore(store, journal_options(conf, "test".to_owned()), &Role::default()).await?;
    mount_root(conf, &mut tree).await?;
    let namespace = Namespace::new(tree, journal);
    replay::bootstrap(conf, &namespace).await?;
    Ok(namespace)
}

/// The name under which this host is reached by others.
fn alluxio_rpc_host(conf: &Configuration, hostname: UnsetKey<alluxio_conf::Str>) -> String {
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

fn journal_options(conf: &Configuration, owner: String) -> Options {
    let roll_bytes = conf.get(key::MASTER_JOURNAL_LOG_SIZE_BYTES_MAX);
    Options { owner, roll_bytes, roll_age: journal_store::roll_age(conf), ..Options::default() }
}

/// The root mount comes from the configuration. A local folder that nobody chose is made.
async fn mount_root(conf: &Configuration, tree: &mut crate::tree::Tree) -> Result<(), StartError> {
    let uri = conf.get(key::MASTER_MOUNT_TABLE_ROOT_UFS);
    let properties = conf.nested("alluxio.master.mount.table.root.option");
    let ufs = alluxio_ufs::open_ufs(&uri, &properties).map_err(StartError::RootUfs)?;
    let root = alluxio_ufs::UfsPath::root();
    if ufs.status(&root).await.map_err(StartError::RootUfs)?.is_none() {
        let name = key::MASTER_MOUNT_TABLE_ROOT_UFS.name();
        if !matches!(conf.source_of(name), Source::Default) {
            return Err(StartError::NoRootUfs { uri, property: name.to_owned() });
        }
        let options = alluxio_ufs::MkdirsOptions::with_parents(alluxio_ufs::Attributes::default());
        ufs.mkdirs(&root, options).await.map_err(StartError::RootUfs)?;
    }
    let read_only = conf.get(key::MASTER_MOUNT_TABLE_ROOT_READONLY);
    let shared = conf.get(key::MASTER_MOUNT_TABLE_ROOT_SHARED);
    // Without a slash at its end, unless it is all there is.
    let trimmed = uri.trim_end_matches('/');
    let uri = if trimmed.is_empty() || trimmed.ends_with(':') { &uri } else { trimmed };
    tree.set_root_mount(uri.to_owned(), read_only, shared, properties);
    Ok(())
}

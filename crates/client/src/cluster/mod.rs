//! The masters of a cluster as one thing to call.

mod defaults;
mod masters;
mod retry;
mod workers;

use std::{
    future::Future,
    sync::{Arc, OnceLock},
};

use alluxio_conf::{Configuration, key};
use alluxio_fs::{ErrorKind, FsError, FsResult};
use alluxio_rpc::{Connector, login_user};
use parking_lot::RwLock;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code, Response, Status};

pub use alluxio_election::MasterAddress;
use masters::Masters;
pub(crate) use retry::{Attempts, RetryPolicy};
use workers::WorkerList;
pub(crate) use workers::{is_same_host, local_first};

use crate::stubs::Stub;

/// A connection to a cluster, shared by all clients made from it. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

struct Shared {
    /// Replaced when the cluster's defaults change.
    conf: RwLock<Configuration>,
    /// Follows the cluster's defaults.
    follower: OnceLock<AbortOnDropHandle<()>>,
    connector: Connector,
    masters: Masters,
    retry: RetryPolicy,
    workers: WorkerList,
    host: String,
}

impl Cluster {
    /// Asks the cluster for its defaults (unless `alluxio.user.conf.cluster.default.enabled` is
    /// false) and goes on with them where `conf` sets nothing stronger. Later changes of them are followed:
    /// what is read from the configuration call by call changes, what connections were made with stays.
    ///
    /// # Errors
    /// When no master answers within the retry time; INVALID_ARGUMENT when the defaults do not fit.
    pub async fn connect(conf: &Configuration) -> FsResult<Self> {
        let alone = Self::without_defaults(conf)?;
        if !conf.get(key::USER_CONF_CLUSTER_DEFAULT_ENABLED) {
            return Ok(alone);
        }
        let (merged, hash) = defaults::merged(&alone, conf).await?;
        let cluster = Self::without_defaults(&merged).map_err(defaults::misfit)?;
        if let Some(follower) = defaults::follow(&cluster, conf.clone(), hash) {
            // The first and only one: nobody else has seen this cluster yet.
            drop(cluster.shared.follower.set(follower));
        }
        Ok(cluster)
    }

    /// Takes `conf` as it is and sends nothing yet.
    ///
    /// # Errors
    /// When `conf` names no usable master or asks for what is not supported.
    pub fn without_defaults(conf: &Configuration) -> FsResult<Self> {
        let connector = Connector::new(conf, &login_user(conf))?;
        Ok(Self::over(conf, connector, Masters::of(conf)?))
    }

    /// The same for one given master, whoever leads.
    ///
    /// # Errors
    /// As [`without_defaults`](Self::without_defaults).
    pub fn of_master(conf: &Configuration, master: MasterAddress) -> FsResult<Self> {
        Ok(Self::over(conf, Connector::new(conf, &login_user(conf))?, Masters::one(master)))
    }

    /// This cluster's master of that address, whoever leads: workers that report to every master use it. It shares the
    /// connections, and follows no changes of the cluster's defaults.
    #[must_use]
    pub fn only(&self, master: MasterAddress) -> Self {
        Self::over(&self.conf(), self.connector().clone(), Masters::one(master))
    }

    fn over(conf: &Configuration, connector: Connector, masters: Masters) -> Self {
        Self {
            shared: Arc::new(Shared {
                connector,
                masters,
                retry: RetryPolicy::of_calls(conf),
                workers: WorkerList::new(conf.get(key::USER_WORKER_LIST_REFRESH_INTERVAL).duration()),
                host: own_host(conf),
                conf: RwLock::new(conf.clone()),
                follower: OnceLock::new(),
            }),
        }
    }

    /// The configuration in force, cluster defaults included.
    pub fn conf(&self) -> Configuration {
        self.shared.conf.read().clone()
    }

    fn set_conf(&self, conf: Configuration) {
        *self.shared.conf.write() = conf;
    }

    pub fn connector(&self) -> &Connector {
        &self.shared.connector
    }

    /// The name by which a worker on this host is recognised.
    pub fn host(&self) -> &str {
        &self.shared.host
    }

    /// All masters, whoever leads.
    ///
    /// # Errors
    /// When ZooKeeper knows them and cannot be asked.
    pub async fn masters(&self) -> FsResult<Vec<MasterAddress>> {
        self.shared.masters.known().await
    }

    /// The master that leads now.
    ///
    /// # Errors
    /// UNAVAILABLE when none does.
    pub async fn leader(&self) -> FsResult<MasterAddress> {
        self.shared.masters.leader(&self.shared.connector).await
    }

    /// A call to `master` by another way than this one failed: it may lead no more.
    pub fn doubt(&self, master: &MasterAddress) {
        self.shared.masters.forget(master);
    }

    /// Calls the leading master; again, at the next leader if there is one, as long as the failure is
    /// one that may pass and the retry time lasts.
    pub(crate) async fn call<C, T, F>(&self, stub: &Stub<C>, mut call: impl FnMut(C) -> F) -> FsResult<T>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut attempts = self.shared.retry.start();
        loop {
            let error = match self.call_once(stub, &mut call).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            if !retry::may_pass(error.kind) || !attempts.again(&error).await {
                return Err(attempts.last(error));
            }
        }
    }

    /// Calls the leading master once.
    pub(crate) async fn call_once<C, T, F>(&self, stub: &Stub<C>, mut call: impl FnMut(C) -> F) -> FsResult<T>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let leader = self.leader().await?;
        let channel = self.shared.connector.channel(&leader.host, leader.port, stub.service)?;
        let answer = tokio::select! {
            biased;
            answer = call((stub.make)(channel)) => answer,
            () = self.shared.masters.succeeded(&leader) => {
                Err(Status::unavailable(format!("{leader} does not answer, and another master leads now")))
            }
        };
        answer.map(Response::into_inner).map_err(|status| {
            let mut error = FsError::from(status.clone());
            if status.code() == Code::Unimplemented && self.shared.masters.may_change() {
                // So a standby of the original answers, also one that is shown as the leader but does not serve yet.
                error.kind = ErrorKind::Unavailable;
            }
            if retry::may_pass(error.kind) {
                // It may not lead any more: ask again before the next call.
                self.shared.masters.forget(&leader);
            }
            error
        })
    }
}

/// As the original: `alluxio.user.hostname`, else what the operating system says.
fn own_host(conf: &Configuration) -> String {
    conf.opt(key::USER_HOSTNAME).filter(|name| !name.is_empty()).unwrap_or_else(|| {
        nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
    })
}

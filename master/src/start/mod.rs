//! Bringing a master up and down. What lives as long as the process ([`process`]) is apart from what lives as long
//! as one leadership ([`serving`]): with ZooKeeper a master stands for election, leads, and stands again
//! ([`roles`]); without, it leads from its start to its end.

mod backoff;
mod backup_offer;
mod error;
mod journal_store;
mod leader_link;
mod process;
mod raise;
mod reached;
mod replay;
mod role;
mod roles;
mod root_disk;
mod services;
mod serving;
mod sources;
mod standby;
mod watch;

#[cfg(test)]
mod metrics_tests;

use std::{net::SocketAddr, sync::Arc};

use alluxio_conf::{Configuration, key};
use alluxio_fs::FsError;
use alluxio_journal::store::{Store, local::Sharing};
use alluxio_telemetry::logs::LogHandle;
use tokio::sync::watch as channel;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

pub use self::{
    error::StartError,
    journal_store::{JournalPlaceError, journal_store, journal_store_at},
};
use self::{
    process::{Process, Servers},
    reached::reached,
    roles::Candidate,
    serving::Serving,
    sources::{check_journal, check_root},
};
use crate::{block::Understudy, mandate::Mandate};

/// A running master.
pub struct Master {
    process: Arc<Process>,
    servers: Servers,
    part: Part,
}

/// How it comes to lead.
enum Part {
    Alone(Box<Serving>),
    Elected { stop: CancellationToken, task: AbortOnDropHandle<()>, over: channel::Receiver<Option<FsError>> },
}

impl Master {
    /// Binds the ports. Without ZooKeeper it then opens the journal, replays it and serves; with, it stands for
    /// election, and this returns before it is known who leads. Waits for a journal's store and an under storage of
    /// the root that cannot be reached. Without `logs` the web port cannot change log levels.
    pub async fn start(conf: Configuration, logs: Option<LogHandle>) -> Result<Self, StartError> {
        let (process, servers) = Process::start(conf, logs).await?;
        let (conf, role) = (&process.conf, &process.role);
        let root = format!("the under storage {}", conf.get(key::MASTER_MOUNT_TABLE_ROOT_UFS));
        reached(&root, role, async || check_root(conf).await).await?;
        process.knows_root_disk(root_disk::one_host(conf).await);
        let part = if process.conf.get(key::ZOOKEEPER_ENABLED) {
            Part::stand(process.clone()).await?
        } else {
            let store = journal_store(&process.conf, Sharing::Exclusive)?;
            let open = async || {
                check_journal(conf, &*store).await?;
                let understudy = Understudy::new(process.block_options());
                Serving::open(process.clone(), store.clone(), &mut None, &understudy, Mandate::sole()).await
            };
            let mut serving = reached(&journal_at(&*store), role, open).await?;
            serving.serve(None);
            Part::Alone(Box::new(serving))
        };
        Ok(Self { process, servers, part })
    }

    pub fn rpc_addr(&self) -> SocketAddr {
        self.process.rpc_addr
    }

    pub fn web_addr(&self) -> SocketAddr {
        self.process.web_addr
    }

    /// Returns when this master must not go on: without an election, its journal belongs to another, or its
    /// memory is not to be trusted. Whoever runs it ends the process.
    pub async fn failed(&self) -> String {
        match &self.part {
            Part::Alone(serving) => serving.ended().await.to_string(),
            Part::Elected { over, .. } => {
                let mut over = over.clone();
                match over.wait_for(Option::is_some).await.as_deref() {
                    Ok(Some(error)) => format!("it cannot stand for election: {error}"),
                    _ => "the election ended unexpectedly".to_owned(),
                }
            }
        }
    }

    /// Takes no new calls and ends all that runs. Alone, calls under way are finished before the journal is
    /// closed. A leader with others beside it hands over at once: they are answered by its successor.
    pub async fn shutdown(self) {
        let Self { process, servers, part } = self;
        match part {
            Part::Alone(mut serving) => {
                process.role.stops();
                servers.refuse_calls();
                serving.end_tasks().await;
                servers.stop().await;
                serving.close_journal().await;
            }
            Part::Elected { stop, task, .. } => {
                stop.cancel();
                if let Err(error) = task.await {
                    tracing::warn!(%error, "the election did not end cleanly");
                }
                // Workers whose answers are held back are not to be waited for.
                process.desk.close();
                process.role.stops();
                servers.stop().await;
            }
        }
        tracing::info!("the master has stopped");
    }

    #[cfg(test)]
    fn namespace(&self) -> &Arc<crate::namespace::Namespace> {
        match &self.part {
            Part::Alone(serving) => serving.namespace(),
            Part::Elected { .. } => panic!("it comes and goes"),
        }
    }
}

fn journal_at(store: &dyn Store) -> String {
    format!("the journal at {}", store.location())
}

impl Part {
    async fn stand(process: Arc<Process>) -> Result<Self, StartError> {
        let store = journal_store(&process.conf, Sharing::Shared)?;
        let check = async || check_journal(&process.conf, &*store).await;
        let cluster = reached(&journal_at(&*store), &process.role, check).await?;
        process.role.is_of(cluster);
        let stop = CancellationToken::new();
        let candidate =
            Candidate::new(process, store, cluster, stop.clone()).map_err(StartError::Election)?;
        let election = candidate.stand().map_err(StartError::Election)?;
        let (ended, over) = channel::channel(None);
        let task = tokio::spawn(async move {
            if let Err(error) = candidate.run(election).await {
                tracing::error!("this master cannot stand for election: {error}");
                ended.send_replace(Some(error));
            }
        });
        Ok(Self::Elected { stop, task: AbortOnDropHandle::new(task), over })
    }
}

/// A master on free ports of the loopback address, over an under storage.
#[cfg(test)]
fn loopback(root: &std::path::Path) -> Configuration {
    let uri = root.display().to_string();
    Configuration::defaults()
        .with(&[
            ("alluxio.master.mount.table.root.ufs", uri.as_str()),
            ("alluxio.master.bind.host", "127.0.0.1"),
            ("alluxio.master.web.bind.host", "127.0.0.1"),
            ("alluxio.master.rpc.port", "0"),
            ("alluxio.master.web.port", "0"),
        ])
        .unwrap()
}

/// The namespace of a store as a start leaves it, without anything that serves it.
#[cfg(test)]
pub(crate) async fn open_namespace(
    conf: &Configuration,
    store: Arc<dyn alluxio_journal::store::Store>,
) -> Result<crate::namespace::Namespace, StartError> {
    let options = sources::journal_options(conf, "test".to_owned(), None);
    let mut restored = replay::restore(store, options, &mut None, &role::Role::default()).await?;
    check_root(conf).await?;
    sources::mount_root(conf, &mut restored.tree);
    let namespace = crate::namespace::Namespace::new(restored.tree.into_inner(), restored.journal);
    replay::bootstrap(conf, &namespace, &alluxio_telemetry::metrics::Metrics::master()).await?;
    Ok(namespace)
}

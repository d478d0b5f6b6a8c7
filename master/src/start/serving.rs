//! One leadership: the namespace with all that serves it. It is made anew each time, and nothing of it is left
//! when it is over: what is in memory then may not be in the log (invariant 5).

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use alluxio_conf::key;
use alluxio_fs::AlluxioPath;
use alluxio_journal::{State, store::Store};
use alluxio_rpc::RpcServer;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    error::StartError,
    process::Process,
    replay::{self, Restored},
    services::{self, Parts},
    sources::{journal_options, mount_root},
    standby::Warm,
    watch,
};
use crate::{
    backup::{Backups, Origin},
    block::{Endpoint, Understudy},
    checkpoint::{Checkpointer, Every},
    fs::FileSystemMaster,
    mandate::Mandate,
    namespace::Namespace,
};

/// For background tasks: each looks at its token between steps, and a step ends with the journal's.
const TASKS_END: Duration = Duration::from_secs(10);
/// For the end of the journal's last segment. Without it the next leader has a little more to do.
const JOURNAL_ENDS: Duration = Duration::from_secs(5);
/// For calls that still hold the namespace while they wait for an under storage.
const HOLDERS_END: Duration = Duration::from_secs(10);

/// Why a leadership must end.
pub(super) enum Ended {
    /// Another one has taken the journal.
    Deposed(String),
    Unable(String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deposed(reason) => write!(f, "another master has the journal: {reason}"),
            Self::Unable(reason) => f.write_str(reason),
        }
    }
}

pub(super) struct Serving {
    process: Arc<Process>,
    namespace: Arc<Namespace>,
    mandate: Mandate,
    parts: Parts,
    tasks: JoinSet<()>,
    task_stop: CancellationToken,
}

impl Serving {
    /// Claims the journal and replays it. Nobody is answered yet.
    pub async fn open(
        process: Arc<Process>,
        store: Arc<dyn Store>,
        warm: &mut Option<Warm>,
        understudy: &Understudy,
        mandate: Mandate,
    ) -> Result<Self, StartError> {
        let conf = &process.conf;
        let begun = Instant::now();
        let role = &process.role;
        let options = journal_options(conf, process.address(), role.cluster());
        let Restored { mut tree, journal, checkpoint } = if mandate.is_contested() {
            replay::restore_in_time(store, options, warm, role).await?
        } else {
            replay::restore(store, options, warm, role).await?
        };
        let replayed = begun.elapsed();
        role.is_of(journal.status().cluster);
        mount_root(conf, &mut tree);
        let namespace = Arc::new(Namespace::new(tree.into_inner(), journal));
        let metrics = process.metrics.clone();
        watch::journal(&metrics, namespace.journal(), checkpoint, replayed);
        let from_backup = replay::bootstrap(conf, &namespace, &metrics).await?;

        // Nothing fails from here on: it would not be a standby's any more.
        let blocks = understudy.with_tree(namespace.clone());
        let groups = process.groups.clone();
        let fs =
            FileSystemMaster::new(conf, namespace.clone(), blocks.clone(), groups, &metrics, mandate.clone());
        let fs = Arc::new(fs);
        if from_backup && conf.get(key::MASTER_JOURNAL_SYNC_ROOT_AFTER_INIT_FROM_BACKUP) {
            // The under storages may have changed since the backup.
            fs.look_again(&AlluxioPath::root());
        }
        let every = Every::of(conf);
        // Standbys write theirs at no cost for anybody. The leader's turn comes when there is none.
        let every = if mandate.is_contested() { every.twice() } else { every };
        let checkpointer = Arc::new(Checkpointer::new(namespace.clone(), every, checkpoint));
        let (tasks, task_stop) = (JoinSet::new(), CancellationToken::new());
        let origin = Origin {
            namespace: namespace.clone(),
            checkpointer: checkpointer.clone(),
            mandate: mandate.clone(),
            metrics: metrics.clone(),
            host: process.host.clone(),
            stop: task_stop.clone(),
        };
        let backups = Arc::new(Backups::new(conf, origin));
        let cluster_id = namespace.peek(|tree| tree.cluster_id().to_owned());
        let parts = Parts {
            conf: conf.clone(),
            facts: Arc::new(process.facts(cluster_id)),
            namespace: namespace.clone(),
            blocks,
            fs,
            checkpointer,
            backups,
            standbys: services::standbys(conf),
            address: process.address(),
            mandate: mandate.clone(),
            metrics,
        };
        Ok(Self { process, namespace, mandate, parts, tasks, task_stop })
    }

    /// From now on this master answers as the leader. `workers` are those that its predecessor had, if that is
    /// known: what depends on where blocks are waits for them, and not for others.
    pub fn serve(&mut self, workers: Option<Vec<Endpoint>>) {
        let process = &self.process;
        let server = RpcServer::new(&process.conf, alluxio_rpc::Role::Master, process.sessions.clone());
        let server = services::register(&self.parts, watch::calls(&process.metrics, server), &process.pages);
        services::run_tasks(&self.parts, &mut self.tasks, &self.task_stop);
        self.parts.blocks.wait_for(workers);
        self.parts.blocks.start_serving();
        process.role.leads(self.namespace.clone(), self.mandate.clone());
        let mandate = self.mandate.clone();
        process.stage.open(server, Arc::new(move || mandate.is_valid()));
        tracing::info!(rpc = %process.rpc_addr, web = %process.web_addr, "the master serves");
    }

    /// Returns when this must not go on: the journal belongs to another, or the memory is not to be trusted.
    pub async fn ended(&self) -> Ended {
        tokio::select! {
            state = self.namespace.journal().ended_with() => match state {
                State::Deposed { reason } => Ended::Deposed(reason.to_string()),
                state => Ended::Unable(format!("the journal has ended: {state:?}")),
            },
            () = self.namespace.broken() => Ended::Unable("the memory is not consistent".to_owned()),
        }
    }

    /// Returns when the journal's store has confirmed nothing for so long. This master then cannot write, and must
    /// leave it to another who perhaps can.
    pub async fn cut_off(&self, limit: Duration) -> String {
        let pause = limit / 8;
        let mut confirmed = Instant::now();
        loop {
            // Once after each pause, however long that was: the process may have been stopped in it.
            let left = limit.saturating_sub(confirmed.elapsed()).max(pause);
            // While the store fails this is refused at once, and while it hangs not answered.
            if let Ok(Ok(())) = timeout(left, self.namespace.journal().confirm()).await {
                confirmed = Instant::now();
            } else if confirmed.elapsed() >= limit {
                return format!("the journal's store has confirmed nothing for {limit:?}");
            }
            sleep(pause).await;
        }
    }

    /// Nothing is answered any more. The tasks are told to end.
    pub fn stop_answering(&self, reason: &str) {
        self.process.stage.shut(reason);
        self.process.desk.close();
        self.mandate.end();
        self.process.pages.clear();
        self.task_stop.cancel();
    }

    pub async fn close_journal_in_time(&self) {
        if timeout(JOURNAL_ENDS, self.close_journal()).await.is_err() {
            tracing::warn!("the journal was not closed in time; the next leader seals it");
        }
    }

    pub async fn close_journal(&self) {
        if let Err(error) = self.namespace.journal().shutdown().await {
            tracing::error!(%error, "the journal could not be closed; the next start will replay its end");
        }
    }

    /// Ends the background tasks, cutting off those that do not end in time.
    pub async fn end_tasks(&mut self) {
        self.task_stop.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(TASKS_END, ended).await.is_err() {
            tracing::warn!("background tasks did not end within {TASKS_END:?} and are cut off");
            self.tasks.abort_all();
        }
    }

    /// Drops what is in memory. Returns when it is gone, so that there is never room needed for two.
    pub async fn forget(mut self) {
        self.end_tasks().await;
        let Self { namespace, parts, tasks, .. } = self;
        drop((parts, tasks));
        let begun = Instant::now();
        while Arc::strong_count(&namespace) > 1 {
            if begun.elapsed() > HOLDERS_END {
                tracing::warn!("calls that wait for an under storage still hold the former namespace");
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        // A large tree takes seconds to free: not on a thread that serves.
        if let Err(error) = tokio::task::spawn_blocking(move || drop(namespace)).await {
            tracing::warn!(%error, "the former namespace was not dropped cleanly");
        }
    }

    #[cfg(test)]
    pub fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }
}

#[cfg(test)]
#[path = "serving_tests.rs"]
mod tests;

//! Metadata syncs as tasks (`fs loadMetadata -v2`): submitted, waited for, asked about by their number, stopped. They live as
//! long as this master leads; one that is cut off has brought in what it came to, and is submitted again.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::grpc::{
    file::{SyncMetadataPOptions, SyncMetadataState, SyncMetadataTask, sync_metadata_task},
    fscommon::LoadDescendantPType,
};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::SyncDepth;
use crate::fs::{FileSystemMaster, Subject, status::existing};

/// Tasks under way.
const MAX_RUNNING: usize = 100;
/// Tasks remembered; of those that are over the oldest go first.
const KEPT: usize = 1_000;

tokio::task_local! {
    /// Paths that were compared within the task.
    static LOOKED_AT: Arc<AtomicU64>;
}

/// To be told of compared paths. Whoever compares them outside of a task need not count.
pub(in crate::fs) fn looked_at(paths: u64) {
    let _ = LOOKED_AT.try_with(|count| count.fetch_add(paths, Relaxed));
}

pub struct SyncTasks {
    table: Mutex<Table>,
    submitted: mpsc::Sender<Running>,
    /// Taken by the task that runs them.
    to_run: Mutex<Option<mpsc::Receiver<Running>>>,
}

#[derive(Default)]
struct Table {
    last: i64,
    /// By number, so in the order in which they were submitted.
    tasks: BTreeMap<i64, Arc<Task>>,
}

struct Task {
    id: i64,
    path: AlluxioPath,
    depth: SyncDepth,
    began: Instant,
    looked_at: Arc<AtomicU64>,
    stop: CancellationToken,
    end: watch::Sender<Option<End>>,
}

/// One that is to be run, or is. When this is dropped the task is over, whatever kept it from its end.
struct Running(Arc<Task>);

impl Drop for Running {
    fn drop(&mut self) {
        if !self.0.is_over() {
            let error =
                FsError::unavailable("The sync was cut off. Submit it again to the master that leads.");
            self.0.ends(SyncMetadataState::Failed, Some(error));
        }
    }
}

#[derive(Clone)]
struct End {
    state: SyncMetadataState,
    took: Duration,
    error: Option<FsError>,
}

impl Default for SyncTasks {
    fn default() -> Self {
        let (submitted, to_run) = mpsc::channel(MAX_RUNNING);
        Self { table: Mutex::default(), submitted, to_run: Mutex::new(Some(to_run)) }
    }
}

impl SyncTasks {
    fn submit(&self, path: &AlluxioPath, depth: SyncDepth) -> Result<Arc<Task>, FsError> {
        let mut table = self.table.lock();
        let running = table.tasks.values().filter(|task| !task.is_over()).count();
        if running >= MAX_RUNNING {
            return Err(FsError::resource_exhausted(format!(
                "{MAX_RUNNING} metadata syncs run already. Submit this one when some have ended."
            )));
        }
        table.last += 1;
        let task = Arc::new(Task {
            id: table.last,
            path: path.clone(),
            depth,
            began: Instant::now(),
            looked_at: Arc::default(),
            stop: CancellationToken::new(),
            end: watch::Sender::new(None),
        });
        self.submitted.try_send(Running(task.clone())).map_err(|_| {
            FsError::resource_exhausted(
                "Too many metadata syncs were submitted at once. Submit this one again.",
            )
        })?;
        table.tasks.insert(task.id, task.clone());
        while table.tasks.len() > KEPT {
            let over = table.tasks.values().find(|task| task.is_over()).map(|task| task.id);
            let Some(over) = over else { break };
            table.tasks.remove(&over);
        }
        Ok(task)
    }

    fn find(&self, id: i64) -> Result<Arc<Task>, FsError> {
        self.table.lock().tasks.get(&id).cloned().ok_or_else(|| {
            FsError::not_found(format!(
                "There is no sync task {id}: none of that number was submitted since this master leads, or it is long over."
            ))
        })
    }
}

impl Task {
    fn is_over(&self) -> bool {
        self.end.borrow().is_some()
    }

    fn ends(&self, state: SyncMetadataState, error: Option<FsError>) {
        let took = self.began.elapsed();
        tracing::info!(path = %self.path, task = self.id, ?state, ?took, ?error, "metadata sync ended");
        self.end.send_replace(Some(End { state, took, error }));
    }

    fn to_wire(&self) -> SyncMetadataTask {
        let end = self.end.borrow().clone();
        let took = end.as_ref().map_or_else(|| self.began.elapsed(), |end| end.took);
        let looked_at = self.looked_at.load(Relaxed);
        let depth = match self.depth {
            SyncDepth::Itself => "itself",
            SyncDepth::Children => "with what is in it",
            SyncDepth::All => "with all below",
        };
        SyncMetadataTask {
            id: Some(self.id),
            state: Some(end.as_ref().map_or(SyncMetadataState::Running, |end| end.state) as i32),
            sync_duration_ms: Some(i64::try_from(took.as_millis()).unwrap_or(i64::MAX)),
            exception: end.and_then(|end| end.error).map(|error| sync_metadata_task::Exception {
                exception_type: Some(format!("{:?}", error.kind)),
                exception_message: Some(error.message),
                stacktrace: None,
            }),
            success_op_count: Some(i64::try_from(looked_at).unwrap_or(i64::MAX)),
            task_info_string: Some(format!("{}, {depth}", self.path)),
            task_stat_string: Some(format!("{looked_at} paths compared")),
        }
    }
}

impl FileSystemMaster {
    /// Begins to compare a path, and what is below it, with the under storage; the task's number.
    pub async fn submit_sync(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &SyncMetadataPOptions,
    ) -> Result<i64, FsError> {
        self.may_sync(subject, path).await?;
        let depth = match options.load_descendant_type() {
            LoadDescendantPType::None => SyncDepth::Itself,
            LoadDescendantPType::One => SyncDepth::Children,
            LoadDescendantPType::All => SyncDepth::All,
        };
        let task = self.sync_tasks.submit(path, depth)?;
        tracing::info!(%path, task = task.id, user = subject.user, "metadata sync submitted");
        Ok(task.id)
    }

    /// How far a task is.
    pub async fn sync_progress(&self, subject: &Subject, task: i64) -> Result<SyncMetadataTask, FsError> {
        let task = self.sync_tasks.find(task)?;
        self.may_sync(subject, &task.path).await?;
        Ok(task.to_wire())
    }

    /// Waits until it is over.
    pub async fn sync_ended(&self, task: i64) -> Result<SyncMetadataTask, FsError> {
        let task = self.sync_tasks.find(task)?;
        // The sender lives as long as the task that is held here.
        let _ = task.end.subscribe().wait_for(Option::is_some).await;
        Ok(task.to_wire())
    }

    /// False when it is over already.
    pub async fn cancel_sync(&self, subject: &Subject, task: i64) -> Result<bool, FsError> {
        let task = self.sync_tasks.find(task)?;
        self.may_sync(subject, &task.path).await?;
        task.stop.cancel();
        Ok(!task.is_over())
    }

    async fn may_sync(&self, subject: &Subject, path: &AlluxioPath) -> Result<(), FsError> {
        self.namespace
            .read_path(path, |tree, lookup| self.permissions.target(tree, subject, path, lookup, Bits::READ))
            .await
    }

    pub async fn run_sync_tasks(self: Arc<Self>, stop: CancellationToken) {
        let Some(mut to_run) = self.sync_tasks.to_run.lock().take() else { return };
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(task) = to_run.recv() => {
                    running.spawn(self.clone().run_sync(task));
                }
                Some(_) = running.join_next() => {}
            }
        }
        running.shutdown().await;
    }

    async fn run_sync(self: Arc<Self>, running: Running) {
        let task = &running.0;
        let synced = LOOKED_AT.scope(task.looked_at.clone(), self.sync_now(&task.path, task.depth));
        let (state, error) = tokio::select! {
            () = task.stop.cancelled() => (SyncMetadataState::Canceled, None),
            synced = synced => match synced {
                Ok(()) => (SyncMetadataState::Succeeded, None),
                Err(error) => (SyncMetadataState::Failed, Some(error)),
            },
        };
        task.ends(state, error);
    }

    /// That a path is neither here nor there is an error.
    async fn sync_now(&self, path: &AlluxioPath, depth: SyncDepth) -> Result<(), FsError> {
        match depth {
            SyncDepth::Itself => self.load_for_status(path, None, Some(0)).await?,
            SyncDepth::Children => self.load_for_listing(path, None, Some(0), false).await?,
            SyncDepth::All => self.load_for_listing(path, None, Some(0), true).await?,
        }
        self.namespace.read_path(path, |tree, lookup| existing(tree, lookup, path).map(drop)).await
    }
}

#[cfg(test)]
#[path = "tasks_tests.rs"]
mod tests;

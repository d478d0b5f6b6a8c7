//! The file system heartbeat: takes jobs, runs a few at a time, reports.

use super::{
    job,
    jobs::{Jobs, Outcome, Task},
};
use crate::{
    core::Core,
    masters::{Registered, Registration},
    streams::Work,
};
use alluxio_fs::FsError;
use alluxio_proto::grpc::{CommandType, file::FileSystemCommand};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};

/// Files written at the same time. More would only share the same disk and network.
const AT_ONCE: usize = 4;

/// The jobs of this worker. Cheap to clone.
#[derive(Clone)]
pub struct PersistJobs {
    jobs: Arc<Mutex<Jobs>>,
    turns: Arc<Semaphore>,
}

impl Default for PersistJobs {
    fn default() -> PersistJobs {
        PersistJobs { jobs: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl PersistJobs {
    /// Nothing runs and the leader heard of everything.
    pub fn is_idle(&self) -> bool {
        self.jobs.lock().is_idle()
    }

    fn take(&self, core: &Arc<Core>, command: FileSystemCommand) {
        if command.command_type() != CommandType::Persist {
            return;
        }
        let files = command.command_options.and_then(|options| options.persist_options).unwrap_or_default();
        for file in files.persist_files {
            let id = file.file_id;
            let Some(task) = Task::of(file) else {
                tracing::debug!(file_id = id, "a persist command without our fields is not for this worker");
                continue;
            };
            if self.jobs.lock().start(task.job, task.file) {
                let work = core.admission.other_work();
                tokio::spawn(self.clone().run(Arc::clone(core), task, work));
            }
        }
    }

    async fn run(self, core: Arc<Core>, task: Task, _work: Work) {
        let Ok(_turn) = self.turns.acquire().await else { return };
        let outcome = match job::write(&core, &task).await {
            Ok(fingerprint) => Outcome::Written { fingerprint },
            Err(error) => {
                tracing::warn!(file_id = task.file, job = task.job, %error, "file not persisted");
                Outcome::Failed { reason: error.to_string() }
            }
        };
        self.jobs.lock().finish(task.job, task.file, outcome);
    }
}

/// Runs until it is dropped.
pub async fn persist_for_leader(core: Arc<Core>, jobs: PersistJobs, registered: Registered) {
    let mut ticks = interval(core.settings.heartbeat_interval);
    let mut unheard: Option<Registration> = None;
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(registration) = registered.current() else { continue };
        if unheard == Some(registration) {
            continue;
        }
        let (report, sent) = jobs.jobs.lock().report(registration.id);
        match core.link.file_system_heartbeat(report).await {
            Ok(command) => {
                jobs.jobs.lock().acknowledged(&sent);
                jobs.take(&core, command);
            }
            Err(error) if takes_no_reports(&error) => {
                tracing::info!(
                    "this master takes no reports of persisted files: its job service persists them"
                );
                unheard = Some(registration);
            }
            Err(error) => tracing::debug!(%error, "file system heartbeat did not arrive"),
        }
    }
}

/// A master of the original fails at its own answer to every report, and logs each time at length.
fn takes_no_reports(error: &FsError) -> bool {
    error.to_string().contains("CommandType.PERSIST")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_of_the_original_is_told_by_its_answer() {
        let java = "No enum constant alluxio.grpc.CommandType.PERSIST";
        assert!(takes_no_reports(&FsError::new(alluxio_fs::ErrorKind::Internal, java)));
        assert!(!takes_no_reports(&FsError::unavailable("The master is gone.")));
    }
}

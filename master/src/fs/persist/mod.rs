//! Persisting files in the background (ASYNC_THROUGH, the clients' default).
//!
//! The tree knows which files are to be persisted. The scheduler gives each a job ([`assign`]): its
//! number and the temporary file it writes are journaled, then it goes to one of our workers with the
//! answer to its heartbeat. The worker reports ([`report`]); what the file looks like is journaled, so
//! that the step after it can be repeated by any later master: the temporary file gets its final name
//! ([`finish`]), and the file is PERSISTED. Files that were deleted or moved meanwhile are found out
//! there. What jobs leave behind is collected ([`orphans`]). [`jobs`] is the table of all that.
//!
//! A file is never given up: while it cannot be persisted its blocks are kept, and the log says so.

mod assign;
mod finish;
mod jobs;
mod orphans;
mod report;
mod temporary;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::journal::{JournalEntry, UpdateInodeEntry};
use parking_lot::Mutex;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use self::{
    jobs::{Jobs, Timing},
    orphans::Swept,
};
use super::{FileSystemMaster, options::FsOptions, status::existing, subject::Subject};
use crate::tree::Persistence;

/// A worker asks every second. One that has not for a minute is taken to be gone.
const SILENCE: Duration = Duration::from_secs(60);

/// Files whose persisting was put off; the oldest are then persisted sooner.
const MAX_WAITS: usize = 100_000;

/// Final steps at the same time.
const FINISHING: usize = 16;

pub struct PersistJobs {
    jobs: Mutex<Jobs>,
    waits: Mutex<BTreeMap<i64, Wait>>,
    swept: Swept,
    max_total: Duration,
    /// Whether it has been said that no worker can persist.
    told_no_worker: Mutex<bool>,
}

/// When a file may be persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Until(Instant),
    /// Only when somebody asks.
    Asked,
}

impl PersistJobs {
    pub fn new(options: &FsOptions) -> Self {
        let timing = Timing {
            first_retry: options.persist_initial_retry,
            max_retry: options.persist_max_retry,
            silence: SILENCE,
        };
        Self {
            jobs: Mutex::new(Jobs::new(timing)),
            waits: Mutex::default(),
            swept: Swept::default(),
            max_total: options.persist_max_total,
            told_no_worker: Mutex::new(false),
        }
    }

    /// Puts persisting a file off; a negative wait is until somebody asks for it. Kept in memory: after a
    /// change of leader the file is persisted at once.
    pub fn wait_before(&self, file: i64, wait_ms: i64) {
        let mut waits = self.waits.lock();
        let wait = match u64::try_from(wait_ms) {
            Ok(0) => {
                waits.remove(&file);
                return;
            }
            Ok(wait) => Wait::Until(Instant::now() + Duration::from_millis(wait.min(u64::from(u32::MAX)))),
            Err(_) => Wait::Asked,
        };
        waits.insert(file, wait);
        if waits.len() > MAX_WAITS {
            // Ids grow with time.
            waits.pop_first();
        }
    }

    fn wait(&self, file: i64) -> Option<Wait> {
        self.waits.lock().get(&file).copied()
    }

    fn forget(&self, file: i64) -> Option<jobs::Job> {
        self.waits.lock().remove(&file);
        self.jobs.lock().done(file)
    }
}

impl FileSystemMaster {
    /// Whether files of this path are persisted in the background at all.
    pub(super) fn may_persist(&self, path: &AlluxioPath) -> bool {
        !self.options.persist_blacklist.iter().any(|word| path.as_str().contains(word.as_str()))
    }

    /// Has a complete file persisted, `wait_ms` from now on.
    pub async fn schedule_async_persistence(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        wait_ms: i64,
    ) -> Result<(), FsError> {
        self.namespace
            .mutate(&[path], None, |tree, draft| {
                let lookup = tree.lookup(path);
                self.permissions.target(tree, subject, path, &lookup, Bits::WRITE)?;
                let (_, inode) = existing(tree, &lookup, path)?;
                if inode.is_directory() {
                    return Err(FsError::invalid_argument(format!(
                        "{path} is a directory. Persist the files in it (`alluxio fs persist`)."
                    )));
                }
                if !inode.is_completed() {
                    return Err(FsError::invalid_argument(format!("File {path} is still being written.")));
                }
                // Before the state that makes the scheduler look.
                self.persist.wait_before(inode.id, wait_ms);
                if inode.persistence() == Persistence::NotPersisted && self.may_persist(path) {
                    draft.push(to_be_persisted(inode.id));
                }
                Ok(())
            })
            .await
    }

    pub async fn run_persist_scheduler(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(self.options.persist_interval.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut finishing = JoinSet::new();
        let mut cursor = assign::Cursor::default();
        loop {
            let tick = tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => true,
                // Ends show here only to make room for others.
                Some(_) = finishing.join_next() => false,
            };
            self.finish_due(&mut finishing);
            if !tick {
                continue;
            }
            // What a step that is cut off has given out is in the journal, where the next master finds it.
            let step = tokio::select! {
                () = stop.cancelled() => break,
                step = self.persist_step(&mut cursor) => step,
            };
            if let Err(error) = step {
                // Whoever writes is told why the journal refuses; here it is only tried again.
                tracing::debug!(%error, "persisting waits");
            }
        }
        // A final step that is cut off here is taken up by the next master.
        while finishing.join_next().await.is_some() {}
    }

    /// Starts final steps that are due, as many as there is room for.
    fn finish_due(self: &Arc<Self>, finishing: &mut JoinSet<()>) {
        let room = FINISHING.saturating_sub(finishing.len());
        for (file, job) in self.persist.jobs.lock().take_due(Instant::now(), room) {
            finishing.spawn(self.clone().finish_job(file, job));
        }
    }

    /// One look at everything that is to be persisted and has no worker.
    async fn persist_step(&self, cursor: &mut assign::Cursor) -> Result<(), FsError> {
        self.take_back_jobs().await;
        self.find_new_files(cursor).await?;
        self.assign_jobs().await
    }
}

pub(super) fn to_be_persisted(id: i64) -> JournalEntry {
    JournalEntry {
        update_inode: Some(UpdateInodeEntry {
            id: Some(id),
            persistence_state: Some(Persistence::ToBePersisted.as_str().to_owned()),
            ..UpdateInodeEntry::default()
        }),
        ..JournalEntry::default()
    }
}

#[cfg(test)]
#[path = "persist_tests.rs"]
mod tests;

#[cfg(test)]
mod turns_tests;
#[cfg(test)]
mod while_written_tests;

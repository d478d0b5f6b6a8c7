//! Which files are to be persisted, how far each is, and which worker has it. Pure: times come in.
//!
//! The tree remembers which files are to be persisted and the job of each; this table is rebuilt from it
//! by every new leader.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use alluxio_proto::grpc::file::PersistFile;
use tokio::time::Instant;

/// Files in the table; the tree has the others.
pub(super) const MAX_FILES: usize = 10_000;

/// Jobs one worker has at a time: it works on a few of them, and hears of new ones once a second. Our
/// workers take 256.
pub(super) const PER_WORKER: usize = 128;

/// Jobs given up whose file a worker may still be writing.
const MAX_ABANDONED: usize = 10_000;

#[derive(Clone, Copy, Debug)]
pub struct Timing {
    pub first_retry: Duration,
    pub max_retry: Duration,
    /// A worker that has not asked for so long has lost its jobs.
    pub silence: Duration,
}

/// The file that a job writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Temporary {
    pub mount_id: i64,
    /// Full address.
    pub address: String,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub id: i64,
    pub temporary: Temporary,
}

#[derive(Debug)]
enum Stage {
    /// Nobody has it; to be given out from then on.
    Idle,
    Assigned {
        worker: i64,
        command: PersistFile,
    },
    /// The master before gave it out; somebody may still report.
    Inherited,
    /// Its temporary file is complete.
    Written {
        busy: bool,
    },
}

#[derive(Debug)]
struct Entry {
    stage: Stage,
    job: Option<Job>,
    /// When the next step is due.
    at: Instant,
    retry: Duration,
    since: Instant,
}

#[derive(Debug)]
pub struct Jobs {
    timing: Timing,
    files: BTreeMap<i64, Entry>,
    /// When each worker last asked for jobs.
    heard: HashMap<i64, Instant>,
    abandoned: HashMap<i64, Temporary>,
    abandoned_order: VecDeque<i64>,
}

impl Jobs {
    pub fn new(timing: Timing) -> Self {
        Self {
            timing,
            files: BTreeMap::new(),
            heard: HashMap::new(),
            abandoned: HashMap::new(),
            abandoned_order: VecDeque::new(),
        }
    }

    pub fn has(&self, file: i64) -> bool {
        self.files.contains_key(&file)
    }

    pub fn room(&self) -> usize {
        MAX_FILES.saturating_sub(self.files.len())
    }

    /// A file to be persisted from `at` on.
    pub fn add(&mut self, file: i64, at: Instant, now: Instant) {
        self.insert(file, Stage::Idle, None, at, now);
    }

    /// A file whose job was given out by the master before: `written` when its temporary file is known
    /// to be complete.
    pub fn inherit(&mut self, file: i64, job: Job, written: bool, now: Instant) {
        let (stage, at) = match written {
            true => (Stage::Written { busy: false }, now),
            false => (Stage::Inherited, now + self.timing.silence),
        };
        self.insert(file, stage, Some(job), at, now);
    }

    fn insert(&mut self, file: i64, stage: Stage, job: Option<Job>, at: Instant, now: Instant) {
        let retry = self.timing.first_retry;
        self.files.entry(file).or_insert(Entry { stage, job, at, retry, since: now });
    }

    /// Files that wait for a worker, and for nothing else.
    pub fn ready(&self, now: Instant, limit: usize) -> Vec<i64> {
        let ready = |entry: &Entry| matches!(entry.stage, Stage::Idle) && entry.at <= now;
        self.files.iter().filter(|(_, entry)| ready(entry)).map(|(file, _)| *file).take(limit).collect()
    }

    pub fn is_full(&self, worker: i64) -> bool {
        let has = |entry: &&Entry| matches!(&entry.stage, Stage::Assigned { worker: other, .. } if *other == worker);
        self.files.values().filter(has).count() >= PER_WORKER
    }

    /// The record that gives the job to the worker is durable.
    pub fn assign(&mut self, file: i64, worker: i64, job: Job, command: PersistFile, now: Instant) {
        // It may never have asked: its silence begins now.
        self.heard.entry(worker).or_insert(now);
        if let Some(entry) = self.files.get_mut(&file) {
            entry.stage = Stage::Assigned { worker, command };
            entry.job = Some(job);
        }
    }

    /// What a worker that asks is to do, including what it was told before: it may have missed that.
    pub fn commands(&mut self, worker: i64, now: Instant) -> Vec<PersistFile> {
        self.heard.insert(worker, now);
        let of = |entry: &Entry| match &entry.stage {
            Stage::Assigned { worker: other, command } if *other == worker => Some(command.clone()),
            _ => None,
        };
        self.files.values().filter_map(of).collect()
    }

    /// Whether this is the job by which the file is being written now.
    pub fn is_current(&self, file: i64, job: i64) -> bool {
        self.files.get(&file).is_some_and(|entry| {
            let awaited = matches!(entry.stage, Stage::Assigned { .. } | Stage::Inherited);
            awaited && entry.job.as_ref().is_some_and(|current| current.id == job)
        })
    }

    /// The job's temporary file is complete.
    pub fn written(&mut self, file: i64, job: i64, now: Instant) {
        if self.is_current(file, job)
            && let Some(entry) = self.files.get_mut(&file)
        {
            entry.stage = Stage::Written { busy: false };
            entry.at = now;
            entry.retry = self.timing.first_retry;
        }
    }

    /// The job has failed; the file is tried again later, by a new job. Returns since when that has
    /// been tried.
    pub fn failed(&mut self, file: i64, job: i64, now: Instant) -> Option<Instant> {
        let max = self.timing.max_retry;
        let entry =
            self.files.get_mut(&file).filter(|entry| entry.job.as_ref().is_some_and(|j| j.id == job))?;
        entry.stage = Stage::Idle;
        entry.back_off(now, max);
        Some(entry.since)
    }

    /// The file's blocks are not all to be had: that may change any time, so the wait does not grow.
    pub fn delay(&mut self, file: i64, until: Instant) {
        if let Some(entry) = self.files.get_mut(&file) {
            entry.at = until;
        }
    }

    /// No job can be made for the file now.
    pub fn postpone(&mut self, file: i64, now: Instant) {
        let max = self.timing.max_retry;
        if let Some(entry) = self.files.get_mut(&file) {
            entry.back_off(now, max);
        }
    }

    /// Whether a job of the table writes this file.
    pub fn writes(&self, address: &str) -> bool {
        self.files.values().filter_map(|entry| entry.job.as_ref()).any(|job| job.temporary.address == address)
    }

    /// Files whose final step is due; each must be ended by `done`, `failed` or `not_finished`.
    pub fn take_due(&mut self, now: Instant, limit: usize) -> Vec<(i64, Job)> {
        let mut due = Vec::new();
        for (file, entry) in &mut self.files {
            if due.len() == limit {
                break;
            }
            if let (Stage::Written { busy }, Some(job)) = (&mut entry.stage, &entry.job)
                && !*busy
                && entry.at <= now
            {
                *busy = true;
                due.push((*file, job.clone()));
            }
        }
        due
    }

    /// The final step is to be tried again later.
    pub fn not_finished(&mut self, file: i64, now: Instant) -> Option<Instant> {
        let max = self.timing.max_retry;
        let entry = self.files.get_mut(&file)?;
        entry.stage = Stage::Written { busy: false };
        entry.back_off(now, max);
        Some(entry.since)
    }

    /// The file is persisted, or need not be any more.
    pub fn done(&mut self, file: i64) -> Option<Job> {
        self.files.remove(&file)?.job
    }

    /// Takes the jobs of dead and silent workers back, and those that nobody reported after a change of
    /// leader. The returned ones are given up.
    pub fn take_back(&mut self, now: Instant, is_alive: impl Fn(i64) -> bool) -> Vec<(i64, Job)> {
        let mut given_up = Vec::new();
        for (file, entry) in &mut self.files {
            let lost = match &entry.stage {
                Stage::Assigned { worker, .. } => {
                    let heard = self.heard.get(worker);
                    !is_alive(*worker) || heard.is_none_or(|heard| *heard + self.timing.silence <= now)
                }
                Stage::Inherited => entry.at <= now,
                Stage::Idle | Stage::Written { .. } => false,
            };
            if lost {
                entry.stage = Stage::Idle;
                entry.at = now;
                given_up.extend(entry.job.take().map(|job| (*file, job)));
            }
        }
        for (_, job) in &given_up {
            self.abandoned.insert(job.id, job.temporary.clone());
            self.abandoned_order.push_back(job.id);
        }
        while self.abandoned.len() > MAX_ABANDONED
            && let Some(oldest) = self.abandoned_order.pop_front()
        {
            self.abandoned.remove(&oldest);
        }
        self.heard.retain(|_, heard| *heard + self.timing.silence * 2 > now);
        given_up
    }

    /// The temporary file of a job that was given up, when a worker has written it all the same.
    pub fn abandoned(&mut self, job: i64) -> Option<Temporary> {
        self.abandoned.remove(&job)
    }
}

impl Entry {
    fn back_off(&mut self, now: Instant, max: Duration) {
        self.at = now + self.retry;
        self.retry = (self.retry * 2).min(max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs() -> Jobs {
        let second = Duration::from_secs(1);
        Jobs::new(Timing { first_retry: second, max_retry: 4 * second, silence: 60 * second })
    }

    fn job(id: i64) -> Job {
        Job { id, temporary: Temporary { mount_id: 1, address: format!("/t{id}") } }
    }

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_job_is_repeated_until_its_outcome_is_known() {
        let (mut jobs, now) = (jobs(), Instant::now());
        jobs.add(5, now + secs(1), now);
        assert!(jobs.ready(now, 9).is_empty());
        assert_eq!(jobs.ready(now + secs(1), 9), [5]);
        jobs.assign(5, 77, job(1), PersistFile::default(), now);
        assert!(jobs.ready(now + secs(1), 9).is_empty());
        assert!(jobs.commands(78, now).is_empty());
        assert_eq!((jobs.commands(77, now).len(), jobs.commands(77, now).len()), (1, 1));
        assert!(jobs.is_current(5, 1) && !jobs.is_current(5, 2));
        jobs.written(5, 1, now);
        assert!(jobs.commands(77, now).is_empty());
        assert_eq!(jobs.take_due(now, 9).len(), 1);
        assert!(jobs.take_due(now, 9).is_empty(), "under way");
        jobs.not_finished(5, now);
        assert!(jobs.take_due(now, 9).is_empty());
        assert_eq!(jobs.take_due(now + secs(1), 9).len(), 1);
        assert_eq!(jobs.done(5).unwrap().id, 1);
        assert!(!jobs.has(5));
    }

    #[test]
    fn failures_back_off() {
        let (mut jobs, now) = (jobs(), Instant::now());
        jobs.add(5, now, now);
        let mut waits = Vec::new();
        let mut time = now;
        for attempt in 0..4 {
            jobs.assign(5, 77, job(attempt), PersistFile::default(), time);
            assert_eq!(jobs.failed(5, 99, time), None, "another job's failure");
            assert_eq!(jobs.failed(5, attempt, time), Some(now));
            let wait = (0..10).find(|n| !jobs.ready(time + secs(*n), 9).is_empty()).unwrap();
            waits.push(wait);
            time += secs(wait);
        }
        assert_eq!(waits, [1, 2, 4, 4]);
    }

    #[test]
    fn lost_and_silent_workers_lose_their_jobs() {
        let (mut jobs, now) = (jobs(), Instant::now());
        for file in [1, 2, 3] {
            jobs.add(file, now, now);
            jobs.assign(file, 70 + file, job(file), PersistFile::default(), now);
        }
        jobs.commands(71, now + secs(50));
        jobs.commands(72, now + secs(50));
        assert!(jobs.take_back(now + secs(50), |_| true).is_empty());
        let given_up = jobs.take_back(now + secs(61), |worker| worker != 72);
        assert_eq!(given_up.iter().map(|(file, _)| *file).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(jobs.ready(now + secs(61), 9), [2, 3]);
        assert_eq!(jobs.abandoned(3), Some(job(3).temporary));
        assert_eq!(jobs.abandoned(3), None);
        assert!(!jobs.is_current(3, 3));
    }

    #[test]
    fn an_inherited_job_may_still_be_reported() {
        let (mut jobs, now) = (jobs(), Instant::now());
        jobs.inherit(5, job(1), false, now);
        jobs.inherit(6, job(2), false, now);
        jobs.inherit(7, job(3), true, now);
        assert_eq!(jobs.take_due(now, 9)[0].0, 7);
        jobs.written(5, 1, now);
        assert_eq!(jobs.take_due(now, 9)[0].0, 5);
        assert!(jobs.take_back(now + secs(59), |_| true).is_empty());
        assert_eq!(jobs.take_back(now + secs(60), |_| true)[0].0, 6);
    }

    #[test]
    fn one_worker_gets_so_many() {
        let (mut jobs, now) = (jobs(), Instant::now());
        for file in 0..PER_WORKER as i64 {
            assert!(!jobs.is_full(7));
            jobs.add(file, now, now);
            jobs.assign(file, 7, job(file), PersistFile::default(), now);
        }
        assert!(jobs.is_full(7) && !jobs.is_full(8));
        assert_eq!(jobs.commands(7, now).len(), PER_WORKER);
    }
}

//! Which jobs are under way and what is still to be reported. Pure.

use alluxio_proto::grpc::file::{
    FileSystemHeartbeatPOptions, FileSystemHeartbeatPRequest, PersistFailure, PersistFile,
};
use std::collections::{BTreeMap, BTreeSet};

/// Jobs taken at once, running or waiting for their turn. The leader hands more than that to others.
const MOST: usize = 256;

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The file is complete under its temporary name.
    Written {
        fingerprint: String,
    },
    Failed {
        reason: String,
    },
}

/// The jobs of this worker, by job id.
#[derive(Debug, Default)]
pub struct Jobs {
    running: BTreeSet<i64>,
    /// Done and not acknowledged: (file, outcome).
    finished: BTreeMap<i64, (i64, Outcome)>,
}

impl Jobs {
    /// Takes a job on; `false` when it is known (the leader repeats itself until it hears the outcome) or
    /// there are too many.
    pub fn start(&mut self, job: i64, file: i64) -> bool {
        if self.running.contains(&job) || self.finished.contains_key(&job) {
            return false;
        }
        if self.running.len() >= MOST {
            let reason = format!("the worker has {MOST} files to persist already");
            self.finished.insert(job, (file, Outcome::Failed { reason }));
            return false;
        }
        self.running.insert(job);
        true
    }

    pub fn finish(&mut self, job: i64, file: i64, outcome: Outcome) {
        self.running.remove(&job);
        self.finished.insert(job, (file, outcome));
    }

    /// Nothing runs and the leader heard of everything.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.finished.is_empty()
    }

    /// The report of everything not acknowledged, and its jobs for [`Jobs::acknowledged`].
    pub fn report(&self, worker: i64) -> (FileSystemHeartbeatPRequest, Vec<i64>) {
        let mut files = Vec::new();
        let mut options = FileSystemHeartbeatPOptions::default();
        for (job, (file, outcome)) in &self.finished {
            match outcome {
                Outcome::Written { fingerprint } => {
                    files.push(*file);
                    options.persisted_job_ids.push(*job);
                    options.persisted_file_fingerprints.push(fingerprint.clone());
                }
                Outcome::Failed { reason } => options.persist_failures.push(PersistFailure {
                    file_id: Some(*file),
                    job_id: Some(*job),
                    message: Some(reason.clone()),
                }),
            }
        }
        let request = FileSystemHeartbeatPRequest {
            worker_id: Some(worker),
            persisted_files: files,
            options: Some(options),
        };
        (request, self.finished.keys().copied().collect())
    }

    pub fn acknowledged(&mut self, jobs: &[i64]) {
        for job in jobs {
            self.finished.remove(job);
        }
    }
}

/// A job with all that is needed to do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub job: i64,
    pub file: i64,
    pub blocks: Vec<i64>,
    pub mount: i64,
    pub path: String,
    pub length: u64,
    pub block_size: u64,
}

impl Task {
    /// `None` when our own fields are missing: the command of a Java master, which no worker obeys.
    pub fn of(file: PersistFile) -> Option<Task> {
        Some(Task {
            job: file.job_id?,
            file: file.file_id?,
            blocks: file.block_ids,
            mount: file.mount_id?,
            path: file.temp_ufs_path?,
            length: u64::try_from(file.length?).ok()?,
            block_size: u64::try_from(file.block_size?).ok()?,
        })
    }

    /// The blocks with their lengths: all full but the last.
    pub fn pieces(&self) -> Result<Vec<(i64, u64)>, String> {
        let needed = match self.length {
            0 => 0,
            length if self.block_size == 0 => return Err(format!("{length} bytes in blocks of none")),
            length => length.div_ceil(self.block_size),
        };
        if needed != self.blocks.len() as u64 {
            return Err(format!(
                "{} blocks listed where {} bytes need {needed}",
                self.blocks.len(),
                self.length
            ));
        }
        let piece = |(index, block): (usize, &i64)| {
            let start = index as u64 * self.block_size;
            (*block, self.block_size.min(self.length - start))
        };
        Ok(self.blocks.iter().enumerate().map(piece).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_reported_until_it_is_acknowledged() {
        let mut jobs = Jobs::default();
        assert!(jobs.start(1, 10));
        assert!(jobs.start(2, 20));
        assert!(!jobs.start(1, 10), "repeated while it runs");
        jobs.finish(1, 10, Outcome::Written { fingerprint: "f".into() });
        jobs.finish(2, 20, Outcome::Failed { reason: "no".into() });
        let (report, sent) = jobs.report(7);
        let options = report.options.unwrap();
        assert_eq!((report.persisted_files, options.persisted_job_ids), (vec![10], vec![1]));
        assert_eq!(options.persist_failures[0].message.as_deref(), Some("no"));
        assert!(!jobs.start(1, 10), "repeated before the report arrived");
        assert_eq!(jobs.report(7).1, sent);
        jobs.acknowledged(&sent);
        assert!(jobs.is_idle());
    }

    #[test]
    fn too_many_jobs_are_refused_with_a_reason() {
        let mut jobs = Jobs::default();
        assert!((0..MOST as i64).all(|job| jobs.start(job, job)));
        assert!(!jobs.start(9999, 1));
        assert_eq!(jobs.report(7).0.options.unwrap().persist_failures.len(), 1);
    }

    fn task(length: u64, blocks: Vec<i64>) -> Task {
        Task { job: 1, file: 1, blocks, mount: 1, path: "/x".into(), length, block_size: 100 }
    }

    #[test]
    fn blocks_are_full_but_the_last() {
        assert_eq!(task(250, vec![1, 2, 3]).pieces().unwrap(), vec![(1, 100), (2, 100), (3, 50)]);
        assert_eq!(task(200, vec![1, 2]).pieces().unwrap(), vec![(1, 100), (2, 100)]);
        assert_eq!(task(0, vec![]).pieces().unwrap(), vec![]);
        assert!(task(250, vec![1, 2]).pieces().is_err());
    }
}

//! What workers say about their jobs.

use std::sync::Arc;

use alluxio_fs::FsError;
use alluxio_proto::{
    grpc::file::{FileSystemHeartbeatPRequest, PersistFile},
    journal::{JournalEntry, UpdateInodeEntry},
};
use tokio::time::Instant;

use super::assign::to_persist;
use crate::{fs::FileSystemMaster, namespace::MAX_CHANGES_PER_HOLD};

/// A job that has written its file.
struct Written {
    file: i64,
    job: i64,
    fingerprint: String,
}

impl FileSystemMaster {
    /// Takes a worker's report and returns its jobs. The answer acknowledges the report, so what it
    /// says is durable by then.
    pub(in crate::fs) async fn persist_heartbeat(
        self: Arc<Self>,
        request: FileSystemHeartbeatPRequest,
    ) -> Result<Vec<PersistFile>, FsError> {
        let worker = request.worker_id();
        let options = request.options.unwrap_or_default();
        let written = request.persisted_files.iter().zip(&options.persisted_job_ids);
        let written: Vec<Written> = written
            .zip(options.persisted_file_fingerprints)
            .map(|((file, job), fingerprint)| Written { file: *file, job: *job, fingerprint })
            .collect();
        for chunk in written.chunks(MAX_CHANGES_PER_HOLD) {
            self.note_written(chunk).await?;
        }
        for failure in &options.persist_failures {
            self.note_failed(failure.file_id(), failure.job_id(), failure.message()).await;
        }
        if !self.blocks.is_worker_alive(worker) {
            return Ok(Vec::new());
        }
        self.blocks.mark_persists(worker);
        Ok(self.persist.jobs.lock().commands(worker, Instant::now()))
    }

    /// Journals what the finished files look like: whoever gives them their names, now or after a
    /// restart, knows them by that.
    async fn note_written(&self, reports: &[Written]) -> Result<(), FsError> {
        let accepted = self
            .namespace
            .mutate(&[], None, |tree, draft| {
                let mut accepted = Vec::new();
                for report in reports {
                    let job = to_persist(tree, report.file)
                        .and_then(|(_, inode)| tree.rare(tree.find(report.file)?, inode))
                        .map(|rare| rare.persist_job);
                    if job != Some(report.job) {
                        continue;
                    }
                    accepted.push(report.job);
                    draft.push(JournalEntry {
                        update_inode: Some(UpdateInodeEntry {
                            id: Some(report.file),
                            ufs_fingerprint: Some(report.fingerprint.clone()),
                            ..UpdateInodeEntry::default()
                        }),
                        ..JournalEntry::default()
                    });
                }
                Ok(accepted)
            })
            .await?;
        for report in reports {
            if accepted.contains(&report.job) {
                self.persist.jobs.lock().written(report.file, report.job, Instant::now());
            } else {
                self.drop_unwanted(report.file, report.job).await;
            }
        }
        Ok(())
    }

    /// The file was deleted meanwhile, or another job has it.
    async fn drop_unwanted(&self, file: i64, job: i64) {
        let ended = {
            let mut jobs = self.persist.jobs.lock();
            let current = jobs.is_current(file, job);
            let ended = if current { jobs.done(file) } else { None };
            ended.map(|job| job.temporary).or_else(|| jobs.abandoned(job))
        };
        if let Some(temporary) = ended {
            self.drop_temporary(&temporary).await;
        }
    }

    async fn note_failed(&self, file: i64, job: i64, reason: &str) {
        let now = Instant::now();
        let since = self.persist.jobs.lock().failed(file, job, now);
        let Some(since) = since else {
            self.drop_unwanted(file, job).await;
            return;
        };
        if now.duration_since(since) > self.persist.max_total {
            tracing::error!(
                file,
                reason,
                "the file could not be persisted for very long; its blocks are kept"
            );
        } else {
            tracing::warn!(file, reason, "a worker could not persist the file; it is tried again");
        }
    }
}

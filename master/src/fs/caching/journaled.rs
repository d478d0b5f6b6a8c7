//! Load jobs in the journal: that they began, with which settings, and that they are over. Whoever leads next goes on with those
//! that run, from their beginning: what is cached by then is passed over.

use std::sync::Arc;

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::journal::{JournalEntry, LoadJobEntry, PJobState};

use super::load_report::{Phase, Settings};
use crate::fs::FileSystemMaster;

/// A job that runs.
pub(super) fn running(path: &AlluxioPath, id: &str, settings: Settings, user: &str) -> LoadJobEntry {
    LoadJobEntry {
        load_path: path.to_string(),
        state: PJobState::Created as i32,
        bandwidth: settings.bandwidth.and_then(|bandwidth| i64::try_from(bandwidth).ok()),
        verify: settings.verify,
        user: Some(user.to_owned()),
        partial_listing: settings.partial_listing,
        job_id: id.to_owned(),
        end_time: None,
    }
}

pub(super) fn settings_of(entry: &LoadJobEntry) -> Settings {
    Settings {
        bandwidth: entry.bandwidth.and_then(|bandwidth| u64::try_from(bandwidth).ok()),
        verify: entry.verify,
        partial_listing: entry.partial_listing,
    }
}

impl FileSystemMaster {
    /// Returns when the record is durable; false when it was not made, because the job does not run any more.
    pub(super) async fn record_load(
        &self,
        entry: LoadJobEntry,
        runs: impl Fn() -> bool,
    ) -> Result<bool, FsError> {
        self.namespace
            .mutate(&[], None, |_, draft| {
                let runs = runs();
                if runs {
                    let load_job = Some(entry.clone());
                    draft.push(JournalEntry { load_job, ..JournalEntry::default() });
                }
                Ok(runs)
            })
            .await
    }

    pub(super) async fn record_load_end(&self, entry: LoadJobEntry, phase: Phase) -> Result<(), FsError> {
        let state = match phase {
            Phase::Stopped => PJobState::Stopped,
            Phase::Succeeded => PJobState::Succeeded,
            Phase::Failed | Phase::Running | Phase::Verifying => PJobState::Failed,
        };
        self.namespace
            .mutate(&[], None, |_, draft| {
                let (state, end_time) = (state as i32, Some(draft.now_ms));
                let load_job = Some(LoadJobEntry { state, end_time, user: None, ..entry.clone() });
                draft.push(JournalEntry { load_job, ..JournalEntry::default() });
                Ok(())
            })
            .await
    }

    /// Those that ran when this master began to lead. Returns those that cannot go on.
    pub(super) fn go_on_with_loads(&self) -> Vec<Arc<LoadJobEntry>> {
        let mut entries: Vec<_> = self.namespace.peek(|tree| tree.load_jobs().cloned().collect());
        entries.retain(|entry| {
            let gone_on = AlluxioPath::parse(&entry.load_path)
                .and_then(|path| self.caching.jobs.go_on(&path, &entry.job_id, settings_of(entry)));
            match &gone_on {
                Ok(()) => tracing::info!(path = entry.load_path, job = entry.job_id, "load goes on"),
                Err(error) => {
                    tracing::warn!(path = entry.load_path, job = entry.job_id, %error, "load does not go on");
                }
            }
            gone_on.is_err()
        });
        entries
    }
}

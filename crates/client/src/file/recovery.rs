//! What to do when a block cannot be read: another worker, newer metadata, patience, an error.

use std::{sync::Arc, time::Duration};

use alluxio_fs::{ErrorKind, FsError, FsResult};
use alluxio_proto::grpc::{
    WorkerNetAddress,
    file::{FileInfo, FileSystemMasterCommonPOptions, OpenFilePOptions},
};

use super::source::{Candidate, is_same_worker};
use crate::cluster::{Attempts, RetryPolicy};

/// How long a worker may be without a block that it has in the master's eyes. It reports what it evicted with its
/// next heartbeat, a second later; then the master names another worker, or says that the data is lost.
const STALE: Duration = Duration::from_secs(10);

/// The failures since the last byte that was read.
#[derive(Default)]
pub(super) struct Recovery {
    tried: Vec<WorkerNetAddress>,
    refreshed: bool,
    attempts: Option<Attempts>,
    /// Those at workers that do not have what the master says they have.
    stale: Option<Attempts>,
    last: Option<FsError>,
    changed: bool,
}

impl Recovery {
    /// The first candidate that was not tried in this round. None: the round is over.
    pub(super) fn choose<'a>(&self, candidates: &'a [Candidate]) -> Option<&'a Candidate> {
        candidates
            .iter()
            .find(|candidate| !self.tried.iter().any(|tried| is_same_worker(tried, &candidate.address)))
    }

    /// A worker failed.
    pub(super) fn failed(&mut self, worker: &WorkerNetAddress, error: FsError) {
        tracing::debug!(%error, worker = worker.host(), "a block could not be read here");
        self.tried.push(worker.clone());
        self.last = Some(error);
    }

    /// All workers failed, or there was none (`why`). Waits if time may help. When it succeeds the
    /// caller asks the master how things are now and starts over. `only_here`: the file is not in the under
    /// storage, so a worker without the block is one of which the master's news are old.
    pub(super) async fn round_over(
        &mut self,
        policy: RetryPolicy,
        why: Option<FsError>,
        only_here: bool,
    ) -> FsResult<()> {
        let error = why
            .or_else(|| self.last.take())
            .unwrap_or_else(|| FsError::unavailable("There is no worker to read from."));
        self.tried.clear();
        self.changed = error.kind == ErrorKind::OutOfRange;
        let stale = only_here && error.kind == ErrorKind::NotFound;
        if is_definite(error.kind) && !(stale && self.refreshed) {
            // What the master told may be old: its news are worth one more round.
            if self.refreshed {
                return Err(error);
            }
        } else {
            let attempts = if stale {
                self.stale.get_or_insert_with(|| policy.at_most(STALE).start())
            } else {
                self.attempts.get_or_insert_with(|| policy.start())
            };
            if !attempts.again(&error).await {
                return Err(attempts.last(error));
            }
        }
        self.refreshed = true;
        Ok(())
    }

    /// How to ask for the newer metadata: what a worker found changed, or too short, in the under storage the master is to look
    /// at itself, so that whoever reads the file again reads what is there.
    pub(super) fn refresh(&self) -> OpenFilePOptions {
        let common_options = self.changed.then(|| FileSystemMasterCommonPOptions {
            sync_interval_ms: Some(0),
            ..FileSystemMasterCommonPOptions::default()
        });
        OpenFilePOptions { common_options, ..OpenFilePOptions::default() }
    }

    /// Bytes came: what was before does not count any more.
    pub(super) fn succeeded(&mut self) {
        if self.last.is_some() || self.refreshed {
            *self = Self::default();
        }
    }
}

/// Failures that time does not heal.
fn is_definite(kind: ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::NotFound
            | K::InvalidArgument
            | K::PermissionDenied
            | K::FailedPrecondition
            | K::AlreadyExists
            | K::OutOfRange
    )
}

/// The newer metadata of an open file, if it is still the same file.
pub(super) fn same_file(old: &FileInfo, new: FileInfo) -> FsResult<Arc<FileInfo>> {
    if old.file_id() == new.file_id() {
        return Ok(Arc::new(new));
    }
    Err(FsError::failed_precondition(format!("{} was replaced while it was read.", old.path())))
}

#[cfg(test)]
mod tests {
    use alluxio_conf::{Configuration, key};

    use super::*;

    fn candidate(host: &str) -> Candidate {
        let address = WorkerNetAddress { host: Some(host.into()), ..WorkerNetAddress::default() };
        Candidate { address, has_block: true }
    }

    fn policy(max: &str) -> RetryPolicy {
        let conf =
            Configuration::defaults().with(&[("alluxio.user.block.read.retry.max.duration", max)]).unwrap();
        let (base, sleep) =
            (conf.get(key::USER_BLOCK_READ_RETRY_SLEEP_BASE), conf.get(key::USER_BLOCK_READ_RETRY_SLEEP_MAX));
        RetryPolicy::new(base, sleep, conf.get(key::USER_BLOCK_READ_RETRY_MAX_DURATION))
    }

    #[tokio::test]
    async fn each_worker_is_tried_once_a_round() {
        let workers = [candidate("a"), candidate("b")];
        let mut recovery = Recovery::default();
        recovery.failed(&workers[0].address, FsError::unavailable("down"));
        assert_eq!(recovery.choose(&workers).map(|c| c.address.host()), Some("b"));
        recovery.failed(&workers[1].address, FsError::not_found("no block"));
        assert!(recovery.choose(&workers).is_none());
        assert_eq!(recovery.round_over(policy("0s"), None, false).await, Ok(()));
        assert_eq!(recovery.choose(&workers).map(|c| c.address.host()), Some("a"));
    }

    #[tokio::test]
    async fn what_changed_underneath_is_looked_at_anew() {
        for (error, interval) in
            [(FsError::out_of_range("changed"), Some(0)), (FsError::not_found("gone"), None)]
        {
            let mut recovery = Recovery::default();
            recovery.failed(&candidate("a").address, error);
            recovery.round_over(policy("10s"), None, false).await.unwrap();
            let asked = recovery.refresh().common_options.and_then(|common| common.sync_interval_ms);
            assert_eq!(asked, interval);
        }
    }

    #[tokio::test]
    async fn a_definite_failure_ends_after_one_refresh() {
        let mut recovery = Recovery::default();
        for expected in [Ok(()), Err(FsError::not_found("gone"))] {
            recovery.failed(&candidate("a").address, FsError::not_found("gone"));
            assert_eq!(recovery.round_over(policy("10s"), None, false).await, expected);
        }
    }

    #[tokio::test]
    async fn a_worker_without_the_only_copy_is_asked_until_the_master_has_heard_of_it() {
        let mut recovery = Recovery::default();
        let mut rounds = 0;
        let error = loop {
            recovery.failed(&candidate("a").address, FsError::not_found("no block"));
            match recovery.round_over(policy("300ms"), None, true).await {
                Ok(()) => rounds += 1,
                Err(error) => break error,
            }
        };
        assert!((2..10).contains(&rounds), "{rounds}");
        assert_eq!(error.kind, ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn a_passing_failure_is_waited_for_until_the_time_is_over() {
        let mut recovery = Recovery::default();
        let mut rounds = 0;
        let error = loop {
            recovery.failed(&candidate("a").address, FsError::unavailable("down"));
            match recovery.round_over(policy("300ms"), None, false).await {
                Ok(()) => rounds += 1,
                Err(error) => break error,
            }
        };
        assert!((1..10).contains(&rounds), "{rounds}");
        assert_eq!(error.kind, ErrorKind::Unavailable);
    }

    #[test]
    fn a_replaced_file_is_noticed() {
        let file = |id| FileInfo { file_id: Some(id), ..FileInfo::default() };
        assert!(same_file(&file(1), file(1)).is_ok());
        assert_eq!(same_file(&file(1), file(2)).unwrap_err().kind, ErrorKind::FailedPrecondition);
    }
}

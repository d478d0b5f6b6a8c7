//! Committing blocks: to the disk first, then to the leader.
//!
//! A block that is under its final name but not known to the leader is neither reported nor evicted. The
//! leader is told with the same id and length until it answers; when it forgot this worker's id, after a
//! new registration.

use super::{MasterLink, Registered, WorkerState};
use crate::store::{BlockStore, TempBlock};
use alluxio_fs::{ErrorKind, FsError, ids};
use alluxio_proto::grpc::block::CommitBlockPRequest;
use std::time::Duration;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout_at},
};

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Cheap to clone.
#[derive(Clone)]
pub struct Commits {
    store: BlockStore,
    link: MasterLink,
    registered: Registered,
    state: WorkerState,
    patience: Duration,
}

impl Commits {
    pub fn new(
        store: BlockStore,
        link: MasterLink,
        registered: Registered,
        state: WorkerState,
        patience: Duration,
    ) -> Commits {
        Commits { store, link, registered, state, patience }
    }

    /// Commits a block; returns its length. See [`TempBlock::commit`] for the flags.
    pub async fn commit(&self, temp: TempBlock, durable: bool, guarded: bool) -> Result<u64, FsError> {
        let done = self.commit_in_background(temp, durable, guarded).await;
        done.unwrap_or_else(|_| Err(FsError::internal("The commit was cut off.")))
    }

    /// In a task of its own: once begun, a commit goes to its end even when the client is gone.
    pub fn commit_in_background(
        &self,
        temp: TempBlock,
        durable: bool,
        guarded: bool,
    ) -> JoinHandle<Result<u64, FsError>> {
        let commits = self.clone();
        tokio::spawn(async move {
            let block = temp.block();
            let result = commits.run(temp, durable, guarded).await;
            if let Err(error) = &result {
                tracing::warn!(block, %error, "block not committed");
            }
            result
        })
    }

    async fn run(&self, temp: TempBlock, durable: bool, guarded: bool) -> Result<u64, FsError> {
        let block = temp.block();
        let length = temp.commit(durable, guarded).await?;
        match self.tell(block, length).await {
            Ok(()) => {
                self.store.confirm(block);
                Ok(length)
            }
            Err(error) => {
                self.store.discard_uncommitted(block);
                Err(error)
            }
        }
    }

    async fn tell(&self, block: i64, length: u64) -> Result<(), FsError> {
        let deadline = Instant::now() + self.patience;
        let mut wait = FIRST_WAIT;
        let mut stale = None;
        loop {
            let worker = timeout_at(deadline, self.registered.wait(stale)).await;
            let worker =
                worker.map_err(|_| FsError::unavailable("This worker is not registered with a master."))?;
            let (tier, medium, used) = self.store.place_of(block).ok_or_else(|| {
                FsError::unknown(format!("Block {block} was lost before it was committed."))
            })?;
            let request = CommitBlockPRequest {
                worker_id: Some(worker.id),
                used_bytes_on_tier: Some(used as i64),
                tier_alias: Some(tier),
                medium_type: Some(medium),
                block_id: Some(block),
                length: Some(length as i64),
                options: None,
            };
            match self.link.commit_block(request, deadline.saturating_duration_since(Instant::now())).await {
                Ok(()) => return Ok(()),
                Err(error) if error.kind == ErrorKind::NotFound && stale.is_none() => {
                    if self.is_deleted(block).await {
                        return Err(error);
                    }
                    // The master was restarted and does not know this worker. Refused again after a new
                    // registration, it is the block that the master does not want.
                    self.state.want_registration(worker);
                    stale = Some(worker);
                }
                Err(error) if !may_pass(&error) => return Err(error),
                Err(error) if Instant::now() + wait >= deadline => {
                    // Whether the leader took it is not known; that it is gone here will be reported.
                    return Err(FsError::unavailable(format!(
                        "Block {block} could not be committed: {error}"
                    )));
                }
                Err(error) => tracing::debug!(block, %error, "commit is tried again"),
            }
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

impl Commits {
    /// Whether it is the file that a master does not know, and not this worker: telling it all blocks again
    /// would not help.
    async fn is_deleted(&self, block: i64) -> bool {
        let file = self.link.file_info(ids::file_id_of_block(block)).await;
        file.is_err_and(|error| error.kind == ErrorKind::NotFound)
    }
}

/// Whether the same call may succeed later, at this master or the next leader.
pub fn may_pass(error: &FsError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Unavailable
            | ErrorKind::Cancelled
            | ErrorKind::DeadlineExceeded
            | ErrorKind::Unauthenticated
    )
}

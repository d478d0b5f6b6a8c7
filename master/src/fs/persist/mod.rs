//! Persisting files in the background (ASYNC_THROUGH, the clients' default).

use std::sync::Arc;

use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::{
    grpc::file::{FileSystemHeartbeatPRequest, PersistFile},
    journal::{JournalEntry, UpdateInodeEntry},
};
use tokio_util::sync::CancellationToken;

use super::{FileSystemMaster, options::FsOptions, status::existing, subject::Subject};
use crate::tree::Persistence;

pub struct PersistJobs {}

impl PersistJobs {
    pub fn new(_: &FsOptions) -> Self {
        Self {}
    }

    pub fn wait_before(&self, _: &AlluxioPath, _: i64) {}
}

impl FileSystemMaster {
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
                let slot = existing(&lookup, path)?;
                let inode = tree.get(slot).ok_or_else(|| FsError::path_does_not_exist(path))?;
                if inode.persistence() == Persistence::NotPersisted {
                    draft.push(JournalEntry {
                        update_inode: Some(UpdateInodeEntry {
                            id: Some(inode.id),
                            persistence_state: Some(Persistence::ToBePersisted.as_str().to_owned()),
                            ..UpdateInodeEntry::default()
                        }),
                        ..JournalEntry::default()
                    });
                }
                Ok(())
            })
            .await?;
        self.persist.wait_before(path, wait_ms);
        Ok(())
    }

    pub(super) async fn persist_heartbeat(
        self: Arc<Self>,
        request: FileSystemHeartbeatPRequest,
    ) -> Result<Vec<PersistFile>, FsError> {
        self.blocks.mark_persists(request.worker_id());
        Ok(Vec::new())
    }

    pub async fn run_persist_scheduler(self: Arc<Self>, stop: CancellationToken) {
        stop.cancelled().await;
    }
}

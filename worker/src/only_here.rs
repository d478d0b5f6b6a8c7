//! Files with blocks here that are not in the under storage. The leader says which, and is asked to have them persisted.

use crate::{core::Core, masters::may_pass};
use alluxio_fs::{ErrorKind, FsError, ids};
use std::collections::{BTreeSet, HashSet};

/// Blocks the leader is asked about at once.
const BATCH: usize = 1000;

/// What is known of them.
#[derive(Default)]
pub(crate) struct OnlyHere {
    /// Blocks with which nothing would be lost. That stays so: no file becomes less persisted.
    safe: HashSet<i64>,
    scheduled: BTreeSet<i64>,
    /// Files that cannot be persisted.
    refused: BTreeSet<i64>,
}

impl OnlyHere {
    /// The files that the leader does not call persisted.
    pub async fn look(&mut self, core: &Core) -> Result<BTreeSet<i64>, FsError> {
        let mut files = BTreeSet::new();
        let (known, open): (Vec<i64>, Vec<i64>) =
            core.store.block_ids().into_iter().partition(|block| self.safe.contains(block));
        let mut safe: HashSet<i64> = known.into_iter().collect();
        for batch in open.chunks(BATCH) {
            let verdict = core.gate.look(batch).await?;
            for block in batch {
                if verdict.evictable.contains(block) || verdict.pinned.contains(block) {
                    safe.insert(*block);
                } else {
                    files.insert(ids::file_id_of_block(*block));
                }
            }
        }
        self.safe = safe;
        Ok(files)
    }

    /// Whether the leader was asked to have it persisted, or it cannot be.
    pub fn is_settled(&self, file: i64) -> bool {
        self.scheduled.contains(&file) || self.refused.contains(&file)
    }

    /// How many cannot be persisted.
    pub fn refused(&self) -> usize {
        self.refused.len()
    }

    /// Whether nothing more can be done for the file; schedules it once. An error is one that may pass; nothing is
    /// forgotten by it.
    pub async fn is_done(&mut self, core: &Core, file: i64) -> Result<bool, FsError> {
        match self.schedule(core, file).await {
            Err(error) if !may_pass(&error) => {
                tracing::warn!(file_id = file, %error, "file not persisted");
                self.refused.insert(file);
                Ok(true)
            }
            done => done,
        }
    }

    async fn schedule(&mut self, core: &Core, file: i64) -> Result<bool, FsError> {
        let info = match core.link.file_info(file).await {
            // Deleted meanwhile.
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(true),
            info => info?,
        };
        // A file that its client has not completed cannot be persisted.
        if info.persistence_state.as_deref() == Some("PERSISTED") || !info.completed.unwrap_or(false) {
            return Ok(true);
        }
        if !self.scheduled.contains(&file) {
            match core.link.persist_soon(info.path.as_deref().unwrap_or_default()).await {
                // Renamed meanwhile: the next round knows its new path.
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(false),
                done => done?,
            }
            self.scheduled.insert(file);
        }
        Ok(false)
    }
}

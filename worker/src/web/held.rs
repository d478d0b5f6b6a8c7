//! The files of which this worker holds blocks, with what the master says of them.

use super::Web;
use crate::store::Cursor;
use alluxio_fs::{ErrorKind, FsError, ids};
use alluxio_proto::grpc::file::FileInfo;
use futures::{StreamExt, stream};
use std::{collections::BTreeSet, sync::OnceLock};

/// Questions to the master at a time.
const QUESTIONS: usize = 16;

/// A block of a file that is here.
pub(super) struct HeldBlock {
    pub id: i64,
    pub tier: String,
    pub length: i64,
}

/// A file as the master knows it, with the blocks that are here.
pub(super) struct HeldFile {
    pub info: FileInfo,
    pub blocks: Vec<HeldBlock>,
}

impl Web {
    /// The ids of all files, in order. Looks at the blocks in bounded steps.
    pub(super) async fn held_files(&self) -> BTreeSet<i64> {
        let mut files = BTreeSet::new();
        let mut cursor = Cursor::default();
        while let Some(blocks) = self.core.store.walk(&mut cursor) {
            files.extend(blocks.into_iter().map(ids::file_id_of_block));
            tokio::task::yield_now().await;
        }
        files
    }

    /// What of a file is here.
    pub(super) fn held(&self, info: FileInfo) -> HeldFile {
        let block = |id: &i64| {
            let (tier, length) = self.core.store.shown(*id)?;
            Some(HeldBlock { id: *id, tier, length: i64::try_from(length).unwrap_or(i64::MAX) })
        };
        HeldFile { blocks: info.block_ids.iter().filter_map(block).collect(), info }
    }

    /// The files of these ids, each with what the master answered. When it does not answer one question the
    /// rest are not asked: somebody waits for the page.
    pub(super) async fn ask_master(&self, files: Vec<i64>) -> Vec<(i64, Result<HeldFile, FsError>)> {
        let away: OnceLock<FsError> = OnceLock::new();
        let away = &away;
        let ask = |id| async move {
            if let Some(error) = away.get() {
                return (id, Err(error.clone()));
            }
            let answer = self.core.link.file_info(id).await;
            if let Err(error) = &answer
                && matches!(error.kind, ErrorKind::Unavailable | ErrorKind::DeadlineExceeded)
            {
                away.get_or_init(|| error.clone());
            }
            (id, answer.map(|info| self.held(info)))
        };
        stream::iter(files.into_iter().map(ask)).buffered(QUESTIONS).collect().await
    }
}

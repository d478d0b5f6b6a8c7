//! The files of which this worker holds blocks, with what the master says of them.

use super::Web;
use crate::store::{BlockStore, Cursor};
use alluxio_fs::{AlluxioPath, ErrorKind, FsError, ids};
use alluxio_proto::grpc::file::FileInfo;
use futures::{StreamExt, stream};
use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{sync::Mutex, time::Instant};

/// Questions to the master at a time.
const QUESTIONS: usize = 16;
/// So long a list of files is shown again. To make one, all blocks are looked at.
const FRESH: Duration = Duration::from_secs(5);

/// The list of files, made by one request at a time and shared by those that come shortly after. Cheap to clone.
#[derive(Clone, Default)]
pub struct HeldFiles(Arc<Mutex<Option<Listed>>>);

struct Listed {
    files: Arc<[i64]>,
    since: Instant,
}

impl HeldFiles {
    /// The ids of all files, in order.
    async fn of(&self, store: &BlockStore, fresh: Duration) -> Arc<[i64]> {
        // Held over the walk: that is the turn others wait for.
        let mut listed = self.0.lock().await;
        if let Some(listed) = listed.as_ref().filter(|listed| listed.since.elapsed() < fresh) {
            return Arc::clone(&listed.files);
        }
        let files: Arc<[i64]> = walk(store).await.into_iter().collect();
        *listed = Some(Listed { files: Arc::clone(&files), since: Instant::now() });
        files
    }
}

/// Looks at the blocks in bounded steps.
async fn walk(store: &BlockStore) -> BTreeSet<i64> {
    let mut files = BTreeSet::new();
    let mut cursor = Cursor::default();
    while let Some(blocks) = store.walk(&mut cursor) {
        files.extend(blocks.into_iter().map(ids::file_id_of_block));
        tokio::task::yield_now().await;
    }
    files
}

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
    /// The ids of all files, in order, as they were some seconds ago.
    pub(super) async fn held_files(&self) -> Arc<[i64]> {
        self.held.of(&self.core.store, FRESH).await
    }

    /// The file of this path, and what of it is here.
    pub(super) async fn held_file(&self, path: &str) -> Result<HeldFile, FsError> {
        Ok(self.held(self.core.link.file_status(&AlluxioPath::parse(path)?).await?))
    }

    /// What of a file is here.
    fn held(&self, info: FileInfo) -> HeldFile {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        Layout, StoreOptions,
        store_tests::{ListGate, tier, write},
    };

    #[tokio::test]
    async fn a_list_is_made_once_for_all_who_ask() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(vec![tier("MEM", &[(home.path(), 1000)])]);
        let store = BlockStore::open(layout, StoreOptions::default(), Arc::<ListGate>::default()).unwrap();
        let (one, two) = (ids::block_id(1, 0), ids::block_id(2, 0));
        write(&store, one, b"x").await.unwrap();
        let held = HeldFiles::default();
        let (first, second) = tokio::join!(held.of(&store, FRESH), held.of(&store, FRESH));
        assert_eq!(*first, [ids::file_id_of_block(one)]);
        assert!(Arc::ptr_eq(&first, &second));
        write(&store, two, b"x").await.unwrap();
        assert_eq!(*held.of(&store, Duration::ZERO).await, [one, two].map(ids::file_id_of_block));
    }
}

//! Which blocks of a subtree are in the under storage and on no live worker.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use alluxio_fs::{AlluxioPath, FsError};
use alluxio_proto::grpc::block::Block;
use tokio::time::Instant;

use crate::{
    block::Residence,
    fs::{FileSystemMaster, info::BLOCKS_AT_ONCE, walk::Walk},
    tree::{FileBlocks, Tree},
};

/// Between the first try and the second; twice as long between each further two. An under storage may be away for a moment.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long a block waits for another worker than the one on which it failed.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// One block that is to be loaded.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub file: Arc<AlluxioPath>,
    pub block: Block,
    pub tries: u32,
    /// On which worker the last try failed, and when the next may be.
    pub failed: Option<(i64, Instant)>,
}

impl Wanted {
    pub fn failed_on(&mut self, worker: i64) {
        self.failed = Some((worker, Instant::now() + AGAIN_AFTER * (1 << self.tries.min(10))));
        self.tries += 1;
    }

    /// `alone`: there is no other worker.
    pub fn may_go_to(&self, worker: i64, alone: bool, now: Instant) -> bool {
        let Some((failed_on, next)) = self.failed else { return true };
        now >= next && (alone || worker != failed_on || now >= next + ELSEWHERE)
    }
}

/// A complete file that is in the under storage.
struct File {
    path: Arc<AlluxioPath>,
    ufs_path: String,
    mount: i64,
    blocks: FileBlocks,
    next: u32,
}

/// Goes through the files at and below a path. What is added behind it is not seen.
pub(super) struct WantedBlocks {
    walk: Walk,
    files: VecDeque<File>,
    /// Files met so far.
    pub files_seen: u64,
}

impl WantedBlocks {
    pub fn new(path: &AlluxioPath) -> Self {
        Self { walk: Walk::new(path, true), files: VecDeque::new(), files_seen: 0 }
    }
}

impl FileSystemMaster {
    pub(super) async fn next_wanted(&self, from: &mut WantedBlocks) -> Result<Option<Wanted>, FsError> {
        let mut looked = 0_u32;
        loop {
            while let Some(file) = from.files.front_mut() {
                let ids = file.blocks.range;
                if file.next >= ids.count {
                    from.files.pop_front();
                    from.files_seen += 1;
                    continue;
                }
                let number = file.next;
                file.next += 1;
                looked += 1;
                if looked.is_multiple_of(BLOCKS_AT_ONCE) {
                    tokio::task::yield_now().await;
                }
                let id = ids.first + i64::from(number);
                let Some(length) = file.blocks.length(number).filter(|length| *length > 0) else { continue };
                if self.blocks.residence(id) != Residence::Nowhere {
                    continue;
                }
                let block = Block {
                    block_id: id,
                    length,
                    ufs_path: Some(file.ufs_path.clone()),
                    offset_in_file: Some(i64::from(number).saturating_mul(file.blocks.block_size)),
                    mount_id: Some(file.mount),
                };
                return Ok(Some(Wanted { file: file.path.clone(), block, tries: 0, failed: None }));
            }
            let Some(paths) = self.next_chunk(&mut from.walk).await? else { return Ok(None) };
            self.namespace.peek(|tree| from.files.extend(paths.iter().filter_map(|path| file(tree, path))));
        }
    }
}

fn file(tree: &Tree, path: &AlluxioPath) -> Option<File> {
    let slot = tree.lookup(path).target()?;
    let inode = tree.get(slot).filter(|inode| !inode.is_directory())?;
    if !inode.is_completed() || !inode.is_persisted() {
        return None;
    }
    let mount = tree.mounts().mount_of(path)?;
    Some(File {
        ufs_path: mount.ufs_path(path)?,
        mount: mount.id,
        path: Arc::new(path.clone()),
        blocks: tree.blocks_of(slot, inode),
        next: 0,
    })
}

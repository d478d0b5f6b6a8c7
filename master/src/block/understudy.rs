//! The block master of a standby. It learns of the tree when this master leads; until then nothing is judged, and
//! nothing committed.

use std::sync::{Arc, OnceLock};

use alluxio_fs::FsError;
use async_trait::async_trait;

use super::master::BlockMaster;
use super::options::BlockOptions;
use super::tree_view::{BlockCommits, BlockLengths};

/// What a block master asks of the tree.
pub trait BlockTree: BlockLengths + BlockCommits {}

impl<T: BlockLengths + BlockCommits> BlockTree for T {}

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct Understudy {
    blocks: Arc<BlockMaster>,
    tree: Arc<LaterTree>,
}

impl Understudy {
    pub fn new(options: BlockOptions) -> Self {
        let tree = Arc::new(LaterTree::default());
        Self { blocks: Arc::new(BlockMaster::new(options, tree.clone(), tree.clone())), tree }
    }

    pub fn blocks(&self) -> &Arc<BlockMaster> {
        &self.blocks
    }

    /// The same block master, for the leader of this tree. The part can be taken once.
    pub fn with_tree(&self, tree: Arc<dyn BlockTree>) -> Arc<BlockMaster> {
        let first = self.tree.0.set(tree).is_ok();
        debug_assert!(first, "one leadership, one block master");
        Arc::clone(&self.blocks)
    }
}

#[derive(Default)]
struct LaterTree(OnceLock<Arc<dyn BlockTree>>);

impl LaterTree {
    fn get(&self) -> Result<&Arc<dyn BlockTree>, FsError> {
        self.0.get().ok_or_else(|| FsError::unavailable("This master does not lead."))
    }
}

#[async_trait]
impl BlockLengths for LaterTree {
    fn block_known(&self, block_id: i64) -> bool {
        self.0.get().is_none_or(|tree| tree.block_known(block_id))
    }

    fn block_length(&self, block_id: i64) -> Option<i64> {
        self.0.get().and_then(|tree| tree.block_length(block_id))
    }

    fn file_of(&self, block_id: i64) -> Option<i64> {
        self.0.get().and_then(|tree| tree.file_of(block_id))
    }

    fn unknown_of(&self, block_ids: &[i64], unknown: &mut Vec<i64>) {
        if let Some(tree) = self.0.get() {
            tree.unknown_of(block_ids, unknown);
        }
    }

    async fn settled(&self, block_ids: &[i64]) -> Result<(), FsError> {
        self.get()?.settled(block_ids).await
    }
}

#[async_trait]
impl BlockCommits for LaterTree {
    async fn commit_block(&self, block_id: i64, length: i64) -> Result<(), FsError> {
        self.get()?.commit_block(block_id, length).await
    }
}

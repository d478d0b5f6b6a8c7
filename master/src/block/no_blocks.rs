//! A tree without files, for tests that need a block master and no blocks.

use alluxio_fs::FsError;
use async_trait::async_trait;

use super::{BlockCommits, BlockLengths};

pub struct NoBlocks;

#[async_trait]
impl BlockLengths for NoBlocks {
    fn block_known(&self, _: i64) -> bool {
        false
    }

    fn block_length(&self, _: i64) -> Option<i64> {
        None
    }

    fn file_of(&self, _: i64) -> Option<i64> {
        None
    }

    async fn settled(&self, _: &[i64]) -> Result<(), FsError> {
        Ok(())
    }
}

#[async_trait]
impl BlockCommits for NoBlocks {
    async fn commit_block(&self, block_id: i64, _: i64) -> Result<(), FsError> {
        Err(FsError::not_found(format!("Block {block_id} belongs to no file.")))
    }
}

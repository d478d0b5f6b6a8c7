//! The same for a tree that nobody changes meanwhile: a standby's, between two records.

use alluxio_journal::{CheckpointWriter, JournalError};
use alluxio_proto::own::CheckpointChunk;
use prost::Message;

use super::{CHUNK_BYTES, SLOTS_PER_STEP, portions};
use crate::tree::{Kept, Tables, Tree, TreeHash};

/// The tree's hash; where there is a writer the tree is given to it. May be dropped before its end: the tree is then
/// as it was, and the next walk begins anew.
pub async fn walk_still(
    tree: &mut Tree,
    mut writer: Option<&mut CheckpointWriter>,
) -> Result<u64, JournalError> {
    let mut hash = TreeHash::default();
    // Another walk would hold the tree, so there is none; but what a checkpoint lacks is lost with the old segments.
    let (mut walk, tables) = StillWalk::begin(tree).await.ok_or(JournalError::WalkRunning)?;
    for tables in tables.messages(CHUNK_BYTES) {
        hash.add_tables(tables.clone());
        if let Some(writer) = &mut writer {
            let chunk = CheckpointChunk { tables: Some(tables), inodes: Vec::new() };
            writer.write(chunk.encode_to_vec().into()).await?;
        }
    }
    while let Some(inodes) = walk.next() {
        for inodes in portions(inodes.into_messages()) {
            inodes.iter().for_each(|inode| hash.add_inode(inode));
            if let Some(writer) = &mut writer {
                let chunk = CheckpointChunk { tables: None, inodes };
                writer.write(chunk.encode_to_vec().into()).await?;
            }
            tokio::task::yield_now().await;
        }
    }
    Ok(hash.get())
}

pub(super) struct StillWalk<'a> {
    tree: &'a mut Tree,
    done: bool,
}

impl<'a> StillWalk<'a> {
    pub async fn begin(tree: &'a mut Tree) -> Option<(Self, Tables)> {
        while tree.clear_given_up(SLOTS_PER_STEP) {
            tokio::task::yield_now().await;
        }
        let tables = tree.begin_snapshot()?;
        Some((Self { tree, done: false }, tables))
    }

    pub fn next(&mut self) -> Option<Kept> {
        let inodes = self.tree.continue_snapshot(SLOTS_PER_STEP);
        self.done = inodes.is_none();
        inodes
    }
}

impl Drop for StillWalk<'_> {
    fn drop(&mut self) {
        if !self.done {
            // Nothing was changed meanwhile, so nothing was kept for the walker.
            drop(self.tree.give_up_snapshot());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tree_that_cannot_be_walked_has_no_hash() {
        let mut tree = Tree::default();
        assert!(walk_still(&mut tree, None).await.is_ok());
        tree.begin_snapshot().unwrap();
        assert!(matches!(walk_still(&mut tree, None).await, Err(JournalError::WalkRunning)));
    }
}

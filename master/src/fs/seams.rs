//! What other rooms of the master ask of the tree.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alluxio_fs::{AlluxioPath, FsError, ids};
use alluxio_proto::journal::{BlockInfoEntry, JournalEntry, PathPropertiesEntry, RemovePathPropertiesEntry};
use async_trait::async_trait;

use crate::{
    block::{BlockCommits, BlockLengths, Evictable, EvictionPolicy, Purpose},
    meta::{PathChange, PathProperties, Properties},
    namespace::{EVICTION_VALID, Namespace},
    tree::{Inode, Persistence, Slot, Tree},
};

/// The inode that owns a block, and the block's number in it.
fn owner(tree: &Tree, block_id: i64) -> Option<(Slot, &Inode, u32)> {
    let (slot, inode) = tree.by_id(ids::file_id_of_block(block_id))?;
    let number = u32::try_from(ids::sequence_of(block_id)).ok()?;
    (number < inode.block_count()).then_some((slot, inode, number))
}

#[async_trait]
impl BlockLengths for Namespace {
    fn block_known(&self, block_id: i64) -> bool {
        self.peek(|tree| owner(tree, block_id).is_some())
    }

    fn block_length(&self, block_id: i64) -> Option<i64> {
        self.peek(|tree| {
            let (slot, inode, number) = owner(tree, block_id)?;
            tree.block_length(slot, inode, number)
        })
    }

    fn file_of(&self, block_id: i64) -> Option<i64> {
        self.peek(|tree| owner(tree, block_id).map(|(_, inode, _)| inode.id))
    }

    fn unknown_of(&self, block_ids: &[i64], unknown: &mut Vec<i64>) {
        self.peek(|tree| unknown.extend(block_ids.iter().copied().filter(|id| owner(tree, *id).is_none())));
    }

    async fn settled(&self, _: &[i64]) -> Result<(), FsError> {
        Namespace::settled(self).await
    }
}

#[async_trait]
impl BlockCommits for Namespace {
    async fn commit_block(&self, block_id: i64, length: i64) -> Result<(), FsError> {
        if length < 0 {
            return Err(FsError::invalid_argument(format!("Block {block_id} cannot have length {length}.")));
        }
        self.mutate(&[], None, |tree, draft| {
            let Some((slot, inode, number)) = owner(tree, block_id) else {
                return Err(FsError::not_found(format!(
                    "No file has block {block_id}: it was deleted meanwhile."
                )));
            };
            match tree.block_length(slot, inode, number) {
                Some(known) if known == length => return Ok(()),
                Some(known) => {
                    return Err(FsError::invalid_argument(format!(
                        "Block {block_id} was committed with length {known}; it cannot become {length}."
                    )));
                }
                None => {}
            }
            let block_size = tree.block_size(inode);
            if length > block_size {
                return Err(FsError::invalid_argument(format!(
                    "Block {block_id} has {length} bytes, more than its file's block size {block_size}."
                )));
            }
            draft.push(JournalEntry {
                block_info: Some(BlockInfoEntry {
                    block_id: Some(block_id),
                    length: Some(length),
                    ..BlockInfoEntry::default()
                }),
                ..JournalEntry::default()
            });
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl EvictionPolicy for Namespace {
    async fn may_evict(&self, block_ids: &[i64], purpose: Purpose) -> Result<Evictable, FsError> {
        self.read(|tree| {
            let mut answer = Evictable::default();
            for id in block_ids {
                let Some((_, inode, _)) = owner(tree, *id) else {
                    answer.evictable.push(*id);
                    continue;
                };
                // An incomplete file is written through: what is in the under storage is not whole yet.
                let below = inode.persistence() == Persistence::Persisted && inode.is_completed();
                let list = match inode.persistence() {
                    _ if inode.is_pinned() => {
                        answer.pinned.extend(below.then_some(*id));
                        continue;
                    }
                    Persistence::ToBePersisted => continue,
                    _ if below => &mut answer.evictable,
                    Persistence::Persisted | Persistence::NotPersisted => &mut answer.not_persisted,
                };
                if purpose == Purpose::Looking || self.eviction_grants().grant(inode.id) {
                    list.push(*id);
                }
            }
            Ok(answer)
        })
        .await
    }

    async fn confirmed(&self) -> Result<(), FsError> {
        self.journal().confirm().await.map_err(|error| FsError::unavailable(error.to_string()))
    }

    fn valid(&self) -> Duration {
        EVICTION_VALID
    }
}

#[async_trait]
impl PathProperties for Namespace {
    async fn all(&self) -> Result<BTreeMap<String, Properties>, FsError> {
        let all = self.read(|tree| Ok(tree.path_properties().clone())).await?;
        let own = |(path, properties): (Arc<str>, Arc<Properties>)| (path.to_string(), (*properties).clone());
        Ok(all.into_iter().map(own).collect())
    }

    async fn change(&self, path: &AlluxioPath, change: PathChange) -> Result<(), FsError> {
        self.mutate(&[], None, |tree, draft| {
            let Some(properties) = change.apply(tree.path_properties().get(path.as_str()).map(Arc::as_ref))
            else {
                return Ok(());
            };
            let path = Some(path.to_string());
            draft.push(if properties.is_empty() {
                JournalEntry {
                    remove_path_properties: Some(RemovePathPropertiesEntry { path }),
                    ..JournalEntry::default()
                }
            } else {
                JournalEntry {
                    path_properties: Some(PathPropertiesEntry { path, properties }),
                    ..JournalEntry::default()
                }
            });
            Ok(())
        })
        .await
    }
}

//! `free`: has the workers drop the cached blocks of what is safe in the under storage.

use alluxio_fs::{AlluxioPath, Bits, FsError};
use alluxio_proto::{
    grpc::file::FreePOptions,
    journal::{JournalEntry, UpdateInodeEntry},
};

use super::{FileSystemMaster, status::existing, subject::Subject, walk::Walk};
use crate::tree::BlockRange;

impl FileSystemMaster {
    pub async fn free(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &FreePOptions,
    ) -> Result<(), FsError> {
        self.namespace
            .read_path(path, |tree, lookup| {
                self.permissions.target(tree, subject, path, lookup, Bits::READ)?;
                let (_, inode) = existing(tree, lookup, path)?;
                if inode.is_directory() && tree.child_count(inode) > 0 && !options.recursive() {
                    return Err(FsError::unknown(format!(
                        "Cannot free directory {path} which is not empty. Please set the \"recursive\" flag to free it."
                    )));
                }
                Ok(())
            })
            .await?;
        let forced = options.forced();
        let mut walk = Walk::new(path, options.recursive());
        while let Some(paths) = self.next_chunk(&mut walk).await? {
            let all: Vec<&AlluxioPath> = paths.iter().collect();
            let files = self
                .namespace
                .mutate(&all, None, |tree, draft| {
                    let mut files = Vec::new();
                    for path in &paths {
                        let Some(inode) = tree.lookup(path).target().and_then(|slot| tree.get(slot)) else { continue };
                        if inode.is_directory() {
                            continue;
                        }
                        if !inode.is_persisted() {
                            return Err(FsError::unknown(format!("Cannot free file {path} which is not persisted")));
                        }
                        if inode.is_pinned() && !forced {
                            return Err(FsError::unknown(format!(
                                "Cannot free file {path} which is pinned. Please unpin it first or set the \"forced\" flag."
                            )));
                        }
                        if inode.is_pinned() {
                            draft.push(JournalEntry {
                                update_inode: Some(UpdateInodeEntry {
                                    id: Some(inode.id),
                                    pinned: Some(false),
                                    ..UpdateInodeEntry::default()
                                }),
                                ..JournalEntry::default()
                            });
                        }
                        files.push(BlockRange::of_file(inode.id, inode.block_count()));
                    }
                    Ok(files)
                })
                .await?;
            self.metrics.files_freed.add(files.len() as i64);
            // Durable by now: effects follow durability.
            for blocks in files {
                self.remove_blocks(blocks).await;
            }
        }
        Ok(())
    }
}

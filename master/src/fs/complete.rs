//! Blocks of a file being written, and its completion.

use alluxio_fs::{AlluxioPath, Bits, FsError, ids};
use alluxio_proto::{
    grpc::file::{CompleteFilePOptions, GetNewBlockIdForFilePOptions},
    journal::{JournalEntry, NewBlockEntry, UpdateInodeEntry, UpdateInodeFileEntry},
};

use super::{FileSystemMaster, create::operation_id, limits::MAX_BLOCKS, status::existing, subject::Subject};
use crate::tree::{Gap, Inode, Lookup, Persistence, Slot, Tree};

/// The wait before persisting a file for which nobody has asked yet.
const ONLY_WHEN_ASKED: i64 = -1;

fn file<'a>(tree: &'a Tree, lookup: &Lookup, path: &AlluxioPath) -> Result<(Slot, &'a Inode), FsError> {
    let (slot, inode) = existing(tree, lookup, path)?;
    if inode.is_directory() {
        return Err(FsError::not_found(format!("{path} is a directory, not a file.")));
    }
    Ok((slot, inode))
}

fn check_open(inode: &Inode, path: &AlluxioPath) -> Result<(), FsError> {
    if inode.is_completed() {
        return Err(FsError::already_exists(format!("File {path} has already been completed.")));
    }
    Ok(())
}

impl FileSystemMaster {
    /// The id of the next block of a file being written. Java clients send no operation id here, so a
    /// repeated call of theirs gets a block more; ours do, and get the same one.
    pub async fn new_block_id(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &GetNewBlockIdForFilePOptions,
    ) -> Result<i64, FsError> {
        let operation = operation_id(options.common_options.as_ref());
        let _running = self.namespace.running().enter(operation).await?;
        self.namespace
            .mutate(&[path], None, |tree, draft| {
                let lookup = tree.lookup(path);
                let (_, inode) = self.open_file(tree, &lookup, subject, path)?;
                let next = ids::block_id(ids::container_of(inode.id), i64::from(inode.block_count()));
                if operation.is_some_and(|id| tree.operation_ids().contains(id)) && inode.block_count() > 0 {
                    // A file has one writer, so the newest block is the one this call made.
                    return Ok(next - 1);
                }
                if i64::from(inode.block_count()) >= MAX_BLOCKS {
                    return Err(FsError::invalid_argument(format!(
                        "{path} has {} blocks, the most a file can have. Write it with a larger block size.",
                        inode.block_count()
                    )));
                }
                draft.push(JournalEntry {
                    new_block: Some(NewBlockEntry { id: Some(inode.id) }),
                    ..JournalEntry::default()
                });
                draft.operation(operation);
                Ok(next)
            })
            .await
    }

    pub async fn complete_file(
        &self,
        subject: &Subject,
        path: &AlluxioPath,
        options: &CompleteFilePOptions,
    ) -> Result<(), FsError> {
        let operation = operation_id(options.common_options.as_ref());
        let _running = self.namespace.running().enter(operation).await?;
        if self.is_done(operation).await? {
            return Ok(());
        }
        let fingerprint = match options.ufs_length {
            // The writer has put the file into the under storage: remember what it looks like there.
            Some(_) => {
                // Only who may complete it learns what is there.
                let look =
                    |tree: &Tree, lookup: &Lookup| self.open_file(tree, lookup, subject, path).map(drop);
                self.namespace.read_path(path, look).await?;
                self.fingerprint_of_written(path).await?
            }
            None => None,
        };
        let asked = options.async_persist_options.as_ref();
        self.namespace
            .mutate(&[path], None, |tree, draft| {
                if operation.is_some_and(|id| tree.operation_ids().contains(id)) {
                    return Ok(());
                }
                let lookup = tree.lookup(path);
                let (slot, inode) = self.open_file(tree, &lookup, subject, path)?;
                let length = match options.ufs_length {
                    Some(length) if length >= 0 => length,
                    Some(length) => {
                        return Err(FsError::invalid_argument(format!("File {path} cannot have length {length}.")));
                    }
                    None => committed_length(tree, slot, inode)?,
                };
                let block_size = tree.block_size(inode).max(1);
                let blocks = length / block_size + i64::from(length % block_size != 0);
                if blocks > MAX_BLOCKS {
                    return Err(FsError::invalid_argument(format!(
                        "File {path} of {length} bytes has more than {MAX_BLOCKS} blocks. Use a larger block size."
                    )));
                }
                draft.push(JournalEntry {
                    update_inode_file: Some(UpdateInodeFileEntry {
                        id: Some(inode.id),
                        length: Some(length),
                        completed: Some(true),
                        block_count: Some(blocks as u32),
                        ..UpdateInodeFileEntry::default()
                    }),
                    ..JournalEntry::default()
                });
                // A record that repeats the state would wait for workers that may be evicting the file.
                let persist = asked.is_some()
                    && self.may_persist(path)
                    && inode.persistence() == Persistence::NotPersisted;
                if persist || inode.persistence() == Persistence::ToBePersisted {
                    // Before the state that makes the scheduler look. A writer that does not ask now, asks with
                    // a rename or in so many words.
                    let wait = asked.map_or(ONLY_WHEN_ASKED, |asked| {
                        asked.persistence_wait_time.unwrap_or(self.options.persist_initial_wait_ms)
                    });
                    self.persist.wait_before(inode.id, wait);
                }
                draft.push(JournalEntry {
                    update_inode: Some(UpdateInodeEntry {
                        id: Some(inode.id),
                        last_modification_time_ms: Some(draft.now_ms),
                        overwrite_modification_time: Some(true),
                        last_access_time_ms: Some(draft.now_ms),
                        ufs_fingerprint: fingerprint.clone(),
                        persistence_state: persist.then(|| Persistence::ToBePersisted.as_str().to_owned()),
                        ..UpdateInodeEntry::default()
                    }),
                    ..JournalEntry::default()
                });
                draft.operation(operation);
                Ok(())
            })
            .await
    }

    /// A file that this caller may go on writing. Its owner may whatever its mode: it is made with the mode
    /// that it is to have in the end.
    fn open_file<'a>(
        &self,
        tree: &'a Tree,
        lookup: &Lookup,
        subject: &Subject,
        path: &AlluxioPath,
    ) -> Result<(Slot, &'a Inode), FsError> {
        let inode = lookup.target().and_then(|slot| tree.get(slot));
        let owns = |inode: &Inode| !inode.is_completed() && tree.owner(inode) == subject.user;
        if inode.is_some_and(owns) {
            self.permissions.traverse(tree, subject, path, lookup)?;
        } else {
            self.permissions.target(tree, subject, path, lookup, Bits::WRITE)?;
        }
        let (slot, inode) = file(tree, lookup, path)?;
        check_open(inode, path)?;
        Ok((slot, inode))
    }

    async fn fingerprint_of_written(&self, path: &AlluxioPath) -> Result<Option<String>, FsError> {
        let place = self.ufs_place_of(path)?;
        let fingerprint = super::ufs::bounded(place.ufs.fingerprint(&place.path)).await?;
        match fingerprint {
            Some(fingerprint) => Ok(Some(fingerprint.to_string())),
            None => Err(FsError::not_found(format!(
                "File {path} was written through, but {} is not in the under storage.",
                place.ufs.uri().join(&place.path)
            ))),
        }
    }
}

/// The sum of the blocks. Every block must be committed, and all but the last be full.
fn committed_length(tree: &Tree, slot: Slot, inode: &Inode) -> Result<i64, FsError> {
    let block_size = tree.block_size(inode);
    let length = tree.open_lengths(slot, inode).map_or(Ok(0), |lengths| lengths.file_length(block_size));
    length.map_err(|gap| {
        FsError::invalid_argument(match gap {
            Gap::Missing => "Cannot complete a file without all the blocks committed".to_owned(),
            Gap::Short { number, length } => format!(
                "Block index {number} has a block size smaller than the file block size ({length} < {block_size})"
            ),
            Gap::TooLong => {
                format!("Blocks of {block_size} bytes add up to more than a file can have.")
            }
        })
    })
}

//! Writes a backup: the tree at one sequence number, while it goes on changing.

use std::{io::Write, path::Path};

use alluxio_proto::{journal::JournalEntry, meta::Inode, own::CheckpointTables};
use alluxio_ufs::{Attributes, CreateOptions, MkdirsOptions, UfsWriter};
use flate2::{Compression, write::GzEncoder};
use prost::Message;
use tokio::{runtime::Handle, sync::mpsc};

use super::{error::BackupError, export, order::ParentsFirst, place::Place};
use crate::{checkpoint::Checkpointer, namespace::Namespace};

/// What is handed to the store at once.
const WRITE_BYTES: usize = 1 << 20;
/// Portions of the tree that wait for the compressing thread.
const AHEAD: usize = 4;
/// For the master's user alone: the options of mounts are in it, and with them keys to stores.
const MODE: u16 = 0o600;

/// What the walk hands to the thread that writes.
enum Portion {
    Tables(CheckpointTables),
    Inodes(Vec<Inode>),
    /// There are no more. Without it the backup is given up.
    End,
}

/// A backup that was written.
#[derive(Debug)]
pub struct Written {
    pub uri: String,
    pub entries: u64,
}

/// Writes the backup `name` into `folder`, and beside it the empty file that says that it is whole. What must wait
/// does so in `temporary`.
pub async fn write(
    namespace: &Namespace,
    checkpointer: &Checkpointer,
    folder: &Place,
    name: &str,
    temporary: &Path,
    progress: impl Fn(u64) + Send + 'static,
) -> Result<Written, BackupError> {
    folder.ufs.mkdirs(&folder.path, MkdirsOptions::with_parents(Attributes::default())).await?;
    let file = folder.child(name)?;
    let attributes = Attributes::mode(MODE);
    let writer =
        file.ufs.create(&file.path, CreateOptions { attributes, ..CreateOptions::default() }).await?;
    let (sender, portions) = mpsc::channel(AHEAD);
    let mut backup = Backup {
        gzip: GzEncoder::new(Vec::new(), Compression::fast()),
        writer,
        handle: Handle::current(),
        entries: 0,
    };
    let order = ParentsFirst::new(temporary);
    let writing = tokio::task::spawn_blocking(move || {
        let done = backup.take(portions, order, progress);
        backup.close(done)
    });
    let walked = walk(checkpointer, &sender).await;
    drop(sender);
    let written = writing.await.unwrap_or(Err(BackupError::GivenUp));
    let entries = match (walked, written) {
        // The other end was gone, or there was nothing to write: that end knows why.
        (Err(BackupError::GivenUp) | Ok(()), written) => written?,
        (Err(reason), _) => return Err(reason),
    };
    // Who reads the backup must not see what a crash could still take back.
    namespace.settled().await?;
    let complete = folder.child(&format!("{name}.complete"))?;
    complete.ufs.create(&complete.path, CreateOptions::default()).await?.close().await?;
    Ok(Written { uri: file.uri(), entries })
}

/// Hands the whole tree over.
async fn walk(checkpointer: &Checkpointer, to: &mpsc::Sender<Portion>) -> Result<(), BackupError> {
    let mut look = checkpointer.look().await?;
    let gone = |_| BackupError::GivenUp;
    for tables in look.tables() {
        to.send(Portion::Tables(tables)).await.map_err(gone)?;
    }
    while let Some(portions) = look.next() {
        for inodes in portions {
            to.send(Portion::Inodes(inodes)).await.map_err(gone)?;
        }
    }
    to.send(Portion::End).await.map_err(gone)
}

struct Backup {
    gzip: GzEncoder<Vec<u8>>,
    writer: Box<dyn UfsWriter>,
    handle: Handle,
    entries: u64,
}

impl Backup {
    fn take(
        &mut self,
        mut portions: mpsc::Receiver<Portion>,
        mut order: ParentsFirst,
        progress: impl Fn(u64),
    ) -> Result<(), BackupError> {
        let mut tables = CheckpointTables::default();
        let mut begun = false;
        while let Some(portion) = portions.blocking_recv() {
            // All tables come before the first inode.
            if !matches!(portion, Portion::Tables(_)) && !std::mem::replace(&mut begun, true) {
                self.put_all(&export::head(&tables))?;
            }
            match portion {
                Portion::Tables(more) => merge(&mut tables, more),
                Portion::Inodes(inodes) => {
                    for inode in inodes {
                        order.offer(inode, &mut |inode| self.put_inode(inode))?;
                    }
                    progress(self.entries);
                }
                Portion::End => {
                    order.finish(&mut |inode| self.put_inode(inode))?;
                    return self.put_all(&export::tail(&tables));
                }
            }
        }
        Err(BackupError::GivenUp)
    }

    fn put_all(&mut self, entries: &[JournalEntry]) -> Result<(), BackupError> {
        entries.iter().try_for_each(|entry| self.put(entry))
    }

    fn put_inode(&mut self, inode: Inode) -> Result<(), BackupError> {
        export::inode(inode, |entry| self.put(entry))
    }

    fn put(&mut self, entry: &JournalEntry) -> Result<(), BackupError> {
        self.gzip.write_all(&entry.encode_length_delimited_to_vec()).map_err(BackupError::Write)?;
        self.entries += 1;
        if self.gzip.get_ref().len() >= WRITE_BYTES {
            let compressed = std::mem::take(self.gzip.get_mut());
            self.handle.block_on(self.writer.write(compressed.into()))?;
        }
        Ok(())
    }

    /// Completes the file, or removes it when not all is there.
    fn close(self, done: Result<(), BackupError>) -> Result<u64, BackupError> {
        let Self { gzip, mut writer, handle, entries } = self;
        let finished = done.and_then(|()| gzip.finish().map_err(BackupError::Write));
        handle.block_on(async move {
            match finished {
                Ok(last) => {
                    writer.write(last.into()).await?;
                    writer.close().await?;
                    Ok(entries)
                }
                Err(error) => {
                    if let Err(left) = writer.abort().await {
                        tracing::warn!(%left, "what was written of a backup could not be removed");
                    }
                    Err(error)
                }
            }
        })
    }
}

/// What a backup has of the tables.
fn merge(tables: &mut CheckpointTables, more: CheckpointTables) {
    tables.next_container_id = tables.next_container_id.or(more.next_container_id);
    tables.next_directory_id = tables.next_directory_id.or(more.next_directory_id);
    tables.cluster_id = tables.cluster_id.take().or(more.cluster_id);
    tables.mounts.extend(more.mounts);
    tables.ufs_modes.extend(more.ufs_modes);
    tables.path_properties.extend(more.path_properties);
}

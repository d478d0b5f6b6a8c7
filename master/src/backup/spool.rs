//! A backup on a disk of this host, before it goes to its store.
//!
//! The tree is walked as fast as the backup is taken, and changes wait for a walk that is far behind. A store may be
//! slow, or away; the disk for temporary files is not. The file has no name: nothing is left of it, however the process
//! ends.

use std::{
    fs::File,
    io::{BufWriter, Seek, Write},
    path::Path,
};

use alluxio_proto::{journal::JournalEntry, meta::Inode, own::CheckpointTables};
use flate2::{Compression, write::GzEncoder};
use prost::Message;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    error::BackupError::{self, Spool as SpoolFailed},
    export,
    order::ParentsFirst,
};

/// Portions of the tree that wait for the compressing thread.
const AHEAD: usize = 4;

/// What a walk hands over.
pub enum Portion {
    /// All tables come before the first inode.
    Tables(CheckpointTables),
    Inodes(Vec<Inode>),
    /// There are no more. Without it the backup is given up.
    End,
}

/// A backup that is being compressed. Dropped before its end, it takes nothing more: the walk finds that out.
pub struct Spool {
    portions: mpsc::Sender<Portion>,
    written: JoinHandle<Result<Spooled, BackupError>>,
    _given_up: DropGuard,
}

/// All of a backup.
#[derive(Debug)]
pub struct Spooled {
    /// To be read from its beginning.
    pub file: File,
    pub entries: u64,
}

impl Spool {
    /// On a file in `folder`; what must wait for its turn does so there, too.
    pub fn begin(folder: &Path, progress: impl Fn(u64) + Send + 'static) -> Self {
        let (portions, taken) = mpsc::channel(AHEAD);
        let folder = folder.to_owned();
        let given_up = CancellationToken::new();
        let guard = given_up.clone().drop_guard();
        let written = spawn_blocking(move || {
            let file = tempfile::tempfile_in(&folder).map_err(SpoolFailed)?;
            let gzip = GzEncoder::new(BufWriter::new(file), Compression::fast());
            let mut backup = Compressed { gzip, entries: 0 };
            backup.take(taken, ParentsFirst::new(&folder), progress, &given_up)?;
            backup.close()
        });
        Self { portions, written, _given_up: guard }
    }

    /// Where the walk hands over.
    pub fn portions(&self) -> mpsc::Sender<Portion> {
        self.portions.clone()
    }

    /// The walk is over.
    pub async fn end(self) -> Result<Spooled, BackupError> {
        drop(self.portions);
        self.written.await?
    }
}

struct Compressed {
    gzip: GzEncoder<BufWriter<File>>,
    entries: u64,
}

impl Compressed {
    fn take(
        &mut self,
        mut portions: mpsc::Receiver<Portion>,
        mut order: ParentsFirst,
        progress: impl Fn(u64),
        given_up: &CancellationToken,
    ) -> Result<(), BackupError> {
        let mut tables = CheckpointTables::default();
        let mut begun = false;
        while let Some(portion) = portions.blocking_recv().filter(|_| !given_up.is_cancelled()) {
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
        self.gzip.write_all(&entry.encode_length_delimited_to_vec()).map_err(SpoolFailed)?;
        self.entries += 1;
        Ok(())
    }

    fn close(self) -> Result<Spooled, BackupError> {
        let buffered = self.gzip.finish().map_err(SpoolFailed)?;
        let mut file = buffered.into_inner().map_err(|error| SpoolFailed(error.into_error()))?;
        file.rewind().map_err(SpoolFailed)?;
        Ok(Spooled { file, entries: self.entries })
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

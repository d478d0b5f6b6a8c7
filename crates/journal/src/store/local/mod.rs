//! A journal on a mounted path: a local disk, or NFS.
//!
//! ```text
//! <folder>/format                        the marker, with the cluster id
//! <folder>/lock                          locked (flock) by those who use the journal
//! <folder>/terms/<T>/claim               who claimed the term
//! <folder>/terms/<T>/<index>.log         segments
//! <folder>/fence/<T>.0 or .1             the token of a live term
//! <folder>/fence/<T>.revoked             the token of a sealed term
//! <folder>/checkpoints/<sequence>-<term>.checkpoint
//! ```
//! We assume, as databases do, that appending to a file cannot damage bytes of it that were synced before, and
//! that a folder's entry survives a crash once the folder has been synced.

mod file;
mod folder;
mod lock;
mod mount;
mod names;
mod term;

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use self::file::LocalFile;
pub use self::mount::file_system_type;
use self::names::Names;
use self::term::LocalFence;
use super::{Claim, FolderState, Hold, Listed, OpenFile, Store, StoreError};
use crate::position::{FileId, SegmentId};

/// Whether the folder is locked against other processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// One live master at a time: the lock file is held with flock, exclusively.
    Exclusive,
    /// Several masters share the folder; an election says which of them may write, the fence makes it so. They
    /// share the lock too: one that was not told of the others is refused, and refuses them.
    Shared,
}

/// A journal folder on a mounted path.
#[derive(Debug)]
pub struct LocalStore {
    names: Names,
    sharing: Sharing,
    /// The lock while it is held. Each blocking operation keeps it until the operation has ended, so that the
    /// folder is not free while a write of a dropped journal still runs on the blocking pool.
    held: Mutex<Weak<fs::File>>,
}

impl LocalStore {
    /// The journal in `folder`. Nothing is read or made yet.
    pub fn new(folder: impl Into<PathBuf>, sharing: Sharing) -> Self {
        Self { names: Names::new(folder.into()), sharing, held: Mutex::new(Weak::new()) }
    }

    fn held(&self) -> Option<Arc<fs::File>> {
        self.held.lock().upgrade()
    }

    /// Runs blocking I/O on the blocking pool.
    async fn run<T, F>(&self, action: &'static str, path: &Path, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Path) -> io::Result<T> + Send + 'static,
    {
        let held = self.held();
        run(held, action, path.to_owned(), operation).await
    }
}

/// Runs blocking I/O on the blocking pool, and keeps `held` until it has ended.
async fn run<T, F>(
    held: Option<Arc<fs::File>>,
    action: &'static str,
    path: PathBuf,
    operation: F,
) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce(&Path) -> io::Result<T> + Send + 'static,
{
    let shown = path.display().to_string();
    let task = tokio::task::spawn_blocking(move || {
        let _held = held;
        operation(&path)
    });
    match task.await {
        Ok(result) => result.map_err(|e| StoreError::io(action, shown, e)),
        Err(join) => Err(StoreError::io(action, shown, io::Error::other(join))),
    }
}

#[async_trait]
impl Store for LocalStore {
    fn location(&self) -> String {
        self.names.root().display().to_string()
    }

    fn tails(&self) -> bool {
        // Where nobody else may be, nobody reads along.
        self.sharing == Sharing::Shared
    }

    async fn state(&self) -> Result<FolderState, StoreError> {
        let names = self.names.clone();
        self.run("look into", self.names.root(), move |_| folder::state(&names)).await
    }

    async fn prepare(&self) -> Result<(), StoreError> {
        let names = self.names.clone();
        self.run("create", self.names.root(), move |_| folder::prepare(&names)).await
    }

    async fn hold(&self) -> Result<Hold, StoreError> {
        mount::check(self.names.root()).await?;
        let sharing = self.sharing;
        let locked = self.run("lock", &self.names.lock(), move |path| lock::try_lock(path, sharing)).await;
        let locked = match locked {
            // The fence keeps masters apart also there; the lock only says it earlier.
            Err(error) if sharing == Sharing::Shared && lock::is_impossible(&error) => {
                tracing::warn!(%error, "a master that is not told of the others would not be refused");
                return Ok(Hold::new(Arc::new(())));
            }
            locked => locked?,
        };
        match locked {
            lock::Locked::Ours(file) => {
                let file = Arc::new(file);
                *self.held.lock() = Arc::downgrade(&file);
                Ok(Hold::new(file))
            }
            lock::Locked::Theirs(by) => Err(StoreError::InUse { location: self.location(), by }),
        }
    }

    async fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let names = self.names.clone();
        self.run("list", self.names.root(), move |_| folder::list(&names)).await
    }

    async fn read(&self, file: FileId, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        self.run("read", &self.names.path(file), move |path| {
            // Opened afresh each time: on NFS that is what makes the client ask the server for the file's
            // present state (close-to-open consistency), rather than trust its cache.
            let file = fs::File::open(path)?;
            let mut buffer = vec![0; length];
            let mut filled = 0;
            while filled < length {
                match file.read_at(&mut buffer[filled..], offset + filled as u64) {
                    Ok(0) => break,
                    Ok(n) => filled += n,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(e) => return Err(e),
                }
            }
            buffer.truncate(filled);
            Ok(Bytes::from(buffer))
        })
        .await
    }

    async fn create(&self, file: FileId) -> Result<Box<dyn OpenFile>, StoreError> {
        let path = self.names.path(file);
        let created = self.run("create", &path, file::create).await?;
        Ok(Box::new(LocalFile::new(path, created, self.held())))
    }

    async fn rename(&self, from: FileId, to: FileId) -> Result<(), StoreError> {
        let to = self.names.path(to);
        self.run("rename", &self.names.path(from), move |from| {
            fs::rename(from, &to)?;
            folder::sync_parent(&to)
        })
        .await
    }

    async fn remove(&self, file: FileId) -> Result<(), StoreError> {
        self.run("remove", &self.names.path(file), |path| {
            folder::remove_file(path)?;
            match folder::sync_parent(path) {
                // The folder of a term that has been forgotten.
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                synced => synced,
            }
        })
        .await
    }

    async fn terms(&self) -> Result<Vec<u64>, StoreError> {
        let names = self.names.clone();
        self.run("list", &self.names.terms(), move |_| folder::terms(&names)).await
    }

    async fn claim(&self, term: u64, owner: &str) -> Result<Claim, StoreError> {
        let names = self.names.clone();
        let owner = owner.to_owned();
        let won =
            self.run("claim", &self.names.term(term), move |_| term::claim(&names, term, &owner)).await?;
        if !won {
            return Ok(Claim::Taken);
        }
        Ok(Claim::Won(Box::new(LocalFence::new(&self.names, term, self.held()))))
    }

    async fn seal(&self, term: u64) -> Result<(), StoreError> {
        let names = self.names.clone();
        self.run("seal the terms in", &self.names.fence(), move |_| term::seal(&names, term)).await
    }

    async fn secure(
        &self,
        segment: SegmentId,
        length: u64,
        copy: SegmentId,
    ) -> Result<SegmentId, StoreError> {
        let to = self.names.path(FileId::Segment(copy));
        self.run("copy", &self.names.path(FileId::Segment(segment)), move |from| {
            file::copy_prefix(from, length, &to)
        })
        .await?;
        Ok(copy)
    }

    async fn forget(&self, term: u64) -> Result<(), StoreError> {
        let names = self.names.clone();
        self.run("remove", &self.names.term(term), move |_| term::forget(&names, term)).await
    }
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;

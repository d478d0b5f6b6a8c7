//! A journal in memory, with faults: for tests of the journal and of everything above it.
//!
//! It keeps apart what a running process sees and what a crash leaves behind, and can fail in the ways that a
//! disk or a file server fails: writes cut short, errors of write and sync, syncs that fail and lose what they
//! should have saved, a full or read-only store, reads and listings that are out of date, operations that hang, and
//! a crash at any chosen operation. All choices come from one seed.

mod dice;
mod disk;
mod file;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use self::disk::{Disk, Outcome};
pub use self::disk::{Faults, Fencing};
use self::file::{MemFence, MemFile};
use super::{Claim, FolderState, Hold, Listed, OpenFile, Store, StoreError};
use crate::position::{FileId, SegmentId};

/// Milliseconds that an operation hangs, at most.
const LONGEST_HANG: usize = 20_000;

/// A journal in memory. Clones are the same process's handles; [`Self::restart`] gives the next process's.
#[derive(Clone, Debug)]
pub struct MemStore {
    disk: Arc<Mutex<Disk>>,
    /// The process that this handle belongs to; after a crash its operations fail.
    process: u64,
}

impl MemStore {
    /// An empty, faultless store that fences by token.
    pub fn new() -> Self {
        Self::with(0, Fencing::Token)
    }

    /// An empty store whose choices come from `seed`.
    pub fn with(seed: u64, fencing: Fencing) -> Self {
        Self { disk: Arc::new(Mutex::new(Disk::new(seed, fencing))), process: 0 }
    }

    /// Changes the faults from now on.
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.disk.lock().faults);
    }

    /// Operations so far; see [`Faults::crash_at`].
    pub fn operations(&self) -> u64 {
        self.disk.lock().operations
    }

    /// Whether the chosen crash has come.
    pub fn crashed(&self) -> bool {
        self.disk.lock().crashed
    }

    /// Crashes the machine, if that has not happened yet, and gives the store as the next process finds it. All
    /// handles from before fail from now on.
    pub fn restart(&self) -> Self {
        let process = self.disk.lock().crash();
        Self { disk: self.disk.clone(), process }
    }

    /// The names and lengths of all files, without faults.
    pub fn files(&self) -> Vec<Listed> {
        self.disk.lock().files()
    }

    /// The bytes of a file, to be changed at will.
    pub fn damage(&self, file: FileId, change: impl FnOnce(&mut Vec<u8>)) {
        self.disk.lock().damage(file, change);
    }

    fn closed(&self, inode: u64) {
        self.disk.lock().close(inode);
    }

    /// Lets other tasks run, now and then, so that operations of several tasks interleave; then runs one.
    async fn run<T>(
        &self,
        action: &'static str,
        path: impl ToString + Send,
        operation: impl FnOnce(&mut Disk) -> Outcome<T>,
    ) -> Result<T, StoreError> {
        let (turns, hang) = {
            let mut disk = self.disk.lock();
            let turns = disk.dice.below(3) + usize::from(disk.faults.slow);
            let hangs = disk.faults.hangs;
            let hang = if disk.dice.chance(hangs) { 1 + disk.dice.below(LONGEST_HANG) } else { 0 };
            (turns, hang as u64)
        };
        if hang > 0 {
            tokio::time::sleep(Duration::from_millis(hang)).await;
        }
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        let mut disk = self.disk.lock();
        let result = disk.enter(self.process).and_then(|()| operation(&mut disk));
        result.map_err(|e| StoreError::io(action, path.to_string(), e))
    }
}

impl Default for MemStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Store for MemStore {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    fn tails(&self) -> bool {
        self.disk.lock().tails()
    }

    async fn state(&self) -> Result<FolderState, StoreError> {
        self.run("look into", "memory", |disk| {
            let formatted = disk.contains(FileId::Marker);
            Ok(if formatted { FolderState::Formatted } else { FolderState::NotFormatted })
        })
        .await
    }

    async fn prepare(&self) -> Result<(), StoreError> {
        self.run("create", "memory", |_| Ok(())).await
    }

    async fn hold(&self) -> Result<Hold, StoreError> {
        let held = self.run("lock", "memory", |disk| Ok(disk.hold())).await?;
        match held {
            Some(guard) => Ok(Hold::new(guard)),
            None => Err(StoreError::InUse { location: self.location(), by: "another handle".to_owned() }),
        }
    }

    async fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let mut files = self.run("list", "memory", |disk| Ok(disk.list())).await?;
        files.retain(|listed| !matches!(listed.file, FileId::Marker | FileId::MarkerDraft));
        Ok(files)
    }

    async fn read(&self, file: FileId, offset: u64, length: usize) -> Result<Bytes, StoreError> {
        self.run("read", file, |disk| disk.read(file, offset, length)).await
    }

    async fn create(&self, file: FileId) -> Result<Box<dyn OpenFile>, StoreError> {
        let inode = self.run("create", file, |disk| disk.create(file)).await?;
        Ok(Box::new(MemFile { store: self.clone(), name: file, inode }))
    }

    async fn rename(&self, from: FileId, to: FileId) -> Result<(), StoreError> {
        self.run("rename", from, |disk| disk.rename(from, to)).await
    }

    async fn remove(&self, file: FileId) -> Result<(), StoreError> {
        self.run("remove", file, |disk| disk.remove(file)).await
    }

    async fn terms(&self) -> Result<Vec<u64>, StoreError> {
        self.run("list", "terms", |disk| Ok(disk.terms())).await
    }

    async fn claim(&self, term: u64, _owner: &str) -> Result<Claim, StoreError> {
        let won = self.run("claim", format!("term {term}"), |disk| disk.claim(term)).await?;
        if !won {
            return Ok(Claim::Taken);
        }
        Ok(Claim::Won(Box::new(MemFence { store: self.clone(), term })))
    }

    async fn seal(&self, term: u64) -> Result<(), StoreError> {
        self.run("seal", format!("the terms below {term}"), |disk| disk.seal(term)).await
    }

    async fn secure(
        &self,
        segment: SegmentId,
        length: u64,
        copy: SegmentId,
    ) -> Result<SegmentId, StoreError> {
        self.run("copy", segment, |disk| disk.secure(segment, length, copy)).await
    }

    async fn forget(&self, term: u64) -> Result<(), StoreError> {
        self.run("remove", format!("term {term}"), |disk| disk.forget(term)).await
    }
}

/// The error of an operation on something that is not there.
fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

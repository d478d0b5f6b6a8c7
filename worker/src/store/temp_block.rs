//! A block under write. Dropping it without committing gives it up.

use super::{
    BlockStore, StoreError,
    activity::InUse,
    catalog::{DirId, Place, Refusal},
    disk::{self, Durability},
};
use bytes::Bytes;
use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A writer that needs more room than it reserved asks for this much at once, so that not every chunk
/// goes through the catalog.
const GROWTH: u64 = 8 << 20;

/// See the module.
pub struct TempBlock {
    store: BlockStore,
    block: i64,
    session: i64,
    dir: DirId,
    path: PathBuf,
    file: Option<Arc<File>>,
    written: u64,
    reserved: u64,
    /// Committed, or handed over to the committing thread.
    done: bool,
    _in_use: InUse,
}

impl BlockStore {
    /// Starts a block: reserves `bytes`, evicting for them if needed, and makes its file.
    pub async fn create(&self, block: i64, place: &Place, bytes: u64) -> Result<TempBlock, StoreError> {
        // Never the same twice: the file of a block just given up may still be waiting to be deleted.
        let session = rand::random::<i64>() & i64::MAX;
        let (dir, path) = self
            .with_room(block, bytes, place, |catalog| catalog.reserve(block, session, place, bytes))
            .await
            .map_err(|error| self.named(error, block, session, place))?;
        let temp = TempBlock {
            store: self.clone(),
            block,
            session,
            dir,
            path,
            file: None,
            written: 0,
            reserved: bytes,
            done: false,
            _in_use: self.inner.activity.begin(dir),
        };
        let mode = self.inner.layout.folder_mode;
        // The thread owns the block: should this call be dropped, it is given up after its file was made.
        BlockStore::blocking(move || {
            let mut temp = temp;
            match disk::create_temp(&temp.path, mode) {
                Ok(file) => temp.file = Some(Arc::new(file)),
                Err(error) => {
                    temp.store.examine(temp.dir);
                    return Err(error);
                }
            }
            Ok(temp)
        })
        .await
    }
}

impl TempBlock {
    pub fn block(&self) -> i64 {
        self.block
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The file, for short-circuit clients that write it themselves.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, to read what was appended; it stays readable when the block is committed or given up.
    pub fn reader(&self) -> Result<Arc<File>, StoreError> {
        self.file.clone().ok_or(StoreError::NoSuchTemp(self.block, self.session))
    }

    /// Promises `bytes` more, evicting for them if needed.
    pub async fn reserve_more(&mut self, bytes: u64) -> Result<(), StoreError> {
        let (block, session, dir) = (self.block, self.session, self.dir);
        self.store
            .with_room_in(block, bytes, vec![dir], |catalog| catalog.grow(block, session, bytes))
            .await
            .map_err(|error| self.store.named(error, block, session, &Place::anywhere()))?;
        self.reserved += bytes;
        Ok(())
    }

    /// Appends to the file.
    pub async fn append(&mut self, data: Bytes) -> Result<(), StoreError> {
        let end = self.written + data.len() as u64;
        if end > self.reserved {
            let missing = end - self.reserved;
            // Growing by a step first; when the storage is nearly full, by what is needed.
            if missing >= GROWTH || !self.try_grow(GROWTH) {
                self.reserve_more(missing).await?;
            }
        }
        let Some(file) = self.file.clone() else {
            return Err(StoreError::NoSuchTemp(self.block, self.session));
        };
        let (position, path) = (self.written, self.path.clone());
        let written = BlockStore::blocking(move || {
            file.write_all_at(&data, position).map_err(StoreError::io("write the block file", path))
        })
        .await;
        if let Err(StoreError::Io { source, path, .. }) = &written
            && disk::is_full(source)
        {
            let why = format!("the disk of {} is full before its quota is used up", path.display());
            return Err(self.store.no_space(self.block, end - position, why));
        }
        if let Err(error) = written {
            let (store, dir) = (self.store.clone(), self.dir);
            tokio::task::spawn_blocking(move || store.examine(dir));
            return Err(error);
        }
        self.written = end;
        Ok(())
    }

    fn try_grow(&mut self, bytes: u64) -> bool {
        let grown = self.store.catalog().grow(self.block, self.session, bytes).is_ok();
        if grown {
            self.reserved += bytes;
        }
        grown
    }

    /// Makes sure that what was appended is on the disk, where the medium keeps it.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let Some(file) = self.file.clone().filter(|_| !self.in_memory()) else { return Ok(()) };
        let path = self.path.clone();
        BlockStore::blocking(move || file.sync_data().map_err(StoreError::io("sync the block file", path)))
            .await
    }

    fn in_memory(&self) -> bool {
        self.store.catalog().in_memory(self.dir)
    }

    /// Gives the file its final name and makes the block readable; returns its length. It is not reported
    /// and not evicted until [`BlockStore::confirm`] or [`BlockStore::discard_uncommitted`].
    ///
    /// `durable`: the data is nowhere else yet, sync it first where the medium keeps it; else it is a copy
    /// that may be lost with the power. `guarded`: the
    /// file will be persisted, never evict it before.
    pub async fn commit(mut self, durable: bool, guarded: bool) -> Result<u64, StoreError> {
        // A short-circuit client wrote the file itself: its length is the file's.
        let path = self.path.clone();
        let length = BlockStore::blocking(move || disk::length(&path)).await?.unwrap_or(0);
        if length < self.written {
            let (block, path) = (self.block, self.path.clone());
            return Err(StoreError::WrongLength { block, path, expected: self.written, actual: length });
        }
        if length > self.reserved {
            self.reserve_more(length - self.reserved).await?;
        }
        // Memory may be a folder on a disk all the same: after a power failure a file there can be cut short.
        let durability = if durable && !self.in_memory() { Durability::Now } else { Durability::Later };
        BlockStore::blocking(move || self.publish(length, durability, guarded)).await
    }

    fn publish(mut self, length: u64, durability: Durability, guarded: bool) -> Result<u64, StoreError> {
        let (block, session) = (self.block, self.session);
        let to = self.store.catalog().final_path(block, session);
        let to = to.ok_or(StoreError::NoSuchTemp(block, session))?;
        if let Err(error) = disk::publish(&self.path, &to, durability) {
            // It may have its final name already: it must not come back as a block at restart. Nothing else
            // can have that name while the block is under write.
            if let Err(error) = disk::remove(&to) {
                tracing::error!(%error, "file of a failed block not deleted");
            }
            self.store.examine(self.dir);
            return Err(error);
        }
        let finished = self.store.catalog().finish(block, session, length, guarded);
        if let Err(refusal) = finished {
            // The folder was given up meanwhile: the file must not come back as a block at restart.
            disk::remove(&to)?;
            return Err(self.store.refused(refusal, block, session, &Place::anywhere()));
        }
        self.done = true;
        if durability == Durability::Later {
            self.store.inner.unsynced.lock().push(block);
        }
        self.store.inner.wake.notify_one();
        Ok(length)
    }
}

impl Drop for TempBlock {
    fn drop(&mut self) {
        if !self.done {
            let path = std::mem::take(&mut self.path);
            self.store.catalog().give_up(self.block, self.session, path);
            self.store.inner.wake.notify_one();
        }
    }
}

/// A refusal, or the reason why no room could be made.
pub(super) enum NoRoom {
    Refused(Refusal),
    Because(u64, String),
}

impl BlockStore {
    fn named(&self, error: NoRoom, block: i64, session: i64, place: &Place) -> StoreError {
        match error {
            NoRoom::Refused(refusal) => self.refused(refusal, block, session, place),
            NoRoom::Because(wanted, why) => self.no_space(block, wanted, why),
        }
    }
}

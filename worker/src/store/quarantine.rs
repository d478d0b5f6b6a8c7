//! Blocks freed by a master that never knew them.
//!
//! A master that starts on the wrong or an older journal orders its workers to free everything. Blocks
//! that no master had answered for in this process's life are therefore kept for a while
//! (`alluxio.worker.block.quarantine.time`) in a hidden folder: invisible, not counted as used, the first
//! to go when room is wanted, and taken up again when the worker registers anew.

use super::{
    BlockStore, StoreError,
    catalog::DirId,
    disk::{self, Durability},
    unsynced,
};
use std::{
    collections::HashSet,
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

const FOLDER: &str = ".quarantine";

/// A file in quarantine.
pub(super) struct Quarantined {
    pub path: PathBuf,
    pub length: u64,
    /// See [`super::unsynced`].
    pub unsynced: bool,
}

pub(super) fn list(blocks_root: &Path) -> Result<Vec<Quarantined>, StoreError> {
    let folder = blocks_root.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(StoreError::io("list the quarantine", &folder))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(StoreError::io("list the quarantine", &folder))?.path();
        match fs::metadata(&path) {
            Ok(metadata) => files.push(Quarantined {
                length: metadata.len(),
                unsynced: unsynced::is_marked(metadata.permissions().mode()),
                path,
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(StoreError::io("look at the quarantined file", path)(error)),
        }
    }
    Ok(files)
}

impl BlockStore {
    /// A master's order to free blocks. In doubt, those that no master had known are quarantined.
    pub async fn free(&self, blocks: Vec<i64>, doubt: bool) {
        let unknown: HashSet<i64> = {
            let catalog = self.catalog();
            blocks.iter().copied().filter(|block| doubt && !catalog.is_known(*block)).collect()
        };
        for block in blocks.iter().filter(|block| !unknown.contains(block)) {
            // Gone already, or its commit is under way: nothing to do for this order.
            let _ = self.remove(*block);
        }
        let store = self.clone();
        let done = BlockStore::blocking(move || {
            unknown.iter().for_each(|block| store.quarantine(*block));
            Ok(())
        });
        if let Err(error) = done.await {
            tracing::error!(%error, "freed blocks not moved to the quarantine");
        }
        self.inner.wake.notify_one();
    }

    fn quarantine(&self, block: i64) {
        if self.inner.options.quarantine.is_zero() {
            // Gone already, or its commit is under way: nothing to do for this order.
            let _ = self.remove(block);
            return;
        }
        let doomed = self.catalog().remove_to_keep(block);
        // One with readers is deleted when they leave.
        let Some(doomed) = doomed else { return };
        let folder = self.catalog().blocks_root(doomed.dir).join(FOLDER);
        let moved = disk::make_folder(&folder, 0o700).and_then(|()| touch(&doomed.path)).and_then(|()| {
            disk::publish(&doomed.path, &folder.join(block.to_string()), Durability::Unchanged)
        });
        match moved {
            Ok(()) => self.catalog().quarantined(&doomed),
            Err(error) => {
                tracing::error!(%error, "freed block not moved to the quarantine");
                self.catalog().buried(&doomed);
            }
        }
        self.inner.buried.notify_waiters();
    }

    /// Brings quarantined blocks back, before a registration tells a master what is held.
    pub async fn restore_quarantined(&self) {
        let store = self.clone();
        let done = BlockStore::blocking(move || {
            for (dir, root) in store.live_dirs() {
                for file in list(&root)? {
                    store.restore(dir, &root, file.length, &file.path)?;
                }
            }
            Ok(())
        })
        .await;
        if let Err(error) = done {
            tracing::warn!(%error, "quarantined blocks not taken up again");
        }
    }

    fn restore(&self, dir: DirId, root: &Path, length: u64, path: &Path) -> Result<(), StoreError> {
        let id = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<i64>().ok());
        let Some(block) = id else { return Ok(()) };
        if self.catalog().holds(block) {
            disk::remove(path)?;
        } else {
            disk::publish(path, &root.join(block.to_string()), Durability::Unchanged)?;
            self.catalog().adopt(dir, block, length);
        }
        self.catalog().release_quarantined(dir, length);
        Ok(())
    }

    /// Deletes what has been quarantined long enough.
    pub(super) fn expire_quarantine(&self) -> Result<(), StoreError> {
        for (dir, root) in self.live_dirs() {
            for Quarantined { path, length, .. } in list(&root)? {
                let entered = fs::metadata(&path).and_then(|metadata| metadata.modified());
                let age = entered.ok().and_then(|time| SystemTime::now().duration_since(time).ok());
                if age.is_some_and(|age| age >= self.inner.options.quarantine) {
                    disk::remove(&path)?;
                    self.catalog().release_quarantined(dir, length);
                }
            }
        }
        Ok(())
    }
}

/// The time of quarantine is the file's modification time.
fn touch(path: &Path) -> Result<(), StoreError> {
    fs::File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_modified(SystemTime::now()))
        .map_err(StoreError::io("date the quarantined file", path))
}

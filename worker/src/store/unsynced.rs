//! Blocks that may not be on the disk yet.
//!
//! A copy of persisted data is not synced when it is committed: reads would wait for the disk. Nor is a block in
//! a memory tier, whose folder may lie on a disk all the same. After a
//! power failure such a file may be cut short, and nothing would tell. So it carries a mark, the sticky
//! bit, which nothing else uses on files; the keeper syncs it later and takes the mark off. At start,
//! marked files are dropped when the machine was booted since: after a mere restart of the worker the
//! kernel still has the data.

use super::{BlockStore, StoreError};
use std::{
    collections::VecDeque,
    fs::{self, File, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};

const MARK: u32 = 0o1000;
const BOOT_FILE: &str = ".boot";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Blocks remembered for syncing. Those beyond keep their mark, and are lost with the power.
const MOST: usize = 10_000;
/// Blocks synced in one round, so that deletions do not wait long.
const ROUND: usize = 16;

/// Marks a file that is about to be published without a sync.
pub(super) fn mark(path: &Path) -> Result<(), StoreError> {
    let mode =
        fs::metadata(path).map_err(StoreError::io("look at the block file", path))?.permissions().mode();
    fs::set_permissions(path, Permissions::from_mode((mode & 0o7777) | MARK))
        .map_err(StoreError::io("set the mode of the block file", path))
}

pub(super) fn is_marked(mode: u32) -> bool {
    mode & MARK != 0
}

/// Whether the machine was booted since a worker last opened this folder; remembers the present boot.
pub(super) fn booted_since(blocks_root: &Path) -> Result<bool, StoreError> {
    let now = fs::read_to_string(BOOT_ID).unwrap_or_default();
    let path = blocks_root.join(BOOT_FILE);
    let last = fs::read_to_string(&path).unwrap_or_default();
    if !now.is_empty() && now == last {
        return Ok(false);
    }
    // Synced, or the next start would take this boot's files for an older one's.
    fs::write(&path, &now)
        .and_then(|()| File::open(&path)?.sync_all())
        .map_err(StoreError::io("write the boot marker", &path))?;
    Ok(true)
}

/// The blocks waiting to be synced.
#[derive(Debug, Default)]
pub(super) struct Unsynced(VecDeque<i64>);

impl Unsynced {
    pub fn push(&mut self, block: i64) {
        if self.0.len() < MOST {
            self.0.push_back(block);
        }
    }
}

impl BlockStore {
    /// Syncs some of the waiting blocks. Blocking.
    pub(super) fn sync_some(&self) -> Result<(), StoreError> {
        for _ in 0..ROUND {
            let next = self.inner.unsynced.lock().0.pop_front();
            let Some(block) = next else { break };
            // Not leased: that would count as an access and keep the block from being evicted meanwhile. The
            // open file stays the same one whatever becomes of its name.
            let Some(path) = self.catalog().path_of(block) else { continue };
            match File::open(&path).and_then(|file| sync(&file)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StoreError::io("sync the block file", path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Syncs what waits, for as long as `limit`. Blocking.
    pub(super) fn sync_rest(&self, limit: Duration) -> Result<(), StoreError> {
        let begun = Instant::now();
        while begun.elapsed() < limit && !self.inner.unsynced.lock().0.is_empty() {
            self.sync_some()?;
        }
        Ok(())
    }
}

fn sync(file: &File) -> io::Result<()> {
    file.sync_data()?;
    let mode = file.metadata()?.permissions().mode();
    file.set_permissions(Permissions::from_mode(mode & 0o7777 & !MARK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_is_noticed_once() {
        let home = tempfile::tempdir().unwrap();
        assert!(booted_since(home.path()).unwrap());
        assert!(!booted_since(home.path()).unwrap());
        fs::write(home.path().join(BOOT_FILE), "another").unwrap();
        assert!(booted_since(home.path()).unwrap());
    }
}

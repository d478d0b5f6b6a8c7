//! The tiers and folders a store is made of, and where files lie in them.

use std::path::{Path, PathBuf};

/// One storage tier, the fastest first.
#[derive(Debug, Clone)]
pub struct TierSpec {
    /// The name masters and clients see: MEM, SSD, HDD or the operator's own.
    pub alias: String,
    /// Above this share of its quota the background eviction starts.
    pub high_watermark: f64,
    /// The background eviction stops below this share.
    pub low_watermark: f64,
    pub dirs: Vec<DirSpec>,
}

/// One folder of a tier.
#[derive(Debug, Clone)]
pub struct DirSpec {
    /// The configured folder.
    pub path: PathBuf,
    /// What it is made of (MEM, SSD, HDD). A file can be pinned to a medium.
    pub medium: String,
    pub quota: u64,
}

/// All tiers, and the names used inside each folder.
#[derive(Debug, Clone)]
pub struct Layout {
    pub tiers: Vec<TierSpec>,
    /// `alluxio.worker.data.folder`: the folder below each configured one.
    pub data_folder: String,
    /// `alluxio.worker.data.folder.tmp`: below the data folder.
    pub tmp_folder: String,
    /// `alluxio.worker.data.tmp.subdir.max`.
    pub tmp_subdirs: u64,
    /// Bytes of each folder that writers do not get: exchanges between tiers need room to turn around in.
    pub swap_reserve: u64,
    /// Whether the keeper's watermarks clear what exchanges left in that room.
    pub swap_restore: bool,
    /// `alluxio.worker.data.folder.permissions`: clients of other users open block files themselves.
    pub folder_mode: u32,
}

impl Layout {
    /// A layout with the usual names.
    pub fn new(tiers: Vec<TierSpec>) -> Layout {
        Layout {
            tiers,
            data_folder: "alluxioworker".into(),
            tmp_folder: ".tmp_blocks".into(),
            tmp_subdirs: 1024,
            swap_reserve: 0,
            swap_restore: true,
            folder_mode: 0o777,
        }
    }

    /// Of a folder of this quota. A reserve that leaves no room for blocks, as the default one does in a
    /// small folder, is cut down to a quarter.
    pub fn reserve_of(&self, quota: u64) -> u64 {
        if self.tiers.len() > 1 { self.swap_reserve.min(quota / 4) } else { 0 }
    }

    /// Where a folder's blocks lie.
    pub fn blocks_root(&self, dir: &DirSpec) -> PathBuf {
        dir.path.join(self.data_folder.trim_matches('/'))
    }

    /// Where a folder's unfinished blocks lie. Removed at start.
    pub fn temp_root(&self, dir: &DirSpec) -> PathBuf {
        self.blocks_root(dir).join(&self.tmp_folder)
    }

    /// The file of a block under write. Short-circuit clients write it themselves.
    pub fn temp_file(&self, temp_root: &Path, session: i64, block: i64) -> PathBuf {
        let slot = session.unsigned_abs() % self.tmp_subdirs.max(1);
        temp_root.join(slot.to_string()).join(format!("{session:x}-{block:x}"))
    }
}

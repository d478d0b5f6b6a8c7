//! What an under storage tells about a file or folder.

use std::sync::Arc;

use crate::fingerprint::Fingerprint;
use crate::path::UfsPath;

/// A file or folder of an under storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UfsStatus {
    /// Relative to the mounted address.
    pub path: UfsPath,
    /// Folder, else file.
    pub is_dir: bool,
    /// Bytes; 0 for folders.
    pub length: u64,
    /// Milliseconds since 1970; none where the store keeps none (folders of object stores).
    pub modified_ms: Option<i64>,
    /// Owner's name, or the number when it has no name; empty where the store keeps none.
    pub owner: Arc<str>,
    /// Group's name, as `owner`.
    pub group: Arc<str>,
    /// Permission bits (`0o777`); what the store's type gives by default where it keeps none.
    pub mode: u16,
    /// Changes when the content does; none for folders. Strong or not: see
    /// [`Capabilities::strong_content_hash`](crate::Capabilities::strong_content_hash).
    pub content_hash: Option<String>,
}

impl UfsStatus {
    /// The last component of the path.
    pub fn name(&self) -> &str {
        self.path.name()
    }

    /// The fingerprint that the store of type `ufs_type` gives this file or folder.
    pub fn fingerprint(&self, ufs_type: &str) -> Fingerprint {
        Fingerprint::of(ufs_type, self)
    }

    /// The content hash of a store that has none of its own: length and modification time, in the original's
    /// form (alluxio.util.UnderFileSystemUtils, measured on 2.9.4).
    pub fn approximate_hash(length: u64, modified_ms: i64) -> String {
        format!("(len:{length}, modtime:{modified_ms})")
    }
}

/// Bytes of the store that holds the mounted address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All.
    pub total: u64,
    /// Taken.
    pub used: u64,
    /// Not taken; `total - used`.
    pub free: u64,
}

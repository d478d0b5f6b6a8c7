//! Which version of a file its blocks must be of.
//!
//! Each block is read by itself, perhaps long after the one before and by another worker. A file that is replaced in
//! the under storage meanwhile would be read half old, half new. So what is opened for a block is compared with what the
//! master knows of the file; until a sync has seen the new version, the old one is an error.

use crate::masters::MasterLink;
use alluxio_fs::{ErrorKind, FsError, ids};
use alluxio_ufs::Fingerprint;
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};

/// Files remembered: enough for those that are read at a time. Beyond it all are asked for anew.
const MOST: usize = 4096;

/// See the module. Cheap to clone.
#[derive(Clone, Default)]
pub struct Versions {
    known: Arc<Mutex<HashMap<i64, Fingerprint>>>,
}

impl Versions {
    /// Whether a block of the file at `path` may be read, whose content has this hash now.
    pub async fn check(&self, link: &MasterLink, block: i64, path: &str, hash: &str) -> Result<(), FsError> {
        let file = ids::file_id_of_block(block);
        let same = |known: &Fingerprint| !known.has_other_content(hash);
        if self.known.lock().get(&file).is_some_and(same) {
            return Ok(());
        }
        // What is remembered may be older than what the master knows.
        let info = match link.file_info(file).await {
            Ok(info) => info,
            Err(error) if error.kind == ErrorKind::NotFound => return Err(replaced(path)),
            // A master that is away keeps nobody from reading.
            Err(error) => {
                tracing::debug!(%error, file, "read without knowing of which version it is to be");
                return Ok(());
            }
        };
        // None of a file that was never compared with the under storage.
        let Ok(known) = info.ufs_fingerprint().parse::<Fingerprint>() else { return Ok(()) };
        if !same(&known) {
            return Err(replaced(path));
        }
        let mut remembered = self.known.lock();
        if remembered.len() >= MOST {
            remembered.clear();
        }
        remembered.insert(file, known);
        Ok(())
    }
}

/// Clients, the original's too, have the master look at the file anew after this kind of error.
pub fn replaced(path: &str) -> FsError {
    FsError::out_of_range(format!(
        "{path} was changed in the under storage since Alluxio looked at it. Read it again."
    ))
}

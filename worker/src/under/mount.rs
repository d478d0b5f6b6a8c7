//! One mounted under storage as this worker knows it.

use crate::metrics::UfsBytes;
use alluxio_fs::FsError;
use alluxio_ufs::UnderFs;
use std::sync::Arc;

/// See the module.
pub struct Mount {
    under: Arc<dyn UnderFs>,
    read_only: bool,
    /// What was read from it and written to it.
    pub bytes: Arc<UfsBytes>,
}

impl Mount {
    pub fn new(under: Arc<dyn UnderFs>, read_only: bool, bytes: Arc<UfsBytes>) -> Mount {
        Mount { under, read_only, bytes }
    }

    pub fn to_read(&self) -> &dyn UnderFs {
        self.under.as_ref()
    }

    /// For writing the file at `address`. The master refuses first; this is for clients that ask this worker
    /// without having asked it. It goes by what the master said when the mount was first needed: a mount that is
    /// changed gets a new id, and the old one is forgotten after a while (see [`super::Mounts`]).
    pub fn to_write(&self, address: &str) -> Result<Arc<dyn UnderFs>, FsError> {
        if self.read_only {
            return Err(FsError::permission_denied(format!(
                "A write operation on {address} is denied because it is under a readonly mount point {}",
                self.under.uri()
            )));
        }
        Ok(Arc::clone(&self.under))
    }
}

//! One worker per storage folder: a second one would remove the first one's unfinished blocks.

use super::error::StoreError;
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    libc,
};
use std::{
    fs::{File, OpenOptions},
    path::Path,
};

const FILE: &str = ".lock";

/// Held as long as the store is.
#[derive(Debug)]
pub struct Ownership {
    _file: File,
}

/// Takes the folder for this process. A record lock (fcntl), because it belongs to the process and ends
/// with it however it ends, on local file systems and on NFS.
pub fn take(blocks_root: &Path) -> Result<Ownership, StoreError> {
    let path = blocks_root.join(FILE);
    let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = open.map_err(StoreError::io("open the lock file", &path))?;
    let whole = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(&file, FcntlArg::F_SETLK(&whole)) {
        Ok(_) => Ok(Ownership { _file: file }),
        Err(Errno::EAGAIN | Errno::EACCES) => Err(StoreError::Owned(blocks_root.to_owned())),
        Err(errno) => {
            // Some network file systems have no locks. That must not keep a worker from starting.
            tracing::warn!(folder = %blocks_root.display(), %errno, "storage folder not locked");
            Ok(Ownership { _file: file })
        }
    }
}

//! The lock file: one live master for one folder, or several that all know of sharing it.

use std::fs;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use super::Sharing;
use crate::store::StoreError;

/// The outcome of trying to lock.
pub(super) enum Locked {
    /// Locked until the file is dropped, or the process ends in whatever way.
    Ours(fs::File),
    /// Another process has it; the text is what it wrote about itself.
    Theirs(String),
}

/// Locks the lock file, without waiting.
pub(super) fn try_lock(path: &Path, sharing: Sharing) -> io::Result<Locked> {
    let mut file = fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let locked = match sharing {
        Sharing::Exclusive => file.try_lock(),
        Sharing::Shared => file.try_lock_shared(),
    };
    match locked {
        Ok(()) => {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(whoami().as_bytes())?;
            Ok(Locked::Ours(file))
        }
        Err(fs::TryLockError::WouldBlock) => {
            let mut by = String::new();
            // Only for the message, and the file is another process's: whatever it holds is cut short.
            file.take(256).read_to_string(&mut by)?;
            Ok(Locked::Theirs(if by.is_empty() { "another process".to_owned() } else { by }))
        }
        Err(fs::TryLockError::Error(e)) => Err(e),
    }
}

/// Whether there are no locks on this file system, or none with this file server.
pub(super) fn is_impossible(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. }
        if source.kind() == io::ErrorKind::Unsupported
            || source.raw_os_error() == Some(nix::errno::Errno::ENOLCK as i32))
}

fn whoami() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    format!("process {} on {}", std::process::id(), host.as_deref().unwrap_or("an unnamed host"))
}

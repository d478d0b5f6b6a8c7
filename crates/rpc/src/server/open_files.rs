//! Connections are open files, and the journal and the blocks need some too.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::RpcError;

/// Connections held at once, if the limit of open files allows it.
const CONNECTIONS: u64 = 10_000;

/// Lifts the soft limit of open files to the hard one, as servers do at their start. Returns it.
///
/// # Errors
/// When the operating system refuses.
pub fn raise_open_file_limit() -> Result<u64, RpcError> {
    let (soft, hard) =
        getrlimit(Resource::RLIMIT_NOFILE).map_err(|errno| RpcError::OpenFiles(errno.into()))?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(|errno| RpcError::OpenFiles(errno.into()))?;
    }
    Ok(hard)
}

/// How many connections a server takes: three quarters of the files it may open at most, so that
/// clients cannot keep the process from opening its own.
pub(super) fn connections() -> Result<usize, RpcError> {
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|errno| RpcError::OpenFiles(errno.into()))?;
    let share = CONNECTIONS.min((soft / 4).saturating_mul(3)).max(16);
    Ok(usize::try_from(share).unwrap_or(usize::MAX))
}

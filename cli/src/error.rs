//! What ends a command before it is done, and the exit status that tells a script about it.

use std::{io, path::Path};

use alluxio_fs::FsError;
use thiserror::Error;

/// Exit status of a process; a shell sees the low eight bits.
pub type ExitStatus = i32;

pub const SUCCESS: ExitStatus = 0;
/// Every failure of `fs` but that of `test`: the original returns -1.
pub const SHELL_FAILURE: ExitStatus = 255;
/// Failures outside the `fs` shell.
pub const FAILURE: ExitStatus = 1;

#[derive(Debug, Error)]
pub enum CommandError {
    /// The command was called wrongly: the message is followed by usage and description.
    #[error("{0}")]
    Usage(String),
    /// Any other failure, told in one line (or one per path).
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    FileSystem(#[from] FsError),
    /// A file on this machine.
    #[error("{path}: {source}")]
    Local { path: String, source: io::Error },
    /// Standard output is gone or full.
    #[error("Cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    pub fn local(path: &Path, source: io::Error) -> Self {
        Self::Local { path: path.display().to_string(), source }
    }

    /// Whether the reader of a pipe (`| head`) has closed it: it has what it wanted, so this is no failure.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

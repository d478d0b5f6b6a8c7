//! The log files of `alluxio.logs.dir`, and nothing else of the disk: a file is named by its last component
//! only, must look like a log's, and is opened without following links.

mod part;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use thiserror::Error;

pub use part::{Part, Spot};

/// Most files listed; a folder with more is not one of logs only.
const MOST_FILES: usize = 10_000;

#[derive(Debug, Error)]
pub enum LogError {
    #[error("\"{0}\" is no log file of this server.")]
    NoLog(String),
    #[error("The log file {path} cannot be read: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error(
        "The log folder {path} cannot be listed: {source}. Set alluxio.logs.dir to a folder that can be read."
    )]
    List { path: PathBuf, source: io::Error },
    #[error("The server is stopping.")]
    Stopped,
}

/// A log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    pub name: String,
    pub size: u64,
    pub modified_ms: i64,
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Logs {
    folder: PathBuf,
}

impl Logs {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All log files by name. A folder that is not there holds none.
    pub async fn list(&self) -> Result<Vec<LogFile>, LogError> {
        let folder = self.folder.clone();
        blocking(move || list(&folder)).await
    }

    /// A part of a file; at most `limit` bytes.
    pub async fn read(&self, name: &str, spot: Spot, limit: u64) -> Result<Part, LogError> {
        let Some(name) = last_component(name).filter(|name| is_log(name)) else {
            return Err(LogError::NoLog(name.to_owned()));
        };
        let path = self.folder.join(name);
        let name = name.to_owned();
        blocking(move || {
            let file = open(&path).map_err(|source| match source.raw_os_error() {
                // A link, or no file at all.
                Some(nix::libc::ELOOP | nix::libc::ENOENT) => LogError::NoLog(name.clone()),
                _ => LogError::Read { path: path.clone(), source },
            })?;
            let file = file.ok_or(LogError::NoLog(name))?;
            part::read(&file, spot, limit).map_err(|source| LogError::Read { path, source })
        })
        .await
    }
}

/// Runs to its end apart from the runtime's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(LogError::Stopped))
}

fn list(folder: &Path) -> Result<Vec<LogFile>, LogError> {
    let failed = |source| LogError::List { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        // A rotation may take it away meanwhile. Links are not followed here either.
        let Some(facts) = entry.metadata().ok().filter(|facts| facts.is_file() && is_log(&name)) else {
            continue;
        };
        let modified = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified_ms = modified.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        files.push(LogFile { name, size: facts.len(), modified_ms });
        if files.len() == MOST_FILES {
            break;
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// `None` when it is no regular file. A pipe must not block the open.
fn open(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

/// As the original: `../../etc/passwd` means `passwd`.
fn last_component(name: &str) -> Option<&str> {
    let last = name.trim_end_matches('/').rsplit('/').next()?;
    (!matches!(last, "" | "." | "..") && !last.contains('\0')).then_some(last)
}

/// The original's pattern: `.log` or `.out`, also with a number or date behind it; `txt`; `json`.
fn is_log(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let base = match name.rsplit_once('.') {
        Some((base, number)) if is_number(number) => base,
        _ => &name,
    };
    let ends = |end: &str, before: usize| name.ends_with(end) && name.len() >= end.len() + before;
    base.ends_with(".log") || base.ends_with(".out") || ends("txt", 1) || ends("json", 1)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests;

//! What can go wrong in an under storage: what was done, on which path, and why it failed.

use std::error::Error;
use std::fmt;
use std::io;

/// Results of this room.
pub type Result<T> = std::result::Result<T, UfsError>;

/// Why an operation failed, in terms a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UfsErrorKind {
    /// The path, or a folder on the way to it, is not there.
    NotFound,
    /// Something with that name is there already.
    AlreadyExists,
    /// A folder was needed, something else is there.
    NotDirectory,
    /// A file was needed, a folder is there.
    IsDirectory,
    /// The folder still holds something.
    DirectoryNotEmpty,
    /// The process may not do this.
    PermissionDenied,
    /// The path cannot be one of this store.
    InvalidPath,
    /// An option or property cannot be used.
    InvalidArgument,
    /// A link that points nowhere, or in a circle.
    BrokenLink,
    /// No space, or no quota, is left.
    NoSpace,
    /// The store is mounted read-only.
    ReadOnly,
    /// This store, or this build, cannot do that.
    Unsupported,
    /// What is there now is not what was opened, or what the caller knows.
    Changed,
    /// Too many open files, or no memory: the process's own limits.
    ResourceExhausted,
    /// The store does not answer; a later try may succeed.
    Unavailable,
    /// The store failed to read or write: the data or the device is in doubt.
    Io,
}

impl UfsErrorKind {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::Unavailable | Self::ResourceExhausted)
    }

    fn text(self) -> &'static str {
        match self {
            Self::NotFound => "no such file or directory",
            Self::AlreadyExists => "it exists already",
            Self::NotDirectory => "it is not a directory",
            Self::IsDirectory => "it is a directory",
            Self::DirectoryNotEmpty => "the directory is not empty",
            Self::PermissionDenied => "permission denied",
            Self::InvalidPath => "the path is not valid",
            Self::InvalidArgument => "an argument is not valid",
            Self::BrokenLink => "a symbolic link on the path is broken",
            Self::NoSpace => "no space is left on the under storage",
            Self::ReadOnly => "the under storage is read-only",
            Self::Unsupported => "the under storage does not support it",
            Self::Changed => "it was changed or deleted while it was read; read it again",
            Self::ResourceExhausted => "too many open files or no memory left",
            Self::Unavailable => "the under storage does not answer",
            Self::Io => "the under storage failed",
        }
    }

    /// The kind of an operating system error.
    pub fn of_io(error: &io::Error) -> Self {
        use nix::errno::Errno;
        // The errno says more than io::ErrorKind; the names are in errno(3).
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT) => Self::NotFound,
            Some(Errno::EEXIST) => Self::AlreadyExists,
            Some(Errno::ENOTDIR) => Self::NotDirectory,
            Some(Errno::EISDIR) => Self::IsDirectory,
            Some(Errno::ENOTEMPTY) => Self::DirectoryNotEmpty,
            Some(Errno::EACCES | Errno::EPERM) => Self::PermissionDenied,
            Some(Errno::ENAMETOOLONG | Errno::EILSEQ) => Self::InvalidPath,
            Some(Errno::EINVAL | Errno::EXDEV | Errno::EFBIG) => Self::InvalidArgument,
            Some(Errno::ELOOP) => Self::BrokenLink,
            Some(Errno::ENOSPC | Errno::EDQUOT) => Self::NoSpace,
            Some(Errno::EROFS) => Self::ReadOnly,
            Some(Errno::EOPNOTSUPP | Errno::ENOSYS) => Self::Unsupported,
            Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM) => Self::ResourceExhausted,
            // ESTALE: the file server forgot the handle; a fresh look-up may find it.
            Some(
                Errno::ETIMEDOUT
                | Errno::ESTALE
                | Errno::EHOSTDOWN
                | Errno::EHOSTUNREACH
                | Errno::ENETDOWN
                | Errno::ENETUNREACH
                | Errno::ECONNREFUSED
                | Errno::ECONNRESET
                | Errno::ENOTCONN
                | Errno::EAGAIN
                | Errno::EBUSY,
            ) => Self::Unavailable,
            Some(_) => Self::Io,
            None => match error.kind() {
                io::ErrorKind::NotFound => Self::NotFound,
                io::ErrorKind::AlreadyExists => Self::AlreadyExists,
                io::ErrorKind::PermissionDenied => Self::PermissionDenied,
                io::ErrorKind::InvalidInput => Self::InvalidArgument,
                io::ErrorKind::TimedOut => Self::Unavailable,
                io::ErrorKind::Unsupported => Self::Unsupported,
                _ => Self::Io,
            },
        }
    }
}

/// What was being done when it failed. Also the name by which `faults` picks calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Reading an address or a path.
    Parse,
    /// Choosing an implementation and looking at the mounted folder.
    Mount,
    /// `status`, `fingerprint`.
    Status,
    /// `list` and its pages.
    List,
    /// `open`.
    Open,
    /// `UfsReader::read`.
    Read,
    /// `create`.
    Create,
    /// `UfsWriter::write`.
    Write,
    /// `UfsWriter::close`.
    Close,
    /// `UfsWriter::abort`.
    Abort,
    /// `mkdirs`.
    Mkdirs,
    /// `delete_file`, `delete_directory`.
    Delete,
    /// `rename_file`, `rename_directory`.
    Rename,
    /// `set_owner`.
    SetOwner,
    /// `set_mode`.
    SetMode,
    /// `space`.
    Space,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parse => "understand",
            Self::Mount => "use the under storage",
            Self::Status => "get the status of",
            Self::List => "list",
            Self::Open => "open",
            Self::Read => "read",
            Self::Create => "create",
            Self::Write => "write",
            Self::Close => "complete",
            Self::Abort => "discard",
            Self::Mkdirs => "make the directory",
            Self::Delete => "delete",
            Self::Rename => "rename",
            Self::SetOwner => "set the owner of",
            Self::SetMode => "set the mode of",
            Self::Space => "get the space of",
        })
    }
}

/// A failed operation: `cannot write /data/a: no space is left on the under storage`.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {path}: {}", reason.as_deref().unwrap_or(kind.text()))]
pub struct UfsError {
    kind: UfsErrorKind,
    operation: Operation,
    path: String,
    /// Instead of the kind's text.
    reason: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl UfsError {
    /// An error of `operation` on `path` (the full address as the user knows it).
    pub fn new(kind: UfsErrorKind, operation: Operation, path: impl Into<String>) -> Self {
        Self { kind, operation, path: path.into(), reason: None, source: None }
    }

    /// The operating system's error of `operation` on `path`.
    pub fn io(operation: Operation, path: impl Into<String>, error: io::Error) -> Self {
        let kind = UfsErrorKind::of_io(&error);
        // The kind's own text is plain; where the kind is a catch-all the system's words say more.
        let reason = match kind {
            UfsErrorKind::Io | UfsErrorKind::Unavailable | UfsErrorKind::InvalidArgument => {
                Some(format!("{}: {error}", kind.text()))
            }
            _ => None,
        };
        Self { kind, operation, path: path.into(), reason, source: Some(Box::new(error)) }
    }

    /// The same error with `reason` instead of the kind's text.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The same error with the library's error it came from.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Why it failed.
    pub fn kind(&self) -> UfsErrorKind {
        self.kind
    }

    /// What was being done.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// On which path: the full address as the user knows it.
    pub fn path(&self) -> &str {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errno_decides_the_kind() {
        use nix::errno::Errno;
        for (errno, kind) in [
            (Errno::EIO, UfsErrorKind::Io),
            (Errno::ENOSPC, UfsErrorKind::NoSpace),
            (Errno::EDQUOT, UfsErrorKind::NoSpace),
            (Errno::EACCES, UfsErrorKind::PermissionDenied),
            (Errno::EROFS, UfsErrorKind::ReadOnly),
            (Errno::ESTALE, UfsErrorKind::Unavailable),
            (Errno::EMFILE, UfsErrorKind::ResourceExhausted),
        ] {
            let error = UfsError::io(Operation::Write, "/data/a", io::Error::from_raw_os_error(errno as i32));
            assert_eq!(error.kind(), kind, "{errno}");
            assert!(error.to_string().starts_with("cannot write /data/a: "), "{error}");
            assert!(error.source().is_some());
        }
    }

    #[test]
    fn the_message_says_what_failed_where_and_why() {
        let error = UfsError::new(UfsErrorKind::NoSpace, Operation::Close, "/data/a");
        assert_eq!(error.to_string(), "cannot complete /data/a: no space is left on the under storage");
        let error = UfsError::io(Operation::Read, "/data/a", io::Error::from_raw_os_error(5));
        assert!(error.to_string().contains("Input/output error"), "{error}");
    }
}

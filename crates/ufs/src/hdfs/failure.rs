//! What HDFS reports, in the words of this room.

use std::io::{self, ErrorKind};

use super::Inner;
use crate::error::{Operation, UfsError, UfsErrorKind};
use crate::path::UfsPath;

/// What the resolver of host names says, of this system and of others.
const UNKNOWN_HOST: [&str; 2] = ["failed to lookup address", "nodename nor servname"];

pub(super) fn kind_of(error: &io::Error) -> UfsErrorKind {
    match error.kind() {
        ErrorKind::NotFound => UfsErrorKind::NotFound,
        ErrorKind::AlreadyExists => UfsErrorKind::AlreadyExists,
        ErrorKind::NotADirectory => UfsErrorKind::NotDirectory,
        ErrorKind::IsADirectory => UfsErrorKind::IsDirectory,
        ErrorKind::DirectoryNotEmpty => UfsErrorKind::DirectoryNotEmpty,
        ErrorKind::PermissionDenied => UfsErrorKind::PermissionDenied,
        ErrorKind::QuotaExceeded | ErrorKind::StorageFull => UfsErrorKind::NoSpace,
        ErrorKind::InvalidInput => UfsErrorKind::InvalidArgument,
        ErrorKind::Unsupported => UfsErrorKind::Unsupported,
        ErrorKind::TimedOut
        | ErrorKind::ResourceBusy
        | ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::NotConnected
        | ErrorKind::BrokenPipe
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::UnexpectedEof => UfsErrorKind::Unavailable,
        _ if is_unknown_host(error) => UfsErrorKind::Unavailable,
        _ => UfsErrorKind::Io,
    }
}

fn is_unknown_host(error: &io::Error) -> bool {
    let text = error.to_string();
    UNKNOWN_HOST.iter().any(|words| text.contains(words))
}

impl Inner {
    /// The path as users know it, for messages.
    pub(super) fn shown(&self, path: &UfsPath) -> String {
        self.uri.join(path).to_string()
    }

    pub(super) fn error(&self, kind: UfsErrorKind, operation: Operation, path: &UfsPath) -> UfsError {
        UfsError::new(kind, operation, self.shown(path))
    }

    fn is_name_service(&self) -> bool {
        let name = format!("dfs.ha.namenodes.{}", self.uri.authority());
        self.hdfs.settings().properties.contains_key(&name)
    }

    /// Wraps an error of HDFS; for `map_err`.
    pub(super) fn failed(&self, operation: Operation, path: &UfsPath) -> impl FnOnce(io::Error) -> UfsError {
        move |error| {
            let kind = kind_of(&error);
            let wrapped = self.error(kind, operation, path);
            let wrapped = match kind {
                UfsErrorKind::Unavailable if is_unknown_host(&error) && !self.is_name_service() => wrapped
                    .because(format!(
                        "'{}' is no host that is known here, and no name service of the files in \
                     alluxio.underfs.hdfs.configuration",
                        self.uri.authority()
                    )),
                UfsErrorKind::Unavailable => wrapped.because(format!("HDFS does not answer: {error}")),
                UfsErrorKind::PermissionDenied
                | UfsErrorKind::InvalidArgument
                | UfsErrorKind::Unsupported
                | UfsErrorKind::NoSpace => wrapped.because(format!("HDFS refuses: {}", plain(&error))),
                UfsErrorKind::Io => wrapped.because(format!("HDFS failed: {}", plain(&error))),
                _ => wrapped,
            };
            wrapped.caused_by(error)
        }
    }
}

/// The NameNode's own words, without the class that said them.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let Some(rest) = text.strip_prefix("RPC error: ") else { return text };
    rest.split_once(' ').map_or(rest, |(_class, words)| words).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_namenode_come_without_their_class() {
        let error = io::Error::other("RPC error: org.apache.X Permission denied: user=a");
        assert_eq!(plain(&error), "Permission denied: user=a");
        assert_eq!(plain(&io::Error::other("data transfer error: x")), "data transfer error: x");
    }
}

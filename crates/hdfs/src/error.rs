//! What goes wrong, as kinds of I/O errors that callers can tell apart.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use hdfs_native::HdfsError as Native;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No address.
    #[error(
        "{address} is no address of HDFS: {reason}; write hdfs://host:port/path or hdfs://nameservice/path"
    )]
    Address {
        /// As given.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A file of settings cannot be read.
    #[error("alluxio.underfs.hdfs.configuration names {}, which cannot be read: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of settings is not what Hadoop writes.
    #[error("alluxio.underfs.hdfs.configuration names {}, which is no Hadoop configuration: {reason}", path.display())]
    Xml {
        /// Which.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// One of the two of principal and keytab is missing.
    #[error("Kerberos needs both a principal ({principal}) and its keytab ({keytab}): set both or none")]
    HalfKerberos {
        /// The property of the principal.
        principal: String,
        /// The property of the keytab.
        keytab: String,
    },
    /// The library does not take the settings.
    #[error("HDFS at {authority} cannot be used: {reason}")]
    Client {
        /// Where.
        authority: String,
        /// Why not.
        reason: String,
    },
}

/// A failed call. It is always the inside of an [`io::Error`], whose kind says what happened.
#[derive(Debug, thiserror::Error)]
pub enum HdfsError {
    /// Nobody answered in time. What was asked for may still happen.
    #[error("no answer from HDFS within {0:?}")]
    Late(Duration),
    /// The files there are erasure-coded or encrypted, or what else the library cannot do.
    #[error("{0}")]
    Unsupported(String),
    /// Kerberos is asked for, and its library is not on this machine.
    #[error(
        "HDFS wants Kerberos, and libgssapi_krb5.so.2 cannot be loaded: install libgssapi-krb5-2 (Debian) or krb5-libs (Red Hat)"
    )]
    NoKerberosLibrary,
    /// Anything else that HDFS, or the way to it, reports.
    #[error("{0}")]
    Reported(String),
}

impl HdfsError {
    pub(crate) fn late(limit: Duration) -> io::Error {
        io::Error::new(ErrorKind::TimedOut, Self::Late(limit))
    }
}

/// The library's error as an I/O error.
pub(crate) fn convert(error: Native) -> io::Error {
    let text = first_line(&error.to_string());
    match error {
        // Its kind tells what happened on the way; it is not the caller's missing file.
        Native::IOError(source) if source.kind() == ErrorKind::NotFound => reported(ErrorKind::Other, text),
        Native::IOError(source) => reported(source.kind(), text),
        Native::FileNotFound(_) => reported(ErrorKind::NotFound, text),
        Native::AlreadyExists(_) => reported(ErrorKind::AlreadyExists, text),
        Native::IsADirectoryError(_) => reported(ErrorKind::IsADirectory, text),
        Native::InvalidArgument(_) | Native::InvalidPath(_) => reported(ErrorKind::InvalidInput, text),
        Native::ChecksumError => reported(ErrorKind::InvalidData, text),
        Native::UnsupportedFeature(_) | Native::UnsupportedErasureCodingPolicy(_) => {
            io::Error::new(ErrorKind::Unsupported, HdfsError::Unsupported(text))
        }
        Native::OperationFailed(reason) if reason.contains("not supported for erasure-coded") => {
            io::Error::new(ErrorKind::Unsupported, HdfsError::Unsupported(reason))
        }
        Native::OperationFailed(reason) if reason.contains("libgssapi_krb") => {
            io::Error::new(ErrorKind::Unsupported, HdfsError::NoKerberosLibrary)
        }
        // What the NameNode tells an ordinary user of a path below a file, in place of ParentNotDirectoryException.
        Native::RPCError(class, words)
            if class.ends_with("AccessControlException") && is_below_a_file(&words) =>
        {
            reported(ErrorKind::NotADirectory, text)
        }
        Native::RPCError(class, _) | Native::FatalRPCError(class, _) => reported(kind_of(&class), text),
        Native::SASLError(_) | Native::GSSAPIError(..) | Native::NoSASLMechanism => {
            reported(ErrorKind::PermissionDenied, text)
        }
        _ => reported(ErrorKind::Other, text),
    }
}

fn reported(kind: ErrorKind, text: String) -> io::Error {
    io::Error::new(kind, HdfsError::Reported(text))
}

fn is_below_a_file(words: &str) -> bool {
    first_line(words).ends_with("(is not a directory)")
}

/// Java's exceptions, by the last part of their class.
fn kind_of(class: &str) -> ErrorKind {
    match class.rsplit(['.', '$']).next().unwrap_or(class) {
        "FileNotFoundException" => ErrorKind::NotFound,
        "FileAlreadyExistsException" => ErrorKind::AlreadyExists,
        "ParentNotDirectoryException" | "PathIsNotDirectoryException" => ErrorKind::NotADirectory,
        "PathIsNotEmptyDirectoryException" => ErrorKind::DirectoryNotEmpty,
        "AccessControlException" | "AuthorizationException" | "InvalidToken" => ErrorKind::PermissionDenied,
        "NSQuotaExceededException" | "DSQuotaExceededException" | "QuotaByStorageTypeExceededException" => {
            ErrorKind::QuotaExceeded
        }
        // The NameNode is starting, or is not the active one: later, or elsewhere, it will do.
        "SafeModeException" | "RetriableException" | "StandbyException" => ErrorKind::ResourceBusy,
        "LeaseExpiredException" => ErrorKind::StaleNetworkFileHandle,
        "InvalidPathException" | "IllegalArgumentException" => ErrorKind::InvalidInput,
        _ => ErrorKind::Other,
    }
}

/// The NameNode sends the whole stack trace along.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_tells_what_java_threw() {
        let kind = |class: &str| convert(Native::RPCError(class.to_owned(), "text".to_owned())).kind();
        assert_eq!(kind("java.io.FileNotFoundException"), ErrorKind::NotFound);
        assert_eq!(kind("org.apache.hadoop.hdfs.server.namenode.SafeModeException"), ErrorKind::ResourceBusy);
        assert_eq!(
            kind("org.apache.hadoop.security.token.SecretManager$InvalidToken"),
            ErrorKind::PermissionDenied
        );
        assert_eq!(kind("java.io.IOException"), ErrorKind::Other);
        let class = "org.apache.hadoop.security.AccessControlException".to_owned();
        let below_a_file = Native::RPCError(class, "/a/file (is not a directory)\n\tat x".to_owned());
        assert_eq!(convert(below_a_file).kind(), ErrorKind::NotADirectory);
    }

    #[test]
    fn a_stack_trace_is_cut_to_its_first_line() {
        let trace = "Permission denied: user=a\n\tat org.apache.X.y(X.java:1)\n";
        let error = convert(Native::RPCError("org.apache.X".to_owned(), trace.to_owned()));
        assert_eq!(error.to_string(), "RPC error: org.apache.X Permission denied: user=a");
    }

    #[test]
    fn a_missing_kerberos_library_is_told_with_its_package() {
        let error = convert(Native::OperationFailed("Failed to load libgssapi_krb".to_owned()));
        assert!(error.to_string().contains("install libgssapi-krb5-2"), "{error}");
    }
}

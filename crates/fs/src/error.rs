//! One error type for everything a caller of the file system may see. The kind decides the gRPC code
//! (and with it which exception a Java client throws and whether it retries); the message is the one
//! line that the user reads.

use std::fmt;

use tonic::{Code, Status};

pub type FsResult<T> = Result<T, FsError>;

/// The families of failure that the wire tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    Cancelled,
    /// A checked failure that has no code of its own in Alluxio 2.9 (most I/O failures).
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Internal,
    /// The only code that makes a client try again elsewhere.
    Unavailable,
    Unauthenticated,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FsError {
    pub kind: ErrorKind,
    pub message: String,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),* $(,)?) => {
        impl FsError {
            $($(#[$doc])* pub fn $name(message: impl Into<String>) -> Self {
                Self::new(ErrorKind::$kind, message)
            })*
        }
    };
}

constructors! {
    cancelled => Cancelled,
    unknown => Unknown,
    invalid_argument => InvalidArgument,
    deadline_exceeded => DeadlineExceeded,
    not_found => NotFound,
    already_exists => AlreadyExists,
    permission_denied => PermissionDenied,
    resource_exhausted => ResourceExhausted,
    failed_precondition => FailedPrecondition,
    aborted => Aborted,
    out_of_range => OutOfRange,
    internal => Internal,
    unavailable => Unavailable,
    unauthenticated => Unauthenticated,
}

impl FsError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The text every operation on an absent path answers with.
    pub fn path_does_not_exist(path: impl fmt::Display) -> Self {
        Self::not_found(format!("Path \"{path}\" does not exist."))
    }
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FsError {}

impl ErrorKind {
    fn code(self) -> Code {
        match self {
            Self::Cancelled => Code::Cancelled,
            Self::Unknown => Code::Unknown,
            Self::InvalidArgument => Code::InvalidArgument,
            Self::DeadlineExceeded => Code::DeadlineExceeded,
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::PermissionDenied => Code::PermissionDenied,
            Self::ResourceExhausted => Code::ResourceExhausted,
            Self::FailedPrecondition => Code::FailedPrecondition,
            Self::Aborted => Code::Aborted,
            Self::OutOfRange => Code::OutOfRange,
            Self::Internal => Code::Internal,
            Self::Unavailable => Code::Unavailable,
            Self::Unauthenticated => Code::Unauthenticated,
        }
    }
}

impl From<FsError> for Status {
    fn from(error: FsError) -> Self {
        Status::new(error.kind.code(), error.message)
    }
}

impl From<Status> for FsError {
    fn from(status: Status) -> Self {
        let kind = match status.code() {
            Code::Cancelled => ErrorKind::Cancelled,
            Code::InvalidArgument => ErrorKind::InvalidArgument,
            Code::DeadlineExceeded => ErrorKind::DeadlineExceeded,
            Code::NotFound => ErrorKind::NotFound,
            Code::AlreadyExists => ErrorKind::AlreadyExists,
            Code::PermissionDenied => ErrorKind::PermissionDenied,
            Code::ResourceExhausted => ErrorKind::ResourceExhausted,
            Code::FailedPrecondition => ErrorKind::FailedPrecondition,
            Code::Aborted => ErrorKind::Aborted,
            Code::OutOfRange => ErrorKind::OutOfRange,
            Code::Internal | Code::DataLoss | Code::Unimplemented => ErrorKind::Internal,
            Code::Unavailable => ErrorKind::Unavailable,
            Code::Unauthenticated => ErrorKind::Unauthenticated,
            Code::Unknown | Code::Ok => ErrorKind::Unknown,
        };
        Self::new(kind, status.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_kind_and_text_over_the_wire() {
        let error = FsError::path_does_not_exist("/nope");
        let status = Status::from(error.clone());
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.message(), "Path \"/nope\" does not exist.");
        assert_eq!(FsError::from(status), error);
    }
}

//! From errors of the worker's rooms to what a client sees.

use crate::store::StoreError;
use alluxio_fs::{ErrorKind, FsError};
use alluxio_ufs::{UfsError, UfsErrorKind};
use tonic::Status;

impl From<StoreError> for FsError {
    fn from(error: StoreError) -> FsError {
        let kind = match &error {
            StoreError::NotFound(_) | StoreError::NoSuchTemp(..) => ErrorKind::NotFound,
            // What the original answers; its clients fall back to other ways for ALREADY_EXISTS.
            StoreError::AlreadyExists(_) | StoreError::BeingWritten(_) => ErrorKind::Internal,
            StoreError::NoSpace { .. } => ErrorKind::ResourceExhausted,
            StoreError::InUse(_) => ErrorKind::FailedPrecondition,
            StoreError::NoSuchPlace(_) => ErrorKind::InvalidArgument,
            StoreError::Stopped => ErrorKind::Unavailable,
            StoreError::WrongLength { .. } | StoreError::Io { .. } | StoreError::Owned(_) => {
                ErrorKind::Unknown
            }
        };
        FsError::new(kind, error.to_string())
    }
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Status {
        FsError::from(error).into()
    }
}

/// An error of an under storage, for a client.
pub fn of_ufs(error: &UfsError) -> FsError {
    let kind = match error.kind() {
        UfsErrorKind::NotFound => ErrorKind::NotFound,
        UfsErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        UfsErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        UfsErrorKind::InvalidPath | UfsErrorKind::InvalidArgument => ErrorKind::InvalidArgument,
        UfsErrorKind::Unsupported | UfsErrorKind::ReadOnly => ErrorKind::FailedPrecondition,
        UfsErrorKind::NoSpace | UfsErrorKind::ResourceExhausted => ErrorKind::ResourceExhausted,
        UfsErrorKind::Unavailable => ErrorKind::Unavailable,
        // Clients, the original's too, have the master look at the file anew then.
        UfsErrorKind::Changed => ErrorKind::OutOfRange,
        _ => ErrorKind::Unknown,
    };
    FsError::new(kind, error.to_string())
}

//! One call of an under storage, as the layers see it.

use crate::error::{Operation, UfsError, UfsErrorKind};
use crate::path::UfsPath;
use crate::uri::UfsUri;

/// What is asked of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Method {
    Status,
    List,
    Page,
    Open,
    Read,
    Create,
    Write,
    Close,
    Abort,
    Mkdirs,
    DeleteFile,
    DeleteDirectory,
    RenameFile,
    RenameDirectory,
    SetOwner,
    SetMode,
    Space,
    Fingerprint,
}

impl Method {
    pub(super) fn operation(self) -> Operation {
        match self {
            Self::Status | Self::Fingerprint => Operation::Status,
            Self::List | Self::Page => Operation::List,
            Self::Open => Operation::Open,
            Self::Read => Operation::Read,
            Self::Create => Operation::Create,
            Self::Write => Operation::Write,
            Self::Close => Operation::Close,
            Self::Abort => Operation::Abort,
            Self::Mkdirs => Operation::Mkdirs,
            Self::DeleteFile | Self::DeleteDirectory => Operation::Delete,
            Self::RenameFile | Self::RenameDirectory => Operation::Rename,
            Self::SetOwner => Operation::SetOwner,
            Self::SetMode => Operation::SetMode,
            Self::Space => Operation::Space,
        }
    }

    /// The name of its figures, the original's; none where the original has none.
    pub(super) fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Status => "GetStatus",
            Self::Page => "ListStatus",
            Self::Open => "Open",
            Self::Create => "Create",
            Self::Mkdirs => "Mkdirs",
            Self::DeleteFile => "DeleteFile",
            Self::DeleteDirectory => "DeleteDirectory",
            Self::RenameFile => "RenameFile",
            Self::RenameDirectory => "RenameDirectory",
            Self::SetOwner => "SetOwner",
            Self::SetMode => "SetMode",
            Self::Space => "GetSpace",
            Self::Fingerprint => "GetFingerprint",
            Self::List | Self::Read | Self::Write | Self::Close | Self::Abort => return None,
        })
    }

    /// It changes nothing in the store, so nobody is misled when it is given up.
    pub(super) fn only_looks(self) -> bool {
        matches!(
            self,
            Self::Status
                | Self::List
                | Self::Page
                | Self::Open
                | Self::Read
                | Self::Space
                | Self::Fingerprint
        )
    }
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) uri: &'a UfsUri,
    pub(super) path: &'a UfsPath,
}

impl Call<'_> {
    /// Its failure.
    pub(super) fn error(&self, kind: UfsErrorKind) -> UfsError {
        UfsError::new(kind, self.method.operation(), self.uri.join(self.path).to_string())
    }
}

//! One mounted bucket, and what is at a path of it.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use opendal::raw::Timestamp;
use opendal::{ErrorKind, Metadata, Operator};

use super::gate::Gate;
use crate::capability::Capabilities;
use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::path::UfsPath;
use crate::status::UfsStatus;
use crate::uri::UfsUri;

/// What holds for all files and folders of a mount.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Permission bits: object stores keep none.
    pub(super) mode: u16,
    /// Many objects are deleted with one request.
    pub(super) bulk_delete: bool,
    /// A folder whose last file goes stays, by a marker.
    pub(super) keep_folders: bool,
    /// `mkdirs` writes no markers for the folders above.
    pub(super) skip_parents: bool,
    /// Bytes of the first parts of an upload.
    pub(super) part_size: u64,
    /// Folders are the store's own: it says what is one, and there are no markers.
    pub(super) real_folders: bool,
    /// The longest object that is copied with one request, where the store does not copy in parts.
    pub(super) copy_limit: u64,
    /// How long a store that has answered may go on copying.
    pub(super) copied_within: Duration,
    /// The version that conditions call what is not there, where they know no other way to say it.
    pub(super) absent_version: Option<&'static str>,
}

/// One mounted bucket. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) uri: UfsUri,
    pub(super) ufs_type: &'static str,
    /// Its root is the mounted prefix, so keys are paths relative to the mount.
    pub(super) objects: Operator,
    pub(super) rules: Rules,
    pub(super) gate: Gate,
}

impl Store {
    pub(super) fn capabilities(&self) -> Capabilities {
        let can = self.objects.info().capability();
        Capabilities {
            directories: false,
            atomic_create: can.write_with_if_not_exists,
            rename_file: false,
            rename_directory: false,
            owners: false,
            modes: false,
            space: false,
            ordered_listing: can.list_with_start_after,
            strong_content_hash: true,
            reports_deleted: true,
        }
    }

    /// The path as users know it, for messages.
    pub(super) fn shown(&self, path: &UfsPath) -> String {
        self.uri.join(path).to_string()
    }

    pub(super) fn error(&self, kind: UfsErrorKind, operation: Operation, path: &UfsPath) -> UfsError {
        UfsError::new(kind, operation, self.shown(path))
    }

    /// The key of a file. opendal would cut blanks at the ends of a key, and reach another object.
    pub(super) fn key<'a>(&self, operation: Operation, path: &'a UfsPath) -> Result<&'a str> {
        let key = path.as_str();
        if key.trim() == key {
            return Ok(key);
        }
        Err(self
            .error(UfsErrorKind::InvalidPath, operation, path)
            .because("a path that begins or ends with a blank cannot be used in an object store"))
    }

    /// What the keys of all below a folder begin with, and its marker's key.
    pub(super) fn folder_key(&self, operation: Operation, path: &UfsPath) -> Result<String> {
        Ok(if path.is_root() { "/".to_owned() } else { format!("{}/", self.key(operation, path)?) })
    }

    /// The object that is the file at `path`.
    pub(super) async fn object(&self, operation: Operation, path: &UfsPath) -> Result<Option<Metadata>> {
        if path.is_root() {
            return Ok(None);
        }
        match self.objects.stat(self.key(operation, path)?).await {
            // Only where folders are the store's own.
            Ok(object) if object.is_dir() => Ok(None),
            Ok(object) => Ok(Some(object)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            // The answer to this request has no body, so it does not say why; that to a listing does.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                self.is_folder(operation, path).await?;
                Err(self.failed(operation, path, error))
            }
            Err(error) => Err(self.failed(operation, path, error)),
        }
    }

    /// Whether a folder is at `path`: something lies below it, or its marker is there.
    pub(super) async fn is_folder(&self, operation: Operation, path: &UfsPath) -> Result<bool> {
        if self.rules.real_folders {
            return self.is_real_folder(operation, path).await;
        }
        let key = self.folder_key(operation, path)?;
        let failed = |error| self.unlisted(operation, path, error);
        let mut first = self.objects.lister_with(&key).recursive(true).limit(1).await.map_err(failed)?;
        let any = first.try_next().await.map_err(failed)?.is_some();
        // The bucket itself is there when it answers.
        Ok(any || (path.is_root() && self.uri.path().is_root()))
    }

    pub(super) async fn status(&self, path: &UfsPath) -> Result<Option<UfsStatus>> {
        if let Some(object) = self.object(Operation::Status, path).await? {
            return Ok(Some(self.file(path.clone(), &object)));
        }
        Ok(self.is_folder(Operation::Status, path).await?.then(|| self.folder(path.clone())))
    }

    /// What a file's object tells.
    pub(super) fn file(&self, path: UfsPath, object: &Metadata) -> UfsStatus {
        let length = object.content_length();
        // Listings tell fractions of a second, looking at one object does not.
        let modified_ms = object.last_modified().map(|time| seconds(time) * 1000);
        let tag = object.etag().map(|tag| tag.trim_matches('"')).filter(|tag| !tag.is_empty());
        let hash = tag.map_or_else(
            || UfsStatus::approximate_hash(length, modified_ms.unwrap_or_default()),
            str::to_owned,
        );
        UfsStatus { is_dir: false, length, modified_ms, content_hash: Some(hash), ..self.folder(path) }
    }

    pub(super) fn folder(&self, path: UfsPath) -> UfsStatus {
        let nobody: Arc<str> = "".into();
        UfsStatus {
            path,
            is_dir: true,
            length: 0,
            modified_ms: None,
            owner: nobody.clone(),
            group: nobody,
            mode: self.rules.mode,
            content_hash: None,
        }
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.into_inner().as_second()
}

//! Azure Data Lake Storage Gen2 (`abfs`, `abfss`): a store with folders of its own, which renames and deletes a whole tree in
//! one step.
//!
//! The requests are opendal's, as those of all object stores; their errors and reads are told by the same code. A rename there
//! replaces what stands at its target, so the target is looked at first: what comes in between is lost.

mod change;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod lake_tests;
mod list;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use futures::TryStreamExt;

use self::change::Removed;
use super::gate::Gate;
use super::read::ObjectReader;
use super::store::Store;
use crate::capability::Capabilities;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::listing::{ListOptions, UfsLister};
use crate::options::{CreateOptions, MkdirsOptions};
use crate::path::UfsPath;
use crate::status::{Space, UfsStatus};
use crate::under_fs::{GoOn, UfsReader, UfsWriter, UnderFs};
use crate::uri::UfsUri;

/// A name to ask about when nobody knows what is there.
const ANYTHING: &str = ".alluxio";

/// The under storage of a folder of a file system there. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct LakeUfs {
    pub(super) store: Arc<Store>,
}

impl Store {
    /// Whether a folder is at `path`, where folders are the store's own.
    pub(super) async fn is_real_folder(&self, operation: Operation, path: &UfsPath) -> Result<bool> {
        if !path.is_root() {
            return match self.objects.stat(self.key(operation, path)?).await {
                Ok(found) => Ok(found.is_dir()),
                Err(error) => self.absent(operation, path, error).map(|()| false),
            };
        }
        // Of the mounted folder the library says that it is there, whether it is or not. A listing tells the folder itself.
        let failed = |error| self.unlisted(operation, path, error);
        let mut first = self.objects.lister_with("/").limit(1).await.map_err(failed)?;
        if first.try_next().await.map_err(failed)?.is_some() {
            return Ok(true);
        }
        // A file system that is missing lists as nothing, too. What is said of something in it tells that.
        match self.objects.stat(ANYTHING).await {
            Ok(_) => {}
            Err(error) => self.absent(operation, path, error)?,
        }
        // The top is there with its file system.
        Ok(self.uri.path().is_root())
    }

    /// That nothing is at `path`, if that is what the error says: a file system that is missing says so with the same status.
    fn absent(&self, operation: Operation, path: &UfsPath, error: opendal::Error) -> Result<()> {
        let error = self.failed(operation, path, error);
        if error.kind() == UfsErrorKind::NotFound { Ok(()) } else { Err(error) }
    }
}

impl LakeUfs {
    /// What is at a path, for `operation`.
    async fn look(&self, operation: Operation, path: &UfsPath) -> Result<Option<UfsStatus>> {
        let store = &self.store;
        if path.is_root() {
            return Ok(store.is_real_folder(operation, path).await?.then(|| store.folder(path.clone())));
        }
        match store.objects.stat(store.key(operation, path)?).await {
            Ok(found) if found.is_dir() => Ok(Some(store.folder(path.clone()))),
            Ok(found) => Ok(Some(store.file(path.clone(), &found))),
            Err(error) => store.absent(operation, path, error).map(|()| None),
        }
    }

    /// Fails unless a folder is at `path`, into which something is to be put.
    async fn must_hold(&self, operation: Operation, folder: &UfsPath, wanted: &UfsPath) -> Result<()> {
        let kind = match self.look(operation, folder).await? {
            Some(status) if status.is_dir => return Ok(()),
            Some(_) => UfsErrorKind::NotDirectory,
            None => UfsErrorKind::NotFound,
        };
        let reason = match kind {
            UfsErrorKind::NotFound => format!("the directory {} is not there", self.store.shown(folder)),
            _ => format!("{} is not a directory", self.store.shown(folder)),
        };
        Err(self.store.error(kind, operation, wanted).because(reason))
    }
}

#[async_trait]
impl UnderFs for LakeUfs {
    fn uri(&self) -> &UfsUri {
        &self.store.uri
    }

    fn ufs_type(&self) -> &'static str {
        self.store.ufs_type
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            directories: true,
            // Written aside and renamed; but the rename does not refuse what came to the name meanwhile.
            atomic_create: false,
            rename_file: false,
            rename_directory: true,
            owners: false,
            modes: false,
            space: false,
            ordered_listing: false,
            strong_content_hash: true,
            reports_deleted: true,
        }
    }

    async fn status(&self, path: &UfsPath) -> Result<Option<UfsStatus>> {
        self.look(Operation::Status, path).await
    }

    async fn list(&self, directory: &UfsPath, options: ListOptions) -> Result<Box<dyn UfsLister>> {
        Ok(Box::new(list::LakeLister::new(self.clone(), directory.clone(), options)))
    }

    async fn open(&self, path: &UfsPath, offset: u64, length: Option<u64>) -> Result<Box<dyn UfsReader>> {
        Ok(Box::new(ObjectReader::open(self.store.clone(), path.clone(), offset, length).await?))
    }

    async fn create(&self, path: &UfsPath, options: CreateOptions) -> Result<Box<dyn UfsWriter>> {
        Ok(Box::new(write::LakeWriter::begin(self.clone(), path.clone(), options).await?))
    }

    async fn mkdirs(&self, path: &UfsPath, options: MkdirsOptions) -> Result<bool> {
        self.make_directories(Operation::Mkdirs, path, options.parents.is_some()).await
    }

    async fn delete_file(&self, path: &UfsPath) -> Result<bool> {
        self.remove(path, Removed::File).await
    }

    async fn delete_directory(&self, path: &UfsPath, recursive: bool) -> Result<bool> {
        self.remove(path, if recursive { Removed::Tree } else { Removed::Directory }).await
    }

    fn gated(&self, go_on: GoOn) -> Arc<dyn UnderFs> {
        let gate = Gate::of(go_on);
        Arc::new(Self { store: Arc::new(Store { gate, ..Store::clone(&self.store) }) })
    }

    async fn rename_file(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.rename(from, to, false).await
    }

    async fn rename_directory(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.rename(from, to, true).await
    }

    /// The library neither tells nor sets owners.
    async fn set_owner(&self, _: &UfsPath, _: Option<&str>, _: Option<&str>) -> Result<bool> {
        Ok(false)
    }

    /// Nor permissions.
    async fn set_mode(&self, _: &UfsPath, _: u16) -> Result<bool> {
        Ok(false)
    }

    async fn space(&self) -> Result<Option<Space>> {
        Ok(None)
    }
}

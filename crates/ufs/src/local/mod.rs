//! A folder of this machine, also one that is mounted from elsewhere (NFS and the like).
//!
//! Links are followed, as the original does: a link to a file is that file, a link to a folder is that folder,
//! wherever it points, so who may write in the mounted folder decides what Alluxio can see. Deleting removes the
//! link, never what it points to; overwriting puts a file in place of the link; renaming moves the link.
//! Devices, sockets and pipes do not exist for Alluxio.
//!
//! All calls run on tokio's blocking pool, at most 128 at a time for one mount, so that a file server that
//! hangs cannot take the threads that others (the journal) need.

mod attributes;
mod delete;
mod list;
mod names;
mod read;
mod rename;
mod status;
mod write;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use alluxio_conf::{KeyName, key};
use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::capability::Capabilities;
use crate::driver::{Driver, MountConf};
use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::listing::{ListOptions, UfsLister};
use crate::options::{CreateOptions, MkdirsOptions};
use crate::path::UfsPath;
use crate::status::{Space, UfsStatus};
use crate::under_fs::{GoOn, UfsReader, UfsWriter, UnderFs};
use crate::uri::UfsUri;
use names::Names;

/// Blocking calls under way for one mount: a quarter of tokio's pool (512 threads).
const CALLS: usize = 128;

pub(crate) static DRIVER: Driver = Driver {
    ufs_type: "local",
    schemes: &["file"],
    properties: || vec![key::UNDERFS_LOCAL_SKIP_BROKEN_SYMLINKS.name()],
    retries: false,
    open: |uri, conf| Ok(Arc::new(LocalUfs::new(uri, conf))),
};

/// The under storage of a local or mounted folder. Cheap to clone.
#[derive(Clone)]
pub struct LocalUfs {
    folder: Arc<Folder>,
    calls: Arc<Semaphore>,
    go_on: GoOn,
}

impl fmt::Debug for LocalUfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalUfs").field(&self.folder).finish()
    }
}

/// What the blocking code needs to know of the mount.
#[derive(Debug)]
struct Folder {
    uri: UfsUri,
    root: PathBuf,
    /// A listing leaves broken links out, instead of failing (`alluxio.underfs.local.skip.broken.symlinks`).
    skip_broken_links: bool,
    names: Names,
}

impl Folder {
    /// The path for the operating system. A [`UfsPath`] holds neither `..` nor a leading slash, so this stays
    /// below the root.
    fn locate(&self, path: &UfsPath) -> PathBuf {
        if path.is_root() { self.root.clone() } else { self.root.join(path.as_str()) }
    }

    /// The path as users know it, for messages.
    fn shown(&self, path: &UfsPath) -> String {
        self.uri.join(path).to_string()
    }

    fn error(&self, kind: UfsErrorKind, operation: Operation, path: &UfsPath) -> UfsError {
        UfsError::new(kind, operation, self.shown(path))
    }

    /// A change that may not begin, or not go on.
    fn stopped(&self, operation: Operation, path: &UfsPath) -> UfsError {
        self.error(UfsErrorKind::Unavailable, operation, path).because("it may not be changed any more")
    }

    /// Wraps an operating system error; for `map_err`.
    fn io(&self, operation: Operation, path: &UfsPath) -> impl FnOnce(std::io::Error) -> UfsError {
        let path = self.shown(path);
        move |error| UfsError::io(operation, path, error)
    }
}

impl LocalUfs {
    /// The folder at `uri`, which need not be there yet.
    pub(crate) fn new(uri: UfsUri, conf: &MountConf) -> Self {
        let root = PathBuf::from(format!("/{}", uri.path()));
        let skip_broken_links = conf.get(key::UNDERFS_LOCAL_SKIP_BROKEN_SYMLINKS);
        let folder = Folder { uri, root, skip_broken_links, names: Names::default() };
        let calls = Arc::new(Semaphore::new(CALLS));
        Self { folder: Arc::new(folder), calls, go_on: Arc::new(|| true) }
    }

    /// Runs `call` on the blocking pool. When the caller stops waiting, `call` runs to its end all the same.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: Operation,
        path: &UfsPath,
        call: impl FnOnce(&Arc<Folder>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let stopped = |source: Box<dyn std::error::Error + Send + Sync>| {
            self.folder
                .error(UfsErrorKind::Unavailable, operation, path)
                .because("the process is shutting down")
                .caused_by(source)
        };
        let permit = self.calls.clone().acquire_owned().await.map_err(|error| stopped(error.into()))?;
        let folder = self.folder.clone();
        let work = move || {
            let _held_until_done = permit;
            call(&folder)
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| stopped(error.into()))?
    }

    /// The same for a change. It is asked only there whether it may begin: a thread may have been waited for.
    async fn change<T: Send + 'static>(
        &self,
        operation: Operation,
        path: &UfsPath,
        call: impl FnOnce(&Arc<Folder>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (asked, go_on) = (path.clone(), self.go_on.clone());
        let change = move |folder: &Arc<Folder>| {
            if go_on() { call(folder) } else { Err(folder.stopped(operation, &asked)) }
        };
        self.blocking(operation, path, change).await
    }
}

#[async_trait]
impl UnderFs for LocalUfs {
    fn uri(&self) -> &UfsUri {
        &self.folder.uri
    }

    fn ufs_type(&self) -> &'static str {
        DRIVER.ufs_type
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            directories: true,
            atomic_create: true,
            rename_file: true,
            rename_directory: true,
            owners: true,
            modes: true,
            space: true,
            ordered_listing: true,
            strong_content_hash: false,
            reports_deleted: true,
        }
    }

    async fn status(&self, path: &UfsPath) -> Result<Option<UfsStatus>> {
        let asked = path.clone();
        self.blocking(Operation::Status, path, move |folder| folder.status(Operation::Status, &asked)).await
    }

    async fn list(&self, directory: &UfsPath, options: ListOptions) -> Result<Box<dyn UfsLister>> {
        Ok(Box::new(list::LocalLister::new(self.clone(), directory.clone(), options)))
    }

    async fn open(&self, path: &UfsPath, offset: u64, length: Option<u64>) -> Result<Box<dyn UfsReader>> {
        let asked = path.clone();
        let file = self.blocking(Operation::Open, path, move |folder| folder.open(&asked)).await?;
        Ok(Box::new(read::LocalReader::new(self.clone(), path.clone(), file, offset, length)))
    }

    async fn create(&self, path: &UfsPath, options: CreateOptions) -> Result<Box<dyn UfsWriter>> {
        let asked = path.clone();
        let begun = self.change(Operation::Create, path, move |folder| folder.begin(asked, options)).await?;
        Ok(Box::new(write::LocalWriter::new(self.clone(), begun)))
    }

    async fn mkdirs(&self, path: &UfsPath, options: MkdirsOptions) -> Result<bool> {
        let asked = path.clone();
        let make = move |folder: &Arc<Folder>| folder.mkdirs(Operation::Mkdirs, &asked, &options);
        self.change(Operation::Mkdirs, path, make).await
    }

    async fn delete_file(&self, path: &UfsPath) -> Result<bool> {
        let asked = path.clone();
        self.change(Operation::Delete, path, move |folder| folder.delete_file(&asked)).await
    }

    async fn delete_directory(&self, path: &UfsPath, recursive: bool) -> Result<bool> {
        let asked = path.clone();
        if !recursive {
            let delete = move |folder: &Arc<Folder>| folder.delete_directory(&asked);
            return self.change(Operation::Delete, path, delete).await;
        }
        let go_on = self.go_on.clone();
        self.blocking(Operation::Delete, path, move |folder| folder.delete_tree(&asked, &go_on)).await
    }

    fn gated(&self, go_on: GoOn) -> Arc<dyn UnderFs> {
        Arc::new(Self { go_on, ..self.clone() })
    }

    async fn rename_file(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        let (source, target) = (from.clone(), to.clone());
        self.change(Operation::Rename, from, move |folder| folder.rename(&source, &target, false)).await
    }

    async fn rename_directory(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        let (source, target) = (from.clone(), to.clone());
        self.change(Operation::Rename, from, move |folder| folder.rename(&source, &target, true)).await
    }

    async fn set_owner(&self, path: &UfsPath, owner: Option<&str>, group: Option<&str>) -> Result<bool> {
        let asked = path.clone();
        let (owner, group) = (owner.map(str::to_owned), group.map(str::to_owned));
        let set = move |folder: &Arc<Folder>| folder.set_owner(&asked, owner.as_deref(), group.as_deref());
        self.change(Operation::SetOwner, path, set).await
    }

    async fn set_mode(&self, path: &UfsPath, mode: u16) -> Result<bool> {
        let asked = path.clone();
        self.change(Operation::SetMode, path, move |folder| folder.set_mode(&asked, mode)).await?;
        Ok(true)
    }

    async fn space(&self) -> Result<Option<Space>> {
        self.blocking(Operation::Space, &UfsPath::root(), |folder| folder.space().map(Some)).await
    }
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;

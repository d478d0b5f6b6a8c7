//! HDFS: a folder of it, by the protocol of NameNode and DataNodes (`crates/hdfs`).
//!
//! All is done as one user of HDFS: the Kerberos principal, or whom the environment or this process names. So what
//! that user may not do, Alluxio cannot. The NameNode makes each change in one step, also the delete or the rename
//! of a whole tree. What it has not answered within a limit is `Unavailable` and may still take effect.

mod attributes;
mod change;
mod failure;
mod list;
mod read;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use alluxio_conf::{KeyName, key};
use alluxio_hdfs::{Address, Beginner, ConnectError, Entry, Hdfs, Settings, Trials};
use async_trait::async_trait;

use crate::capability::Capabilities;
use crate::driver::{Driver, MountConf};
use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::listing::{ListOptions, UfsLister};
use crate::options::{CreateOptions, MkdirsOptions};
use crate::path::UfsPath;
use crate::status::{Space, UfsStatus};
use crate::under_fs::{GoOn, UfsReader, UfsWriter, UnderFs};
use crate::uri::UfsUri;
use change::Removed;

pub(crate) static DRIVER: Driver = Driver {
    ufs_type: "hdfs",
    schemes: &["hdfs"],
    properties: || {
        vec![
            key::UNDERFS_HDFS_CONFIGURATION.name(),
            key::MASTER_PRINCIPAL.name(),
            key::MASTER_KEYTAB_FILE.name(),
            key::WORKER_PRINCIPAL.name(),
            key::WORKER_KEYTAB_FILE.name(),
        ]
    },
    retries: false,
    open: |uri, conf| Ok(Arc::new(HdfsUfs::new(uri, conf)?)),
};

/// For a file's first megabyte.
const TRIALS: Trials = Trials {
    limit: Duration::from_secs(2),
    per_step: 4,
    full: 1,
    reduced: 24,
    in_all: Duration::from_secs(60),
    must_sync: false,
};

/// The under storage of a folder on HDFS. Cheap to clone.
#[derive(Clone)]
pub(crate) struct HdfsUfs {
    inner: Arc<Inner>,
    go_on: GoOn,
}

impl fmt::Debug for HdfsUfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HdfsUfs").field(&self.inner).finish()
    }
}

#[derive(Debug)]
struct Inner {
    uri: UfsUri,
    hdfs: Hdfs,
    beginner: Beginner,
    /// `dfs.blocksize` of Hadoop's files or the mount; else what HDFS is set to.
    block_size: Option<u64>,
    /// Taken off the modes that nobody asked for.
    umask: u16,
}

impl HdfsUfs {
    /// The folder at `uri`, which need not be there yet.
    pub(crate) fn new(uri: UfsUri, conf: &MountConf) -> Result<Self> {
        let unusable = |reason: String| {
            UfsError::new(UfsErrorKind::InvalidArgument, Operation::Mount, uri.to_string()).because(reason)
        };
        let refused = |error: ConnectError| unusable(error.to_string()).caused_by(error);
        let address = Address::parse(&uri.to_string()).map_err(refused)?;
        let settings = Settings::of(conf.properties(), conf.options()).map_err(refused)?;
        let number = |name: &str, read: fn(&str) -> Option<u64>| match settings.properties.get(name) {
            None => Ok(None),
            Some(text) => {
                let bad = || unusable(format!("{name} is '{text}', which is no number it can have"));
                read(text.trim()).map(Some).ok_or_else(bad)
            }
        };
        let replication = number("dfs.replication", |text| text.parse::<u16>().ok().map(u64::from))?;
        let block_size = number("dfs.blocksize", size)?;
        let umask = number("fs.permissions.umask-mode", |text| u64::from_str_radix(text, 8).ok())?;
        let hdfs = Hdfs::new(&address.authority, settings).map_err(refused)?;
        let copies = replication.and_then(|copies| u32::try_from(copies).ok());
        let beginner = Beginner::new(copies, TRIALS);
        let umask = umask.map_or(0o022, |umask| umask as u16 & 0o777);
        let inner = Inner { uri, hdfs, beginner, block_size, umask };
        Ok(Self { inner: Arc::new(inner), go_on: Arc::new(|| true) })
    }

    /// To be called right before each step that changes something.
    async fn may_change(&self, operation: Operation, path: &UfsPath) -> Result<()> {
        let go_on = self.go_on.clone();
        if tokio::task::spawn_blocking(move || go_on()).await.is_ok_and(|may| may) {
            return Ok(());
        }
        Err(self
            .inner
            .error(UfsErrorKind::Unavailable, operation, path)
            .because("it may not be changed any more"))
    }
}

/// A size as Hadoop writes it: `134217728`, `128m`.
fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
}

impl Inner {
    /// The path for HDFS.
    fn locate(&self, path: &UfsPath) -> String {
        format!("/{}", self.uri.path().join(path))
    }

    fn status_of(&self, path: UfsPath, entry: &Entry) -> UfsStatus {
        let modified = i64::try_from(entry.modified).unwrap_or(i64::MAX);
        UfsStatus {
            path,
            is_dir: entry.is_folder,
            length: if entry.is_folder { 0 } else { entry.length },
            modified_ms: Some(modified),
            owner: entry.owner.as_str().into(),
            group: entry.group.as_str().into(),
            mode: entry.permissions & 0o777,
            content_hash: (!entry.is_folder).then(|| UfsStatus::approximate_hash(entry.length, modified)),
        }
    }

    /// What is at a path, for `operation`.
    async fn look(&self, operation: Operation, path: &UfsPath) -> Result<Option<Entry>> {
        match self.hdfs.status(&self.locate(path)).await {
            // Below a file nothing is.
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(None),
            found => found.map_err(self.failed(operation, path)),
        }
    }
}

#[async_trait]
impl UnderFs for HdfsUfs {
    fn uri(&self) -> &UfsUri {
        &self.inner.uri
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
            // The library has no call for it.
            space: false,
            ordered_listing: false,
            strong_content_hash: false,
            reports_deleted: true,
        }
    }

    async fn status(&self, path: &UfsPath) -> Result<Option<UfsStatus>> {
        let found = self.inner.look(Operation::Status, path).await?;
        Ok(found.map(|entry| self.inner.status_of(path.clone(), &entry)))
    }

    async fn list(&self, directory: &UfsPath, options: ListOptions) -> Result<Box<dyn UfsLister>> {
        Ok(Box::new(list::HdfsLister::new(self.inner.clone(), directory.clone(), options)))
    }

    async fn open(&self, path: &UfsPath, offset: u64, length: Option<u64>) -> Result<Box<dyn UfsReader>> {
        Ok(Box::new(self.inner.open(path, offset, length).await?))
    }

    async fn create(&self, path: &UfsPath, options: CreateOptions) -> Result<Box<dyn UfsWriter>> {
        Ok(Box::new(write::HdfsWriter::begin(self.clone(), path.clone(), options).await?))
    }

    async fn mkdirs(&self, path: &UfsPath, options: MkdirsOptions) -> Result<bool> {
        self.make_directories(Operation::Mkdirs, path, &options).await
    }

    async fn delete_file(&self, path: &UfsPath) -> Result<bool> {
        self.remove(path, Removed::File).await
    }

    async fn delete_directory(&self, path: &UfsPath, recursive: bool) -> Result<bool> {
        self.remove(path, if recursive { Removed::Tree } else { Removed::Directory }).await
    }

    fn gated(&self, go_on: GoOn) -> Arc<dyn UnderFs> {
        Arc::new(Self { go_on, ..self.clone() })
    }

    async fn rename_file(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.rename(from, to, false).await
    }

    async fn rename_directory(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.rename(from, to, true).await
    }

    async fn set_owner(&self, path: &UfsPath, owner: Option<&str>, group: Option<&str>) -> Result<bool> {
        self.may_change(Operation::SetOwner, path).await?;
        self.inner.set_owner(path, owner, group).await
    }

    async fn set_mode(&self, path: &UfsPath, mode: u16) -> Result<bool> {
        self.may_change(Operation::SetMode, path).await?;
        self.inner.set_mode(path, mode).await?;
        Ok(true)
    }

    async fn space(&self) -> Result<Option<Space>> {
        Ok(None)
    }
}

#[cfg(test)]
#[path = "hdfs_tests.rs"]
mod tests;

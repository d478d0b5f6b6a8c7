//! A wrapper that makes an under storage fail or dawdle on purpose, for tests of those who use one.
//!
//! ```
//! use std::sync::Arc;
//! use alluxio_ufs::{Operation, UfsErrorKind, UnderFs, UfsPath, faults::{Fault, FaultyUfs}, open_ufs};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let real = open_ufs(&alluxio_conf::Configuration::defaults(), "/tmp", &Default::default()).unwrap();
//! let ufs = Arc::new(FaultyUfs::new(real));
//! ufs.inject(Fault::fail(Operation::Status, UfsErrorKind::Unavailable).times(1));
//! assert!(ufs.status(&UfsPath::root()).await.is_err());
//! assert!(ufs.status(&UfsPath::root()).await.is_ok());
//! # }
//! ```

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::capability::Capabilities;
use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::listing::{ListOptions, ListPage, UfsLister};
use crate::options::{CreateOptions, MkdirsOptions};
use crate::path::UfsPath;
use crate::status::{Space, UfsStatus};
use crate::under_fs::{GoOn, UfsReader, UfsWriter, UnderFs};
use crate::uri::UfsUri;

/// Something that goes wrong in calls of one operation.
#[derive(Clone, Debug)]
pub struct Fault {
    operation: Operation,
    delay: Duration,
    error: Option<UfsErrorKind>,
    /// Only paths that contain this.
    path: String,
    /// Calls that go well first.
    after: u64,
    /// Calls that it hits, then it is over.
    times: u64,
    /// The call takes effect before it fails, as when an answer is lost.
    lost_answer: bool,
    /// What others do just before the call.
    meanwhile: Option<Meanwhile>,
}

#[derive(Clone)]
struct Meanwhile(Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl Fault {
    /// Calls of `operation` fail.
    pub fn fail(operation: Operation, error: UfsErrorKind) -> Self {
        Self { error: Some(error), ..Self::delay(operation, Duration::ZERO) }
    }

    /// Calls of `operation` take longer.
    pub fn delay(operation: Operation, delay: Duration) -> Self {
        let path = String::new();
        Self {
            operation,
            delay,
            error: None,
            path,
            after: 0,
            times: u64::MAX,
            lost_answer: false,
            meanwhile: None,
        }
    }

    /// Others do this just before calls of `operation`.
    pub fn meanwhile(operation: Operation, others: impl Fn() + Send + Sync + 'static) -> Self {
        let meanwhile = Some(Meanwhile(Arc::new(others)));
        Self { meanwhile, ..Self::delay(operation, Duration::ZERO) }
    }

    /// Only for paths (relative to the mounted address) that contain `part`.
    #[must_use]
    pub fn on(mut self, part: &str) -> Self {
        self.path = part.to_owned();
        self
    }

    /// Only after `calls` that go well.
    #[must_use]
    pub fn after(mut self, calls: u64) -> Self {
        self.after = calls;
        self
    }

    /// Only so many calls.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.times = calls;
        self
    }

    /// The call takes effect, and fails only then.
    #[must_use]
    pub fn losing_the_answer(mut self) -> Self {
        self.lost_answer = true;
        self
    }
}

/// An under storage with faults.
#[derive(Clone, Debug)]
pub struct FaultyUfs {
    inner: Arc<dyn UnderFs>,
    faults: Arc<Mutex<Vec<Fault>>>,
    copies: Option<Tags>,
}

/// The tags of a store that renames by copies.
#[derive(Clone, Copy, Debug)]
enum Tags {
    /// Those of copies are others.
    OfPlaces,
    /// Sums of the content, which copies keep.
    Sums,
}

impl FaultyUfs {
    /// Behaves as `inner` until a fault is injected.
    pub fn new(inner: Arc<dyn UnderFs>) -> Self {
        Self { inner, faults: Arc::default(), copies: None }
    }

    /// The same, as a store that renames by copies which have other tags.
    pub fn copying(inner: Arc<dyn UnderFs>) -> Self {
        Self { copies: Some(Tags::OfPlaces), ..Self::new(inner) }
    }

    /// The same, as a store that renames by copies, and whose tags look as MD5 sums do.
    pub fn copying_sums(inner: Arc<dyn UnderFs>) -> Self {
        Self { copies: Some(Tags::Sums), ..Self::new(inner) }
    }

    fn tagged(&self, status: UfsStatus) -> UfsStatus {
        let tag = |hash: String| match self.copies {
            None => hash,
            Some(Tags::OfPlaces) => format!("{}:{hash}", status.path),
            Some(Tags::Sums) => {
                let mut sum = DefaultHasher::new();
                hash.hash(&mut sum);
                format!("{:032x}", sum.finish())
            }
        };
        UfsStatus { content_hash: status.content_hash.clone().map(tag), ..status }
    }

    /// From now on.
    pub fn inject(&self, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// No more faults.
    pub fn heal(&self) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Makes `call` with the faults that apply.
    async fn with_faults<T>(
        &self,
        operation: Operation,
        path: &UfsPath,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let (delay, error, meanwhile) = self.draw(operation, path);
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        meanwhile.iter().for_each(|others| (others.0)());
        let failure = |kind| {
            UfsError::new(kind, operation, self.inner.uri().join(path).to_string()).because("injected fault")
        };
        match error {
            None => call.await,
            Some((kind, false)) => Err(failure(kind)),
            Some((kind, true)) => call.await.and_then(|_| Err(failure(kind))),
        }
    }

    /// What this call suffers: a delay, an error with whether only the answer is lost, and others.
    fn draw(
        &self,
        operation: Operation,
        path: &UfsPath,
    ) -> (Duration, Option<(UfsErrorKind, bool)>, Vec<Meanwhile>) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut delay, mut error, mut meanwhile) = (Duration::ZERO, None, Vec::new());
        for fault in faults.iter_mut() {
            if fault.operation != operation || !path.as_str().contains(&fault.path) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            if fault.times == 0 {
                continue;
            }
            fault.times -= 1;
            delay += fault.delay;
            meanwhile.extend(fault.meanwhile.clone());
            error = error.or(fault.error.map(|kind| (kind, fault.lost_answer)));
        }
        (delay, error, meanwhile)
    }
}

#[async_trait]
impl UnderFs for FaultyUfs {
    fn uri(&self) -> &UfsUri {
        self.inner.uri()
    }

    fn ufs_type(&self) -> &'static str {
        self.inner.ufs_type()
    }

    fn capabilities(&self) -> Capabilities {
        let can = self.inner.capabilities();
        let renames = |one_step: bool| one_step && self.copies.is_none();
        Capabilities {
            rename_file: renames(can.rename_file),
            rename_directory: renames(can.rename_directory),
            ..can
        }
    }

    async fn status(&self, path: &UfsPath) -> Result<Option<UfsStatus>> {
        let status = self.with_faults(Operation::Status, path, self.inner.status(path)).await?;
        Ok(status.map(|status| self.tagged(status)))
    }

    async fn list(&self, directory: &UfsPath, options: ListOptions) -> Result<Box<dyn UfsLister>> {
        let inner = self.inner.list(directory, options).await?;
        Ok(Box::new(FaultyLister { ufs: self.clone(), directory: directory.clone(), inner }))
    }

    async fn open(&self, path: &UfsPath, offset: u64, length: Option<u64>) -> Result<Box<dyn UfsReader>> {
        let open = self.inner.open(path, offset, length);
        let inner = self.with_faults(Operation::Open, path, open).await?;
        Ok(Box::new(FaultyReader { ufs: self.clone(), path: path.clone(), inner }))
    }

    async fn create(&self, path: &UfsPath, options: CreateOptions) -> Result<Box<dyn UfsWriter>> {
        let create = self.inner.create(path, options);
        let inner = self.with_faults(Operation::Create, path, create).await?;
        Ok(Box::new(FaultyWriter { ufs: self.clone(), path: path.clone(), inner }))
    }

    async fn mkdirs(&self, path: &UfsPath, options: MkdirsOptions) -> Result<bool> {
        self.with_faults(Operation::Mkdirs, path, self.inner.mkdirs(path, options)).await
    }

    async fn delete_file(&self, path: &UfsPath) -> Result<bool> {
        self.with_faults(Operation::Delete, path, self.inner.delete_file(path)).await
    }

    async fn delete_directory(&self, path: &UfsPath, recursive: bool) -> Result<bool> {
        self.with_faults(Operation::Delete, path, self.inner.delete_directory(path, recursive)).await
    }

    fn gated(&self, go_on: GoOn) -> Arc<dyn UnderFs> {
        Arc::new(Self { inner: self.inner.gated(go_on), ..self.clone() })
    }

    async fn rename_file(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.with_faults(Operation::Rename, from, self.inner.rename_file(from, to)).await
    }

    async fn rename_directory(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.with_faults(Operation::Rename, from, self.inner.rename_directory(from, to)).await
    }

    async fn set_owner(&self, path: &UfsPath, owner: Option<&str>, group: Option<&str>) -> Result<bool> {
        self.with_faults(Operation::SetOwner, path, self.inner.set_owner(path, owner, group)).await
    }

    async fn set_mode(&self, path: &UfsPath, mode: u16) -> Result<bool> {
        self.with_faults(Operation::SetMode, path, self.inner.set_mode(path, mode)).await
    }

    async fn space(&self) -> Result<Option<Space>> {
        self.with_faults(Operation::Space, &UfsPath::root(), self.inner.space()).await
    }
}

struct FaultyLister {
    ufs: FaultyUfs,
    directory: UfsPath,
    inner: Box<dyn UfsLister>,
}

#[async_trait]
impl UfsLister for FaultyLister {
    async fn next(&mut self) -> Result<Option<ListPage>> {
        let page = self.ufs.with_faults(Operation::List, &self.directory, self.inner.next()).await?;
        Ok(page.map(|page| {
            let entries = page.entries.into_iter().map(|status| self.ufs.tagged(status)).collect();
            ListPage { entries, ..page }
        }))
    }
}

struct FaultyReader {
    ufs: FaultyUfs,
    path: UfsPath,
    inner: Box<dyn UfsReader>,
}

#[async_trait]
impl UfsReader for FaultyReader {
    async fn read(&mut self, max: usize) -> Result<Bytes> {
        self.ufs.with_faults(Operation::Read, &self.path, self.inner.read(max)).await
    }

    async fn content_hash(&mut self) -> Result<Option<String>> {
        self.inner.content_hash().await
    }
}

struct FaultyWriter {
    ufs: FaultyUfs,
    path: UfsPath,
    inner: Box<dyn UfsWriter>,
}

#[async_trait]
impl UfsWriter for FaultyWriter {
    async fn write(&mut self, data: Bytes) -> Result<()> {
        self.ufs.with_faults(Operation::Write, &self.path, self.inner.write(data)).await
    }

    async fn close(self: Box<Self>) -> Result<UfsStatus> {
        let status = self.ufs.with_faults(Operation::Close, &self.path, self.inner.close()).await?;
        Ok(self.ufs.tagged(status))
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.ufs.with_faults(Operation::Abort, &self.path, self.inner.abort()).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn faulty() -> (tempfile::TempDir, FaultyUfs) {
        let folder = tempfile::tempdir().unwrap();
        let real = crate::open_ufs(
            &alluxio_conf::Configuration::defaults(),
            folder.path().to_str().unwrap(),
            &Default::default(),
        )
        .unwrap();
        (folder, FaultyUfs::new(real))
    }

    #[tokio::test]
    async fn only_the_chosen_calls_fail() {
        let (_folder, ufs) = faulty();
        ufs.inject(Fault::fail(Operation::Write, UfsErrorKind::NoSpace).on("full").after(1).times(1));
        for (name, fails) in [("full", true), ("other", false), ("full", false)] {
            let path = UfsPath::parse(name).unwrap();
            let mut writer = ufs.create(&path, CreateOptions::default()).await.unwrap();
            writer.write(Bytes::from_static(b"one")).await.unwrap();
            let second = writer.write(Bytes::from_static(b"two")).await;
            assert_eq!(second.map_err(|error| error.kind()).err(), fails.then_some(UfsErrorKind::NoSpace));
            writer.abort().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_lost_answer_has_taken_effect() {
        let (_folder, ufs) = faulty();
        let lost = Fault::fail(Operation::Mkdirs, UfsErrorKind::Unavailable).losing_the_answer();
        ufs.inject(lost);
        let path = UfsPath::parse("made").unwrap();
        assert!(ufs.mkdirs(&path, MkdirsOptions::default()).await.is_err());
        assert!(ufs.status(&path).await.unwrap().is_some());
        ufs.heal();
        assert!(!ufs.mkdirs(&path, MkdirsOptions::default()).await.unwrap());
    }

    #[tokio::test]
    async fn delays_delay() {
        let (_folder, ufs) = faulty();
        ufs.inject(Fault::delay(Operation::Status, Duration::from_millis(50)));
        let began = Instant::now();
        ufs.status(&UfsPath::root()).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(50));
    }
}

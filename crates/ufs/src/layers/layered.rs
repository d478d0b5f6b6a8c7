//! The wrapper that hands each call of an under storage to a layer.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::figures::Session;
use super::{Attempts, Call, Method};
use crate::capability::Capabilities;
use crate::error::Result;
use crate::fingerprint::Fingerprint;
use crate::listing::{ListOptions, ListPage, UfsLister};
use crate::options::{CreateOptions, MkdirsOptions};
use crate::path::UfsPath;
use crate::status::{Space, UfsStatus};
use crate::under_fs::{GoOn, UfsReader, UfsWriter, UnderFs};
use crate::uri::UfsUri;

/// What is done around a call. Cheap to clone; clones share what is counted.
pub(super) trait Layer: Clone + fmt::Debug + Send + Sync + 'static {
    /// Makes a call that may be made once only.
    fn once<T: Send>(
        &self,
        call: Call<'_>,
        made: impl Future<Output = Result<T>> + Send,
    ) -> impl Future<Output = Result<T>> + Send;

    /// Held for as long as a call, or what it opened, uses the store.
    fn session(&self) -> Option<Session> {
        None
    }

    /// How often a call may be made anew that is safe to repeat.
    fn attempts(&self) -> Attempts {
        Attempts::none()
    }
}

/// An under storage with a layer around it.
#[derive(Clone, Debug)]
pub(super) struct Layered<L> {
    inner: Arc<dyn UnderFs>,
    layer: L,
}

impl<L: Layer> Layered<L> {
    pub(super) fn new(inner: Arc<dyn UnderFs>, layer: L) -> Self {
        Self { inner, layer }
    }

    async fn once<T: Send>(
        &self,
        method: Method,
        path: &UfsPath,
        made: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        self.layer.once(Call { method, uri: self.inner.uri(), path }, made).await
    }

    /// A call that leads to the same when it is made twice.
    async fn repeatable<T: Send, F>(
        &self,
        method: Method,
        path: &UfsPath,
        make: impl Fn() -> F + Send + Sync,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let mut attempts = self.layer.attempts();
        loop {
            match self.once(method, path, make()).await {
                Err(error) if attempts.are_left_after(&error).await => {}
                done => return done,
            }
        }
    }
}

#[async_trait]
impl<L: Layer> UnderFs for Layered<L> {
    fn uri(&self) -> &UfsUri {
        self.inner.uri()
    }

    fn ufs_type(&self) -> &'static str {
        self.inner.ufs_type()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn status(&self, path: &UfsPath) -> Result<Option<UfsStatus>> {
        self.repeatable(Method::Status, path, || self.inner.status(path)).await
    }

    async fn list(&self, directory: &UfsPath, options: ListOptions) -> Result<Box<dyn UfsLister>> {
        let begin = || self.inner.list(directory, options.clone());
        let session = self.layer.session();
        let inner = self.repeatable(Method::List, directory, begin).await?;
        let ufs = self.clone();
        Ok(Box::new(LayeredLister { ufs, directory: directory.clone(), options, inner, _session: session }))
    }

    async fn open(&self, path: &UfsPath, offset: u64, length: Option<u64>) -> Result<Box<dyn UfsReader>> {
        let session = self.layer.session();
        let inner = self.repeatable(Method::Open, path, || self.inner.open(path, offset, length)).await?;
        Ok(Box::new(LayeredReader { ufs: self.clone(), path: path.clone(), inner, _session: session }))
    }

    async fn create(&self, path: &UfsPath, options: CreateOptions) -> Result<Box<dyn UfsWriter>> {
        let session = self.layer.session();
        let inner = self.once(Method::Create, path, self.inner.create(path, options)).await?;
        Ok(Box::new(LayeredWriter { ufs: self.clone(), path: path.clone(), inner, _session: session }))
    }

    async fn mkdirs(&self, path: &UfsPath, options: MkdirsOptions) -> Result<bool> {
        self.once(Method::Mkdirs, path, self.inner.mkdirs(path, options)).await
    }

    async fn delete_file(&self, path: &UfsPath) -> Result<bool> {
        self.once(Method::DeleteFile, path, self.inner.delete_file(path)).await
    }

    async fn delete_directory(&self, path: &UfsPath, recursive: bool) -> Result<bool> {
        let deleted = self.inner.delete_directory(path, recursive);
        self.once(Method::DeleteDirectory, path, deleted).await
    }

    fn gated(&self, go_on: GoOn) -> Arc<dyn UnderFs> {
        Arc::new(Self { inner: self.inner.gated(go_on), layer: self.layer.clone() })
    }

    async fn rename_file(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.once(Method::RenameFile, from, self.inner.rename_file(from, to)).await
    }

    async fn rename_directory(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.once(Method::RenameDirectory, from, self.inner.rename_directory(from, to)).await
    }

    async fn set_owner(&self, path: &UfsPath, owner: Option<&str>, group: Option<&str>) -> Result<bool> {
        self.repeatable(Method::SetOwner, path, || self.inner.set_owner(path, owner, group)).await
    }

    async fn set_mode(&self, path: &UfsPath, mode: u16) -> Result<bool> {
        self.repeatable(Method::SetMode, path, || self.inner.set_mode(path, mode)).await
    }

    async fn space(&self) -> Result<Option<Space>> {
        self.repeatable(Method::Space, &UfsPath::root(), || self.inner.space()).await
    }

    async fn fingerprint(&self, path: &UfsPath) -> Result<Option<Fingerprint>> {
        self.repeatable(Method::Fingerprint, path, || self.inner.fingerprint(path)).await
    }

    async fn read_range(&self, path: &UfsPath, offset: u64, length: usize) -> Result<Bytes> {
        self.repeatable(Method::Read, path, || self.inner.read_range(path, offset, length)).await
    }
}

struct LayeredLister<L> {
    ufs: Layered<L>,
    directory: UfsPath,
    /// How the listing goes on behind the pages that were told.
    options: ListOptions,
    inner: Box<dyn UfsLister>,
    _session: Option<Session>,
}

#[async_trait]
impl<L: Layer> UfsLister for LayeredLister<L> {
    /// A page that failed is asked for in a new listing, which begins behind the page before.
    async fn next(&mut self) -> Result<Option<ListPage>> {
        let mut attempts = match self.ufs.capabilities().ordered_listing {
            true => self.ufs.layer.attempts(),
            false => Attempts::none(),
        };
        loop {
            let error = match self.ufs.once(Method::Page, &self.directory, self.inner.next()).await {
                Ok(page) => {
                    if let Some(page) = page.as_ref().filter(|page| !page.resume.is_empty()) {
                        self.options.start_after = Some(page.resume.clone());
                    }
                    return Ok(page);
                }
                Err(error) => error,
            };
            if !attempts.are_left_after(&error).await {
                return Err(error);
            }
            let anew = self.ufs.inner.list(&self.directory, self.options.clone());
            self.inner = self.ufs.once(Method::List, &self.directory, anew).await?;
        }
    }
}

struct LayeredReader<L> {
    ufs: Layered<L>,
    path: UfsPath,
    inner: Box<dyn UfsReader>,
    _session: Option<Session>,
}

#[async_trait]
impl<L: Layer> UfsReader for LayeredReader<L> {
    async fn read(&mut self, max: usize) -> Result<Bytes> {
        self.ufs.once(Method::Read, &self.path, self.inner.read(max)).await
    }

    async fn content_hash(&mut self) -> Result<Option<String>> {
        self.ufs.once(Method::Read, &self.path, self.inner.content_hash()).await
    }
}

struct LayeredWriter<L> {
    ufs: Layered<L>,
    path: UfsPath,
    inner: Box<dyn UfsWriter>,
    _session: Option<Session>,
}

#[async_trait]
impl<L: Layer> UfsWriter for LayeredWriter<L> {
    async fn write(&mut self, data: Bytes) -> Result<()> {
        self.ufs.once(Method::Write, &self.path, self.inner.write(data)).await
    }

    async fn close(self: Box<Self>) -> Result<UfsStatus> {
        self.ufs.once(Method::Close, &self.path, self.inner.close()).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.ufs.once(Method::Abort, &self.path, self.inner.abort()).await
    }
}

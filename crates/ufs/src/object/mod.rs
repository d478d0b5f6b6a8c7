//! Object stores (S3 and what speaks it, GCS, Azure Blob, OSS, COS, OBS) as folders and files.
//!
//! A file is an object; its key is its path. A folder is there when an object lies below it: a file, or the folder's own
//! marker, an empty object whose key ends with `/`. `mkdirs` writes markers, as the original does; reading and listing
//! never write. Nothing is renamed in place: a rename copies, then deletes ([`rename`]).
//!
//! The requests are opendal's (decision 23): signing, retries with
//! jitter of each request, multipart uploads and copies. What is ours: folders, key order, what is checked before and
//! after, and the words of errors.

mod copy;
mod delete;
mod errors;
mod folders;
mod gate;
mod http;
mod key_order;
mod lake;
mod list;
#[cfg(test)]
mod odd_stores;
mod read;
mod rename;
mod store;
mod stores;
mod twins;
mod write;

use std::sync::Arc;

use async_trait::async_trait;

use crate::capability::Capabilities;
use crate::error::Result;
use crate::listing::{ListOptions, UfsLister};
use crate::options::{CreateOptions, MkdirsOptions};
use crate::path::UfsPath;
use crate::status::{Space, UfsStatus};
use crate::under_fs::{GoOn, UfsReader, UfsWriter, UnderFs};
use crate::uri::UfsUri;
use gate::Gate;
use store::Store;
pub(crate) use stores::DRIVERS;

/// The under storage of a bucket, or of what lies below a prefix of its keys. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ObjectUfs {
    store: Arc<Store>,
}

#[async_trait]
impl UnderFs for ObjectUfs {
    fn uri(&self) -> &UfsUri {
        &self.store.uri
    }

    fn ufs_type(&self) -> &'static str {
        self.store.ufs_type
    }

    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn status(&self, path: &UfsPath) -> Result<Option<UfsStatus>> {
        self.store.status(path).await
    }

    async fn list(&self, directory: &UfsPath, options: ListOptions) -> Result<Box<dyn UfsLister>> {
        Ok(Box::new(list::ObjectLister::new(self.store.clone(), directory.clone(), options)))
    }

    async fn open(&self, path: &UfsPath, offset: u64, length: Option<u64>) -> Result<Box<dyn UfsReader>> {
        Ok(Box::new(read::ObjectReader::open(self.store.clone(), path.clone(), offset, length).await?))
    }

    async fn create(&self, path: &UfsPath, options: CreateOptions) -> Result<Box<dyn UfsWriter>> {
        Ok(Box::new(write::ObjectWriter::begin(self.store.clone(), path.clone(), options).await?))
    }

    async fn mkdirs(&self, path: &UfsPath, options: MkdirsOptions) -> Result<bool> {
        self.store.mkdirs(path, &options).await
    }

    async fn delete_file(&self, path: &UfsPath) -> Result<bool> {
        self.store.delete_file(path).await
    }

    async fn delete_directory(&self, path: &UfsPath, recursive: bool) -> Result<bool> {
        if recursive { self.store.delete_tree(path).await } else { self.store.delete_empty(path).await }
    }

    fn gated(&self, go_on: GoOn) -> Arc<dyn UnderFs> {
        let gate = Gate::of(go_on);
        Arc::new(Self { store: Arc::new(Store { gate, ..Store::clone(&self.store) }) })
    }

    async fn rename_file(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.store.rename_file(from, to).await
    }

    async fn rename_directory(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.store.rename_directory(from, to).await
    }

    /// Objects have no owner of their own.
    async fn set_owner(&self, _: &UfsPath, _: Option<&str>, _: Option<&str>) -> Result<bool> {
        Ok(false)
    }

    /// Objects have no permission bits.
    async fn set_mode(&self, _: &UfsPath, _: u16) -> Result<bool> {
        Ok(false)
    }

    /// A bucket has no size.
    async fn space(&self) -> Result<Option<Space>> {
        Ok(None)
    }
}

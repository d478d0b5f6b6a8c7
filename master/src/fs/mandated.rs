//! An under storage that changes only while this master leads.
//!
//! A leader that was deposed while it slept must not change what its successor relies on. The journal has a fence;
//! under storages have none. So a change begins only while much of the lease is left, and each step of one that takes
//! many. That is looked at twice: before anything is asked of the store, where waiting costs nothing, and on the thread that
//! makes the change, right before it. What remains is the step that has begun when the machine stops: nothing can take
//! it back (docs/under-storage-order.md).

use std::sync::Arc;

use alluxio_ufs::{
    Capabilities, CreateOptions, Fingerprint, GoOn, ListOptions, MkdirsOptions, Operation, Result, Space,
    UfsError, UfsErrorKind, UfsLister, UfsPath, UfsReader, UfsStatus, UfsUri, UfsWriter, UnderFs,
};
use async_trait::async_trait;
use bytes::Bytes;

use crate::mandate::Mandate;

#[derive(Debug)]
pub struct Mandated {
    inner: Arc<dyn UnderFs>,
    mandate: Mandate,
}

impl Mandated {
    pub fn new(inner: &dyn UnderFs, mandate: Mandate) -> Self {
        let begins = mandate.clone();
        Self { inner: inner.gated(Arc::new(move || begins.waits_until_firm())), mandate }
    }

    async fn check(&self, operation: Operation, path: &UfsPath) -> Result<()> {
        if self.mandate.is_firm().await {
            return Ok(());
        }
        // Nobody is told: the answers of a leadership that is over are not sent.
        let text = format!("{}/{path}", self.inner.uri());
        Err(UfsError::new(UfsErrorKind::Unavailable, operation, text)
            .because("this master does not lead any more"))
    }
}

#[async_trait]
impl UnderFs for Mandated {
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
        self.inner.status(path).await
    }

    async fn list(&self, directory: &UfsPath, options: ListOptions) -> Result<Box<dyn UfsLister>> {
        self.inner.list(directory, options).await
    }

    async fn open(&self, path: &UfsPath, offset: u64, length: Option<u64>) -> Result<Box<dyn UfsReader>> {
        self.inner.open(path, offset, length).await
    }

    async fn create(&self, path: &UfsPath, options: CreateOptions) -> Result<Box<dyn UfsWriter>> {
        self.check(Operation::Create, path).await?;
        self.inner.create(path, options).await
    }

    async fn mkdirs(&self, path: &UfsPath, options: MkdirsOptions) -> Result<bool> {
        self.check(Operation::Mkdirs, path).await?;
        self.inner.mkdirs(path, options).await
    }

    async fn delete_file(&self, path: &UfsPath) -> Result<bool> {
        self.check(Operation::Delete, path).await?;
        self.inner.delete_file(path).await
    }

    async fn delete_directory(&self, path: &UfsPath, recursive: bool) -> Result<bool> {
        self.check(Operation::Delete, path).await?;
        self.inner.delete_directory(path, recursive).await
    }

    fn gated(&self, go_on: GoOn) -> Arc<dyn UnderFs> {
        let mandate = self.mandate.clone();
        let both: GoOn = Arc::new(move || go_on() && mandate.waits_until_firm());
        Arc::new(Self { inner: self.inner.gated(both), mandate: self.mandate.clone() })
    }

    async fn rename_file(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.check(Operation::Rename, from).await?;
        self.inner.rename_file(from, to).await
    }

    async fn rename_directory(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        self.check(Operation::Rename, from).await?;
        self.inner.rename_directory(from, to).await
    }

    async fn set_owner(&self, path: &UfsPath, owner: Option<&str>, group: Option<&str>) -> Result<bool> {
        self.check(Operation::SetOwner, path).await?;
        self.inner.set_owner(path, owner, group).await
    }

    async fn set_mode(&self, path: &UfsPath, mode: u16) -> Result<bool> {
        self.check(Operation::SetMode, path).await?;
        self.inner.set_mode(path, mode).await
    }

    async fn space(&self) -> Result<Option<Space>> {
        self.inner.space().await
    }

    async fn fingerprint(&self, path: &UfsPath) -> Result<Option<Fingerprint>> {
        self.inner.fingerprint(path).await
    }

    async fn read_range(&self, path: &UfsPath, offset: u64, length: usize) -> Result<Bytes> {
        self.inner.read_range(path, offset, length).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_changed_when_the_leadership_is_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f"), "x").unwrap();
        let uri = folder.path().display().to_string();
        let inner =
            alluxio_ufs::open_ufs(&alluxio_conf::Configuration::defaults(), &uri, &Default::default())
                .unwrap();
        let ufs = Mandated::new(&*inner, Mandate::sole());
        let path = |name: &str| UfsPath::parse(name).unwrap();
        let (file, other) = (path("f"), path("g"));
        ufs.mkdirs(&path("d"), MkdirsOptions::default()).await.unwrap();
        ufs.mandate.end();
        assert!(ufs.delete_file(&file).await.is_err());
        assert!(ufs.rename_file(&file, &other).await.is_err());
        assert!(ufs.rename_directory(&path("d"), &path("e")).await.is_err());
        assert!(ufs.delete_directory(&path("d"), true).await.is_err());
        assert!(ufs.mkdirs(&path("h"), MkdirsOptions::default()).await.is_err());
        assert!(ufs.create(&path("i"), CreateOptions::default()).await.is_err());
        assert!(ufs.set_mode(&file, 0o600).await.is_err());
        assert!(ufs.set_owner(&file, Some("root"), None).await.is_err());
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["d", "f"]);
        assert!(ufs.status(&file).await.unwrap().is_some(), "it may still be looked at");
    }
}

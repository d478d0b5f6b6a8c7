//! Writing: into a temporary file, which gets its name when it is whole.

use async_trait::async_trait;
use bytes::Bytes;

use super::super::write::ObjectWriter;
use super::LakeUfs;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::options::CreateOptions;
use crate::path::UfsPath;
use crate::status::UfsStatus;
use crate::temporary::temporary_name;
use crate::under_fs::UfsWriter;

/// A file being written.
pub(super) struct LakeWriter {
    file: Temporary,
    target: UfsPath,
    overwrite: bool,
    /// None once it is closed or given up.
    data: Option<ObjectWriter>,
}

/// The file that is written to. Deleted when it is dropped without having got its name.
struct Temporary {
    ufs: LakeUfs,
    path: UfsPath,
    is_left: bool,
}

impl Temporary {
    async fn discard(mut self) -> Result<()> {
        self.is_left = false;
        let key = self.ufs.store.key(Operation::Abort, &self.path)?;
        let deleted = self.ufs.store.objects.delete(key).await;
        deleted.map_err(|error| self.ufs.store.failed(Operation::Abort, &self.path, error))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Without a runtime the process is at its end.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.is_left {
            let left = Self { ufs: self.ufs.clone(), path: self.path.clone(), is_left: false };
            drop(runtime.spawn(async move {
                let path = left.ufs.store.shown(&left.path);
                if let Err(error) = left.discard().await {
                    tracing::warn!(%error, path, "an unfinished file is left behind");
                }
            }));
        }
    }
}

impl LakeWriter {
    pub(super) async fn begin(ufs: LakeUfs, target: UfsPath, options: CreateOptions) -> Result<Self> {
        let operation = Operation::Create;
        let Some(parent) = target.parent() else {
            return Err(ufs.store.error(UfsErrorKind::IsDirectory, operation, &target));
        };
        match ufs.look(operation, &target).await? {
            Some(there) if there.is_dir => {
                return Err(ufs.store.error(UfsErrorKind::IsDirectory, operation, &target));
            }
            Some(_) if !options.overwrite => {
                return Err(ufs.store.error(UfsErrorKind::AlreadyExists, operation, &target));
            }
            Some(_) => {}
            None if options.parents.is_some() => {
                ufs.make_directories(operation, &parent, true).await.map_err(|error| match error.kind() {
                    // The folder that was to be made is a file.
                    UfsErrorKind::AlreadyExists => {
                        ufs.store.error(UfsErrorKind::NotDirectory, operation, &target)
                    }
                    _ => error,
                })?;
            }
            None => ufs.must_hold(operation, &parent, &target).await?,
        }
        let path = parent.child(&temporary_name(target.name(), rand::random()))?;
        let aside = CreateOptions { parents: None, overwrite: true, ..options };
        let data = ObjectWriter::begin(ufs.store.clone(), path.clone(), aside).await?;
        let file = Temporary { ufs, path, is_left: true };
        Ok(Self { file, target, overwrite: options.overwrite, data: Some(data) })
    }

    fn over(&self, operation: Operation) -> crate::error::UfsError {
        self.file.ufs.store.error(UfsErrorKind::Io, operation, &self.target).because("it is closed already")
    }
}

#[async_trait]
impl UfsWriter for LakeWriter {
    async fn write(&mut self, data: Bytes) -> Result<()> {
        match &mut self.data {
            Some(file) => file.write(data).await,
            None => Err(self.over(Operation::Write)),
        }
    }

    async fn close(mut self: Box<Self>) -> Result<UfsStatus> {
        let operation = Operation::Close;
        let data = self.data.take().ok_or_else(|| self.over(operation))?;
        Box::new(data).close().await?;
        let (ufs, target) = (self.file.ufs.clone(), self.target.clone());
        if !self.overwrite && ufs.look(operation, &target).await?.is_some() {
            return Err(ufs.store.error(UfsErrorKind::AlreadyExists, operation, &target));
        }
        ufs.move_to(operation, &self.file.path, &target).await?;
        self.file.is_left = false;
        let status = ufs.look(operation, &target).await?;
        status.ok_or_else(|| {
            ufs.store
                .error(UfsErrorKind::NotFound, operation, &target)
                .because("it was deleted as soon as it was complete")
        })
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        let Self { file, data, .. } = *self;
        if let Some(data) = data {
            Box::new(data).abort().await?;
        }
        file.discard().await
    }
}

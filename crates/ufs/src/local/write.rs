//! Writing files: into a temporary sibling, which gets the final name at close.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::attributes::sync_names;
use super::rename::rename_without_replacing;
use super::status::is_absent;
use super::{Folder, LocalUfs};
use crate::error::{Operation, Result, UfsErrorKind};
use crate::options::{CreateOptions, MkdirsOptions};
use crate::path::UfsPath;
use crate::status::UfsStatus;
use crate::temporary::temporary_name;
use crate::under_fs::UfsWriter;

/// A file that was begun: open under its temporary name.
#[derive(Debug)]
pub(super) struct Begun {
    file: File,
    temporary: PathBuf,
    path: UfsPath,
    options: CreateOptions,
}

#[cfg(test)]
impl Begun {
    /// A file whose bytes go to `device`.
    pub(super) fn for_test(temporary: PathBuf, path: UfsPath, device: &std::path::Path) -> Self {
        let file = OpenOptions::new().write(true).open(device).unwrap();
        Self { file, temporary, path, options: CreateOptions::default() }
    }
}

impl Folder {
    /// Makes the temporary file. What can be known now to make `close` fail is told now.
    pub(super) fn begin(&self, path: UfsPath, options: CreateOptions) -> Result<Begun> {
        let operation = Operation::Create;
        let parent = path.parent().ok_or_else(|| self.error(UfsErrorKind::IsDirectory, operation, &path))?;
        if let Some(attributes) = &options.parents {
            let above =
                MkdirsOptions { durable: options.durable, ..MkdirsOptions::with_parents(attributes.clone()) };
            self.mkdirs(operation, &parent, &above).map_err(|error| match error.kind() {
                UfsErrorKind::AlreadyExists => self
                    .error(UfsErrorKind::NotDirectory, operation, &path)
                    .because(format!("{} is not a directory", self.shown(&parent))),
                _ => error,
            })?;
        }
        let target = self.locate(&path);
        match fs::metadata(&target) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(self.error(UfsErrorKind::IsDirectory, operation, &path));
            }
            Ok(metadata) if !metadata.is_file() => {
                return Err(self
                    .error(UfsErrorKind::AlreadyExists, operation, &path)
                    .because("something that is neither a file nor a directory has that name"));
            }
            Ok(_) if !options.overwrite => {
                return Err(self.error(UfsErrorKind::AlreadyExists, operation, &path));
            }
            Ok(_) => {}
            // Nothing there, or a link that leads nowhere: the last step sees to that.
            Err(error) if is_absent(&error) => {}
            Err(error) if UfsErrorKind::of_io(&error) == UfsErrorKind::BrokenLink => {}
            Err(error) => return Err(self.io(operation, &path)(error)),
        }
        let (file, temporary) = self.temporary_file(&parent, &path, options.attributes.mode)?;
        Ok(Begun { file, temporary, path, options })
    }

    /// The file's own mode from the beginning, so that nobody reads in it who may not read the file.
    fn temporary_file(&self, parent: &UfsPath, path: &UfsPath, mode: Option<u16>) -> Result<(File, PathBuf)> {
        let mode = u32::from(mode.unwrap_or(0o666) & 0o777);
        loop {
            let temporary = self.locate(parent).join(temporary_name(path.name(), rand::random()));
            match OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary) {
                Ok(file) => return Ok((file, temporary)),
                // A name of 64 random bits is taken at most by a very unlucky sibling: draw again.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.io(Operation::Create, path)(error)),
            }
        }
    }

    /// Gives the file its attributes and its name. On an error before the name is there, the caller discards.
    fn complete(&self, begun: &Begun) -> Result<UfsStatus> {
        let Begun { file, temporary, path, options } = begun;
        let failed = |error: io::Error| self.io(Operation::Close, path)(error);
        // The owner first: chown(2) may take mode bits away.
        self.give_away(temporary, &options.attributes);
        if let Some(mode) = options.attributes.mode {
            file.set_permissions(Permissions::from_mode(u32::from(mode & 0o777))).map_err(failed)?;
        }
        if options.durable {
            file.sync_all().map_err(failed)?;
        }
        let target = self.locate(path);
        if options.overwrite {
            fs::rename(temporary, &target).map_err(failed)?;
        } else {
            rename_without_replacing(temporary, &target).map_err(failed)?;
        }
        if options.durable
            && let Some(parent) = target.parent()
        {
            // The name lives in the folder: without this a power failure could take it back.
            sync_names(parent).map_err(failed)?;
        }
        let metadata = file.metadata().map_err(failed)?;
        self.status_of(path.clone(), &metadata).ok_or_else(|| {
            self.error(UfsErrorKind::Io, Operation::Close, path).because("it turned into something else")
        })
    }

    fn discard(&self, begun: &Begun, operation: Operation) -> Result<()> {
        match fs::remove_file(&begun.temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.io(operation, &begun.path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// Writes one file.
#[derive(Debug)]
pub(super) struct LocalWriter {
    ufs: LocalUfs,
    /// None once the file is closed or discarded.
    begun: Option<Arc<Begun>>,
    written: u64,
    /// A write failed or was dropped half-way: what the file holds is not known.
    broken: bool,
}

impl LocalWriter {
    pub(super) fn new(ufs: LocalUfs, begun: Begun) -> Self {
        Self { ufs, begun: Some(Arc::new(begun)), written: 0, broken: false }
    }

    /// The file under way; there is one until `close` or `abort`, which take the writer.
    fn begun(&self, operation: Operation) -> Result<Arc<Begun>> {
        let finished = || self.ufs.folder.error(UfsErrorKind::InvalidArgument, operation, &UfsPath::root());
        self.begun.clone().ok_or_else(|| finished().because("the file was closed before"))
    }
}

#[async_trait]
impl UfsWriter for LocalWriter {
    async fn write(&mut self, data: Bytes) -> Result<()> {
        let begun = self.begun(Operation::Write)?;
        let path = begun.path.clone();
        if self.broken {
            return Err(broken(&self.ufs, Operation::Write, &path));
        }
        let (offset, length) = (self.written, data.len() as u64);
        // At its own offset, so that a dropped call that still runs cannot shift what comes after it.
        let write = move |folder: &Arc<Folder>| {
            begun.file.write_all_at(&data, offset).map_err(folder.io(Operation::Write, &begun.path))
        };
        self.broken = true;
        self.ufs.blocking(Operation::Write, &path, write).await?;
        self.broken = false;
        self.written += length;
        Ok(())
    }

    async fn close(mut self: Box<Self>) -> Result<UfsStatus> {
        let begun = self.begun(Operation::Close)?;
        let path = begun.path.clone();
        if self.broken {
            return Err(broken(&self.ufs, Operation::Close, &path));
        }
        // From here on the call below owns the temporary file, also when this future is dropped.
        self.begun = None;
        let go_on = self.ufs.go_on.clone();
        let complete = move |folder: &Arc<Folder>| {
            let completed = if go_on() {
                folder.complete(&begun)
            } else {
                Err(folder.stopped(Operation::Close, &begun.path))
            };
            completed.inspect_err(|_| {
                if let Err(error) = folder.discard(&begun, Operation::Close) {
                    tracing::warn!(%error, "temporary file left behind");
                }
            })
        };
        self.ufs.blocking(Operation::Close, &path, complete).await
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        let begun = self.begun(Operation::Abort)?;
        let path = begun.path.clone();
        self.begun = None;
        let discard = move |folder: &Arc<Folder>| folder.discard(&begun, Operation::Abort);
        self.ufs.blocking(Operation::Abort, &path, discard).await
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        let Some(begun) = self.begun.take() else { return };
        let folder = self.ufs.folder.clone();
        let discard = move || {
            if let Err(error) = folder.discard(&begun, Operation::Abort) {
                tracing::warn!(%error, "temporary file left behind");
            }
        };
        // Not on an async thread: the file server may be slow.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(discard)),
            Err(_) => discard(),
        }
    }
}

fn broken(ufs: &LocalUfs, operation: Operation, path: &UfsPath) -> crate::error::UfsError {
    ufs.folder
        .error(UfsErrorKind::Io, operation, path)
        .because("an earlier write failed or was given up; the file can only be discarded")
}

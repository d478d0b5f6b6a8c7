//! Writing files: into a temporary sibling, which gets the final name at close.

use std::io::{self, ErrorKind};

use alluxio_hdfs::{Create, Entry, NewFile, Writer};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::{HdfsUfs, Inner};
use crate::error::{Operation, Result, UfsErrorKind};
use crate::options::{CreateOptions, MkdirsOptions};
use crate::path::UfsPath;
use crate::status::UfsStatus;
use crate::temporary::temporary_name;
use crate::under_fs::UfsWriter;

/// The first bytes of a file are kept until so many have come, for they may have to be written again.
const FIRST: usize = 1 << 20;

/// Writes one file.
pub(super) struct HdfsWriter {
    ufs: HdfsUfs,
    path: UfsPath,
    /// Where the temporary file is.
    temporary: String,
    options: CreateOptions,
    state: State,
    /// The temporary file is somebody's to remove: this writer's.
    owned: bool,
}

enum State {
    /// Nothing has gone to DataNodes yet.
    First(NewFile, BytesMut),
    Open {
        file: Writer,
        /// Bytes were added since the last sync.
        unsynced: bool,
    },
    /// A write failed or was dropped half-way: what the file holds is not known.
    Broken,
}

impl HdfsWriter {
    /// Makes the temporary file. What can be known now to make `close` fail is told now.
    pub(super) async fn begin(ufs: HdfsUfs, path: UfsPath, options: CreateOptions) -> Result<Self> {
        let (inner, operation) = (&ufs.inner, Operation::Create);
        let parent = path.parent().ok_or_else(|| inner.error(UfsErrorKind::IsDirectory, operation, &path))?;
        if let Some(attributes) = &options.parents {
            let above = MkdirsOptions::with_parents(attributes.clone());
            ufs.make_directories(operation, &parent, &above).await.map_err(|error| match error.kind() {
                UfsErrorKind::AlreadyExists => inner
                    .error(UfsErrorKind::NotDirectory, operation, &path)
                    .because(format!("{} is not a directory", inner.shown(&parent))),
                _ => error,
            })?;
        }
        match inner.look(operation, &path).await? {
            Some(entry) if entry.is_folder => {
                return Err(inner.error(UfsErrorKind::IsDirectory, operation, &path));
            }
            Some(_) if !options.overwrite => {
                return Err(inner.error(UfsErrorKind::AlreadyExists, operation, &path));
            }
            _ => {}
        }
        let temporary = inner.locate(&parent.child(&temporary_name(path.name(), rand::random()))?);
        ufs.may_change(operation, &path).await?;
        let create = Create {
            replication: None,
            block_size: inner.block_size,
            permissions: inner.mode_of(&options.attributes, 0o666),
        };
        let file = inner.beginner.create(&inner.hdfs, &temporary, create).await;
        let file = file.map_err(inner.failed(operation, &path))?;
        let state = State::First(file, BytesMut::new());
        Ok(Self { ufs, path, temporary, options, state, owned: true })
    }

    async fn add(&mut self, data: Bytes) -> io::Result<()> {
        self.state = match std::mem::replace(&mut self.state, State::Broken) {
            State::First(file, mut first) => {
                first.extend_from_slice(&data);
                if first.len() < FIRST {
                    State::First(file, first)
                } else {
                    State::Open { file: self.prove(file, first.freeze()).await?, unsynced: false }
                }
            }
            State::Open { mut file, .. } => {
                file.append(data).await?;
                State::Open { file, unsynced: true }
            }
            State::Broken => return Err(broken()),
        };
        Ok(())
    }

    async fn prove(&self, file: NewFile, first: Bytes) -> io::Result<Writer> {
        let Inner { hdfs, beginner, .. } = &*self.ufs.inner;
        beginner.write(hdfs, file, &first).await
    }

    /// Completes the temporary file and gives it its attributes. What it is then.
    async fn complete(&mut self) -> io::Result<Entry> {
        let (mut file, unsynced) = match std::mem::replace(&mut self.state, State::Broken) {
            State::First(file, first) if first.is_empty() => (file.into_writer(), false),
            State::First(file, first) => (self.prove(file, first.freeze()).await?, false),
            State::Open { file, unsynced } => (file, unsynced),
            State::Broken => return Err(broken()),
        };
        if unsynced && self.options.durable {
            file.sync_if_it_can().await?;
        }
        file.close().await?;
        let hdfs = &self.ufs.inner.hdfs;
        let gone = || io::Error::other("the temporary file was taken away");
        let made = hdfs.status(&self.temporary).await?.ok_or_else(gone)?;
        let made = match self.ufs.inner.settle(&self.temporary, &self.options.attributes, &made).await? {
            false => made,
            true => hdfs.status(&self.temporary).await?.ok_or_else(gone)?,
        };
        Ok(made)
    }

    /// Gives the temporary file its name.
    async fn name(&mut self, made: &Entry) -> io::Result<()> {
        let hdfs = &self.ufs.inner.hdfs;
        let target = self.ufs.inner.locate(&self.path);
        match hdfs.rename(&self.temporary, &target, self.options.overwrite).await {
            // The answer may have been lost.
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                let there = hdfs.status(&target).await?;
                let same =
                    there.is_some_and(|there| (there.length, there.modified) == (made.length, made.modified));
                if !same || hdfs.status(&self.temporary).await?.is_some() {
                    return Err(error);
                }
            }
            done => done?,
        }
        self.owned = false;
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::other("an earlier write failed or was given up; the file can only be discarded")
}

#[async_trait]
impl UfsWriter for HdfsWriter {
    async fn write(&mut self, data: Bytes) -> Result<()> {
        let added = self.add(data).await;
        added.map_err(self.ufs.inner.failed(Operation::Write, &self.path))
    }

    async fn close(mut self: Box<Self>) -> Result<UfsStatus> {
        let completed = self.complete().await;
        let made = completed.map_err(self.ufs.inner.failed(Operation::Close, &self.path))?;
        self.ufs.may_change(Operation::Close, &self.path).await?;
        let named = self.name(&made).await;
        named.map_err(self.ufs.inner.failed(Operation::Close, &self.path))?;
        Ok(self.ufs.inner.status_of(self.path.clone(), &made))
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.state = State::Broken;
        let removed = self.ufs.inner.hdfs.remove_one(&self.temporary).await;
        removed.map_err(self.ufs.inner.failed(Operation::Abort, &self.path))?;
        self.owned = false;
        Ok(())
    }
}

impl Drop for HdfsWriter {
    fn drop(&mut self) {
        if !self.owned {
            return;
        }
        let (inner, temporary) = (self.ufs.inner.clone(), std::mem::take(&mut self.temporary));
        self.state = State::Broken;
        // Without a runtime the process ends; the name tells whoever cleans up.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = inner.hdfs.remove_one(&temporary).await {
                tracing::warn!(%error, path = temporary, "temporary file left behind");
            }
        });
    }
}

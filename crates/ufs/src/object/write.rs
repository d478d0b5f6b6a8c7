//! Writing objects: in parts while the data comes, visible as a whole at the end.
//!
//! A small object is one request at `close`. A larger one is an upload in parts, which the store shows only when it is
//! completed; one that is given up is aborted, also when the caller goes away in the middle of a call.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use opendal::{Buffer, ErrorKind, Writer};

use super::store::Store;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::options::CreateOptions;
use crate::path::UfsPath;
use crate::status::UfsStatus;
use crate::under_fs::UfsWriter;

/// Parts of one object on their way at the same time. With the one that is being filled and the one that waits, an
/// upload holds four parts in memory.
const PARTS_AT_ONCE: usize = 2;
/// After so many parts they get twice as long: stores take 10,000, and objects of terabytes.
const PARTS_OF_A_SIZE: u64 = 1000;
/// No part is longer: stores take 5 GB.
const LONGEST_PART: u64 = 4 << 30;

/// An object being written.
pub(super) struct ObjectWriter {
    store: Arc<Store>,
    path: UfsPath,
    /// None while a call is under way, and after an error.
    upload: Option<Upload>,
    /// The next part.
    part: Vec<Bytes>,
    part_length: u64,
    parts: u64,
    /// All that was sent, as long as that is one part and must not replace anything.
    whole: Option<Buffer>,
}

impl ObjectWriter {
    pub(super) async fn begin(store: Arc<Store>, path: UfsPath, options: CreateOptions) -> Result<Self> {
        let operation = Operation::Create;
        if path.is_root() {
            return Err(store.error(UfsErrorKind::IsDirectory, operation, &path));
        }
        if !options.overwrite && store.object(operation, &path).await?.is_some() {
            return Err(store.error(UfsErrorKind::AlreadyExists, operation, &path));
        }
        if let (false, Some(_), Some(parent)) = (store.rules.skip_parents, &options.parents, path.parent()) {
            store.mark_all(operation, &parent).await?;
        }
        store.may_change(operation, &path).await?;
        let key = store.key(operation, &path)?;
        let mut writer = store.objects.writer_with(key).concurrent(PARTS_AT_ONCE);
        if !options.overwrite && store.capabilities().atomic_create {
            writer = writer.if_not_exists(true);
        }
        let writer = writer.await.map_err(|error| store.failed(operation, &path, error))?;
        let upload = Some(Upload { writer: Some(writer), shown: store.shown(&path) });
        let whole = (!options.overwrite).then(Buffer::new);
        Ok(Self { store, path, upload, part: Vec::new(), part_length: 0, parts: 0, whole })
    }

    fn part_size(&self) -> u64 {
        let doubled = u32::try_from(self.parts / PARTS_OF_A_SIZE).unwrap_or(u32::MAX);
        self.store
            .rules
            .part_size
            .saturating_mul(1_u64.checked_shl(doubled).unwrap_or(u64::MAX))
            .min(LONGEST_PART)
    }

    /// Sends what is held as the next part.
    async fn send(&mut self, operation: Operation) -> Result<()> {
        let mut upload = self.taken(operation)?;
        let part = Buffer::from(std::mem::take(&mut self.part));
        self.whole = self.whole.take().filter(|_| self.parts == 0).map(|_| part.clone());
        self.part_length = 0;
        self.parts += 1;
        let call = async move {
            let sent = upload.write(part).await;
            (sent, upload)
        };
        let (sent, upload) = self.to_the_end(operation, call).await?;
        sent.map_err(|error| self.store.failed(operation, &self.path, error))?;
        self.upload = Some(upload);
        Ok(())
    }

    /// Whether what was written is what stands there. A request whose answer was lost is sent again, and then meets what
    /// it made itself. That says nothing of empty files, by which processes agree on who was first.
    async fn is_there(&self) -> Result<bool> {
        let operation = Operation::Close;
        let Some(written) = self.whole.as_ref().filter(|written| !written.is_empty()) else {
            return Ok(false);
        };
        let there = self.store.object(operation, &self.path).await?;
        if there.is_none_or(|there| there.content_length() != written.len() as u64) {
            return Ok(false);
        }
        let there = self.store.objects.read(self.store.key(operation, &self.path)?).await;
        let there = there.map_err(|error| self.store.failed(operation, &self.path, error))?;
        Ok(there.to_bytes() == written.to_bytes())
    }

    fn taken(&mut self, operation: Operation) -> Result<Upload> {
        self.upload.take().ok_or_else(|| {
            self.store
                .error(UfsErrorKind::Io, operation, &self.path)
                .because("an earlier write failed or was given up; the file can only be discarded")
        })
    }

    /// Makes a call on a task of its own, which ends what it began when the caller goes away: the library's writer
    /// could not abort after a call that was cut short.
    async fn to_the_end<T: Send + 'static>(
        &self,
        operation: Operation,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        tokio::spawn(call).await.map_err(|error| {
            self.store
                .error(UfsErrorKind::Unavailable, operation, &self.path)
                .because("the process is shutting down")
                .caused_by(error)
        })
    }
}

#[async_trait]
impl UfsWriter for ObjectWriter {
    async fn write(&mut self, data: Bytes) -> Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        self.part_length += data.len() as u64;
        self.part.push(data);
        if self.part_length >= self.part_size() {
            self.send(Operation::Write).await?;
        }
        Ok(())
    }

    async fn close(mut self: Box<Self>) -> Result<UfsStatus> {
        let operation = Operation::Close;
        if !self.part.is_empty() {
            self.send(operation).await?;
        }
        // The parts before that are seen by nobody.
        self.store.may_change(operation, &self.path).await?;
        let upload = self.taken(operation)?;
        let closed = self.to_the_end(operation, upload.close()).await?;
        if let Err(error) = closed {
            let error = self.store.failed(operation, &self.path, error);
            if error.kind() != UfsErrorKind::AlreadyExists || !self.is_there().await? {
                return Err(error);
            }
        }
        // Only a look at the object tells its time.
        let object = self.store.object(operation, &self.path).await?;
        let object = object.ok_or_else(|| {
            self.store
                .error(UfsErrorKind::NotFound, operation, &self.path)
                .because("it was deleted as soon as it was complete")
        })?;
        Ok(self.store.file(self.path.clone(), &object))
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.part.clear();
        // After an error it is aborted already.
        if let Some(mut upload) = self.upload.take() {
            self.to_the_end(Operation::Abort, async move { upload.abort().await }).await?;
        }
        Ok(())
    }
}

/// The library's writer. Dropped unfinished it is aborted.
struct Upload {
    writer: Option<Writer>,
    shown: String,
}

impl Upload {
    async fn write(&mut self, part: Buffer) -> opendal::Result<()> {
        match &mut self.writer {
            Some(writer) => writer.write(part).await,
            None => Ok(()),
        }
    }

    /// Completes the object, or leaves nothing of it.
    async fn close(mut self) -> opendal::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let closed = writer.close().await;
        match closed {
            Ok(_) => self.writer = None,
            Err(_) => self.abort().await,
        }
        closed.map(drop)
    }

    /// A failure leaves parts that nobody sees and that only the store's own rules remove.
    async fn abort(&mut self) {
        if let Some(mut writer) = self.writer.take()
            && let Err(error) = writer.abort().await
            // Where there are no parts: the file is there, and is deleted by whoever began it.
            && error.kind() != ErrorKind::Unsupported
        {
            tracing::warn!(object = self.shown, kind = %error.kind(), "the parts of an unfinished upload stay in the store");
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let unfinished =
            self.writer.take().map(|writer| Upload { writer: Some(writer), shown: self.shown.clone() });
        // Without a runtime the process is at its end.
        if let (Some(mut unfinished), Ok(runtime)) = (unfinished, tokio::runtime::Handle::try_current()) {
            drop(runtime.spawn(async move { unfinished.abort().await }));
        }
    }
}

//! Reading ranges of objects.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Buf, Bytes};
use futures::TryStreamExt;
use opendal::{Buffer, BufferStream, ErrorKind};

use super::store::Store;
use crate::error::{Operation, Result, UfsErrorKind};
use crate::path::UfsPath;
use crate::under_fs::UfsReader;

/// A range being read with one request; with more when connections break.
pub(super) struct ObjectReader {
    store: Arc<Store>,
    path: UfsPath,
    hash: Option<String>,
    /// None where there is nothing to read.
    stream: Option<BufferStream>,
    held: Buffer,
}

impl ObjectReader {
    pub(super) async fn open(
        store: Arc<Store>,
        path: UfsPath,
        offset: u64,
        length: Option<u64>,
    ) -> Result<Self> {
        let operation = Operation::Open;
        let Some(object) = store.object(operation, &path).await? else {
            let folder = store.is_folder(operation, &path).await?;
            let kind = if folder { UfsErrorKind::IsDirectory } else { UfsErrorKind::NotFound };
            return Err(store.error(kind, operation, &path));
        };
        let end = length.and_then(|length| offset.checked_add(length)).unwrap_or(u64::MAX);
        let end = end.min(object.content_length());
        let mut stream = None;
        if offset < end {
            let failed = |error| store.failed(operation, &path, error);
            let reader = store.objects.reader_with(store.key(operation, &path)?);
            // A request that goes on where another one broke off must not go on in another object.
            let reader = match object.etag() {
                Some(tag) => reader.if_match(tag),
                None => reader,
            };
            let reader = reader.await.map_err(failed)?;
            stream = Some(reader.into_stream(offset..end).await.map_err(failed)?);
        }
        let hash = store.file(path.clone(), &object).content_hash;
        Ok(Self { store, path, hash, stream, held: Buffer::new() })
    }
}

#[async_trait]
impl UfsReader for ObjectReader {
    async fn read(&mut self, max: usize) -> Result<Bytes> {
        if max == 0 {
            return Ok(Bytes::new());
        }
        while self.held.is_empty() {
            let Some(stream) = &mut self.stream else { return Ok(Bytes::new()) };
            match stream.try_next().await {
                Ok(Some(piece)) => self.held = piece,
                Ok(None) => self.stream = None,
                Err(error) => {
                    let changed = matches!(error.kind(), ErrorKind::ConditionNotMatch | ErrorKind::NotFound);
                    return Err(if changed {
                        self.store.error(UfsErrorKind::Changed, Operation::Read, &self.path)
                    } else {
                        self.store.failed(Operation::Read, &self.path, error)
                    });
                }
            }
        }
        let piece = self.held.chunk().len().min(max);
        Ok(self.held.copy_to_bytes(piece))
    }

    async fn content_hash(&mut self) -> Result<Option<String>> {
        Ok(self.hash.clone())
    }
}

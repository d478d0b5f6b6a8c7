//! Copies of single objects.
//!
//! The store copies; where it copies no object of that length, the bytes go through this process. A copy counts when it
//! was seen to be whole. A request whose answer was lost is sent again and then meets what it made itself, so after an
//! error it is looked whether the copy is there.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use opendal::Metadata;
use tokio::time::{Instant, sleep};

use super::read::ObjectReader;
use super::store::Store;
use super::write::ObjectWriter;
use crate::error::{Operation, Result, UfsError, UfsErrorKind};
use crate::options::CreateOptions;
use crate::path::UfsPath;
use crate::under_fs::{UfsReader, UfsWriter};

/// Larger objects are copied in parts of this size, where the store can.
const COPY_PART: usize = 256 << 20;
/// Bytes read at once.
const PIECE: usize = 1 << 20;
const LOOK_EVERY: Duration = Duration::from_millis(500);

const RENAME: Operation = Operation::Rename;

impl Store {
    /// The target was free a moment ago; where the store can, it sees to it that it still is. Returns what stands there.
    pub(super) async fn copy(&self, original: &Metadata, from: &UfsPath, to: &UfsPath) -> Result<Metadata> {
        let length = original.content_length();
        self.may_change(RENAME, from).await?;
        let parts = self.objects.info().capability().copy_can_multi;
        let copied = match parts || length <= self.rules.copy_limit {
            true => self.ask_for_copy(from, to).await,
            false => self.copy_through(from, to).await,
        };
        let error = match copied {
            Ok(()) => return self.is_whole(to, length).await,
            Err(error) => error,
        };
        let arrived = async {
            match self.arrived(to, length).await? {
                Some(there) if self.is_copy(original, &there, from, to).await? => Ok(Some(there)),
                _ => Ok::<_, UfsError>(None),
            }
        };
        match arrived.await {
            Ok(Some(there)) => Ok(there),
            Ok(None) if error.kind() == UfsErrorKind::AlreadyExists => {
                Err(self.error(UfsErrorKind::AlreadyExists, RENAME, to))
            }
            // A look that fails says less than the copy that did.
            Ok(None) | Err(_) => Err(error),
        }
    }

    async fn ask_for_copy(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        let can = self.objects.info().capability();
        let (source, target) = (self.key(RENAME, from)?, self.key(RENAME, to)?);
        let ask = async |only_if_free: bool| {
            let mut copy = self.objects.copy_with(source, target);
            match self.rules.absent_version {
                _ if !only_if_free => {}
                _ if can.copy_with_if_not_exists => copy = copy.if_not_exists(true),
                Some(absent) => copy = copy.if_version_match(absent),
                None => {}
            }
            if can.copy_can_multi {
                copy = copy.chunk(COPY_PART).concurrent(4);
            }
            copy.await.map(drop)
        };
        let copied = match ask(true).await {
            // Amazon's own took a condition of a copy later than all others, and older stores do not.
            Err(error) if can.copy_with_if_not_exists && Self::is_unknown_there(&error) => ask(false).await,
            copied => copied,
        };
        copied.map_err(|error| self.failed(RENAME, from, error))
    }

    async fn copy_through(&self, from: &UfsPath, to: &UfsPath) -> Result<()> {
        let store = Arc::new(self.clone());
        let mut reader = ObjectReader::open(store.clone(), from.clone(), 0, None).await?;
        // Dropped before it is closed it leaves nothing.
        let mut writer = ObjectWriter::begin(store, to.clone(), CreateOptions::default()).await?;
        loop {
            let piece = reader.read(PIECE).await?;
            if piece.is_empty() {
                return Box::new(writer).close().await.map(drop);
            }
            writer.write(piece).await?;
        }
    }

    /// Some stores answer before they have copied.
    async fn is_whole(&self, to: &UfsPath, length: u64) -> Result<Metadata> {
        let asked = Instant::now();
        loop {
            let there = self.object(RENAME, to).await?;
            if let Some(whole) = there.filter(|there| there.content_length() == length) {
                return Ok(whole);
            }
            if asked.elapsed() > self.rules.copied_within {
                return Err(self.error(UfsErrorKind::Unavailable, RENAME, to).because(format!(
                    "the store has not copied all of its {length} bytes; the old name still has them"
                )));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The object at `to`. One without content may be a copy that the store is still busy with.
    async fn arrived(&self, to: &UfsPath, length: u64) -> Result<Option<Metadata>> {
        let asked = Instant::now();
        loop {
            let there = self.object(RENAME, to).await?;
            let empty = length > 0 && there.as_ref().is_some_and(|there| there.content_length() == 0);
            if !empty || asked.elapsed() > self.rules.copied_within {
                return Ok(there);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Whether an object has what another one has. Tags can prove that, but never the contrary: a store gives others to
    /// what came in parts, is encrypted, or was only written anew.
    pub(super) async fn is_copy(
        &self,
        original: &Metadata,
        there: &Metadata,
        from: &UfsPath,
        to: &UfsPath,
    ) -> Result<bool> {
        if original.content_length() != there.content_length() {
            return Ok(false);
        }
        let same = |one: Option<&str>, other: Option<&str>| one.is_some() && one == other;
        if same(original.etag(), there.etag()) || same(original.content_md5(), there.content_md5()) {
            return Ok(true);
        }
        tracing::info!(
            "{} and {} are read and compared: their tags say nothing",
            self.shown(from),
            self.shown(to)
        );
        self.same_bytes(from, to).await
    }

    async fn same_bytes(&self, one: &UfsPath, other: &UfsPath) -> Result<bool> {
        let store = Arc::new(self.clone());
        let open = async |path: &UfsPath| ObjectReader::open(store.clone(), path.clone(), 0, None).await;
        let (mut one, mut other) = (open(one).await?, open(other).await?);
        let (mut ones, mut others) = (Bytes::new(), Bytes::new());
        loop {
            if ones.is_empty() {
                ones = one.read(PIECE).await?;
            }
            if others.is_empty() {
                others = other.read(PIECE).await?;
            }
            let length = ones.len().min(others.len());
            if length == 0 {
                return Ok(ones.is_empty() && others.is_empty());
            }
            if ones[..length] != others[..length] {
                return Ok(false);
            }
            ones.advance(length);
            others.advance(length);
        }
    }
}

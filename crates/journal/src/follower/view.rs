//! What the store shows of a journal that another master writes.
//!
//! Listings may be out of date, and a file may be seen half-way through being made. So nothing is concluded from
//! what is missing. The newest header tells which segments are the log; it settles where the one before ends only
//! once its master is known to have been the writer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::time::Instant;
use uuid::Uuid;

use crate::core::chain::{BadSegment, Chain, Found};
use crate::core::head::{HEAD_LENGTH, Head};
use crate::core::header::{HEADER_LENGTH, HeaderFlaw, SegmentHeader};
use crate::error::{JournalError, Result};
use crate::format::file_name;
use crate::position::{CheckpointId, FileId, SegmentId};
use crate::recovery::{HEADERS_AT_ONCE, bad_segment};
use crate::store::Store;

/// How long something may look damaged before it is believed: a file server shows the pages of a file in any
/// order while they are being written.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The headers read so far. A header never changes.
#[derive(Debug, Default)]
pub(crate) struct View {
    headers: BTreeMap<SegmentId, SegmentHeader>,
    /// Those of them that may be of masters which were overtaken before they began.
    unconfirmed: BTreeSet<SegmentId>,
    damaged: BTreeMap<SegmentId, Instant>,
}

/// One look at the store.
pub(crate) struct Look {
    /// The segments that count. The newest is open, as far as is known.
    pub(crate) chain: Chain,
    /// Whether the newest segment's master was the writer once it had begun it. If not, what its header says about
    /// the end of the one before is not settled.
    pub(super) confirmed: bool,
    /// The checkpoints, newest first.
    pub(super) checkpoints: Vec<CheckpointId>,
}

/// What a segment's first bytes say.
enum Begin {
    /// A header, and whether the fence has confirmed since it was written.
    Header(SegmentHeader, bool),
    /// Not yet.
    NotYet,
    /// They are none that are ever written.
    Bad(HeaderFlaw),
}

impl View {
    pub(crate) async fn look(&mut self, store: &dyn Store, cluster: Uuid) -> Result<Look> {
        let files = store.list().await?;
        let mut segments = BTreeMap::new();
        let mut checkpoints = Vec::new();
        for listed in files {
            match listed.file {
                FileId::Checkpoint(id) => checkpoints.push(id),
                FileId::Segment(id) => drop(segments.insert(id, listed.length)),
                FileId::CheckpointDraft(..) | FileId::Marker | FileId::MarkerDraft => {}
            }
        }
        self.headers.retain(|id, _| segments.contains_key(id));
        self.unconfirmed.retain(|id| segments.contains_key(id));
        self.damaged.retain(|id, _| segments.contains_key(id));
        let is_new = |id: &SegmentId| !self.headers.contains_key(id) || self.unconfirmed.contains(id);
        let new: Vec<_> = segments.keys().copied().filter(is_new).collect();
        let reads = new
            .into_iter()
            .map(|id| async move { Ok::<_, JournalError>((id, read_begin(store, id).await?)) });
        let begins: Vec<_> = stream::iter(reads).buffered(HEADERS_AT_ONCE).try_collect().await?;
        for (id, begin) in begins {
            self.take(store, cluster, id, begin)?;
        }
        let found = self.headers.iter().filter_map(|(id, header)| {
            Some(Found { id: *id, length: *segments.get(id)?, header: Ok(*header) })
        });
        checkpoints.sort_by(|a, b| b.cmp(a));
        let chain = Chain::find(found.collect()).map_err(|bad| bad_segment(store, bad))?;
        let confirmed = chain.links.last().is_none_or(|newest| !self.unconfirmed.contains(&newest.id));
        Ok(Look { chain, confirmed, checkpoints })
    }

    fn take(&mut self, store: &dyn Store, cluster: Uuid, id: SegmentId, begin: Begin) -> Result<()> {
        let flaw = match begin {
            Begin::Header(header, _) if header.cluster != cluster => {
                let file = file_name(store, FileId::Segment(id));
                return Err(JournalError::OtherCluster { file, found: header.cluster, cluster });
            }
            Begin::Header(header, confirmed) => {
                self.headers.insert(id, header);
                self.damaged.remove(&id);
                if confirmed {
                    self.unconfirmed.remove(&id);
                } else {
                    self.unconfirmed.insert(id);
                }
                return Ok(());
            }
            Begin::NotYet => return Ok(()),
            Begin::Bad(flaw) => flaw,
        };
        let since = self.damaged.entry(id).or_insert_with(Instant::now);
        if since.elapsed() < PATIENCE { Ok(()) } else { Err(bad_segment(store, BadSegment { id, flaw })) }
    }
}

async fn read_begin(store: &dyn Store, id: SegmentId) -> Result<Begin> {
    match store.read(FileId::Segment(id), 0, HEADER_LENGTH + HEAD_LENGTH).await {
        // Removed since it was listed.
        Err(e) if e.is_not_found() => Ok(Begin::NotYet),
        bytes => Ok(begin(id, &bytes?)),
    }
}

/// The writer begins its first segment before it knows that nobody has deposed it meanwhile. Whatever follows
/// that header was written after the fence had confirmed. A later segment is begun only by a writer whose fence
/// has confirmed all before; a copy counts only when a header names it.
fn begin(id: SegmentId, bytes: &[u8]) -> Begin {
    let header = match SegmentHeader::decode(bytes) {
        Ok(header) => header,
        Err(HeaderFlaw::Short) => return Begin::NotYet,
        // Never begun, unless something follows.
        Err(HeaderFlaw::Damaged) if bytes.len() == HEADER_LENGTH => return Begin::NotYet,
        Err(flaw) => return Begin::Bad(flaw),
    };
    if id.index != 0 && header.id != id {
        return Begin::Bad(HeaderFlaw::Damaged);
    }
    let next = bytes[HEADER_LENGTH..].first_chunk::<HEAD_LENGTH>();
    let confirmed = id.index != 1 || next.is_some_and(|head| Head::decode(head, header.salt).is_ok());
    Begin::Header(header, confirmed)
}

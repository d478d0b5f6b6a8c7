//! Opening a journal for writing: claim a term, seal what came before, replay, begin a segment.

mod replay;
mod select;
mod survey;
mod sweep;
mod tip;

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use uuid::Uuid;

use self::replay::Replay;
pub(crate) use self::replay::{Item, ReplayPlan, stream};
pub(crate) use self::survey::{Survey, survey};
use crate::checkpoint::CheckpointReader;
use crate::core::track::Track;
use crate::error::{JournalError, Result};
use crate::format::cluster_id;
use crate::journal::Journal;
use crate::options::Options;
use crate::position::{Position, SegmentId};
use crate::store::{Claim, Fence, Hold, Store};
use crate::writer::{Shared, Writer};

/// Claims that are tried when others claim at the same moment.
const CLAIM_TRIES: u32 = 16;

/// A record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The place after the record.
    pub position: Position,
    /// Its payload.
    pub payload: Bytes,
}

impl Record {
    /// Sequence of the record.
    pub fn sequence(&self) -> u64 {
        self.position.sequence
    }
}

/// A journal that is being opened. Nobody else can have anything acknowledged by it any more.
pub struct Recovery {
    store: Arc<dyn Store>,
    options: Options,
    cluster: Uuid,
    term: u64,
    fence: Box<dyn Fence>,
    hold: Hold,
    survey: Survey,
    checkpoint: Option<CheckpointReader>,
    replay: Replay,
}

impl Recovery {
    /// Claims a term, seals what earlier masters wrote, and finds the newest valid checkpoint.
    pub async fn start(store: Arc<dyn Store>, options: Options) -> Result<Self> {
        let cluster = cluster_id(&*store).await?;
        let hold = store.hold().await?;
        let (term, fence) = claim_and_seal(&*store, &options.owner).await?;
        // From here on nobody else can add to the log; so what is read now is all there is.
        let mut survey = survey(&*store, cluster).await?;
        survey.secure_tip(&*store, SegmentId { term, index: 0 }).await?;
        let checkpoint = select::newest_checkpoint(&store, cluster, &survey).await?;
        let from = checkpoint.as_ref().map_or(Position::START, |c| c.footer().position);
        let replay = Replay::start(store.clone(), &survey.chain, from, survey.end);
        tracing::info!(
            term,
            checkpoint = from.sequence,
            last = survey.end.sequence,
            "the journal at {} is ours",
            store.location()
        );
        Ok(Self { store, options, cluster, term, fence, hold, survey, checkpoint, replay })
    }

    /// The cluster that the journal belongs to.
    pub fn cluster_id(&self) -> Uuid {
        self.cluster
    }

    /// The term that this master has claimed.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// The place after the last record: where the replay will end.
    pub fn end(&self) -> Position {
        self.survey.end
    }

    /// The state to begin with; None to begin with an empty one.
    pub fn checkpoint(&self) -> Option<CheckpointReader> {
        self.checkpoint.clone()
    }

    /// The next record after the checkpoint; None after the last.
    pub async fn next(&mut self) -> Result<Option<Record>> {
        self.replay.next().await
    }

    /// Begins a segment and starts the writer. All records must have been taken by [`Self::next`].
    pub async fn finish(self) -> Result<Journal> {
        if !self.replay.is_finished() {
            return Err(JournalError::NotReplayed);
        }
        let Self { store, options, cluster, term, fence, hold, survey, checkpoint, .. } = self;
        let shared = Arc::new(Shared::new(cluster, term, survey.end, &options));
        *shared.ended.lock() = survey.spans();
        shared.verified.lock().extend(checkpoint.iter().map(CheckpointReader::id));
        let mut writer = Writer {
            store: store.clone(),
            fence,
            shared: shared.clone(),
            options,
            track: Track::new(cluster, term, survey.predecessor),
            file: None,
            opened_at: Instant::now(),
            rolling: Vec::new(),
            gathering: None,
            closing: None,
            _hold: hold,
        };
        writer.open().await?;
        sweep::sweep(&*store, term, &survey).await;
        Ok(Journal::start(shared, store, writer))
    }
}

/// Claims a term above all others, and deposes the masters of those.
pub(crate) async fn claim_and_seal(store: &dyn Store, owner: &str) -> Result<(u64, Box<dyn Fence>)> {
    let mut term = 0;
    for _ in 0..CLAIM_TRIES {
        term = store.terms().await?.into_iter().max().unwrap_or(0).max(term) + 1;
        if let Claim::Won(fence) = store.claim(term, owner).await? {
            store.seal(term).await?;
            return Ok((term, fence));
        }
    }
    let reason = format!("other masters have claimed the terms up to {term} at the same moment");
    Err(JournalError::Deposed { reason: reason.into() })
}

#[cfg(test)]
#[path = "recovery_tests.rs"]
mod tests;

//! Opening a journal for writing: claim a term, seal what came before, replay, begin a segment.

mod basis;
mod replay;
mod select;
mod survey;
mod sweep;
mod tip;

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use self::replay::Replay;
pub(crate) use self::replay::{Item, ReplayPlan, stream};
pub(crate) use self::select::newest_checkpoint;
pub(crate) use self::survey::{HEADERS_AT_ONCE, Survey, Writers, bad_segment, survey};
pub(crate) use self::tip::{confirm_flaw, position_after};
use crate::checkpoint::CheckpointReader;
use crate::core::track::Track;
use crate::error::{JournalError, Result};
use crate::follower::Restart;
use crate::format::{check_format, cluster_of};
use crate::journal::Journal;
use crate::options::Options;
use crate::position::{Position, SegmentId};
use crate::store::{Claim, Fence, Hold, Store, StoreError};
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
    starts_over: Option<Restart>,
    replay: Replay,
}

impl Recovery {
    /// Claims a term, seals what earlier masters wrote, and finds the newest valid checkpoint.
    pub async fn start(store: Arc<dyn Store>, options: Options) -> Result<Self> {
        Self::claim(store, options, None).await
    }

    /// The same for a master that has the state at `base` in memory already: what [`Self::next`] gives are the
    /// records after it, unless [`Self::starts_over`] says that this state is not on the log.
    pub async fn take_over(store: Arc<dyn Store>, options: Options, base: Position) -> Result<Self> {
        Self::claim(store, options, Some(base)).await
    }

    async fn claim(store: Arc<dyn Store>, options: Options, base: Option<Position>) -> Result<Self> {
        let cluster = cluster_of(&*store, options.cluster).await?;
        // It may have been raised since this master was started.
        check_format(&*store).await?;
        let hold = store.hold().await?;
        let (term, mut fence) = claim_and_seal(&*store, &options.owner).await?;
        let found = match Found::look(&store, cluster, term, base).await {
            // Who has claimed a later term meanwhile changes what this one reads: to it records seem lost, or another log's.
            Err(error) => match fence.check().await {
                Err(sealed @ StoreError::Sealed { .. }) => {
                    return Err(JournalError::Deposed { reason: sealed.to_string().into() });
                }
                _ => return Err(error),
            },
            Ok(found) => found,
        };
        let Found { survey, checkpoint, starts_over, from } = found;
        let replay = Replay::start(store.clone(), &survey.chain, from, survey.end);
        tracing::info!(
            term,
            from = from.sequence,
            last = survey.end.sequence,
            "the journal at {} is ours",
            store.location()
        );
        Ok(Self { store, options, cluster, term, fence, hold, survey, checkpoint, starts_over, replay })
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

    /// Why the state in memory that [`Self::take_over`] was told of must be dropped; None when it is the one to
    /// go on from.
    pub fn starts_over(&self) -> Option<&Restart> {
        self.starts_over.as_ref()
    }

    /// The state to begin with; None to begin with an empty one, or with the one in memory.
    pub fn checkpoint(&self) -> Option<CheckpointReader> {
        self.checkpoint.clone()
    }

    /// The next record after the state to begin with; None after the last.
    pub async fn next(&mut self) -> Result<Option<Record>> {
        self.replay.next().await
    }

    /// Begins a segment and starts the writer. All records must have been taken by [`Self::next`].
    pub async fn finish(self) -> Result<Journal> {
        if !self.replay.is_finished() {
            return Err(JournalError::NotReplayed);
        }
        let Self { store, options, cluster, term, fence, hold, survey, checkpoint, .. } = self;
        let shared = Arc::new(Shared::new(cluster, term, survey.end, survey.format, &options));
        *shared.ended.lock() = survey.spans();
        shared.cleaned.lock().extend(&survey.checkpoints);
        shared.verified.lock().extend(checkpoint.iter().map(CheckpointReader::id));
        let track = Track::new(cluster, term, survey.predecessor, survey.format);
        let mut writer = Writer::new(store.clone(), fence, shared.clone(), options, track, hold);
        writer.open().await?;
        sweep::sweep(&*store, term, &survey).await;
        Ok(Journal::start(shared, store, writer))
    }
}

/// What lies in a journal that has been claimed.
struct Found {
    survey: Survey,
    checkpoint: Option<CheckpointReader>,
    starts_over: Option<Restart>,
    /// Where the replay begins.
    from: Position,
}

impl Found {
    async fn look(store: &Arc<dyn Store>, cluster: Uuid, term: u64, base: Option<Position>) -> Result<Self> {
        // Nobody before this term can add to the log any more; so what is read now is all there is.
        let mut survey = survey(&**store, cluster, Writers::Deposed).await?;
        survey.secure_tip(&**store, SegmentId { term, index: 0 }).await?;
        select::check_nothing_lost(&**store, &survey)?;
        let (held, starts_over) = match base {
            None => (None, None),
            Some(base) => match basis::check(&**store, &survey, base).await? {
                None => (Some(base), None),
                Some(why) => (None, Some(why)),
            },
        };
        let checkpoint = match held {
            Some(_) => None,
            None => newest_checkpoint(store, cluster, &survey.chain, &survey.checkpoints).await?,
        };
        let begin = checkpoint.as_ref().map_or(Position::START, |c| c.footer().position);
        Ok(Self { from: held.unwrap_or(begin), survey, checkpoint, starts_over })
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

//! Following a journal that another master writes, without claiming anything.
//!
//! What a follower gives is durable: it is in the log whoever becomes the writer next, unless the store loses
//! what it had synced. Should that happen, the follower finds out when the log goes on from another past, and
//! says so: what rests on it must be dropped.

mod cursor;
mod live;
mod progress;
mod view;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

use self::cursor::{Cursor, Read};
pub use self::live::Feed;
use self::live::Live;
pub use self::progress::Progress;
pub(crate) use self::view::View;
use self::view::{Look, PATIENCE};
use crate::checkpoint::{CheckpointReader, CheckpointWriter};
use crate::core::chain::{BadSegment, Base, Chain, Link};
use crate::core::place::Place;
use crate::error::{JournalError, Result};
use crate::feed::FeedItem;
use crate::format::cluster_of;
use crate::position::{CheckpointId, FileId, Position, SegmentId};
use crate::recovery::{Record, bad_segment, confirm_flaw, newest_checkpoint};
use crate::store::{Hold, Store};

/// How often a start looks anew when files are removed under it.
const START_TRIES: u32 = 5;

/// Time between two looks at the store while a live feed brings what is new.
const FED_POLL: Duration = Duration::from_millis(700);

/// How a journal is followed.
#[derive(Clone, Debug)]
pub struct FollowOptions {
    /// Time between two reads of the open segment.
    pub poll: Duration,
    /// Time between two looks for new segments.
    pub look: Duration,
    /// The cluster whose journal it must be, where that is known.
    pub cluster: Option<Uuid>,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self { poll: Duration::from_millis(100), look: Duration::from_millis(300), cluster: None }
    }
}

/// What a follower brings.
#[derive(Debug)]
pub enum Followed {
    /// The next record.
    Record(Record),
    /// This follower cannot go on. The state must be dropped, and another follower started.
    Restart(Restart),
}

/// Why a state in memory cannot be carried on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restart {
    /// The records that follow it have been removed under a newer checkpoint.
    Behind {
        /// The place of the state.
        at: Position,
    },
    /// It is not on the log.
    Diverged {
        /// The place of the state.
        at: Position,
        /// What the log says.
        reason: String,
    },
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind { at } => {
                write!(f, "the records after {at} are gone: a newer checkpoint covers them")
            }
            Self::Diverged { at, reason } => write!(f, "{at} is not in the log: {reason}"),
        }
    }
}

/// Checkpoints that somebody has written, or is writing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// The newest that has its name.
    pub newest: Option<CheckpointId>,
    /// Those that have not; where they lie tells them apart.
    pub drafts: Vec<(CheckpointId, FileId)>,
}

/// Follows a journal.
pub struct Follower {
    store: Arc<dyn Store>,
    options: FollowOptions,
    cluster: Uuid,
    checkpoint: Option<CheckpointReader>,
    view: View,
    chain: Chain,
    /// See [`Look::confirmed`].
    confirmed: bool,
    cursor: Option<Cursor>,
    /// Read and known to be durable, not given yet.
    ready: VecDeque<Record>,
    live: Option<Live>,
    feeds: mpsc::Receiver<Feed>,
    feed_sender: mpsc::Sender<Feed>,
    /// The place after the last record given.
    at: Position,
    progress: Progress,
    next_poll: Instant,
    next_look: Instant,
    /// When the last look that succeeded began.
    looked_at: Instant,
    /// Once `ready` is empty, all that was there at this moment has been given.
    current_at: Option<Instant>,
    /// Since when the same bytes look damaged.
    flawed: Option<((SegmentId, u64), Instant)>,
    /// The last look found the position behind the log.
    behind: bool,
    /// The trouble that has been reported.
    reported: Option<String>,
    _hold: Hold,
}

impl Follower {
    /// Finds the newest valid checkpoint, to be restored before the first record is asked for.
    pub async fn start(store: Arc<dyn Store>, options: FollowOptions) -> Result<Self> {
        let cluster = cluster_of(&*store, options.cluster).await?;
        let hold = store.hold().await?;
        let mut view = View::default();
        let mut tries = 0;
        let (chain, confirmed, checkpoint) = loop {
            let looked = Instant::now();
            let Look { chain, confirmed, checkpoints } = view.look(&*store, cluster).await?;
            match newest_checkpoint(&store, cluster, &chain, &checkpoints).await {
                Ok(checkpoint) => break (chain, confirmed, checkpoint),
                // Listed while a checkpoint was being replaced by a newer one.
                Err(JournalError::Missing { .. }) if tries < START_TRIES => tries += 1,
                Err(error) => return Err(error),
            }
            tokio::time::sleep_until(looked + options.look).await;
        };
        let at = checkpoint.as_ref().map_or(Position::START, |c| c.footer().position);
        let chain_format = chain.format();
        let now = Instant::now();
        let (feed_sender, feeds) = mpsc::channel(1);
        Ok(Self {
            store,
            options,
            cluster,
            checkpoint,
            view,
            chain,
            confirmed,
            cursor: None,
            ready: VecDeque::new(),
            live: None,
            feeds,
            feed_sender,
            at,
            progress: Progress::new(at, chain_format),
            next_poll: now,
            next_look: now,
            looked_at: now,
            current_at: None,
            flawed: None,
            behind: false,
            reported: None,
            _hold: hold,
        })
    }

    /// The cluster that the journal belongs to.
    pub fn cluster_id(&self) -> Uuid {
        self.cluster
    }

    /// The state to begin with; None to begin with an empty one.
    pub fn checkpoint(&self) -> Option<CheckpointReader> {
        self.checkpoint.clone()
    }

    /// The place after the last record given.
    pub fn position(&self) -> Position {
        self.at
    }

    /// How many segments begin at `sequence` or later, as far as the last look has shown.
    pub fn segments_after(&self, sequence: u64) -> usize {
        let later = |link: &&Link| link.header.start().sequence >= sequence;
        self.chain.links.iter().rev().take_while(later).count()
    }

    /// The newest checkpoint and all that are being written, or were given up, as the store shows them now.
    pub async fn checkpoints_of_others(&self) -> Result<Others> {
        let mut others = Others::default();
        for listed in self.store.list().await? {
            match listed.file {
                FileId::Checkpoint(id) => others.newest = others.newest.max(Some(id)),
                draft @ FileId::CheckpointDraft(id, _) => others.drafts.push((id, draft)),
                _ => {}
            }
        }
        Ok(others)
    }

    /// Begins a checkpoint of the state at [`Self::position`], which must not go on before it is written out.
    pub async fn checkpoint_writer(&self) -> Result<CheckpointWriter> {
        CheckpointWriter::standby(self.store.clone(), self.cluster, self.at, self.chain.format()).await
    }

    /// How far this follower is, to be looked at by others.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Takes live feeds of the one who writes the journal, each instead of the one before. To be kept by whoever
    /// holds the connection. Where a feed does not lead on from here, the store alone is followed.
    pub fn feeds(&self) -> mpsc::Sender<Feed> {
        self.feed_sender.clone()
    }

    /// Waits for the next record. May be dropped while it waits: nothing is lost. A store that cannot be read is
    /// tried again; an error says that the journal is damaged, or is not this cluster's any more.
    pub async fn next(&mut self) -> Result<Followed> {
        loop {
            while let Some(record) = self.ready.pop_front() {
                // What the feed has brought comes from the store too.
                if record.sequence() > self.at.sequence {
                    self.at = record.position;
                    self.progress.given(self.at);
                    return Ok(Followed::Record(record));
                }
                if record.sequence() == self.at.sequence && record.position != self.at {
                    return Ok(Followed::Restart(self.diverged(record.position)));
                }
            }
            if let Some(at) = self.current_at.take() {
                self.progress.current(at);
            }
            let at = self.at;
            let live = self.live.as_mut().filter(|live| live.is_reached(at));
            tokio::select! {
                // The sender lives in `self`.
                Some(feed) = self.feeds.recv() => {
                    self.adopt(feed);
                    continue;
                }
                item = next_item(live) => {
                    self.take(item);
                    continue;
                }
                () = tokio::time::sleep_until(self.next_poll) => {}
            }
            match self.read_on().await {
                Ok(None) => self.reported = None,
                Ok(Some(restart)) => return Ok(Followed::Restart(restart)),
                Err(JournalError::Store(error)) => {
                    self.next_poll = Instant::now() + self.options.look;
                    let kind = error.to_string();
                    if self.reported.as_ref() != Some(&kind) {
                        tracing::warn!(%error, "the journal cannot be followed; it is tried again");
                        self.reported = Some(kind);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn diverged(&self, other: Position) -> Restart {
        Restart::Diverged { at: self.at, reason: format!("the log has {other}") }
    }

    /// The newest term that is known to have a writer.
    fn newest_term(&self) -> u64 {
        self.chain.links.last().map_or(0, |link| link.header.id.term).max(self.at.term)
    }

    fn adopt(&mut self, feed: Feed) {
        let newest = self.newest_term();
        if feed.term < newest {
            tracing::warn!(term = feed.term, newest, "a live feed of an earlier term is not taken");
            return;
        }
        tracing::info!(
            term = feed.term,
            start = feed.start.sequence,
            at = self.at.sequence,
            "a live feed begins"
        );
        self.live = Some(Live::new(feed));
    }

    /// Takes an item of the feed, which is all that is durable at this moment.
    fn take(&mut self, item: Option<FeedItem>) {
        let Some(live) = &mut self.live else { return };
        let Some(item) = item else {
            tracing::info!("the live feed has ended; the journal is followed on its store");
            self.live = None;
            self.next_poll = Instant::now();
            return;
        };
        match live.take(item, self.at, &mut self.ready) {
            Ok(()) => self.current_at = Some(Instant::now()),
            Err(reason) => {
                tracing::warn!(reason, "a live feed does not lead on from here; the store is followed");
                self.live = None;
                self.next_poll = Instant::now();
            }
        }
    }

    /// Looks for segments when it is time to, and reads on in the one where the next record is.
    async fn read_on(&mut self) -> Result<Option<Restart>> {
        let begun = Instant::now();
        let looks = begun >= self.next_look;
        if looks {
            let look = self.view.look(&*self.store, self.cluster).await?;
            self.next_look = begun + self.options.look;
            self.looked_at = begun;
            (self.chain, self.confirmed) = (look.chain, look.confirmed);
            self.progress.is_written_in(self.chain.format());
            let newest = self.newest_term();
            // One who has been overtaken goes on saying that there is nothing new.
            self.live.take_if(|live| live.term < newest);
        }
        if (looks || self.cursor.as_ref().is_none_or(Cursor::is_over))
            && let Some(restart) = self.find_segment(looks)?
        {
            return Ok(Some(restart));
        }
        let fed = self.live.as_ref().is_some_and(|live| live.is_reached(self.at));
        self.next_poll = begun + if fed { FED_POLL } else { self.options.poll };
        let Some(cursor) = self.cursor.as_mut().filter(|cursor| !cursor.is_over()) else {
            self.current_at = Some(self.looked_at);
            return Ok(None);
        };
        let read = cursor.read(&*self.store, &mut self.ready).await;
        if let Some(live) = &self.live {
            // The end of a segment that nobody has closed may be told by a header that is not shown yet.
            cursor.vouch(live.at(), &mut self.ready);
        }
        match read {
            Ok(Read::More) => self.next_poll = begun,
            // The next segment is known already.
            Ok(Read::AtEnd) if cursor.is_over() && cursor.link.end.is_some() => self.next_poll = begun,
            Ok(Read::AtEnd) => {
                self.current_at = Some(begun.min(self.looked_at));
                self.check_flaw().await?;
            }
            Ok(Read::Diverged(other)) => {
                return Ok(Some(self.diverged(other)));
            }
            // Removed under a checkpoint, or replaced by a copy: a look will tell.
            Err(JournalError::Store(error)) if error.is_not_found() => {
                self.cursor = None;
                self.next_look = begun;
            }
            Err(error) => return Err(error),
        }
        Ok(None)
    }

    /// Finds the segment that holds the next record, in what the last look has shown.
    fn find_segment(&mut self, looked: bool) -> Result<Option<Restart>> {
        let at = self.at;
        let place = Place::find(&self.chain, at);
        let was_behind = self.behind;
        self.behind = matches!(place, Place::Behind);
        match place {
            Place::Ahead => {}
            Place::Within(index) => {
                let mut link = self.chain.links[index];
                if index + 2 == self.chain.links.len() && !self.confirmed {
                    link.end = None;
                }
                match &mut self.cursor {
                    Some(cursor) if cursor.link.header == link.header => cursor.settle(link, at),
                    cursor => *cursor = Some(Cursor::new(link, at)),
                }
            }
            Place::Diverged(reason) => return Ok(Some(Restart::Diverged { at, reason })),
            Place::Behind => {
                self.cursor = None;
                if let Base::Damaged(id, flaw) = self.chain.base {
                    return Err(bad_segment(&*self.store, BadSegment { id, flaw }));
                }
                // By two looks, because a listing made while segments come and go may miss one.
                if was_behind && looked {
                    return Ok(Some(Restart::Behind { at }));
                }
            }
        }
        Ok(None)
    }

    /// Bytes that are no record may be on their way, or be what a failed write has left. They are damage when
    /// they stay and what follows them says that they had been synced.
    async fn check_flaw(&mut self) -> Result<()> {
        let flawed = self.cursor.as_ref().and_then(|cursor| Some((cursor, cursor.flaw.clone()?)));
        let Some((cursor, flaw)) = flawed else {
            self.flawed = None;
            return Ok(());
        };
        let place = (cursor.link.id, flaw.offset);
        match self.flawed {
            Some((known, since)) if known == place && since.elapsed() < PATIENCE => return Ok(()),
            Some((known, _)) if known == place => {
                confirm_flaw(&*self.store, &cursor.link, cursor.decoder(), flaw).await?;
            }
            _ => {}
        }
        self.flawed = Some((place, Instant::now()));
        Ok(())
    }
}

/// For ever, when there is no feed to take from.
async fn next_item(live: Option<&mut Live>) -> Option<FeedItem> {
    match live {
        Some(live) => live.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod live_tests;

#[cfg(test)]
#[path = "follower_tests.rs"]
mod tests;

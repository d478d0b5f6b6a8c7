//! A standby's memory: it follows the journal, so that little is left to replay when this master is elected.

use std::{convert::Infallible, sync::Arc, time::Duration};

use alluxio_fs::FsError;
use alluxio_journal::{
    FileId, FollowOptions, Followed, Follower, JournalError, Position, Record, Restart, store::Store,
};
use alluxio_proto::journal::JournalEntry;
use async_trait::async_trait;
use bytes::Bytes;
use prost::Message;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};

use super::{error::StartError, process::Process, replay::from_checkpoint, role::Following};
use crate::{
    aside::Aside,
    backup::{WantedWalk, hand_over},
    block::Understudy,
    checkpoint::{Every, Look, walk_still},
    tree::{Effects, Tree},
    web::TreeHashes,
};

/// Before memory is built anew.
const PAUSE: Duration = Duration::from_secs(1);
/// After what a new attempt will hardly mend.
const LONG_PAUSE: Duration = Duration::from_secs(10);
/// After a checkpoint that could not be written.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(60);
/// In this time a checkpoint that is being written gets its name.
const DRAFT_LIMIT: Duration = Duration::from_secs(600);
/// Records applied before others have their turn on this thread.
const AT_ONCE: u32 = 500;
/// For the hash of the whole tree.
const HASH_LIMIT: Duration = Duration::from_secs(60);

/// Who asks for the tree's hash waits for this.
type Asked = oneshot::Sender<(u64, u64)>;

pub(super) struct Standby {
    process: Arc<Process>,
    store: Arc<dyn Store>,
    every: Every,
    asked: mpsc::Receiver<Asked>,
    walks: (mpsc::Sender<WantedWalk>, mpsc::Receiver<WantedWalk>),
    state: Option<Warm>,
    understudy: Understudy,
}

/// What a standby has in memory, and hands over when it is elected.
pub(super) struct Warm {
    pub tree: Aside<Tree>,
    follower: Follower,
    /// The newest checkpoint that it knows of.
    pub checkpoint: u64,
    no_checkpoint_before: Instant,
    drafts: Drafts,
}

/// Checkpoints without a name, as this standby has met them.
#[derive(Default)]
struct Drafts {
    /// Given up by this one.
    own: Vec<FileId>,
    /// Somebody else's, and since when it is waited for.
    waits_for: Option<(FileId, Instant)>,
}

/// Why the memory is dropped.
enum Trouble {
    Restart(Restart),
    Broken(StartError),
}

impl From<StartError> for Trouble {
    fn from(error: StartError) -> Self {
        Self::Broken(error)
    }
}

impl From<JournalError> for Trouble {
    fn from(error: JournalError) -> Self {
        Self::Broken(error.into())
    }
}

impl Standby {
    pub fn new(process: Arc<Process>, store: Arc<dyn Store>) -> Self {
        let (ask, asked) = mpsc::channel(1);
        process.pages.set_standby_hashes(Arc::new(Hashes(ask)));
        let every = Every::of(&process.conf).staggered();
        let understudy = Understudy::new(process.block_options());
        Self { process, store, every, asked, walks: mpsc::channel(1), state: None, understudy }
    }

    /// The block master, which takes what workers report.
    pub fn understudy(&self) -> &Understudy {
        &self.understudy
    }

    /// The block master has led. Another one begins, without anything that it had.
    pub fn new_understudy(&mut self) {
        self.understudy = Understudy::new(self.process.block_options());
    }

    /// Follows the journal. May be dropped while it waits and begun again: what is in memory stays.
    pub async fn follow(&mut self) -> Infallible {
        loop {
            let pause = match self.go_on().await {
                Ok(never) => match never {},
                Err(Trouble::Restart(why)) => {
                    tracing::warn!("the memory of this standby is built anew: {why}");
                    PAUSE
                }
                Err(Trouble::Broken(error)) => {
                    if self.process.role.cannot_follow(&error.to_string()) {
                        tracing::error!("this standby cannot follow the journal: {error}");
                    }
                    LONG_PAUSE
                }
            };
            self.process.role.follows(None);
            if let Some(state) = self.state.take() {
                drop_aside(state.tree).await;
            }
            sleep(pause).await;
        }
    }

    /// Ends the following, and gives what there is.
    pub fn take(&mut self) -> Option<Warm> {
        self.process.role.follows(None);
        self.state.take()
    }

    /// It did not come to leading: the following goes on from there.
    pub fn give_back(&mut self, warm: Option<Warm>) {
        self.state = warm;
    }

    async fn go_on(&mut self) -> Result<Infallible, Trouble> {
        if self.state.is_none() {
            self.state = Some(self.restore().await?);
        }
        let Some(state) = &mut self.state else { return Err(JournalError::NotReplayed.into()) };
        let (progress, feeds) = (state.follower.progress(), state.follower.feeds());
        let (walks, wanted_walks) = &mut self.walks;
        self.process.role.follows(Some(Following { progress, feeds, walks: walks.clone() }));
        let mut at_once = 0;
        // Of the newest order; there is one at a time.
        let mut wanted: Option<WantedWalk> = None;
        loop {
            self.process.role.follows_half_imported(state.is_half_imported());
            tokio::select! {
                followed = state.follower.next() => match followed? {
                    Followed::Record(record) => state.apply(&record)?,
                    Followed::Restart(why) => return Err(Trouble::Restart(why)),
                },
                Some(asked) = self.asked.recv() => {
                    let sequence = state.follower.position().sequence;
                    let hash = walk_still(&mut state.tree, None).await?;
                    // Whoever asked may have gone away.
                    let _ = asked.send((sequence, hash));
                }
                Some(walk) = wanted_walks.recv() => wanted = Some(walk),
                () = given_up(&mut wanted) => wanted = None,
            }
            let position = state.position();
            if let Some(walk) = wanted.take_if(|walk| walk.sequence <= position.sequence) {
                state.hand_over(walk).await;
            }
            at_once += 1;
            if at_once >= AT_ONCE {
                at_once = 0;
                tokio::task::yield_now().await;
            }
            if state.is_due(self.every) {
                state.write_checkpoint().await;
            }
        }
    }

    async fn restore(&self) -> Result<Warm, StartError> {
        let options = FollowOptions { cluster: self.process.role.cluster(), ..FollowOptions::default() };
        let follower = Follower::start(self.store.clone(), options).await?;
        let (tree, checkpoint) = match follower.checkpoint() {
            Some(reader) => from_checkpoint(reader, &self.process.role).await?,
            None => (Aside::default(), 0),
        };
        let (no_checkpoint_before, drafts) = (Instant::now(), Drafts::default());
        Ok(Warm { tree, follower, checkpoint, no_checkpoint_before, drafts })
    }
}

impl Warm {
    pub fn position(&self) -> Position {
        self.follower.position()
    }

    fn apply(&mut self, record: &Record) -> Result<(), StartError> {
        let sequence = record.sequence();
        let entry = JournalEntry::decode(record.payload.clone())
            .map_err(|source| StartError::Decode { sequence, source })?;
        let applied = self.tree.apply(&entry, &mut Effects::default());
        applied.map_err(|source| StartError::Replay { sequence, source })
    }

    fn is_due(&self, every: Every) -> bool {
        every.is_due(self.records(), self.follower.segments_after(self.checkpoint))
            && Instant::now() >= self.no_checkpoint_before
    }

    /// What becomes of it is seen where the portions go.
    async fn hand_over(&mut self, walk: WantedWalk) {
        let position = self.position();
        let WantedWalk { portions, begins, .. } = walk;
        // Whoever asked may have gone away. Later the next portion finds that out.
        if begins.send(()).is_err() {
            return;
        }
        let handed_over = async {
            let look = Look::still(&mut self.tree, position).await?;
            hand_over(look, &portions).await
        };
        if let Err(error) = handed_over.await {
            tracing::warn!(%error, "a backup of this standby's tree was not handed over");
        }
    }

    /// The cluster's id is the last of an import, and in the first record of any other journal.
    fn is_half_imported(&self) -> bool {
        self.position().sequence > 0 && self.tree.cluster_id().is_empty()
    }

    /// Since the newest checkpoint that it knows of.
    fn records(&self) -> u64 {
        self.follower.position().sequence.saturating_sub(self.checkpoint)
    }

    async fn write_checkpoint(&mut self) {
        let sequence = self.follower.position().sequence;
        let written = match self.is_spared().await {
            Ok(true) => return,
            Ok(false) => self.try_checkpoint().await,
            Err(error) => Err(error),
        };
        match written {
            Ok(()) => {
                tracing::info!(sequence, "checkpoint written by this standby");
                self.checkpoint = sequence;
                self.drafts = Drafts::default();
            }
            Err(error) => {
                tracing::warn!(%error, "no checkpoint was written; it is tried again");
                self.no_checkpoint_before = Instant::now() + CHECKPOINT_PAUSE;
            }
        }
    }

    /// Whether another standby has written one at nearly this place, or is about to. Only two are kept: with twins one who
    /// restores from an older one would lose it on the way.
    async fn is_spared(&mut self) -> Result<bool, JournalError> {
        let others = self.follower.checkpoints_of_others().await?;
        self.drafts.own.retain(|own| others.drafts.iter().any(|(_, draft)| draft == own));
        let near = self.checkpoint + self.records() / 2;
        if let Some(newest) = others.newest.filter(|newest| newest.sequence > near) {
            self.checkpoint = newest.sequence;
            return Ok(true);
        }
        let mut drafts = others
            .drafts
            .into_iter()
            .filter(|(id, draft)| id.sequence > near && !self.drafts.own.contains(draft));
        let Some((_, draft)) = drafts.next_back() else { return Ok(false) };
        let now = Instant::now();
        let since = match self.drafts.waits_for {
            Some((known, since)) if known == draft => since,
            _ => now,
        };
        self.drafts.waits_for = Some((draft, since));
        self.no_checkpoint_before = now + CHECKPOINT_PAUSE;
        // Its writer may have died.
        Ok(now - since < DRAFT_LIMIT)
    }

    async fn try_checkpoint(&mut self) -> Result<(), JournalError> {
        let mut writer = self.follower.checkpoint_writer().await?;
        self.drafts.own.push(writer.draft());
        let hash = walk_still(&mut self.tree, Some(&mut writer)).await?;
        writer.finish(hash, Bytes::new()).await?;
        Ok(())
    }
}

/// Returns when nobody waits for this walk any more.
async fn given_up(wanted: &mut Option<WantedWalk>) {
    match wanted {
        Some(walk) => walk.begins.closed().await,
        None => std::future::pending().await,
    }
}

/// Returns when it is gone, so that there is never room needed for two.
async fn drop_aside(tree: Aside<Tree>) {
    if let Err(error) = tokio::task::spawn_blocking(move || drop(tree.into_inner())).await {
        tracing::warn!(%error, "a former tree was not dropped cleanly");
    }
}

/// For the web port of a standby.
struct Hashes(mpsc::Sender<Asked>);

#[async_trait]
impl TreeHashes for Hashes {
    async fn tree_hash(&self) -> Result<(u64, u64), FsError> {
        let (answer, hash) = oneshot::channel();
        let busy = || FsError::unavailable("This master is reading the journal, or takes over. Try again.");
        self.0.try_send(answer).map_err(|_| busy())?;
        timeout(HASH_LIMIT, hash).await.map_err(|_| busy())?.map_err(|_| busy())
    }
}

#[cfg(test)]
#[path = "standby_tests.rs"]
mod tests;

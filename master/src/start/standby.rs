//! A standby's memory: it follows the journal, so that little is left to replay when this master is elected.

use std::{convert::Infallible, sync::Arc, time::Duration};

use alluxio_conf::key;
use alluxio_fs::FsError;
use alluxio_journal::{
    FollowOptions, Followed, Follower, JournalError, Position, Record, Restart, store::Store,
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
    checkpoint::walk_still,
    tree::{Effects, Tree},
    web::TreeHashes,
};

/// Before memory is built anew.
const PAUSE: Duration = Duration::from_secs(1);
/// After what a new attempt will hardly mend.
const LONG_PAUSE: Duration = Duration::from_secs(10);
/// After a checkpoint that could not be written.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(60);
/// Records applied before others have their turn on this thread.
const AT_ONCE: u32 = 500;
/// For the hash of the whole tree.
const HASH_LIMIT: Duration = Duration::from_secs(60);

/// Who asks for the tree's hash waits for this.
type Asked = oneshot::Sender<(u64, u64)>;

pub(super) struct Standby {
    process: Arc<Process>,
    store: Arc<dyn Store>,
    /// `alluxio.master.journal.checkpoint.period.entries`
    period: u64,
    asked: mpsc::Receiver<Asked>,
    state: Option<Warm>,
}

/// What a standby has in memory, and hands over when it is elected.
pub(super) struct Warm {
    pub tree: Tree,
    follower: Follower,
    /// The newest checkpoint that it knows of.
    pub checkpoint: u64,
    no_checkpoint_before: Instant,
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
        let period = process.conf.get(key::MASTER_JOURNAL_CHECKPOINT_PERIOD_ENTRIES);
        let period = u64::try_from(period).unwrap_or(u64::MAX);
        Self { process, store, period, asked, state: None }
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
        self.process.role.follows(Some(Following { progress, feeds }));
        let mut at_once = 0;
        loop {
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
            }
            at_once += 1;
            if at_once >= AT_ONCE {
                at_once = 0;
                tokio::task::yield_now().await;
            }
            if state.is_due(self.period) {
                state.write_checkpoint().await;
            }
        }
    }

    async fn restore(&self) -> Result<Warm, StartError> {
        let follower = Follower::start(self.store.clone(), FollowOptions::default()).await?;
        let (tree, checkpoint) = match follower.checkpoint() {
            Some(reader) => from_checkpoint(reader, &self.process.role).await?,
            None => (Tree::default(), 0),
        };
        Ok(Warm { tree, follower, checkpoint, no_checkpoint_before: Instant::now() })
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

    fn is_due(&self, period: u64) -> bool {
        let since = self.follower.position().sequence.saturating_sub(self.checkpoint);
        since >= period && Instant::now() >= self.no_checkpoint_before
    }

    async fn write_checkpoint(&mut self) {
        let sequence = self.follower.position().sequence;
        match self.try_checkpoint().await {
            Ok(()) => {
                tracing::info!(sequence, "checkpoint written by this standby");
                self.checkpoint = sequence;
            }
            Err(error) => {
                tracing::warn!(%error, "no checkpoint was written; it is tried again");
                self.no_checkpoint_before = Instant::now() + CHECKPOINT_PAUSE;
            }
        }
    }

    async fn try_checkpoint(&mut self) -> Result<(), JournalError> {
        let mut writer = self.follower.checkpoint_writer().await?;
        let hash = walk_still(&mut self.tree, Some(&mut writer)).await?;
        writer.finish(hash, Bytes::new()).await?;
        Ok(())
    }
}

/// A large tree takes seconds to free.
async fn drop_aside(tree: Tree) {
    if let Err(error) = tokio::task::spawn_blocking(move || drop(tree)).await {
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

//! A standby: a follower, and the state that it has built.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alluxio_journal::store::mem::MemStore;
use alluxio_journal::{
    Feed, FollowOptions, Followed, Follower, JournalError, Position, Progress, Restart, Result,
};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::record::Ledger;

/// Records between two checkpoints.
const CHECKPOINT_EVERY: u64 = 11;

pub struct Standby {
    shown: Arc<Mutex<Shown>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shown {
    position: Position,
    state: Vec<Bytes>,
    progress: Option<Progress>,
    feeds: Option<mpsc::Sender<Feed>>,
}

impl Standby {
    pub fn start(store: MemStore, ledger: Ledger) -> Self {
        let shown = Arc::new(Mutex::new(Shown::default()));
        let task = tokio::spawn(run(store, ledger, shown.clone()));
        Self { shown, task }
    }

    /// Stops following, and gives what it has.
    pub async fn stop(self) -> (Position, Vec<Bytes>) {
        self.task.abort();
        // Cancelled, unless it has failed.
        if let Err(error) = self.task.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
        let shown = self.shown.lock().unwrap();
        (shown.position, shown.state.clone())
    }

    pub fn state(&self) -> Vec<Bytes> {
        self.shown.lock().unwrap().state.clone()
    }

    /// Where a connection to the leader is handed over.
    pub fn feeds(&self) -> Option<mpsc::Sender<Feed>> {
        self.shown.lock().unwrap().feeds.clone()
    }

    pub fn lag(&self) -> Option<Duration> {
        self.shown.lock().unwrap().progress.as_ref().map(Progress::lag)
    }
}

/// Follows for ever; when a follower cannot go on, with the next one.
async fn run(store: MemStore, ledger: Ledger, shown: Arc<Mutex<Shown>>) {
    loop {
        match follow(&store, &ledger, &shown).await {
            Ok(Restart::Behind { .. }) | Err(JournalError::Store(_)) => {}
            Ok(why @ Restart::Diverged { .. }) => panic!("nothing durable was ever lost: {why}"),
            // A checkpoint may be removed while it is restored.
            Err(JournalError::BadCheckpoint { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn follow(store: &MemStore, ledger: &Ledger, shown: &Mutex<Shown>) -> Result<Restart> {
    // As seldom as the limit of a second allows: most of a seed's time goes here.
    let options = FollowOptions {
        poll: Duration::from_millis(400),
        look: Duration::from_millis(600),
        ..FollowOptions::default()
    };
    let mut follower = Follower::start(Arc::new(store.clone()), options).await?;
    let mut state = Vec::new();
    if let Some(mut checkpoint) = follower.checkpoint() {
        while let Some(chunk) = checkpoint.next_chunk().await? {
            state.push(chunk);
        }
    }
    for (sequence, payload) in (1..).zip(&state) {
        ledger.given(sequence, payload.clone());
    }
    assert_eq!(follower.position().sequence, state.len() as u64);
    *shown.lock().unwrap() = Shown {
        position: follower.position(),
        state,
        progress: Some(follower.progress()),
        feeds: Some(follower.feeds()),
    };
    loop {
        let record = match follower.next().await? {
            Followed::Record(record) => record,
            Followed::Restart(why) => return Ok(why),
        };
        ledger.given(record.sequence(), record.payload.clone());
        let state = {
            let mut shown = shown.lock().unwrap();
            shown.state.push(record.payload);
            shown.position = record.position;
            assert_eq!(record.position.sequence, shown.state.len() as u64);
            assert_eq!(record.position, follower.position());
            record.position.sequence.is_multiple_of(CHECKPOINT_EVERY).then(|| shown.state.clone())
        };
        if let Some(state) = state {
            // It may fail for any reason, and this standby goes on.
            drop(checkpoint(&follower, state).await);
        }
    }
}

async fn checkpoint(follower: &Follower, state: Vec<Bytes>) -> Result<()> {
    let mut writer = follower.checkpoint_writer().await?;
    for payload in state {
        writer.write(payload).await?;
    }
    writer.finish(0, Bytes::new()).await.map(drop)
}

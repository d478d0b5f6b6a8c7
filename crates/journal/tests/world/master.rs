//! One master: a journal, the state in memory, and clients that write to it.

use std::sync::{Arc, Mutex};

use alluxio_journal::store::mem::MemStore;
use alluxio_journal::{Feed, Journal, JournalError, Options, Position, Recovery, Restart, Result};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::record::Ledger;

pub struct Master {
    pub term: u64,
    journal: Journal,
    /// All records, as applied; the lock is the tree lock of a real master.
    tree: Mutex<Vec<Bytes>>,
}

impl Master {
    /// `standby` is the state that it has in memory already.
    pub async fn start(
        store: MemStore,
        roll_bytes: u64,
        ledger: &Ledger,
        standby: Option<(Position, Vec<Bytes>)>,
    ) -> Result<Self> {
        let options = Options { roll_bytes, max_queued_records: 32, ..Options::default() };
        let store = Arc::new(store);
        let (mut recovery, mut tree) = match standby {
            None => (Recovery::start(store, options).await?, Vec::new()),
            Some((position, tree)) => {
                let recovery = Recovery::take_over(store, options, position).await?;
                let kept = match recovery.starts_over() {
                    None => tree,
                    Some(Restart::Behind { .. }) => Vec::new(),
                    Some(why @ Restart::Diverged { .. }) => panic!("{why}"),
                };
                (recovery, kept)
            }
        };
        if let Some(mut checkpoint) = recovery.checkpoint() {
            while let Some(chunk) = checkpoint.next_chunk().await? {
                tree.push(chunk);
            }
            assert_eq!(tree.len() as u64, checkpoint.footer().position.sequence);
        }
        while let Some(record) = recovery.next().await? {
            tree.push(record.payload);
            assert_eq!(record.position.sequence, tree.len() as u64);
        }
        assert_eq!(recovery.end().sequence, tree.len() as u64);
        // From here on nobody else may get anything acknowledged that is not in `tree`, although this master
        // has not begun to serve yet.
        let term = recovery.term();
        ledger.overtake(term, tree.clone());
        Ok(Self { term, journal: recovery.finish().await?, tree: Mutex::new(tree) })
    }

    pub fn state(&self) -> Vec<Bytes> {
        self.tree.lock().unwrap().clone()
    }

    /// Clients that each write one record at the same time.
    pub fn clients(self: Arc<Self>, ledger: &Ledger, count: usize) -> Vec<JoinHandle<()>> {
        let client = |_| tokio::spawn(self.clone().write(ledger.clone()));
        (0..count).map(client).collect()
    }

    async fn write(self: Arc<Self>, ledger: Ledger) {
        let Ok(permit) = self.journal.reserve().await else { return };
        let payload = ledger.new_payload();
        let ticket = {
            let mut tree = self.tree.lock().unwrap();
            tree.push(payload.clone());
            let ticket = permit.append(payload.clone());
            assert_eq!(ticket.sequence(), tree.len() as u64);
            ledger.handed_over(ticket.sequence(), payload.clone());
            ticket
        };
        let sequence = ticket.sequence();
        if ticket.wait().await.is_ok() {
            assert!(self.journal.durable() >= sequence);
            ledger.acknowledged(self.term, sequence, payload);
        }
    }

    pub async fn checkpoint(&self) -> Result<()> {
        let (position, state) = {
            let tree = self.tree.lock().unwrap();
            (self.journal.position(), tree.clone())
        };
        let mut writer = self.journal.checkpoint_writer(position).await?;
        for payload in state {
            writer.write(payload).await?;
        }
        writer.finish(0, Bytes::new()).await.map(drop)
    }

    /// Feeds a follower, until the journal ends or a number of items has been sent.
    pub async fn feed(self: Arc<Self>, feeds: mpsc::Sender<Feed>, items: usize) {
        let Ok(mut subscription) = self.journal.subscribe().await else { return };
        let (sender, receiver) = mpsc::channel(2);
        let (term, start) = (subscription.term(), subscription.start());
        if feeds.try_send(Feed { term, start, items: receiver }).is_err() {
            return;
        }
        for _ in 0..items {
            let Some(item) = subscription.next().await else { return };
            if sender.send(item).await.is_err() {
                return;
            }
        }
    }

    pub async fn clean_up(self: Arc<Self>) -> Result<()> {
        self.journal.clean_up().await
    }

    pub async fn roll(&self) -> Result<()> {
        self.journal.roll().await
    }

    pub async fn shutdown(&self) -> std::result::Result<(), JournalError> {
        self.journal.shutdown().await
    }

    pub fn check_all_durable(&self) {
        let status = self.journal.status();
        assert_eq!(status.durable, status.last.sequence, "{:?}", status.state);
        assert_eq!(status.durable, self.tree.lock().unwrap().len() as u64);
    }
}

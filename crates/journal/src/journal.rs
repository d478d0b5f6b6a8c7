//! The handle of an open journal.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::checkpoint::{CheckpointWriter, retire};
use crate::core::header::FORMAT_VERSION;
use crate::error::{JournalError, Result};
use crate::feed::Subscription;
use crate::position::Position;
use crate::stats::JournalStats;
use crate::store::Store;
use crate::writer::{Command, Permit, Shared, State, Writer};

/// Requests to the writer that may wait; each has a caller that waits for its answer.
const COMMANDS: usize = 16;

/// An open journal, written by this process. Dropping it ends it as [`Journal::shutdown`] does, without waiting.
pub struct Journal {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    commands: mpsc::Sender<Command>,
}

/// How a journal stands.
#[derive(Clone, Debug)]
pub struct JournalStatus {
    /// Cluster that it belongs to.
    pub cluster: Uuid,
    /// Where it lies.
    pub location: String,
    /// Our term.
    pub term: u64,
    /// The place after the last record handed over.
    pub last: Position,
    /// Sequence of the last durable record.
    pub durable: u64,
    /// Whether records are taken.
    pub state: State,
}

impl Journal {
    pub(crate) fn start(shared: Arc<Shared>, store: Arc<dyn Store>, writer: Writer) -> Self {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        tokio::spawn(writer.run(receiver));
        Self { shared, store, commands }
    }

    /// Takes room for one record, waiting while the queue is full. To be called before the lock under which
    /// [`Permit::append`] is called. Refuses at once while the journal cannot be written.
    pub async fn reserve(&self) -> Result<Permit> {
        let mut state = self.shared.state.subscribe();
        let acquire = self.shared.slots.clone().acquire_owned();
        // Kept across turns of the loop: a new future would go to the end of the waiting line.
        tokio::pin!(acquire);
        let slot = loop {
            if let Some(refusal) = state.borrow_and_update().refusal() {
                return Err(refusal);
            }
            tokio::select! {
               biased;
                slot = &mut acquire => match slot {
                    Ok(slot) => break slot,
                    Err(_closed) => return Err(self.ended()),
                },
                // The sender lives in `shared`, so this only ever reports a change.
                _ = state.changed() => {}
            }
        };
        let mut durable = self.shared.durable_watch.subscribe();
        loop {
            if let Some(refusal) = state.borrow_and_update().refusal() {
                return Err(refusal);
            }
            durable.borrow_and_update();
            if self.shared.stats.queued_bytes.load(Ordering::Relaxed) < self.shared.max_queued_bytes {
                return Ok(Permit::new(self.shared.clone(), slot));
            }
            tokio::select! {
                biased;
                _ = state.changed() => {}
                _ = durable.changed() => {}
            }
        }
    }

    fn ended(&self) -> JournalError {
        self.shared.state.borrow().refusal().unwrap_or(JournalError::Closed)
    }

    /// The place after the last record handed over. Under the lock that orders appends, this is the place of the
    /// state under that lock.
    pub fn position(&self) -> Position {
        self.shared.last()
    }

    /// Sequence of the last durable record.
    pub fn durable(&self) -> u64 {
        self.shared.durable.load(Ordering::Acquire)
    }

    /// Waits until the record `sequence`, which must have been handed over, is durable. An error says that this
    /// is not known, and that nothing which rests on it may be answered.
    pub async fn wait_durable(&self, sequence: u64) -> Result<()> {
        wait_durable(&self.shared, sequence).await
    }

    /// Waits until this journal is over, and says why: deposed, or shut down. Then what is in memory may not be
    /// in the log, and must be dropped.
    pub async fn ended_with(&self) -> State {
        let mut state = self.shared.state.subscribe();
        loop {
            let now = state.borrow_and_update().clone();
            if now.is_final() {
                return now;
            }
            // The sender lives in `shared`, so this only ever reports a change.
            let _ = state.changed().await;
        }
    }

    /// Asks the store now whether we are still the writer; without records nothing else would tell. An error
    /// means that we are not, or that nothing can be written.
    pub async fn confirm(&self) -> Result<()> {
        confirm(&self.shared, &self.commands).await
    }

    /// Ends the open segment after everything handed over so far, so that a reader of closed segments sees it.
    pub async fn roll(&self) -> Result<()> {
        ask(&self.shared, &self.commands, Command::Roll).await
    }

    /// The format that is written. Records that older formats do not have may be handed over only where it has them.
    pub fn format(&self) -> u32 {
        self.shared.format.load(Ordering::Acquire)
    }

    /// Writes in this format from now on, for good: releases that do not know it cannot open this journal any more. To be called when
    /// nobody needs to who does not.
    pub async fn raise(&self, format: u32) -> Result<()> {
        if format > FORMAT_VERSION {
            let file = self.store.location();
            return Err(JournalError::Newer { file, found: format });
        }
        if format <= self.format() {
            return Ok(());
        }
        ask(&self.shared, &self.commands, |reply| Command::Raise(format, reply)).await
    }

    /// Subscribes to what becomes durable from some place on; what is before that place can be read on the store.
    /// May take a second.
    pub async fn subscribe(&self) -> Result<Subscription> {
        ask(&self.shared, &self.commands, Command::Subscribe).await
    }

    /// Begins a checkpoint of the state at `position` (see [`Self::position`]). One at a time.
    pub async fn checkpoint_writer(&self, position: Position) -> Result<CheckpointWriter> {
        CheckpointWriter::leader(self.shared.clone(), self.store.clone(), self.commands.clone(), position)
            .await
    }

    /// Verifies checkpoints that standbys have written, and removes what two verified ones cover. Cheap when there
    /// is no new one.
    pub async fn clean_up(&self) -> Result<()> {
        self.confirm().await?;
        retire(&self.shared, &self.store).await
    }

    /// How many closed segments have records after `sequence`: what a start would open, each by itself.
    pub fn segments_after(&self, sequence: u64) -> usize {
        let ended = self.shared.ended.lock();
        ended.iter().rev().take_while(|span| span.last > sequence).count()
    }

    /// How the journal stands.
    pub fn status(&self) -> JournalStatus {
        JournalStatus {
            cluster: self.shared.cluster,
            location: self.store.location(),
            term: self.shared.term,
            last: self.shared.last(),
            durable: self.durable(),
            state: self.shared.state.borrow().clone(),
        }
    }

    /// The counters.
    pub fn stats(&self) -> Arc<JournalStats> {
        self.shared.stats.clone()
    }

    /// Our term.
    pub fn term(&self) -> u64 {
        self.shared.term
    }

    /// Refuses new records, writes those handed over, closes the segment, and lets go of the store.
    pub async fn shutdown(&self) -> Result<()> {
        match ask(&self.shared, &self.commands, Command::Close).await {
            Err(JournalError::Closed) => Ok(()),
            other => other,
        }
    }
}

/// Waits until the record `sequence` is durable.
pub(crate) async fn wait_durable(shared: &Shared, sequence: u64) -> Result<()> {
    if shared.durable.load(Ordering::Acquire) >= sequence {
        return Ok(());
    }
    let mut durable = shared.durable_watch.subscribe();
    let mut state = shared.state.subscribe();
    loop {
        // The state first: once it is not writable, durable does not move before it is writable again.
        let trouble = state.borrow_and_update().outcome();
        if *durable.borrow_and_update() >= sequence {
            return Ok(());
        }
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        // The senders live in `shared`, so these only ever report a change.
        tokio::select! {
            biased;
            _ = durable.changed() => {}
            _ = state.changed() => {}
        }
    }
}

/// Asks the writer to check the fence.
pub(crate) async fn confirm(shared: &Shared, commands: &mpsc::Sender<Command>) -> Result<()> {
    ask(shared, commands, Command::Confirm).await
}

async fn ask<T>(
    shared: &Shared,
    commands: &mpsc::Sender<Command>,
    command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command,
) -> Result<T> {
    let over = || shared.state.borrow().refusal().unwrap_or(JournalError::Closed);
    let (reply, answer) = oneshot::channel();
    // Either fails only when the writer has ended.
    if commands.send(command(reply)).await.is_err() {
        return Err(over());
    }
    answer.await.unwrap_or_else(|_| Err(over()))
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;

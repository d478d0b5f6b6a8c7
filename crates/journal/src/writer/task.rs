//! The writer: the one task that writes records. It drains all that is queued into one batch, writes and syncs
//! it, checks the fence, and only then lets anyone be answered.

mod confirm;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant as TokioInstant;
use uuid::Uuid;

use super::followers::Followers;
use super::shared::{Queued, Shared, State};
use crate::core::head::{Kind, encode_batch, encode_mark};
use crate::core::track::{EndedSegment, Track};
use crate::error::{JournalError, Result};
use crate::feed::Subscription;
use crate::options::Options;
use crate::position::{FileId, SegmentId};
use crate::store::{Fence, Hold, OpenFile, Store, StoreError};

/// What a caller may ask of the writer.
pub(crate) enum Command {
    /// End the open segment, after everything queued before.
    Roll(oneshot::Sender<Result<()>>),
    /// Feed someone with what becomes durable from now on.
    Subscribe(oneshot::Sender<Result<Subscription>>),
    /// Write in this format from here on.
    Raise(u32, oneshot::Sender<Result<()>>),
    /// Check the fence.
    Confirm(oneshot::Sender<Result<()>>),
    /// Write what is queued, and end.
    Close(oneshot::Sender<Result<()>>),
}

/// Why a batch did not get through.
enum Failure {
    /// The store failed: another attempt may succeed.
    Store(StoreError),
    /// The fence did not confirm: never again.
    Fence(StoreError),
}

/// How a batch ended.
enum Written {
    /// It is durable.
    Durable,
    /// The journal is over.
    Over,
}

/// How the writer ended.
enum End {
    /// All is written and the segment is closed.
    Clean,
    /// Deposed, or closed with records that could not be written.
    Over,
}

/// The writer's state.
pub(crate) struct Writer {
    store: Arc<dyn Store>,
    fence: Box<dyn Fence>,
    shared: Arc<Shared>,
    options: Options,
    track: Track,
    file: Option<Box<dyn OpenFile>>,
    opened_at: TokioInstant,
    /// When to say in the open segment that all of it is durable; None when it says so, or nobody could read it.
    mark_at: Option<TokioInstant>,
    /// Who waits for the open segment to be ended.
    rolling: Vec<oneshot::Sender<Result<()>>>,
    followers: Followers,
    /// Segments whose only batch failed; removed once a later one counts.
    doubtful: Vec<SegmentId>,
    /// Who waits for the journal to be closed; None while nobody has asked for it.
    closing: Option<Vec<oneshot::Sender<Result<()>>>>,
    /// Keeps other processes out until the last write has ended.
    _hold: Hold,
}

impl Writer {
    /// A writer that has not begun a segment yet.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        fence: Box<dyn Fence>,
        shared: Arc<Shared>,
        options: Options,
        track: Track,
        hold: Hold,
    ) -> Self {
        Self {
            store,
            fence,
            shared,
            options,
            track,
            file: None,
            opened_at: TokioInstant::now(),
            mark_at: None,
            rolling: Vec::new(),
            followers: Followers::default(),
            doubtful: Vec::new(),
            closing: None,
            _hold: hold,
        }
    }

    /// Begins a segment and makes sure that we are still the writer.
    pub(crate) async fn open(&mut self) -> Result<()> {
        self.begin_segment().await?;
        self.fence.check().await.map_err(|e| JournalError::Deposed { reason: e.to_string().into() })?;
        self.mark_later();
        Ok(())
    }

    /// Runs until closed or deposed.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        // Whatever ends this task, nobody is left waiting.
        let shared = self.shared.clone();
        let _end = EndOnDrop(shared.clone());
        let end = self.serve(&mut commands).await;
        let closing = self.closing.take();
        // Lets go of the store before telling anyone, so that whoever waited can open the journal again.
        drop(self);
        for reply in closing.into_iter().flatten() {
            let error = shared.state.borrow().outcome();
            answer(
                reply,
                match (&end, error) {
                    (End::Clean, _) => Ok(()),
                    (End::Over, Some(error)) if !matches!(error, JournalError::Closed) => Err(error),
                    (End::Over, _) => Err(JournalError::OutcomeUnknown {
                        reason: "closed before all could be written".into(),
                    }),
                },
            );
        }
    }

    async fn serve(&mut self, commands: &mut mpsc::Receiver<Command>) -> End {
        loop {
            let command = tokio::select! {
                biased;
                command = commands.recv() => Some(command),
                () = self.shared.wake.notified() => None,
                () = tokio::time::sleep_until(self.opened_at + self.options.roll_age),
                    if self.track.open_has_records() => {
                    self.end_segment().await;
                    None
                }
                () = at(self.mark_at) => {
                    self.mark().await;
                    None
                }
                () = at(self.followers.admit_at()) => None,
            };
            let mut raising = None;
            match command {
                None => {}
                Some(Some(Command::Roll(reply))) => self.rolling.push(reply),
                Some(Some(Command::Subscribe(reply))) => self.followers.wait(reply),
                Some(Some(Command::Confirm(reply))) => {
                    if matches!(self.confirm(reply).await, Written::Over) {
                        return End::Over;
                    }
                }
                Some(Some(Command::Raise(format, reply))) => raising = Some((format, reply)),
                Some(Some(Command::Close(reply))) => self.closing.get_or_insert_default().push(reply),
                // The journal was dropped.
                Some(None) => drop(self.closing.get_or_insert_default()),
            }
            // What is queued now, and not until nothing is: under load that may never be.
            let queued = self.shared.last().sequence;
            if matches!(self.drain(queued, commands).await, Written::Over) {
                return End::Over;
            }
            if let Some((format, reply)) = raising
                && matches!(self.raise(format, reply).await, Written::Over)
            {
                return End::Over;
            }
            if !self.rolling.is_empty() {
                self.end_segment().await;
                for reply in self.rolling.drain(..) {
                    answer(reply, Ok(()));
                }
            }
            if self.followers.admit_at().is_some_and(|at| at <= TokioInstant::now()) {
                self.admit_followers().await;
            }
            if self.closing.is_some() {
                return self.close(commands).await;
            }
        }
    }

    /// Begins to feed those who have asked for it. What is before must be readable: where an open segment is not,
    /// it is ended.
    async fn admit_followers(&mut self) {
        if !self.store.tails() && self.track.open_has_records() {
            self.end_segment().await;
            self.followers.rolled();
        }
        // All that was handed over has been drained, so the track's end is past the fence too.
        self.followers.admit(self.shared.term, self.track.end());
    }

    /// Writes what is queued up to the record `until`, and what fits into the same batches.
    async fn drain(&mut self, until: u64, commands: &mut mpsc::Receiver<Command>) -> Written {
        while self.shared.durable.load(Ordering::Acquire) < until {
            let batch = self.shared.take_batch();
            if batch.is_empty() {
                // A record has a sequence and is not queued: the journal was ended by its caller.
                return Written::Over;
            }
            if matches!(self.write(batch, commands).await, Written::Over) {
                return Written::Over;
            }
            let full = self.track.open_length().is_some_and(|length| length >= self.options.roll_bytes);
            if full {
                self.end_segment().await;
            }
        }
        Written::Durable
    }

    /// Gets one batch through, with as many attempts as it takes.
    async fn write(&mut self, mut batch: Vec<Queued>, commands: &mut mpsc::Receiver<Command>) -> Written {
        let mut wait = self.options.retry_min;
        let mut reported: Option<Option<io::ErrorKind>> = None;
        let mut unconfirmed = None;
        loop {
            let error = match self.attempt(&batch, &mut unconfirmed).await {
                Ok(()) => {
                    if reported.is_some() {
                        tracing::info!(records = batch.len(), "the journal can be written again");
                    }
                    self.followers.feed(&batch);
                    self.shared.complete(batch);
                    if reported.is_some() {
                        self.shared.enter(State::Writable, &mut []);
                    }
                    return Written::Durable;
                }
                Err(Failure::Fence(error)) => {
                    tracing::error!(%error, "this master is deposed: the journal's fence did not confirm");
                    self.shared.enter(State::Deposed { reason: error.to_string().into() }, &mut batch);
                    return Written::Over;
                }
                Err(Failure::Store(error)) => error,
            };
            self.shared.stats.failed();
            // Once for each kind of trouble: the attempts go on, possibly for hours.
            if reported != Some(error.io_kind()) {
                tracing::error!(%error, "the journal cannot be written; changes are refused until it can");
            }
            reported = Some(error.io_kind());
            self.shared.enter(State::Failing { reason: error.to_string().into() }, &mut batch);
            if self.closing.is_some() {
                tracing::error!(
                    records = batch.len(),
                    "the journal closes with records that it could not write"
                );
                self.shared.enter(State::Closed, &mut batch);
                return Written::Over;
            }
            self.pause(wait, commands).await;
            wait = (wait * 2).min(self.options.retry_max);
        }
    }

    /// Waits before the next attempt. A request to close ends the wait: one last attempt follows.
    async fn pause(&mut self, wait: Duration, commands: &mut mpsc::Receiver<Command>) {
        let refusal = || self.shared.state.borrow().refusal().unwrap_or(JournalError::Closed);
        for reply in self.rolling.drain(..) {
            answer(reply, Err(refusal()));
        }
        self.followers.refuse(refusal);
        let until = TokioInstant::now() + wait;
        while self.closing.is_none() {
            let command = tokio::select! {
                biased;
                () = tokio::time::sleep_until(until) => return,
                command = commands.recv() => command,
            };
            match command {
                Some(Command::Roll(reply) | Command::Confirm(reply) | Command::Raise(_, reply)) => {
                    answer(reply, Err(refusal()))
                }
                Some(Command::Subscribe(reply)) => {
                    // Whoever asked may have gone away.
                    let _ = reply.send(Err(refusal()));
                }
                Some(Command::Close(reply)) => self.closing.get_or_insert_default().push(reply),
                None => drop(self.closing.get_or_insert_default()),
            }
        }
    }

    /// One attempt to get a batch through. `unconfirmed` has the bytes of a batch that is synced already, and only waits for the
    /// fence.
    async fn attempt(
        &mut self,
        batch: &[Queued],
        unconfirmed: &mut Option<usize>,
    ) -> std::result::Result<(), Failure> {
        let started = Instant::now();
        let bytes = match *unconfirmed {
            Some(bytes) => bytes,
            None => self.write_or_give_up(batch).await?,
        };
        *unconfirmed = Some(bytes);
        let synced = Instant::now();
        // After the sync and before any answer: if this succeeds, a later master reads what was just synced.
        if let Err(error) = self.fence.check().await {
            let later = self.fence.may_confirm_later(&error);
            return Err(if later { Failure::Store(error) } else { Failure::Fence(error) });
        }
        self.mark_later();
        // Whoever takes over from here on finds the segment just synced, which does not lead to these.
        for id in std::mem::take(&mut self.doubtful) {
            remove(&*self.store, id).await;
        }
        self.shared.stats.flushed(batch.len(), bytes, started.elapsed(), synced.elapsed());
        Ok(())
    }

    async fn write_or_give_up(&mut self, batch: &[Queued]) -> std::result::Result<usize, Failure> {
        match self.write_and_sync(batch).await {
            Ok(bytes) => Ok(bytes),
            Err(error) => {
                // That file is never written or synced again; see core::track.
                self.give_segment_up().await;
                let sealed = matches!(error, StoreError::Sealed { .. });
                Err(if sealed { Failure::Fence(error) } else { Failure::Store(error) })
            }
        }
    }

    async fn write_and_sync(&mut self, batch: &[Queued]) -> std::result::Result<usize, StoreError> {
        if self.file.is_none() {
            self.begin_segment().await?;
        }
        // `begin_segment` leaves both set.
        let (Some(file), Some(salt)) = (&mut self.file, self.track.salt()) else { return Ok(0) };
        self.track.attempt();
        let bytes = encode_batch(batch.iter().map(|queued| &queued.entry), salt);
        let length = bytes.len();
        file.commit(bytes).await?;
        if let Some(last) = batch.last() {
            self.track.synced(length as u64, last.entry.position);
        }
        Ok(length)
    }

    async fn begin_segment(&mut self) -> std::result::Result<(), StoreError> {
        let begin = self.track.begin(random_u32());
        let created = async {
            let mut file = self.store.create(FileId::Segment(begin.id)).await?;
            file.commit(begin.header).await?;
            Ok(file)
        };
        match created.await {
            Ok(file) => {
                self.file = Some(file);
                self.opened_at = TokioInstant::now();
                let format = self.track.format();
                if self.shared.format.swap(format, Ordering::AcqRel) != format {
                    tracing::info!(
                        format,
                        "the journal is written in this format from now on: older releases cannot go on with it"
                    );
                }
                self.shared.stats.segments.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                self.give_segment_up().await;
                Err(error)
            }
        }
    }

    /// The fence has just confirmed what is in the open segment. The next batch says so to those who follow; if
    /// none comes, a mark will.
    fn mark_later(&mut self) {
        self.mark_at = self.store.tails().then(|| TokioInstant::now() + self.options.mark_after);
    }

    /// Says in the open segment that all of it is durable.
    async fn mark(&mut self) {
        self.mark_at = None;
        let (Some(file), Some(salt)) = (&mut self.file, self.track.salt()) else { return };
        let mark = encode_mark(Kind::Durable, self.track.end(), salt);
        let length = mark.len();
        match file.commit(mark).await {
            Ok(()) => self.track.marked(length as u64),
            Err(error) => {
                tracing::warn!(%error, "a journal segment is given up; its records are safe");
                self.give_segment_up().await;
            }
        }
    }

    /// Leaves the open segment as it is.
    async fn give_segment_up(&mut self) {
        self.file = None;
        self.mark_at = None;
        match self.track.end_segment() {
            None | Some(EndedSegment::First) => {}
            Some(EndedSegment::Kept(span)) => self.shared.ended.lock().push(span),
            Some(EndedSegment::Doubtful(id)) => self.doubtful.push(id),
            // So that a disk that stays full does not fill with empty files.
            Some(EndedSegment::Empty(id)) => remove(&*self.store, id).await,
        }
    }

    /// Closes the open segment cleanly, if it holds records. The next batch begins a new one.
    async fn end_segment(&mut self) {
        if !self.track.open_has_records() {
            return;
        }
        self.mark_at = None;
        if let (Some(mut file), Some(salt)) = (self.file.take(), self.track.salt()) {
            let closed = async {
                file.commit(encode_mark(Kind::End, self.track.end(), salt)).await?;
                file.close().await
            };
            // Without the mark the segment still ends where the next header says.
            if let Err(error) = closed.await {
                tracing::warn!(%error, "a journal segment could not be closed cleanly; its records are safe");
            }
        }
        if let Some(EndedSegment::Kept(span)) = self.track.end_segment() {
            self.shared.ended.lock().push(span);
        }
    }

    /// Grants no more permits, writes what is queued, and ends. Records of permits that are out come in until
    /// the queue is empty.
    async fn close(&mut self, commands: &mut mpsc::Receiver<Command>) -> End {
        self.shared.slots.close();
        while !self.shared.close_if_empty() {
            let queued = self.shared.last().sequence;
            if matches!(self.drain(queued, commands).await, Written::Over) {
                return End::Over;
            }
        }
        self.end_segment().await;
        End::Clean
    }
}

/// Ends the journal when the writer's task ends.
struct EndOnDrop(Arc<Shared>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.enter(State::Closed, &mut []);
    }
}

/// Waits until a moment; for ever when there is none.
async fn at(moment: Option<TokioInstant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Removes a segment that does not count. If that fails, a reader still passes over the file, and a later master
/// removes it.
async fn remove(store: &dyn Store, id: SegmentId) {
    if let Err(error) = store.remove(FileId::Segment(id)).await {
        tracing::debug!(%error, "a segment that does not count stays behind");
    }
}

fn answer(reply: oneshot::Sender<Result<()>>, result: Result<()>) {
    // Whoever asked may have gone away.
    let _ = reply.send(result);
}

pub(crate) fn random_u32() -> u32 {
    // The upper half of a version 4 UUID's last 64 bits holds fixed bits; the lower 32 are all random.
    Uuid::new_v4().as_u128() as u32
}

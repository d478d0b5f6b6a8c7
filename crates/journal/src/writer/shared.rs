//! What callers and the writer task share: the queue, and how far the log is durable.
//!
//! Lock order: the queue's mutex is taken under the caller's tree lock and takes no other lock itself. Nothing
//! waits or does I/O while it is held.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};
use uuid::Uuid;

use crate::core::head::Entry;
use crate::core::track::Span;
use crate::error::JournalError;
use crate::options::Options;
use crate::position::{CheckpointId, Position};
use crate::stats::JournalStats;

/// Bytes in one batch, beyond which records wait for the next. Larger ones only make everyone wait longer: at
/// this size the sync's fixed cost is small already.
const BATCH_BYTES: usize = 8 << 20;

/// Whether the journal takes records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It does.
    Writable,
    /// The last write failed; the writer keeps the records and tries again.
    Failing {
        /// Why.
        reason: Arc<str>,
    },
    /// This master is not the writer any more, for good.
    Deposed {
        /// Why.
        reason: Arc<str>,
    },
    /// Shut down, for good.
    Closed,
}

impl State {
    /// Whether it will never be writable again.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Deposed { .. } | Self::Closed)
    }

    /// The error for someone who has not handed a record over; None when writable.
    pub(crate) fn refusal(&self) -> Option<JournalError> {
        match self {
            Self::Writable => None,
            Self::Failing { reason } => Some(JournalError::Unavailable { reason: reason.clone() }),
            Self::Deposed { reason } => Some(JournalError::Deposed { reason: reason.clone() }),
            Self::Closed => Some(JournalError::Closed),
        }
    }

    /// The error for someone whose record is not durable yet, or who saw such a record.
    pub(crate) fn outcome(&self) -> Option<JournalError> {
        match self {
            Self::Failing { reason } => Some(JournalError::OutcomeUnknown { reason: reason.clone() }),
            other => other.refusal(),
        }
    }
}

/// A record that is not durable yet. It keeps its slot of the queue until then.
pub(crate) struct Queued {
    pub(crate) entry: Entry,
    /// Who waits. None once the outcome has been told.
    pub(super) waiter: Option<oneshot::Sender<State>>,
    pub(super) _slot: OwnedSemaphorePermit,
}

struct Queue {
    entries: VecDeque<Queued>,
    last: Position,
    state: State,
}

pub(crate) struct Shared {
    pub(crate) cluster: Uuid,
    pub(crate) term: u64,
    /// The format that is written.
    pub(crate) format: AtomicU32,
    pub(crate) stats: Arc<JournalStats>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) max_queued_bytes: u64,
    /// Wakes the writer.
    pub(super) wake: Notify,
    pub(crate) durable: AtomicU64,
    pub(crate) durable_watch: watch::Sender<u64>,
    pub(crate) state: watch::Sender<State>,
    queue: Mutex<Queue>,
    /// Segments of the chain that get no more records, oldest first.
    pub(crate) ended: Mutex<Vec<Span>>,
    /// Checkpoints known to be valid.
    pub(crate) verified: Mutex<BTreeSet<CheckpointId>>,
    /// Checkpoints known not to count.
    pub(crate) refused: Mutex<BTreeSet<CheckpointId>>,
    /// The checkpoints that were there when all that they cover had been removed: by us or, as far as we know, by
    /// the one before us.
    pub(crate) cleaned: Mutex<BTreeSet<CheckpointId>>,
    pub(crate) checkpoint_running: AtomicBool,
}

impl Shared {
    pub(crate) fn new(cluster: Uuid, term: u64, end: Position, format: u32, options: &Options) -> Self {
        let stats = Arc::new(JournalStats::default());
        stats.last_sequence.store(end.sequence, Ordering::Relaxed);
        Self {
            cluster,
            term,
            format: AtomicU32::new(format),
            stats,
            slots: Arc::new(Semaphore::new(options.max_queued_records.clamp(1, Semaphore::MAX_PERMITS))),
            max_queued_bytes: options.max_queued_bytes,
            wake: Notify::new(),
            durable: AtomicU64::new(end.sequence),
            durable_watch: watch::Sender::new(end.sequence),
            state: watch::Sender::new(State::Writable),
            queue: Mutex::new(Queue { entries: VecDeque::new(), last: end, state: State::Writable }),
            ended: Mutex::new(Vec::new()),
            verified: Mutex::new(BTreeSet::new()),
            refused: Mutex::new(BTreeSet::new()),
            cleaned: Mutex::new(BTreeSet::new()),
            checkpoint_running: AtomicBool::new(false),
        }
    }

    /// The place after the last record handed over.
    pub(crate) fn last(&self) -> Position {
        self.queue.lock().last
    }

    /// Gives the record its sequence and queues it. The order of calls is the order of sequences, because both
    /// happen under one mutex.
    pub(super) fn push(
        &self,
        payload: bytes::Bytes,
        slot: OwnedSemaphorePermit,
    ) -> (Position, Result<oneshot::Receiver<State>, State>) {
        // The only part that grows with the record, so it is done before the mutex.
        let payload_crc = crc32c::crc32c(&payload);
        let mut queue = self.queue.lock();
        let entry = Entry::after(queue.last, self.term, payload_crc, payload);
        let position = entry.position;
        queue.last = position;
        self.stats.last_sequence.store(position.sequence, Ordering::Relaxed);
        if queue.state.is_final() {
            return (position, Err(queue.state.clone()));
        }
        self.stats.queued_records.fetch_add(1, Ordering::Relaxed);
        self.stats.queued_bytes.fetch_add(entry.frame_length() as u64, Ordering::Relaxed);
        // While the journal fails, the record is kept as those before it are, but nobody waits for it.
        let (waiter, outcome) = match &queue.state {
            State::Writable => {
                let (sender, receiver) = oneshot::channel();
                (Some(sender), Ok(receiver))
            }
            state => (None, Err(state.clone())),
        };
        queue.entries.push_back(Queued { entry, waiter, _slot: slot });
        drop(queue);
        self.wake.notify_one();
        (position, outcome)
    }

    /// Takes what is queued, up to the size of a batch.
    pub(super) fn take_batch(&self) -> Vec<Queued> {
        let mut queue = self.queue.lock();
        let mut bytes = 0;
        let mut count = 0;
        for queued in &queue.entries {
            bytes += queued.entry.frame_length();
            if count > 0 && bytes > BATCH_BYTES {
                break;
            }
            count += 1;
        }
        queue.entries.drain(..count).collect()
    }

    /// The records of `batch` are durable: publishes that, then answers those who wait.
    pub(super) fn complete(&self, batch: Vec<Queued>) {
        let Some(last) = batch.last().map(|queued| queued.entry.position.sequence) else { return };
        self.durable.store(last, Ordering::Release);
        self.durable_watch.send_replace(last);
        for queued in &batch {
            self.stats.queued_records.fetch_sub(1, Ordering::Relaxed);
            self.stats.queued_bytes.fetch_sub(queued.entry.frame_length() as u64, Ordering::Relaxed);
        }
        for waiter in batch.into_iter().filter_map(|queued| queued.waiter) {
            // The caller may have gone away; the record is durable all the same.
            let _ = waiter.send(State::Writable);
        }
    }

    /// Enters a state, and tells it to everyone whose record is queued or in `batch`. A final state is never
    /// left.
    pub(super) fn enter(&self, state: State, batch: &mut [Queued]) {
        let mut waiters: Vec<_> = batch.iter_mut().filter_map(|queued| queued.waiter.take()).collect();
        {
            let mut queue = self.queue.lock();
            if queue.state.is_final() {
                return;
            }
            queue.state = state.clone();
            if state != State::Writable {
                waiters.extend(queue.entries.iter_mut().filter_map(|queued| queued.waiter.take()));
            }
            if state.is_final() {
                queue.entries.clear();
                self.stats.queued_records.store(0, Ordering::Relaxed);
                self.stats.queued_bytes.store(0, Ordering::Relaxed);
            }
        }
        if state.is_final() {
            self.slots.close();
        }
        self.state.send_replace(state.clone());
        for waiter in waiters {
            // As above: nobody may be left to tell.
            let _ = waiter.send(state.clone());
        }
    }

    /// Closes if nothing is queued. False when a record came in meanwhile.
    pub(super) fn close_if_empty(&self) -> bool {
        {
            let mut queue = self.queue.lock();
            if !queue.entries.is_empty() {
                return false;
            }
            if !queue.state.is_final() {
                queue.state = State::Closed;
            }
        }
        self.slots.close();
        self.state.send_if_modified(|state| {
            let closes = !state.is_final();
            if closes {
                *state = State::Closed;
            }
            closes
        });
        true
    }
}

//! The chunks of one read between the task that reads them and the transport that sends them.
//!
//! Bounded in bytes. The reading task waits when the client does not take or acknowledge what it was
//! sent, and can empty the queue when it gives the client up: the transport may then hold the other end
//! for long without asking for more.

use bytes::Bytes;
use futures::{Stream, task::AtomicWaker};
use parking_lot::Mutex;
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::Notify;
use tonic::Status;

/// Bytes sent and not acknowledged above which nothing is read ahead (the original's limit).
const UNACKNOWLEDGED: u64 = 4 << 20;

#[derive(Default)]
struct State {
    chunks: VecDeque<Bytes>,
    queued: usize,
    /// Bytes handed to the queue so far, and those the client said it has.
    pushed: u64,
    acknowledged: u64,
    /// Chunks the transport took: tells a stalled client from a slow one.
    taken: u64,
    end: Option<Result<(), Status>>,
    /// The transport dropped its end: the client reset the stream.
    abandoned: bool,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    reader: Notify,
    transport: AtomicWaker,
}

/// The reading task's end. Dropped without [`ReplyWriter::end`], the stream ends with an error: it must
/// not look complete.
pub struct ReplyWriter(Arc<Queue>);

/// Takes acknowledgements; for the task that listens to the client.
#[derive(Clone)]
pub struct Acknowledgements(Arc<Queue>);

/// The transport's end.
pub struct ReplyChunks(Arc<Queue>);

pub fn reply_queue() -> (ReplyWriter, Acknowledgements, ReplyChunks) {
    let queue = Arc::new(Queue::default());
    (ReplyWriter(queue.clone()), Acknowledgements(queue.clone()), ReplyChunks(queue))
}

/// Why nothing more can be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone;

impl State {
    /// One chunk may always wait. More only while the client keeps up.
    fn may_push(&self, limit: usize) -> bool {
        self.chunks.is_empty()
            || (self.queued < limit && self.pushed.saturating_sub(self.acknowledged) < UNACKNOWLEDGED)
    }
}

impl ReplyWriter {
    /// Waits until the next chunk may be read; `read_ahead` bytes may wait unsent.
    pub async fn ready(&self, read_ahead: usize) -> Result<(), Gone> {
        loop {
            let changed = self.0.reader.notified();
            {
                let state = self.0.state.lock();
                if state.abandoned || state.end.is_some() {
                    return Err(Gone);
                }
                if state.may_push(read_ahead) {
                    return Ok(());
                }
            }
            changed.await;
        }
    }

    pub fn push(&self, chunk: Bytes) {
        let mut state = self.0.state.lock();
        state.queued += chunk.len();
        state.pushed += chunk.len() as u64;
        state.chunks.push_back(chunk);
        drop(state);
        self.0.transport.wake();
    }

    /// Ends the stream after what is queued.
    pub fn end(&self, result: Result<(), Status>) {
        let mut state = self.0.state.lock();
        state.end.get_or_insert(result);
        drop(state);
        self.0.transport.wake();
    }

    /// Gives the client up: frees what is queued and ends with an error.
    pub fn give_up(&self, status: Status) {
        let mut state = self.0.state.lock();
        state.chunks = VecDeque::new();
        state.queued = 0;
        state.end = Some(Err(status));
        drop(state);
        self.0.transport.wake();
    }

    pub fn nothing_sent(&self) -> bool {
        self.0.state.lock().pushed == 0
    }

    /// Whether the client is the one to move.
    pub fn has_waiting(&self) -> bool {
        !self.0.state.lock().chunks.is_empty()
    }

    /// Grows whenever the client makes progress.
    pub fn progress(&self) -> u64 {
        let state = self.0.state.lock();
        state.taken + state.acknowledged
    }
}

impl Drop for ReplyWriter {
    fn drop(&mut self) {
        self.end(Err(Status::internal("The read was cut off on the worker.")));
    }
}

impl Acknowledgements {
    /// The client has `bytes` of those sent.
    pub fn acknowledge(&self, bytes: u64) {
        let mut state = self.0.state.lock();
        state.acknowledged = state.acknowledged.max(bytes.min(state.pushed));
        drop(state);
        self.0.reader.notify_one();
    }

    /// The client finished its side: it wants nothing more. That is a good end.
    pub fn finished(&self) {
        let mut state = self.0.state.lock();
        state.chunks = VecDeque::new();
        state.queued = 0;
        state.end.get_or_insert(Ok(()));
        drop(state);
        self.0.reader.notify_one();
        self.0.transport.wake();
    }
}

impl Stream for ReplyChunks {
    type Item = Result<Bytes, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.transport.register(context.waker());
        let mut state = self.0.state.lock();
        if let Some(chunk) = state.chunks.pop_front() {
            state.queued -= chunk.len();
            state.taken += 1;
            drop(state);
            self.0.reader.notify_one();
            return Poll::Ready(Some(Ok(chunk)));
        }
        match state.end.replace(Ok(())) {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(status)) => Poll::Ready(Some(Err(status))),
            None => {
                state.end = None;
                Poll::Pending
            }
        }
    }
}

impl Drop for ReplyChunks {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.abandoned = true;
        state.chunks = VecDeque::new();
        drop(state);
        self.0.reader.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, StreamExt};

    fn chunk(bytes: usize) -> Bytes {
        Bytes::from(vec![1; bytes])
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_taking_makes_room() {
        let (writer, _acks, mut chunks) = reply_queue();
        for _ in 0..2 {
            writer.ready(2000).await.unwrap();
            writer.push(chunk(1000));
        }
        assert!(writer.ready(2000).now_or_never().is_none());
        assert_eq!(chunks.next().await.unwrap().unwrap().len(), 1000);
        writer.ready(2000).await.unwrap();
    }

    #[tokio::test]
    async fn without_acknowledgements_only_one_chunk_waits() {
        let (writer, acks, mut chunks) = reply_queue();
        for _ in 0..4 {
            writer.ready(usize::MAX).await.unwrap();
            writer.push(chunk(1 << 20));
        }
        assert!(writer.ready(usize::MAX).now_or_never().is_none());
        for _ in 0..4 {
            chunks.next().await.unwrap().unwrap();
        }
        // All was taken by the transport, which is ready: go on, one chunk at a time.
        writer.ready(usize::MAX).await.unwrap();
        writer.push(chunk(1 << 20));
        assert!(writer.ready(usize::MAX).now_or_never().is_none());
        acks.acknowledge(3 << 20);
        writer.ready(usize::MAX).await.unwrap();
    }

    #[tokio::test]
    async fn a_dropped_writer_is_an_error_not_an_end() {
        let (writer, _acks, mut chunks) = reply_queue();
        writer.push(chunk(1));
        drop(writer);
        assert!(chunks.next().await.unwrap().is_ok());
        assert!(chunks.next().await.unwrap().is_err());
        assert!(chunks.next().await.is_none());
    }

    #[tokio::test]
    async fn giving_a_client_up_frees_the_queue() {
        let (writer, _acks, mut chunks) = reply_queue();
        writer.push(chunk(1));
        writer.give_up(Status::deadline_exceeded("slow"));
        drop(writer);
        assert_eq!(chunks.next().await.unwrap().unwrap_err().code(), tonic::Code::DeadlineExceeded);
        assert!(chunks.next().await.is_none());
    }

    #[tokio::test]
    async fn a_client_that_finished_or_left_stops_the_writer() {
        let (writer, acks, mut chunks) = reply_queue();
        writer.push(chunk(1));
        acks.finished();
        assert_eq!(writer.ready(10).await, Err(Gone));
        assert!(chunks.next().await.is_none());
        let (writer, _acks, chunks) = reply_queue();
        drop(chunks);
        assert_eq!(writer.ready(10).await, Err(Gone));
    }
}

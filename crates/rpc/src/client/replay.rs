//! A request body that can be sent a second time.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::Frame;
use parking_lot::Mutex;
use tonic::{Status, body::Body};

/// What is kept of a body for a second try. A larger one (blocks, registrations) is sent once; who
/// sends those has a retry of its own.
const KEEP: usize = 1024 * 1024;

/// Keeps what a request body yields until the answer shows that it was taken. A server that does
/// not know our session refuses a call before it reads any of it.
pub(super) struct Replay {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    body: Body,
    /// Which of the two senders is current; the one before it gets nothing more.
    turn: u8,
    /// First turn: what was sent and may have to be sent again. Second turn: what is still to be.
    kept: VecDeque<Bytes>,
    kept_bytes: usize,
    recording: bool,
    lost: bool,
}

impl Replay {
    /// The body for the first try, and the means for the second.
    pub(super) fn new(body: Body) -> (Self, Body) {
        let shared = Arc::new(Mutex::new(Shared {
            body,
            turn: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            recording: true,
            lost: false,
        }));
        let first = Body::new(Sender { shared: Arc::clone(&shared), turn: 0 });
        (Self { shared }, first)
    }

    /// The first try was taken: stop keeping.
    pub(super) fn accepted(self) {
        let mut shared = self.shared.lock();
        shared.recording = false;
        shared.kept = VecDeque::new();
    }

    /// The body for the second try, unless more was sent than is kept.
    pub(super) fn again(self) -> Option<Body> {
        let mut shared = self.shared.lock();
        shared.recording = false;
        shared.turn = 1;
        let possible = !shared.lost;
        drop(shared);
        possible.then(|| Body::new(Sender { shared: self.shared, turn: 1 }))
    }
}

struct Sender {
    shared: Arc<Mutex<Shared>>,
    turn: u8,
}

impl http_body::Body for Sender {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut shared = self.shared.lock();
        if shared.turn != self.turn {
            return Poll::Ready(None);
        }
        if self.turn > 0
            && let Some(bytes) = shared.kept.pop_front()
        {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        let frame = std::task::ready!(Pin::new(&mut shared.body).poll_frame(cx));
        if shared.recording
            && let Some(Ok(frame)) = &frame
            && let Some(bytes) = frame.data_ref()
        {
            shared.keep(bytes);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let shared = self.shared.lock();
        shared.turn != self.turn
            || ((self.turn == 0 || shared.kept.is_empty()) && shared.body.is_end_stream())
    }
}

impl Shared {
    fn keep(&mut self, bytes: &Bytes) {
        self.kept_bytes += bytes.len();
        if self.kept_bytes > KEEP {
            self.recording = false;
            self.lost = true;
            self.kept = VecDeque::new();
        } else {
            self.kept.push_back(bytes.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body_util::{BodyExt, StreamBody};
    use proptest::prelude::*;

    use super::*;

    fn body_of(frames: Vec<Vec<u8>>) -> Body {
        let frames = frames.into_iter().map(|frame| Ok::<_, Status>(Frame::data(Bytes::from(frame))));
        Body::new(StreamBody::new(stream::iter(frames)))
    }

    async fn take(body: &mut Body, frames: usize) {
        for _ in 0..frames {
            body.frame().await;
        }
    }

    async fn read(body: Body) -> Vec<u8> {
        body.collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn more_than_is_kept_is_not_sent_again() {
        let (replay, mut first) = Replay::new(body_of(vec![vec![0; KEEP], vec![1]]));
        take(&mut first, 2).await;
        assert!(replay.again().is_none());
    }

    #[tokio::test]
    async fn the_first_sender_gets_nothing_after_the_second_began() {
        let (replay, mut first) = Replay::new(body_of(vec![vec![1], vec![2]]));
        take(&mut first, 1).await;
        let second = replay.again().unwrap();
        assert!(read(first).await.is_empty());
        assert_eq!(read(second).await, [1, 2]);
    }

    proptest! {
        #[test]
        fn the_second_try_sends_the_whole_body(frames: Vec<Vec<u8>>, sent in 0usize..8) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let whole = frames.concat();
            let again = runtime.block_on(async {
                let (replay, mut first) = Replay::new(body_of(frames));
                take(&mut first, sent).await;
                read(replay.again().unwrap()).await
            });
            prop_assert_eq!(again, whole);
        }
    }
}

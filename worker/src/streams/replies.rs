//! Replies of a stream whose good end tells the client that its data is committed.
//!
//! A channel alone would also end when its sender is dropped by a panic or by the end of the process, and
//! the client would take that for success.

use futures::Stream;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};
use tokio::sync::mpsc;
use tonic::Status;

/// The transport's end. Ends well only after [`Replier::finish`].
pub struct Replies<T> {
    receiver: mpsc::Receiver<Result<T, Status>>,
    finished: Arc<AtomicBool>,
    ended: bool,
}

/// The working task's end.
pub struct Replier<T> {
    sender: mpsc::Sender<Result<T, Status>>,
    finished: Arc<AtomicBool>,
}

/// The client left.
#[derive(Debug)]
pub struct Left;

/// `most` replies may wait for the client.
pub fn replies<T>(most: usize) -> (Replier<T>, Replies<T>) {
    let (sender, receiver) = mpsc::channel(most);
    let finished = Arc::new(AtomicBool::new(false));
    (Replier { sender, finished: finished.clone() }, Replies { receiver, finished, ended: false })
}

impl<T> Replier<T> {
    pub async fn send(&self, reply: Result<T, Status>) -> Result<(), Left> {
        self.sender.send(reply).await.map_err(|_| Left)
    }

    /// All was told, errors too.
    pub fn finish(self) {
        self.finished.store(true, Ordering::Release);
    }
}

impl<T> Stream for Replies<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.receiver.poll_recv(context));
        if next.is_some() || self.ended || self.finished.load(Ordering::Acquire) {
            return Poll::Ready(next);
        }
        self.ended = true;
        Poll::Ready(Some(Err(Status::internal("The write was cut off on the worker."))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;

    #[tokio::test]
    async fn only_a_finished_stream_ends_well() {
        let (replier, mut replies) = replies::<u8>(2);
        replier.send(Ok(1)).await.unwrap();
        replier.finish();
        assert_eq!(replies.next().await.unwrap().unwrap(), 1);
        assert!(replies.next().await.is_none());
    }

    #[tokio::test]
    async fn a_task_that_is_cut_off_is_an_error_not_an_end() {
        let (replier, mut replies) = replies::<u8>(2);
        let task = tokio::spawn(async move {
            replier.send(Ok(1)).await.unwrap();
            std::future::pending::<()>().await;
            replier.finish();
        });
        assert!(replies.next().await.unwrap().is_ok());
        task.abort();
        assert_eq!(replies.next().await.unwrap().unwrap_err().code(), tonic::Code::Internal);
        assert!(replies.next().await.is_none());
    }
}

//! The last look before an answer leaves: whether this process may still give it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};

/// Whether this process may answer now. Asked before a call begins, and of everything that is sent after it was
/// made: what it was made of is then no older than the last moment at which this was true.
pub type Mandate = Arc<dyn Fn() -> bool + Send + Sync>;

/// Goes with the services of a [`Stage`](super::Stage) while they are offered.
#[derive(Clone)]
pub(super) struct Guard {
    mandate: Mandate,
    /// The services are offered no more.
    ended: CancellationToken,
}

impl Guard {
    pub(super) fn new(mandate: Mandate) -> Self {
        Self { mandate, ended: CancellationToken::new() }
    }

    pub(super) fn end(&self) {
        self.ended.cancel();
    }

    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// UNAVAILABLE says that the outcome is not known, so it is the one answer that needs no mandate.
    pub(super) fn check(&self) -> Result<(), Status> {
        if !self.ended.is_cancelled() && (self.mandate)() { Ok(()) } else { Err(refusal()) }
    }

    /// An answer whose every part is checked when it is about to be sent.
    pub(super) fn watch(self, response: Response<Body>) -> Response<Body> {
        if let Err(status) = self.check() {
            return status.into_http();
        }
        if http_body::Body::is_end_stream(response.body()) {
            return response;
        }
        response.map(|body| {
            let ended = self.ended.clone().cancelled_owned();
            Body::new(Guarded { body, guard: self, ended, over: false })
        })
    }
}

fn refusal() -> Status {
    Status::unavailable(
        "This master does not lead any more, and whether the call was carried out is not known.",
    )
}

pin_project! {
    struct Guarded {
        #[pin]
        body: Body,
        guard: Guard,
        #[pin]
        ended: WaitForCancellationFutureOwned,
        over: bool,
    }
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        if *this.over {
            return Poll::Ready(None);
        }
        let next = this.body.poll_frame(cx);
        // Waited for only where there is nothing to send: most answers are there at once.
        if next.is_pending() && this.ended.poll(cx).is_pending() {
            return Poll::Pending;
        }
        match this.guard.check() {
            Ok(()) => next,
            Err(status) => {
                *this.over = true;
                Poll::Ready(Some(Ok(trailers(&status))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // What is announced could not be taken back.
        SizeHint::default()
    }
}

fn trailers(status: &Status) -> Frame<Bytes> {
    let mut headers = http::HeaderMap::new();
    // It fails only for a message that no header can hold, and this one is ours.
    if status.add_header(&mut headers).is_err() {
        headers.insert(Status::GRPC_STATUS, http::HeaderValue::from_static("14"));
    }
    Frame::trailers(headers)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures::{FutureExt, StreamExt, channel::mpsc};
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    type Sender = mpsc::UnboundedSender<Result<Frame<Bytes>, Status>>;

    fn stream(guard: &Guard) -> (Sender, Body) {
        let (sender, receiver) = mpsc::unbounded();
        let response = guard.clone().watch(Response::new(Body::new(StreamBody::new(receiver.boxed()))));
        (sender, response.into_body())
    }

    fn data(sender: &Sender, text: &'static str) {
        sender.unbounded_send(Ok(Frame::data(Bytes::from_static(text.as_bytes())))).unwrap();
    }

    async fn status(body: &mut Body) -> Status {
        let frame = body.frame().await.unwrap().unwrap();
        let status = Status::from_header_map(frame.trailers_ref().expect("no message")).unwrap();
        assert!(body.frame().await.is_none());
        status
    }

    #[tokio::test]
    async fn each_message_of_a_stream_is_checked() {
        let may = Arc::new(AtomicBool::new(true));
        let asked = may.clone();
        let guard = Guard::new(Arc::new(move || asked.load(Ordering::SeqCst)));
        let (sender, mut body) = stream(&guard);
        data(&sender, "one");
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
        data(&sender, "two");
        may.store(false, Ordering::SeqCst);
        assert_eq!(status(&mut body).await.code(), tonic::Code::Unavailable);
    }

    #[tokio::test]
    async fn a_stream_that_waits_ends_with_the_offer() {
        let guard = Guard::new(Arc::new(|| true));
        let (_sender, mut body) = stream(&guard);
        assert!(body.frame().now_or_never().is_none());
        let mut waiting = std::pin::pin!(status(&mut body));
        assert!(futures::poll!(&mut waiting).is_pending());
        guard.end();
        assert_eq!(waiting.await.code(), tonic::Code::Unavailable);
    }
}

//! Breaking a request stream off, as opposed to ending it.
//!
//! To a worker the end of a write stream means "commit". tonic ends the stream whenever its sender is
//! dropped, so giving up needs a way to fail the request's body instead: then the stream is reset, and
//! the worker throws the temporary block away.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use alluxio_rpc::SessionChannel;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};
use tonic::{Status, body::Body};
use tower::Service;

/// The means to break one stream off. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Abort(CancellationToken);

impl Abort {
    /// Breaks the stream off when dropped. It must be dropped before the stream's sender is.
    pub(super) fn on_drop(&self) -> DropGuard {
        self.0.clone().drop_guard()
    }
}

#[derive(Clone)]
pub(super) struct AbortableChannel {
    inner: SessionChannel,
    abort: Abort,
}

impl AbortableChannel {
    pub(super) fn new(inner: SessionChannel, abort: Abort) -> Self {
        Self { inner, abort }
    }
}

impl Service<Request<Body>> for AbortableChannel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = <SessionChannel as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let aborted = Box::pin(self.abort.0.clone().cancelled_owned());
        self.inner.call(request.map(|inner| Body::new(AbortableBody { inner, aborted })))
    }
}

struct AbortableBody {
    inner: Body,
    aborted: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl http_body::Body for AbortableBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        // Asked first: after an abort the sender is dropped too, and the end must not be seen.
        if self.aborted.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(Status::cancelled("The client gave up."))));
        }
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        false
    }
}

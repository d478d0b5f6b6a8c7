//! Tells a client that finished from one that gave up.
//!
//! tonic's decoder takes a request body that was reset with CANCEL for its normal end (tonic 0.14,
//! `codec/decode.rs`), hyper does so for NO_ERROR (hyper 1.12, `body/incoming.rs`). A cancelled write would
//! then be committed as a complete, short block. So a cancel gets another code here, and an end without
//! the END_STREAM flag becomes an error.

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tonic::{Code, Status, body::Body};

/// The same body, with an error where the client cancelled.
pub fn checked(body: Body) -> Body {
    Body::new(Checked { body, ended: false })
}

struct Checked {
    body: Body,
    ended: bool,
}

impl HttpBody for Checked {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        match frame {
            Poll::Ready(Some(Err(status))) if status.code() == Code::Cancelled => {
                self.ended = true;
                Poll::Ready(Some(Err(cancelled())))
            }
            Poll::Ready(None) if !self.ended && !self.body.is_end_stream() => {
                self.ended = true;
                Poll::Ready(Some(Err(cancelled())))
            }
            frame => frame,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Any code but CANCELLED, which the decoder swallows.
fn cancelled() -> Status {
    Status::aborted("The client cancelled the call.")
}

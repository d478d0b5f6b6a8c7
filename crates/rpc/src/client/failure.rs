//! What a broken connection looks like to the caller.

use http::Response;
use http_body_util::BodyExt;
use tonic::{Code, Status, body::Body, transport};

/// A call that got no answer.
pub(super) fn broken_call(error: transport::Error, address: &str) -> Status {
    let reason = innermost(&error);
    let status = Status::from_error(Box::new(error));
    with_code(status, |_| format!("Cannot reach {address}: {reason}"))
}

/// Gives the same treatment to a body that breaks off while it is read. Errors *in* the body are the
/// transport's: what the server answers stands in the trailers.
pub(super) fn broken_answer(response: Response<Body>, address: &str) -> Response<Body> {
    use http_body::Body as _;
    if response.body().is_end_stream() {
        return response;
    }
    let address = address.to_owned();
    response.map(|body| {
        Body::new(body.map_err(move |status| {
            with_code(status, |status| format!("The connection to {address} broke: {}", status.message()))
        }))
    })
}

/// A lost connection is UNAVAILABLE, as gRPC has it, whatever the HTTP layer calls it; CANCELLED
/// stays, because that is what a deadline or the caller itself causes.
fn with_code(status: Status, text: impl FnOnce(&Status) -> String) -> Status {
    match status.code() {
        Code::Cancelled | Code::DeadlineExceeded | Code::ResourceExhausted => status,
        _ => Status::unavailable(text(&status)),
    }
}

/// The cause at the bottom of the chain: the layers above say little more than "transport error".
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

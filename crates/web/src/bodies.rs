//! Bodies of requests: read before anybody looks at the request, within limits. Nobody sends more than a few words
//! here, and one that never comes must not keep a connection.

use std::time::Duration;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub(crate) const LONGEST: usize = 64 * 1024;

pub(crate) async fn read(limit: Duration, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    // It may be told before it is sent.
    if usize::try_from(body.size_hint().lower()).is_ok_and(|told| told > LONGEST) {
        return too_long();
    }
    match tokio::time::timeout(limit, to_bytes(body, LONGEST)).await {
        Ok(Ok(body)) => next.run(Request::from_parts(head, Body::from(body))).await,
        // Or whoever sent it is gone, and gets no answer.
        Ok(Err(_)) => too_long(),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, format!("The request did not come within {limit:?}.\n"))
            .into_response(),
    }
}

fn too_long() -> Response {
    (StatusCode::PAYLOAD_TOO_LARGE, format!("At most {LONGEST} bytes are taken.\n")).into_response()
}

//! Answers in JSON, and errors as Alluxio 2.9 gives them: HTTP 500 with the gRPC code's name.

use alluxio_fs::{ErrorKind, FsError};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An error on its way to the reader.
#[derive(Debug)]
pub struct WebError(pub FsError);

impl From<FsError> for WebError {
    fn from(error: FsError) -> Self {
        Self(error)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    status_code: &'static str,
    message: String,
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let body = Body { status_code: code_name(self.0.kind), message: self.0.message };
        (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
    }
}

/// The error's family as scripts and pages name it.
pub fn code_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Cancelled => "CANCELLED",
        ErrorKind::Unknown => "UNKNOWN",
        ErrorKind::InvalidArgument => "INVALID_ARGUMENT",
        ErrorKind::DeadlineExceeded => "DEADLINE_EXCEEDED",
        ErrorKind::NotFound => "NOT_FOUND",
        ErrorKind::AlreadyExists => "ALREADY_EXISTS",
        ErrorKind::PermissionDenied => "PERMISSION_DENIED",
        ErrorKind::ResourceExhausted => "RESOURCE_EXHAUSTED",
        ErrorKind::FailedPrecondition => "FAILED_PRECONDITION",
        ErrorKind::Aborted => "ABORTED",
        ErrorKind::OutOfRange => "OUT_OF_RANGE",
        ErrorKind::Internal => "INTERNAL",
        ErrorKind::Unavailable => "UNAVAILABLE",
        ErrorKind::Unauthenticated => "UNAUTHENTICATED",
    }
}

//! Metrics, always on: no sink has to be configured.

use std::sync::Arc;

use alluxio_fs::FsError;
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::MasterWeb;
use alluxio_web::WebError;

/// The text format of Prometheus, version 0.0.4.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn prometheus(State(web): State<Arc<MasterWeb>>) -> Result<Response, WebError> {
    let text = web
        .metrics
        .prometheus_text()
        .map_err(|error| FsError::internal(format!("The metrics cannot be written: {error}.")))?;
    Ok(([(CONTENT_TYPE, PROMETHEUS_TEXT)], text).into_response())
}

pub(super) async fn json(State(web): State<Arc<MasterWeb>>) -> Json<Value> {
    Json(web.metrics.json())
}

//! `POST /api/v1/worker/logLevel?logName=...&level=...`: what `alluxio logLevel` calls.

use super::Web;
use alluxio_fs::FsError;
use alluxio_telemetry::logs::LogLevel;
use alluxio_web::WebError;
use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

/// The original's parameters.
#[derive(Deserialize)]
pub(super) struct LevelChange {
    #[serde(rename = "logName")]
    log_name: String,
    level: Option<String>,
}

pub(super) async fn set(State(web): State<Web>, Query(asked): Query<LevelChange>) -> Response {
    let Some(logs) = &web.logs else {
        return WebError(FsError::failed_precondition("Logs are not set up here.")).into_response();
    };
    let message = match &asked.level {
        None => None,
        Some(level) => {
            match level.parse::<LogLevel>().and_then(|parsed| logs.set_level(&asked.log_name, parsed)) {
                Ok(()) => Some(format!("Setting Level to {level}")),
                Err(error) => return WebError(FsError::invalid_argument(error.to_string())).into_response(),
            }
        }
    };
    Json(json!({ "logName": asked.log_name, "level": asked.level, "message": message })).into_response()
}

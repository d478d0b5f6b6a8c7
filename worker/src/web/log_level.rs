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
    let name = &asked.log_name;
    let message = match asked.level.as_deref().filter(|level| !level.is_empty()) {
        None => format!("The level of {name} was not changed."),
        Some(level) => match level.parse::<LogLevel>().and_then(|parsed| logs.set_level(name, parsed)) {
            Ok(()) => format!("The level of {name} is set to {level}."),
            Err(error) => return WebError(FsError::invalid_argument(error.to_string())).into_response(),
        },
    };
    Json(json!({ "logName": name, "level": logs.get_level(name).to_string(), "message": message }))
        .into_response()
}

//! `POST /api/v1/master/logLevel?logName=...&level=...`: what `alluxio logLevel` calls.

use std::sync::Arc;

use alluxio_fs::FsError;
use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};

use super::MasterWeb;
use alluxio_web::WebError;

/// Knows and changes log levels.
pub trait LogLevels: Send + Sync {
    /// The level of `target` as its text.
    fn level(&self, target: &str) -> String;

    /// Sets the level; the error is one line for the user.
    fn set_level(&self, target: &str, level: &str) -> Result<(), String>;
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    log_name: Option<String>,
    level: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogInfo {
    level: String,
    log_name: String,
    message: String,
}

/// Without a level it only tells the present one.
pub(super) async fn set(
    State(web): State<Arc<MasterWeb>>,
    Query(asked): Query<Asked>,
) -> Result<Json<LogInfo>, WebError> {
    let Some(log_name) = asked.log_name.filter(|name| !name.is_empty()) else {
        return Err(
            FsError::invalid_argument("logName is missing: name the logger to look at or set.").into()
        );
    };
    let message = match asked.level.filter(|level| !level.is_empty()) {
        None => format!("The level of {log_name} was not changed."),
        Some(level) => {
            web.log_levels.set_level(&log_name, &level).map_err(FsError::invalid_argument)?;
            tracing::info!(target = log_name, level, "log level set");
            format!("The level of {log_name} is set to {level}.")
        }
    };
    Ok(Json(LogInfo { level: web.log_levels.level(&log_name), log_name, message }))
}

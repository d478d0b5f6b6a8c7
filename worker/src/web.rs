//! The web port: health, role, metrics, log level.

use crate::{
    core::Core,
    masters::{Registered, WorkerState},
};
use alluxio_telemetry::logs::{LogHandle, LogLevel};
use axum::{
    Json, Router,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the pages show.
#[derive(Clone)]
pub struct Web {
    pub core: Arc<Core>,
    pub registered: Registered,
    pub state: WorkerState,
    /// Set once shutdown began.
    pub leaving: CancellationToken,
    pub logs: Option<LogHandle>,
}

impl Web {
    /// Serves until `stop`.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let served =
            axum::serve(listener, self.router()).with_graceful_shutdown(stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the web port failed");
        }
    }

    fn router(self) -> Router {
        Router::new()
            .route("/livez", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .route("/role", get(role))
            .route("/metrics/prometheus", get(prometheus))
            .route("/metrics/prometheus/", get(prometheus))
            .route("/metrics/json", get(metrics))
            .route("/metrics/json/", get(metrics))
            .route("/api/v1/worker/logLevel", post(log_level))
            .with_state(self)
    }

    /// Why the worker is not ready.
    fn not_ready(&self) -> Option<&'static str> {
        if self.leaving.is_cancelled() {
            Some("the worker is shutting down")
        } else if self.registered.id().is_none() {
            Some("the worker is not registered with a master")
        } else if self.state.is_decommissioned() {
            Some("the worker is decommissioned")
        } else {
            None
        }
    }
}

async fn ready(State(web): State<Web>) -> Response {
    match web.not_ready() {
        None => "ok\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn role(State(web): State<Web>) -> Response {
    let usage = web.core.store.usage();
    Json(json!({
        "role": "worker",
        "serving": web.not_ready().is_none(),
        "registered": web.registered.id().is_some(),
        "workerId": web.registered.id(),
        "decommissioned": web.state.is_decommissioned(),
        "blocks": usage.blocks,
        "capacityBytes": usage.capacity(),
        "usedBytes": usage.used(),
        "lostStorage": usage.lost,
        "version": env!("CARGO_PKG_VERSION"),
    }))
    .into_response()
}

async fn prometheus(State(web): State<Web>) -> Response {
    match web.core.metrics.registry.prometheus_text() {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", &error.to_string()),
    }
}

async fn metrics(State(web): State<Web>) -> Response {
    Json(web.core.metrics.registry.json()).into_response()
}

/// The original's parameters.
#[derive(Deserialize)]
struct LevelChange {
    #[serde(rename = "logName")]
    log_name: String,
    level: Option<String>,
}

async fn log_level(State(web): State<Web>, Query(asked): Query<LevelChange>) -> Response {
    let Some(logs) = &web.logs else {
        return refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "FAILED_PRECONDITION",
            "Logs are not set up here.",
        );
    };
    let message = match &asked.level {
        None => None,
        Some(level) => {
            match level.parse::<LogLevel>().and_then(|parsed| logs.set_level(&asked.log_name, parsed)) {
                Ok(()) => Some(format!("Setting Level to {level}")),
                Err(error) => {
                    return refused(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "INVALID_ARGUMENT",
                        &error.to_string(),
                    );
                }
            }
        }
    };
    Json(json!({ "logName": asked.log_name, "level": asked.level, "message": message })).into_response()
}

/// The original's form of an error.
fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "statusCode": code, "message": message }))).into_response()
}

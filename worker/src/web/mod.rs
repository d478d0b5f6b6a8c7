//! The worker's web port: health, metrics and log levels for those who run it, pages for people ([`pages`]), and
//! the JSON that scripts made for Alluxio 2.9 read ([`json`]).

mod health;
mod held;
mod json;
mod log_level;
mod pages;

pub use held::HeldFiles;

use crate::{
    core::Core,
    drain::Unpersisted,
    masters::{Registered, WorkerState},
};
use alluxio_conf::Configuration;
use alluxio_telemetry::logs::LogHandle;
use alluxio_web::{WebError, WebSettings, connections};
use axum::{
    Json, Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the pages show.
#[derive(Clone)]
pub struct Web {
    pub core: Arc<Core>,
    pub held: HeldFiles,
    pub registered: Registered,
    pub state: WorkerState,
    pub unpersisted: Unpersisted,
    /// Set once shutdown began.
    pub leaving: CancellationToken,
    pub logs: Option<LogHandle>,
    pub conf: Configuration,
    pub settings: Arc<WebSettings>,
    pub start_time_ms: i64,
}

impl Web {
    /// Serves until `stop`.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        connections::serve(listener, self.router(), stop).await;
    }

    fn router(self) -> Router {
        let router = Router::new()
            .route("/livez", get(|| async { "ok\n" }))
            .route("/readyz", get(health::ready))
            .route("/role", get(health::role))
            .route("/metrics/prometheus", get(prometheus))
            .route("/metrics/prometheus/", get(prometheus))
            .route("/metrics/json", get(metrics))
            .route("/metrics/json/", get(metrics))
            .route("/api/v1/worker/logLevel", post(log_level::set))
            .route("/api/v1/worker/logLevel/", post(log_level::set))
            .merge(json::routes());
        let router = if self.settings.pages { router.merge(pages::routes()) } else { router };
        let settings = Arc::clone(&self.settings);
        settings.protect(router.with_state(self))
    }

    /// Host and port of the block service.
    fn address(&self) -> String {
        let address = &self.core.address;
        format!("{}:{}", address.host(), address.rpc_port())
    }

    fn uptime_ms(&self) -> i64 {
        alluxio_web::show::now_ms().saturating_sub(self.start_time_ms)
    }
}

async fn prometheus(State(web): State<Web>) -> Response {
    match web.core.metrics.registry.prometheus_text() {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(error) => WebError(alluxio_fs::FsError::internal(error.to_string())).into_response(),
    }
}

async fn metrics(State(web): State<Web>) -> Response {
    Json(web.core.metrics.registry.json()).into_response()
}

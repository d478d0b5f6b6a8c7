//! /healthz: the process runs. /readyz: it reached the API server and waits for the lease, or acts. /metrics.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Metrics;

/// Whether the process may be counted on. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    fn is(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Answers until `stop`.
///
/// # Errors
/// The port breaks.
pub async fn serve(
    listener: TcpListener,
    metrics: Metrics,
    ready: Readiness,
    stop: CancellationToken,
) -> std::io::Result<()> {
    axum::serve(listener, router(metrics, ready)).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn router(metrics: Metrics, ready: Readiness) -> Router {
    let readyz = get(|State(ready): State<Readiness>| async move {
        match ready.is() {
            true => (StatusCode::OK, "ready\n"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "the API server was not reached yet\n"),
        }
    });
    Router::new().route("/readyz", readyz).with_state(ready).merge(
        Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/metrics", get(text))
            .with_state(metrics),
    )
}

async fn text(State(metrics): State<Metrics>) -> impl IntoResponse {
    let format = [("content-type", prometheus::TEXT_FORMAT)];
    match metrics.text() {
        Ok(text) => (StatusCode::OK, format, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn ready_is_not_alive() {
        let (metrics, ready) = (Metrics::new().unwrap(), Readiness::default());
        let status = |path: &'static str| {
            let router = router(metrics.clone(), ready.clone());
            async move { router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap().status() }
        };
        assert_eq!(status("/healthz").await, StatusCode::OK);
        assert_eq!(status("/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
        ready.set(true);
        assert_eq!(status("/readyz").await, StatusCode::OK);
        assert_eq!(status("/metrics").await, StatusCode::OK);
    }
}

//! Whether the worker can be used, for those who run it.

use super::Web;
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

impl Web {
    /// Why the worker is not ready.
    pub(super) fn not_ready(&self) -> Option<&'static str> {
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

pub(super) async fn ready(State(web): State<Web>) -> Response {
    match web.not_ready() {
        None => "ok\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

pub(super) async fn role(State(web): State<Web>) -> Response {
    let usage = web.core.store.usage();
    Json(json!({
        "role": "worker",
        "serving": web.not_ready().is_none(),
        "registered": web.registered.id().is_some(),
        "workerId": web.registered.id(),
        "decommissioned": web.state.is_decommissioned(),
        // Only while it is out of service; null when the leader does not say.
        "unpersistedFiles": web.unpersisted.count(),
        "blocks": usage.blocks,
        "capacityBytes": usage.capacity(),
        "usedBytes": usage.used(),
        "lostStorage": usage.lost,
        "version": env!("CARGO_PKG_VERSION"),
    }))
    .into_response()
}

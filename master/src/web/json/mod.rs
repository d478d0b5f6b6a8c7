//! The JSON that Alluxio 2.9's pages are made of, under the same names.

mod browse;
mod cluster;
mod data;
mod metrics;
mod overview;

use std::sync::Arc;

use alluxio_web::json::{Asked, LogsAnswer};
use alluxio_web::{WebError, json as shared};
use axum::extract::{Query, State};
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};

use super::MasterWeb;

type Web = State<Arc<MasterWeb>>;
type Answer<T> = Result<Json<T>, WebError>;

pub(super) fn routes() -> Router<Arc<MasterWeb>> {
    let endpoints: [(&str, MethodRouter<Arc<MasterWeb>>); 10] = [
        ("webui_init", get(cluster::init)),
        ("webui_overview", get(overview::overview)),
        ("webui_browse", get(browse::browse)),
        ("webui_data", get(data::data)),
        ("webui_logs", get(logs)),
        ("webui_config", get(cluster::configuration)),
        ("webui_workers", get(cluster::workers)),
        ("webui_masters", get(cluster::masters)),
        ("webui_mounttable", get(cluster::mounts)),
        ("webui_metrics", get(metrics::metrics)),
    ];
    endpoints.into_iter().fold(Router::new(), |router, (name, endpoint)| {
        let path = format!("/api/v1/master/{name}");
        router.route(&format!("{path}/"), endpoint.clone()).route(&path, endpoint)
    })
}

/// Also while the journal is replayed: that is when somebody wants to see the log.
async fn logs(State(web): Web, Query(asked): Query<Asked>) -> Json<LogsAnswer> {
    let tiers = web.sources().map_or_else(|_| Vec::new(), |(_, pages)| pages.tiers.clone());
    Json(shared::logs(&web.settings, &asked, &tiers).await)
}

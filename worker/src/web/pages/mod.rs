//! The pages for people.

mod blocks;
mod overview;

use super::Web;
use alluxio_web::{
    Page, Shell, assets,
    pages::{ConfigurationPage, Filter, LogAsked, MetricsPage, absent, logs},
    shell::Nav,
};
use axum::{
    Router,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

const NAV: &[Nav] = &[
    Nav { href: "overview", label: "Overview" },
    Nav { href: "blockInfo", label: "Blocks" },
    Nav { href: "config", label: "Configuration" },
    Nav { href: "metrics", label: "Metrics" },
    Nav { href: "logs", label: "Logs" },
];

pub(super) fn routes() -> Router<Web> {
    Router::new()
        // Relative, so that it leads to the right place behind a path prefix.
        .route("/", get(|| async { Redirect::temporary("overview") }))
        .route("/overview", get(overview::overview))
        .route("/blockInfo", get(blocks::blocks))
        .route("/config", get(configuration))
        .route("/metrics", get(metrics))
        .route("/logs", get(log_files))
        .merge(assets::routes())
        .fallback(get(|State(web): State<Web>| async move { absent(shell(&web, "")) }))
}

fn shell(web: &Web, current: &'static str) -> Shell {
    let shown = NAV.iter().filter(|entry| web.settings.files || !matches!(entry.href, "blockInfo" | "logs"));
    Shell::new("Worker", web.address(), shown.copied().collect(), current, &web.settings)
}

async fn configuration(State(web): State<Web>, Query(filter): Query<Filter>) -> Response {
    Page(ConfigurationPage::new(shell(&web, "config"), web.conf.entries(), &filter, web.conf.hash()))
        .into_response()
}

async fn metrics(State(web): State<Web>, Query(filter): Query<Filter>) -> Response {
    let shell = shell(&web, "metrics").live(&web.settings);
    let query = filter.q.as_deref().unwrap_or_default();
    Page(MetricsPage::new(shell, &web.core.metrics.registry, query)).into_response()
}

async fn log_files(State(web): State<Web>, Query(asked): Query<LogAsked>) -> Response {
    logs(shell(&web, "logs"), &web.settings, &asked).await
}

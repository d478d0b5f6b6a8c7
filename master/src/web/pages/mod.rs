//! The pages for people. Each looks once, takes what it shows, and renders it; a page that cannot be made says
//! what is the matter and what to do.

mod browse;
mod overview;
mod workers;

use std::sync::Arc;

use alluxio_fs::{ErrorKind, FsError};
use alluxio_web::pages::{ConfigurationPage, Filter, LogAsked, MetricsPage, Notice, absent, logs};
use alluxio_web::shell::Nav;
use alluxio_web::{Page, Shell, assets};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::{MasterWeb, NotLeading};

pub(super) use browse::Loads;

type Web = State<Arc<MasterWeb>>;

const NAV: &[Nav] = &[
    Nav { href: "overview", label: "Overview" },
    Nav { href: "browse", label: "Browse" },
    Nav { href: "workers", label: "Workers" },
    Nav { href: "config", label: "Configuration" },
    Nav { href: "metrics", label: "Metrics" },
    Nav { href: "logs", label: "Logs" },
];

pub(super) fn routes() -> Router<Arc<MasterWeb>> {
    Router::new()
        // Relative, so that it leads to the right place behind a path prefix.
        .route("/", get(|| async { Redirect::temporary("overview") }))
        .route("/overview", get(overview::overview))
        .route("/browse", get(browse::browse))
        .route("/workers", get(workers::workers))
        .route("/config", get(configuration))
        .route("/metrics", get(metrics))
        .route("/logs", get(log_files))
        .merge(assets::routes())
        .fallback(get(|State(web): Web| async move { absent(shell(&web, "")) }))
}

fn shell(web: &MasterWeb, current: &'static str) -> Shell {
    let address = match web.sources() {
        Ok((info, _)) => info.facts.rpc_address(),
        Err(_) if web.role.not_leading().is_some() => "standby".to_owned(),
        Err(_) => "starting".to_owned(),
    };
    let shown = NAV.iter().filter(|entry| web.settings.files || !matches!(entry.href, "browse" | "logs"));
    Shell::new("Master", address, shown.copied().collect(), current, &web.settings)
}

/// An error as a page. While the master starts the page looks again by itself.
fn failed(web: &MasterWeb, current: &'static str, error: &FsError) -> Response {
    let (status, heading) = match error.kind {
        ErrorKind::NotFound => (StatusCode::NOT_FOUND, "Not found"),
        ErrorKind::InvalidArgument => (StatusCode::BAD_REQUEST, "Not a path"),
        ErrorKind::PermissionDenied => (StatusCode::FORBIDDEN, "Not permitted"),
        ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Not available"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "This did not work"),
    };
    let shell = shell(web, current);
    if let Some(standby) = web.role.not_leading() {
        return stands_by(shell.live(&web.settings), standby);
    }
    let text = web.role.not_ready().unwrap_or_else(|| error.to_string());
    let shell = if error.kind == ErrorKind::Unavailable { shell.live(&web.settings) } else { shell };
    let notice = Notice::new(shell, status, heading, text);
    match current {
        "browse" => notice.link("browse", "Go to the root directory"),
        "" | "overview" => notice,
        _ => notice.link("overview", "Go to the overview"),
    }
    .into_response()
}

/// A standby's page looks again by itself: it may lead in a moment.
fn stands_by(shell: Shell, standby: NotLeading) -> Response {
    let notice = Notice::new(shell, StatusCode::SERVICE_UNAVAILABLE, "Standby master", standby.text);
    match standby.leader_page {
        Some(page) => notice.link(page, "Go to the leader"),
        None => notice,
    }
    .into_response()
}

async fn configuration(State(web): Web, Query(filter): Query<Filter>) -> Response {
    match web.sources() {
        Ok((info, _)) => {
            let (entries, hash) = (info.configuration.current().entries(), info.configuration.hash());
            Page(ConfigurationPage::new(shell(&web, "config"), entries, &filter, hash)).into_response()
        }
        Err(error) => failed(&web, "config", &error),
    }
}

async fn metrics(State(web): Web, Query(filter): Query<Filter>) -> Response {
    let shell = shell(&web, "metrics").live(&web.settings);
    Page(MetricsPage::new(shell, &web.metrics, filter.q.as_deref().unwrap_or_default())).into_response()
}

async fn log_files(State(web): Web, Query(asked): Query<LogAsked>) -> Response {
    logs(shell(&web, "logs"), &web.settings, &asked).await
}

//! Health. `/livez` looks at nothing but the process: were it to ask ZooKeeper, the journal or an under
//! storage, their outage would have every master restarted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::MasterWeb;

/// What this master is at the moment; the fields of `/role`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleStatus {
    /// `PRIMARY` or `STANDBY`.
    pub role: String,
    /// Whether client calls are answered.
    pub serving: bool,
    /// The journal's term.
    pub term: u64,
    pub applied_sequence: u64,
    pub durable_sequence: u64,
    /// How far a standby is behind; 0 on the leader.
    pub lag_ms: u64,
    /// Whose journal it has; none until it has seen one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// The format that the journal is written in; none until it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal_format: Option<u32>,
    /// The newest format that this release reads.
    pub journal_reads: u32,
    pub version: String,
    /// `host:port` of the leader, as far as a standby knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// How many workers a standby expects when it takes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_workers: Option<usize>,
    /// How many of them report to this standby, too, and how many blocks these have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reporting_workers: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported_blocks: Option<i64>,
}

/// What a standby has to say instead of its pages.
pub struct NotLeading {
    pub text: String,
    /// The address of the leader's pages, if that is known.
    pub leader_page: Option<String>,
}

/// Knows the master's role. Must answer at once: it takes no lock that is held over I/O.
pub trait RoleSource: Send + Sync {
    fn status(&self) -> RoleStatus;

    /// Why this master should get no work yet; `None` when it may: a leader that serves, or a standby
    /// that is close enough behind.
    fn not_ready(&self) -> Option<String>;

    /// `None` unless this is a standby.
    fn not_leading(&self) -> Option<NotLeading>;
}

pub(super) async fn livez() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(State(web): State<Arc<MasterWeb>>) -> (StatusCode, String) {
    match web.role.not_ready() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

pub(super) async fn role(State(web): State<Arc<MasterWeb>>) -> Json<RoleStatus> {
    Json(web.role.status())
}

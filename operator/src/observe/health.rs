//! What masters and workers say about themselves on their web ports. Everything has a time limit: a process that hangs
//! must not hold up the others.

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};

use crate::roll::MasterRole;

/// To connect and to answer. Probes have answers within milliseconds; a node that is cut off never answers.
const CONNECT: Duration = Duration::from_millis(500);
const ANSWER: Duration = Duration::from_millis(1500);

/// No answer is longer.
const MAX_BODY: usize = 64 << 10;

/// The answer of a master's `/role`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAnswer {
    pub role: String,
    pub serving: bool,
    #[serde(default)]
    pub term: u64,
    #[serde(default)]
    pub lag_ms: u64,
    #[serde(default)]
    pub cluster_id: Option<String>,
    #[serde(default)]
    pub journal_format: Option<u32>,
    #[serde(default)]
    pub version: String,
}

impl RoleAnswer {
    pub fn role(&self) -> MasterRole {
        match self.role.as_str() {
            "PRIMARY" => MasterRole::Leader { serving: self.serving },
            "STANDBY" => MasterRole::Standby { lag: Duration::from_millis(self.lag_ms) },
            _ => MasterRole::Unknown,
        }
    }
}

/// A worker's answer of `/api/v1/worker/operations`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationsAnswer {
    pub operation_count: i64,
    pub rpc_queue_length: i64,
}

impl OperationsAnswer {
    pub fn idle(self) -> bool {
        self.operation_count == 0 && self.rpc_queue_length == 0
    }
}

/// What matters of a worker's answer of `/role`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerRole {
    /// Whether a master has taken it out of service.
    #[serde(default)]
    pub decommissioned: bool,
    /// Files with blocks there that are not in the under storage. Only told while the worker is out of service, and known.
    #[serde(default)]
    pub unpersisted_files: Option<u64>,
}

/// Asks. Clones share the connections.
#[derive(Clone)]
pub struct Health {
    http: reqwest::Client,
}

impl Health {
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new() -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http })
    }

    /// `None` when it does not answer, or with something else.
    pub async fn role(&self, host: &str, port: u16) -> Option<RoleAnswer> {
        self.get(host, port, "/role").await
    }

    /// `None` when it does not answer, or with something else.
    pub async fn operations(&self, host: &str, port: u16) -> Option<OperationsAnswer> {
        self.get(host, port, "/api/v1/worker/operations").await
    }

    /// `None` when it does not answer, or with something else.
    pub async fn worker(&self, host: &str, port: u16) -> Option<WorkerRole> {
        self.get(host, port, "/role").await
    }

    async fn get<T: DeserializeOwned>(&self, host: &str, port: u16, path: &str) -> Option<T> {
        let answer = self.read(&format!("http://{}:{port}{path}", bracketed(host))).await;
        match answer {
            Ok(body) => serde_json::from_slice(&body)
                .inspect_err(
                    |error| tracing::debug!(host, port, path, %error, "another answer than expected"),
                )
                .ok(),
            Err(error) => {
                tracing::debug!(host, port, path, %error, "no answer");
                None
            }
        }
    }

    async fn read(&self, url: &str) -> Result<Vec<u8>, reqwest::Error> {
        let mut answer = self.http.get(url).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY {
                break;
            }
        }
        Ok(body)
    }
}

/// As URLs write it.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, routing::get};
    use serde_json::json;

    use super::*;

    async fn served(router: Router) -> u16 {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        port
    }

    fn health() -> Health {
        // A second test in the same process finds it installed.
        drop(rustls::crypto::ring::default_provider().install_default());
        Health::new().unwrap()
    }

    #[tokio::test]
    async fn what_a_master_answers() {
        let answer = json!({
            "role": "STANDBY", "serving": false, "term": 3, "appliedSequence": 7, "durableSequence": 6,
            "lagMs": 1500, "journalFormat": 1, "version": "0.1.0", "leader": "m:19998",
        });
        let port = served(Router::new().route("/role", get(move || async { Json(answer) }))).await;
        let answer = health().role("127.0.0.1", port).await.unwrap();
        assert_eq!(answer.role(), MasterRole::Standby { lag: Duration::from_millis(1500) });
        assert_eq!((answer.term, answer.journal_format, answer.version.as_str()), (3, Some(1), "0.1.0"));
        let leads = RoleAnswer { role: "PRIMARY".to_owned(), serving: true, ..answer.clone() };
        assert_eq!(leads.role(), MasterRole::Leader { serving: true });
        assert_eq!(RoleAnswer { role: "x".to_owned(), ..answer }.role(), MasterRole::Unknown);
    }

    #[tokio::test]
    async fn what_a_worker_has_left_to_persist() {
        for (answer, unpersisted) in [
            (json!({ "role": "worker", "decommissioned": true, "unpersistedFiles": 7 }), Some(7)),
            (json!({ "role": "worker", "decommissioned": true, "unpersistedFiles": 0 }), Some(0)),
            (json!({ "role": "worker", "decommissioned": true, "unpersistedFiles": null }), None),
            (json!({ "role": "worker", "decommissioned": true }), None),
        ] {
            let port = served(Router::new().route("/role", get(move || async { Json(answer) }))).await;
            let expected = WorkerRole { decommissioned: true, unpersisted_files: unpersisted };
            assert_eq!(health().worker("127.0.0.1", port).await, Some(expected));
        }
    }

    #[tokio::test]
    async fn no_answer_or_another_one_is_none_and_never_takes_long() {
        let endless = "x".repeat(MAX_BODY * 4);
        let router = Router::new()
            .route("/role", get(move || async { endless }))
            .route("/api/v1/worker/operations", get(std::future::pending::<&'static str>));
        let port = served(router).await;
        let health = health();
        assert_eq!(health.role("127.0.0.1", port).await, None);
        let before = std::time::Instant::now();
        assert_eq!(health.operations("127.0.0.1", port).await, None);
        assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        assert_eq!(health.role("127.0.0.1", closed).await, None);
    }

    #[test]
    fn addresses_in_urls() {
        assert_eq!(bracketed("fd00::1"), "[fd00::1]");
        assert_eq!(bracketed("10.0.0.1"), "10.0.0.1");
    }
}

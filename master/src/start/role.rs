//! What the web port says about this master's role.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use alluxio_journal::FORMAT_VERSION;
use alluxio_telemetry::logs::{LogHandle, LogLevel};

use crate::{
    namespace::Namespace,
    web::{LogLevels, RoleSource, RoleStatus},
};

/// Without an election there is one role: a master replays, then leads.
#[derive(Default)]
pub(super) struct Role {
    replayed: AtomicU64,
    serving: AtomicBool,
    namespace: OnceLock<Arc<Namespace>>,
}

impl Role {
    pub fn replayed(&self, sequence: u64) {
        self.replayed.store(sequence, Ordering::Relaxed);
    }

    pub fn leads(&self, namespace: Arc<Namespace>) {
        self.namespace.get_or_init(|| namespace);
    }

    pub fn serves(&self) {
        self.serving.store(true, Ordering::Release);
    }

    pub fn stops(&self) {
        self.serving.store(false, Ordering::Release);
    }
}

impl RoleSource for Role {
    fn status(&self) -> RoleStatus {
        let journal = self.namespace.get().map(|namespace| namespace.journal());
        let replayed = self.replayed.load(Ordering::Relaxed);
        RoleStatus {
            role: if journal.is_some() { "PRIMARY" } else { "STANDBY" }.to_owned(),
            serving: self.serving.load(Ordering::Acquire),
            term: journal.map_or(0, |journal| journal.term()),
            applied_sequence: journal.map_or(replayed, |journal| journal.position().sequence),
            durable_sequence: journal.map_or(replayed, |journal| journal.durable()),
            lag_ms: 0,
            journal_format: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn not_ready(&self) -> Option<String> {
        if self.serving.load(Ordering::Acquire) {
            return None;
        }
        let replayed = self.replayed.load(Ordering::Relaxed);
        Some(format!(
            "The master does not serve: it is replaying its journal (at record {replayed}), or stopping."
        ))
    }
}

/// Log levels by way of the process's log handle.
pub(super) struct Logs(pub Option<LogHandle>);

impl LogLevels for Logs {
    fn level(&self, target: &str) -> String {
        self.0.as_ref().map_or_else(|| "UNKNOWN".to_owned(), |logs| logs.get_level(target).to_string())
    }

    fn set_level(&self, target: &str, level: &str) -> Result<(), String> {
        let logs = self.0.as_ref().ok_or("This process has no log of its own.")?;
        let level: LogLevel =
            level.parse().map_err(|error: alluxio_telemetry::logs::LogError| error.to_string())?;
        logs.set_level(target, level).map_err(|error| error.to_string())
    }
}

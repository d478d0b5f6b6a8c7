//! What the web port says about this master's role, and standbys to who calls them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use alluxio_election::MasterAddress;
use alluxio_journal::FORMAT_VERSION;
use alluxio_telemetry::logs::{LogHandle, LogLevel};
use parking_lot::RwLock;

use crate::{
    namespace::Namespace,
    web::{LogLevels, NotLeading, RoleSource, RoleStatus},
};

/// What this master is doing. Without an election it replays, then leads.
#[derive(Default)]
enum Phase {
    #[default]
    Replaying,
    StandingBy,
    TakingOver,
    Leading(Arc<Namespace>),
    Stopping,
}

#[derive(Default)]
pub(super) struct Role {
    /// Of this master's pages. Masters of a cluster are set up alike, so the leader's are at the same one.
    web_port: u16,
    replayed: AtomicU64,
    phase: RwLock<Phase>,
    leader: RwLock<Option<MasterAddress>>,
    /// Why this master could not lead when it was last elected.
    failure: RwLock<Option<String>>,
}

impl Role {
    pub fn new(web_port: u16) -> Self {
        Self { web_port, ..Self::default() }
    }

    pub fn replayed(&self, sequence: u64) {
        self.replayed.store(sequence, Ordering::Relaxed);
    }

    pub fn stands_by(&self) {
        *self.leader.write() = None;
        *self.phase.write() = Phase::StandingBy;
    }

    pub fn takes_over(&self) {
        *self.phase.write() = Phase::TakingOver;
    }

    pub fn leads(&self, namespace: Arc<Namespace>) {
        *self.failure.write() = None;
        *self.phase.write() = Phase::Leading(namespace);
    }

    pub fn stops(&self) {
        *self.phase.write() = Phase::Stopping;
    }

    pub fn failed(&self, reason: &str) {
        *self.failure.write() = Some(reason.to_owned());
    }

    /// Whether that is news.
    pub fn knows_leader(&self, leader: Option<MasterAddress>) -> bool {
        let mut known = self.leader.write();
        let news = *known != leader;
        *known = leader;
        news
    }

    /// For who calls a standby.
    pub fn standby_text(&self) -> String {
        match &*self.leader.read() {
            Some(leader) => format!("This master is a standby. The leader is {leader}."),
            None => "This master is a standby. Which master leads is not known at the moment.".to_owned(),
        }
    }
}

impl RoleSource for Role {
    fn status(&self) -> RoleStatus {
        let replayed = self.replayed.load(Ordering::Relaxed);
        let status = RoleStatus {
            role: "STANDBY".to_owned(),
            serving: false,
            term: 0,
            applied_sequence: replayed,
            durable_sequence: replayed,
            lag_ms: 0,
            journal_format: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            leader: self.leader.read().as_ref().map(ToString::to_string),
        };
        let Phase::Leading(namespace) = &*self.phase.read() else { return status };
        let journal = namespace.journal();
        RoleStatus {
            role: "PRIMARY".to_owned(),
            serving: true,
            term: journal.term(),
            applied_sequence: journal.position().sequence,
            durable_sequence: journal.durable(),
            ..status
        }
    }

    fn not_ready(&self) -> Option<String> {
        let replayed = self.replayed.load(Ordering::Relaxed);
        match &*self.phase.read() {
            Phase::Leading(_) => None,
            Phase::StandingBy => {
                let failure = self.failure.read();
                failure.as_ref().map(|reason| format!("This master was elected and could not lead: {reason}"))
            }
            Phase::Replaying | Phase::TakingOver => Some(format!(
                "The master does not serve: it is replaying its journal (at record {replayed})."
            )),
            Phase::Stopping => Some("The master does not serve: it is stopping.".to_owned()),
        }
    }

    fn not_leading(&self) -> Option<NotLeading> {
        matches!(*self.phase.read(), Phase::StandingBy).then(|| NotLeading {
            text: self.standby_text(),
            leader_page: {
                let leader = self.leader.read();
                leader.as_ref().map(|leader| format!("http://{}:{}/", leader.host, self.web_port))
            },
        })
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

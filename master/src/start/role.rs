//! What the web port says about this master's role, and standbys to who calls them.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use alluxio_election::MasterAddress;
use alluxio_journal::{FORMAT_VERSION, Feed, Progress, Uuid};
use alluxio_telemetry::logs::{LogHandle, LogLevel};
use parking_lot::RwLock;
use tokio::sync::mpsc;

use crate::{
    backup::WantedWalk,
    block::{Endpoint, ReportDesk},
    mandate::Mandate,
    namespace::Namespace,
    web::{LogLevels, NotLeading, RoleSource, RoleStatus},
};

/// A standby that is further behind would take long to take over.
const LAG_LIMIT: Duration = Duration::from_secs(30);

/// What this master is doing. Without an election it replays, then leads.
#[derive(Default)]
enum Phase {
    #[default]
    Replaying,
    StandingBy,
    TakingOver,
    Leading(Arc<Namespace>, Mandate),
    Stopping,
}

/// A follower at work.
#[derive(Clone)]
pub(super) struct Following {
    pub progress: Progress,
    /// Where it takes live feeds.
    pub feeds: mpsc::Sender<Feed>,
    /// Where it takes orders to hand its tree over.
    pub walks: mpsc::Sender<WantedWalk>,
}

#[derive(Default)]
pub(super) struct Role {
    /// Of this master's pages. Masters of a cluster are set up alike, so the leader's are at the same one.
    web_port: u16,
    desk: ReportDesk,
    replayed: AtomicU64,
    /// Whose journal this process has. It never goes on with another one's.
    cluster: OnceLock<Uuid>,
    /// Counts on while the journal is read.
    steps: AtomicU64,
    phase: RwLock<Phase>,
    leader: RwLock<Option<MasterAddress>>,
    /// Why this master could not lead when it was last elected.
    failure: RwLock<Option<(String, Instant)>>,
    /// Once a standby has something in memory.
    following: RwLock<Option<Following>>,
    /// The workers that were there when a leader was last asked.
    workers: RwLock<Option<Vec<Endpoint>>>,
    /// Why it cannot follow the journal, or what it waits for at the start.
    trouble: RwLock<Option<String>>,
    /// The journal it follows has a part of a backup, and not its end.
    half_imported: AtomicBool,
}

impl Role {
    pub fn new(web_port: u16, desk: ReportDesk) -> Self {
        Self { web_port, desk, ..Self::default() }
    }

    /// The first that is told counts.
    pub fn is_of(&self, cluster: Uuid) {
        self.cluster.get_or_init(|| cluster);
    }

    /// `None` until a journal was seen.
    pub fn cluster(&self) -> Option<Uuid> {
        self.cluster.get().copied()
    }

    pub fn replayed(&self, sequence: u64) {
        self.replayed.store(sequence, Ordering::Relaxed);
        self.step();
    }

    /// A part of the journal was read.
    pub fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    pub fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    pub fn stands_by(&self) {
        *self.leader.write() = None;
        *self.phase.write() = Phase::StandingBy;
    }

    pub fn takes_over(&self) {
        *self.phase.write() = Phase::TakingOver;
    }

    pub fn leads(&self, namespace: Arc<Namespace>, mandate: Mandate) {
        *self.failure.write() = None;
        *self.phase.write() = Phase::Leading(namespace, mandate);
    }

    pub fn stops(&self) {
        *self.phase.write() = Phase::Stopping;
    }

    pub fn failed(&self, reason: &str) {
        *self.failure.write() = Some((reason.to_owned(), Instant::now()));
    }

    /// `None`: it has nothing in memory yet, or any more.
    pub fn follows(&self, following: Option<Following>) {
        if following.is_some() {
            *self.trouble.write() = None;
        }
        *self.following.write() = following;
    }

    pub fn following(&self) -> Option<Following> {
        self.following.read().clone()
    }

    pub fn knows_workers(&self, workers: Vec<Endpoint>) {
        *self.workers.write() = Some(workers);
    }

    /// `None` when no leader was asked yet.
    pub fn workers(&self) -> Option<Vec<Endpoint>> {
        self.workers.read().clone()
    }

    pub fn leader(&self) -> Option<MasterAddress> {
        self.leader.read().clone()
    }

    pub fn follows_half_imported(&self, half_imported: bool) {
        self.half_imported.store(half_imported, Ordering::Relaxed);
    }

    /// Whether that is news.
    pub fn cannot_follow(&self, reason: &str) -> bool {
        let mut trouble = self.trouble.write();
        let news = trouble.as_deref() != Some(reason);
        *trouble = Some(reason.to_owned());
        news
    }

    /// At the start. Whether that is news.
    pub fn waits_for(&self, reason: &str) -> bool {
        self.cannot_follow(reason)
    }

    /// Whether it did.
    pub fn waits_no_more(&self) -> bool {
        self.trouble.write().take().is_some()
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

impl Role {
    fn cannot_take_over(&self, replayed: u64) -> Option<String> {
        // Whoever reads the journal without trouble since then can probably lead, too.
        if let Some((reason, at)) = &*self.failure.read()
            && at.elapsed() < LAG_LIMIT
        {
            return Some(format!("This master was elected and could not lead: {reason}"));
        }
        if let Some(reason) = &*self.trouble.read() {
            return Some(format!("This standby cannot follow the journal: {reason}"));
        }
        let Some(Following { progress, .. }) = self.following() else {
            return Some(format!("This standby is reading the journal (at record {replayed})."));
        };
        if self.half_imported.load(Ordering::Relaxed) {
            return Some(
                "The journal holds a part of a backup. If no master is taking it over at the moment, it was cut off, and \
                 none can lead: stop all masters, run `alluxio formatMasters`, and start again with \
                 alluxio.master.journal.init.from.backup."
                    .to_owned(),
            );
        }
        // Whoever is elected now replays all the rest first.
        if !progress.has_caught_up() {
            let at = progress.position().sequence;
            return Some(format!("This standby is reading the journal (at record {at})."));
        }
        let lag = progress.lag();
        (lag > LAG_LIMIT).then(|| format!("This standby is {} seconds behind the leader.", lag.as_secs()))
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
            cluster_id: self.cluster().as_ref().map(ToString::to_string),
            journal_format: None,
            journal_reads: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            leader: self.leader.read().as_ref().map(ToString::to_string),
            known_workers: self.workers.read().as_ref().map(Vec::len),
            reporting_workers: None,
            reported_blocks: None,
        };
        let phase = self.phase.read();
        let Phase::Leading(namespace, mandate) = &*phase else {
            let (workers, blocks) = self.desk.reported().unzip();
            let status = RoleStatus { reporting_workers: workers, reported_blocks: blocks, ..status };
            let Some(Following { progress, .. }) = self.following() else { return status };
            let (position, lag) = (progress.position(), progress.lag());
            return RoleStatus {
                term: position.term,
                applied_sequence: position.sequence,
                durable_sequence: position.sequence,
                journal_format: Some(progress.format()),
                lag_ms: u64::try_from(lag.as_millis()).unwrap_or(u64::MAX),
                ..status
            };
        };
        let journal = namespace.journal();
        RoleStatus {
            role: "PRIMARY".to_owned(),
            serving: mandate.is_valid(),
            term: journal.term(),
            applied_sequence: journal.position().sequence,
            durable_sequence: journal.durable(),
            journal_format: Some(journal.format()),
            leader: None,
            known_workers: None,
            ..status
        }
    }

    fn not_ready(&self) -> Option<String> {
        let replayed = self.replayed.load(Ordering::Relaxed);
        match &*self.phase.read() {
            Phase::Leading(_, mandate) if mandate.is_valid() => None,
            Phase::Leading(..) => {
                Some("The master cannot tell whether it still leads: ZooKeeper does not answer.".to_owned())
            }
            Phase::StandingBy => self.cannot_take_over(replayed),
            Phase::Replaying | Phase::TakingOver => Some(match &*self.trouble.read() {
                Some(reason) => format!("The master does not serve: {reason}."),
                None => {
                    format!("The master does not serve: it is replaying its journal (at record {replayed}).")
                }
            }),
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

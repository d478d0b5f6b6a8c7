//! What the master remembers of one worker.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alluxio_proto::grpc::{self, BuildVersion, WorkerNetAddress, block::StorageList};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::location::{Slot, StorageIndex};

/// Where a worker stands with the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has an id but has not registered; it is not counted anywhere.
    Unregistered,
    Active,
    /// Silent for longer than `alluxio.master.worker.timeout`.
    Lost,
    /// Taken out of service; it may register again.
    Decommissioned,
    /// Taken out of service and refused until it is enabled again.
    Disabled,
    /// No longer in the registry: it left, was silent for too long or was replaced.
    Forgotten,
}

impl Standing {
    /// The text in `WorkerInfo.state`; scripts and `fsadmin report` compare it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Unregistered => "UNREGISTERED",
            Self::Active => "ACTIVE",
            Self::Lost => "LOST",
            Self::Decommissioned => "Decommissioned",
            Self::Disabled => "Disabled",
            Self::Forgotten => "FORGOTTEN",
        }
    }
}

/// What identifies a worker to those who connect to it. Other parts of its address may change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    pub host: String,
    pub rpc_port: i32,
}

impl Endpoint {
    pub fn of(address: &WorkerNetAddress) -> Self {
        Self { host: address.host().to_owned(), rpc_port: address.rpc_port() }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.rpc_port)
    }
}

/// What a worker says of itself when it registers.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    pub capacity: BTreeMap<String, i64>,
    pub used: BTreeMap<String, i64>,
    pub lost_storage: BTreeMap<String, StorageList>,
    pub version: BuildVersion,
    pub vcpus: Option<i32>,
    /// Only the properties that the configuration check compares.
    pub configuration: BTreeMap<String, String>,
}

/// A change of a worker's blocks that its next registration may not have in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    Added(i64, StorageIndex),
    Removed(i64),
}

/// Most changes kept for a registration to come; beyond it the oldest go, which the worker's list is
/// the most likely to have.
const MAX_NOTED: usize = 65_536;

/// A registration that is under way.
#[derive(Debug)]
pub(super) struct Attempt {
    pub number: u64,
    pub slot: Slot,
    pub registration: Registration,
}

/// A report's place in the row of reports that go on from one registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reports {
    pub registration: u64,
    pub sequence: u64,
}

impl Reports {
    /// Not overtaken by another one, and not of a former process of the worker.
    pub(super) fn goes_on_from(self, last: Self) -> bool {
        self.registration == last.registration && self.sequence > last.sequence
    }
}

/// The changing part of a worker.
#[derive(Debug)]
pub(super) struct Record {
    pub address: Arc<WorkerNetAddress>,
    pub standing: Standing,
    pub last_contact: Instant,
    pub start_time_ms: i64,
    pub facts: Registration,
    /// The slot of the last finished registration.
    pub slot: Option<Slot>,
    pub attempt: Option<Attempt>,
    pub attempts: u64,
    /// What happened to its blocks since it began to prepare a registration: the list it will send is
    /// older than that.
    noted: Option<VecDeque<Noted>>,
    /// How many were ever noted: the number of the next one.
    pub noted_total: u64,
    /// The first change after it last asked for its id. It takes its list after asking, so the list has
    /// all earlier ones.
    pub listing_from: u64,
    /// Blocks the worker is to drop, not yet sent.
    pub frees: VecDeque<i64>,
    /// Whether the worker takes persist commands; Java workers do not.
    pub persists: bool,
    /// The last report of a worker that reports whoever leads.
    pub reports: Option<Reports>,
    /// The newest turn that a report of it knew.
    pub heard_in: Option<u64>,
}

impl Record {
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        let attempt = self.attempt.as_ref().map(|attempt| attempt.slot);
        self.slot.into_iter().chain(attempt)
    }

    pub fn is_active(&self) -> bool {
        self.standing == Standing::Active
    }

    /// Whether what it has can be read: it serves, or it is out of service, or just coming back, and was heard of
    /// lately. `silence`: after so long a worker counts as lost.
    pub fn is_alive(&self, silence: Option<Duration>) -> bool {
        let heard = || silence.is_none_or(|silence| self.last_contact.elapsed() <= silence);
        match self.standing {
            Standing::Active => true,
            Standing::Decommissioned | Standing::Disabled | Standing::Lost => heard(),
            Standing::Unregistered | Standing::Forgotten => false,
        }
    }

    /// The worker asks for its id: it will take its list next.
    pub fn expect_list(&mut self) {
        if self.attempt.is_none() {
            self.stop_noting();
        }
        self.start_noting();
        self.listing_from = self.noted_total;
    }

    /// From now on changes are noted for the next registration.
    pub fn start_noting(&mut self) {
        self.noted.get_or_insert_with(VecDeque::new);
    }

    pub fn stop_noting(&mut self) {
        self.noted = None;
    }

    pub fn note(&mut self, change: Noted) {
        if let Some(noted) = &mut self.noted {
            if noted.len() == MAX_NOTED {
                noted.pop_front();
            }
            noted.push_back(change);
            self.noted_total += 1;
        }
    }

    /// Up to `limit` changes from number `from` on, with the number after the last of them.
    pub fn noted_from(&self, from: u64, limit: usize) -> (Vec<Noted>, u64) {
        let Some(noted) = &self.noted else { return (Vec::new(), self.noted_total) };
        let first = self.noted_total - noted.len() as u64;
        let skip = from.saturating_sub(first) as usize;
        let changes: Vec<Noted> = noted.iter().skip(skip).take(limit).copied().collect();
        let next = from.max(first) + changes.len() as u64;
        (changes, next)
    }
}

/// One worker. Its record has a lock of its own, which is never held together with a shard of the
/// location table, and never while another worker's is.
#[derive(Debug)]
pub(super) struct Worker {
    pub id: i64,
    record: Mutex<Record>,
}

impl Worker {
    pub fn new(id: i64, address: WorkerNetAddress) -> Arc<Self> {
        let record = Record {
            address: Arc::new(address),
            standing: Standing::Unregistered,
            last_contact: Instant::now(),
            start_time_ms: 0,
            facts: Registration::default(),
            slot: None,
            attempt: None,
            attempts: 0,
            // Nothing it does before its first list may be missed.
            noted: Some(VecDeque::new()),
            noted_total: 0,
            listing_from: 0,
            frees: VecDeque::new(),
            persists: false,
            reports: None,
            heard_in: None,
        };
        Arc::new(Self { id, record: Mutex::new(record) })
    }

    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock()
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::of(&self.record().address)
    }

    /// The worker's part of a location; none while its blocks are not to be shown.
    pub fn visible_address(&self) -> Option<Arc<grpc::WorkerNetAddress>> {
        let record = self.record();
        record.is_active().then(|| Arc::clone(&record.address))
    }

    /// The same of a worker that is only alive.
    pub fn last_address(&self, silence: Option<Duration>) -> Option<Arc<grpc::WorkerNetAddress>> {
        let record = self.record();
        record.is_alive(silence).then(|| Arc::clone(&record.address))
    }

    #[cfg(test)]
    pub fn for_test(id: i64, host: &str) -> Arc<Self> {
        let address =
            WorkerNetAddress { host: Some(host.to_owned()), rpc_port: Some(29999), ..Default::default() };
        Self::new(id, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noted_changes_are_numbered_and_bounded() {
        let worker = Worker::for_test(1, "w1");
        let mut record = worker.record();
        record.stop_noting();
        record.note(Noted::Removed(1));
        assert_eq!(record.noted_from(0, 10), (vec![], 0), "nobody asked for notes");

        record.start_noting();
        record.note(Noted::Removed(2));
        record.note(Noted::Removed(3));
        assert_eq!(record.noted_from(0, 1), (vec![Noted::Removed(2)], 1));
        assert_eq!(record.noted_from(1, 10), (vec![Noted::Removed(3)], 2));
        assert_eq!(record.noted_from(2, 10), (vec![], 2));

        for id in 0..MAX_NOTED as i64 {
            record.note(Noted::Removed(id));
        }
        let (oldest, next) = record.noted_from(0, 1);
        assert_eq!((oldest, next), (vec![Noted::Removed(0)], 3));
        assert_eq!(record.noted_total, MAX_NOTED as u64 + 2);
    }
}

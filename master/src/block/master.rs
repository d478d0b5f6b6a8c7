//! The block master itself: what it holds, and what the rest of the master asks of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alluxio_proto::grpc::{BlockLocation, WorkerNetAddress};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::lease::Leases;
use super::location::{Location, Storages};
use super::options::BlockOptions;
use super::slots::Slots;
use super::table::LocationTable;
use super::take_over::Awaited;
use super::tree_view::{BlockCommits, BlockLengths};
use super::worker::Worker;
use super::workers::Workers;

/// Where a block can be read; most blocks have one or two copies.
pub type BlockLocations = SmallVec<[BlockLocation; 2]>;

/// How near a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Residence {
    /// No live worker has it.
    Nowhere,
    LowerTier,
    /// On the fastest tier of at least one worker.
    TopTier,
}

/// See the [module](super).
pub struct BlockMaster {
    pub(super) options: BlockOptions,
    pub(super) lengths: Arc<dyn BlockLengths>,
    pub(super) commits: Arc<dyn BlockCommits>,
    pub(super) table: LocationTable,
    pub(super) storages: Storages,
    pub(super) slots: Slots,
    pub(super) workers: Workers,
    pub(super) leases: Leases,
    /// Since when this master serves.
    pub(super) serving_since: Mutex<Option<Instant>>,
    /// Who is not back yet; `None` when the workers of the leader before are not known.
    pub(super) awaited: Mutex<Option<Awaited>>,
    pub(super) turn: watch::Sender<u64>,
    /// Rings when there is something to sweep.
    pub(super) sweep_wanted: Notify,
    /// Spreads work that any worker may do.
    next_in_turn: AtomicU64,
}

impl BlockMaster {
    pub fn new(
        options: BlockOptions,
        lengths: Arc<dyn BlockLengths>,
        commits: Arc<dyn BlockCommits>,
    ) -> Self {
        Self::over(LocationTable::new(), options, lengths, commits)
    }

    pub(super) fn over(
        table: LocationTable,
        options: BlockOptions,
        lengths: Arc<dyn BlockLengths>,
        commits: Arc<dyn BlockCommits>,
    ) -> Self {
        Self {
            leases: Leases::new(options.lease),
            options,
            lengths,
            commits,
            table,
            storages: Storages::default(),
            slots: Slots::new(),
            workers: Workers::default(),
            serving_since: Mutex::new(None),
            awaited: Mutex::new(None),
            turn: watch::Sender::new(0),
            sweep_wanted: Notify::new(),
            next_in_turn: AtomicU64::new(0),
        }
    }

    /// Where `block_id` can be read, the fastest tiers first. Copies of workers that are not active are left
    /// out. A copy that is about to be dropped counts until its worker says that it is gone: who waits for
    /// that (`free`), or loads the block anew, must not believe it is gone while the order is on its way.
    pub fn locations(&self, block_id: i64) -> BlockLocations {
        self.locations_on(block_id, Worker::visible_address)
    }

    /// The same; where no active worker has the block, those that are out of service but alive. It is for what is
    /// nowhere else: such a worker is to be left alone as far as possible.
    pub fn last_locations(&self, block_id: i64) -> BlockLocations {
        let active = self.locations(block_id);
        if !active.is_empty() {
            return active;
        }
        let silence = self.options.worker_timeout;
        self.locations_on(block_id, |worker| worker.last_address(silence))
    }

    fn locations_on(
        &self,
        block_id: i64,
        address_of: impl Fn(&Worker) -> Option<Arc<WorkerNetAddress>>,
    ) -> BlockLocations {
        let mut found: SmallVec<[(usize, BlockLocation); 2]> = SmallVec::new();
        self.for_each_copy(block_id, |worker, location| {
            let known = |(_, other): &(usize, BlockLocation)| other.worker_id == Some(worker.id);
            let Some(address) = address_of(worker) else { return };
            // While a worker registers anew the block may stand under two of its slots.
            if found.iter().any(known) {
                return;
            }
            let (tier, medium) = self.storages.names(location.storage());
            let order = self.options.tier_order.iter().position(|alias| *alias == tier);
            let shown = BlockLocation {
                worker_id: Some(worker.id),
                worker_address: Some((*address).clone()),
                tier_alias: Some(tier),
                medium_type: Some(medium),
            };
            found.push((order.unwrap_or(usize::MAX), shown));
        });
        found.sort_by_key(|(order, shown)| (*order, shown.worker_id));
        found.into_iter().map(|(_, shown)| shown).collect()
    }

    /// How near the block is; cheaper than [`Self::locations`].
    pub fn residence(&self, block_id: i64) -> Residence {
        self.residence_on(block_id, |worker| worker.record().is_active())
    }

    /// The same, where workers count that are out of service but alive.
    pub fn last_residence(&self, block_id: i64) -> Residence {
        let silence = self.options.worker_timeout;
        self.residence_on(block_id, |worker| worker.record().is_alive(silence))
    }

    fn residence_on(&self, block_id: i64, counts: impl Fn(&Worker) -> bool) -> Residence {
        let mut nearest = Residence::Nowhere;
        self.for_each_copy(block_id, |worker, location| {
            if counts(worker) {
                let top = self.options.tier_order.first();
                let on_top = top.is_some_and(|alias| self.storages.is_on(location.storage(), alias));
                nearest = nearest.max(if on_top { Residence::TopTier } else { Residence::LowerTier });
            }
        });
        nearest
    }

    fn for_each_copy(&self, block_id: i64, mut visit: impl FnMut(&Worker, Location)) {
        let copies = self.table.copies(block_id);
        if copies.is_empty() {
            return;
        }
        let slots = self.slots.read();
        for location in copies {
            if let Some(worker) = slots.owner(location.slot()) {
                visit(worker, location);
            }
        }
    }

    /// The workers that serve, by id.
    pub fn active_workers(&self) -> Vec<(i64, Arc<WorkerNetAddress>)> {
        let workers = self.workers.all();
        workers.iter().filter_map(|worker| Some((worker.id, worker.visible_address()?))).collect()
    }

    pub fn is_worker_live(&self, worker_id: i64) -> bool {
        self.workers.get(worker_id).is_some_and(|worker| worker.record().is_active())
    }

    /// Whether what the worker has can be read and persisted: it may be out of service.
    pub fn is_worker_alive(&self, worker_id: i64) -> bool {
        let silence = self.options.worker_timeout;
        self.workers.get(worker_id).is_some_and(|worker| worker.record().is_alive(silence))
    }

    /// Remembers that a worker takes persist commands: it asked for them (`FileSystemHeartbeat`), which
    /// Java workers never do.
    pub fn mark_persists(&self, worker_id: i64) {
        if let Some(worker) = self.workers.get(worker_id) {
            worker.record().persists = true;
        }
    }

    /// The worker that should persist a file of these blocks: the one that holds most of the first 1,000, or the
    /// next in turn; of two with as many, the active one. `None` when no worker takes such commands.
    pub fn choose_worker_for_persist(&self, block_ids: impl IntoIterator<Item = i64>) -> Option<i64> {
        let silence = self.options.worker_timeout;
        let able = |worker: &Arc<Worker>| {
            let record = worker.record();
            (record.persists && record.is_alive(silence)).then(|| (worker.id, record.is_active()))
        };
        let able: Vec<(i64, bool)> = self.workers.all().iter().filter_map(able).collect();
        if able.is_empty() {
            return None;
        }
        let mut held = vec![0u32; able.len()];
        for block_id in block_ids.into_iter().take(super::slots::CHUNK) {
            self.for_each_copy(block_id, |worker, _| {
                if let Some(at) = able.iter().position(|(id, _)| *id == worker.id) {
                    held[at] += 1;
                }
            });
        }
        let turn = self.next_in_turn.fetch_add(1, Ordering::Relaxed) as usize;
        let start = turn % able.len();
        (0..able.len())
            .map(|at| (start + at) % able.len())
            .max_by_key(|at| (held[*at], able[*at].1))
            .map(|at| able[at].0)
    }
}

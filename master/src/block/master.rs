//! The block master itself: what it holds, and what the rest of the master asks of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alluxio_proto::grpc::{BlockLocation, WorkerNetAddress};
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::lease::Leases;
use super::location::{Location, Storages};
use super::options::BlockOptions;
use super::slots::Slots;
use super::table::LocationTable;
use super::tree_view::{BlockCommits, BlockLengths};
use super::worker::Endpoint;
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
    serving_since: Mutex<Option<Instant>>,
    /// The workers of the leader before that are not back yet; `None` when they are not known.
    pub(super) awaited: Mutex<Option<BTreeSet<Endpoint>>>,
    /// Rings when there is something to sweep.
    pub(super) sweep_wanted: Notify,
    /// Spreads work that any worker may do.
    turn: AtomicU64,
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
            sweep_wanted: Notify::new(),
            turn: AtomicU64::new(0),
        }
    }

    /// The tree is complete and this master leads: safe mode begins to run out.
    pub fn start_serving(&self) {
        *self.serving_since.lock() = Some(Instant::now());
    }

    /// Safe mode ends when these workers have registered, if that is earlier than else.
    pub fn wait_for(&self, workers: Option<Vec<Endpoint>>) {
        *self.awaited.lock() = workers.map(|workers| workers.into_iter().collect());
    }

    fn all_are_back(&self) -> bool {
        self.awaited.lock().as_ref().is_some_and(BTreeSet::is_empty)
    }

    /// Whether workers may still be missing because the master has just begun: what depends on where
    /// blocks are has no answer yet, and nothing is freed.
    pub fn safe_mode(&self) -> bool {
        match *self.serving_since.lock() {
            Some(since) => since.elapsed() < self.options.connect_wait && !self.all_are_back(),
            None => true,
        }
    }

    /// Where `block_id` can be read, the fastest tiers first. Copies of workers that are not active are left
    /// out. A copy that is about to be dropped counts until its worker says that it is gone: who waits for
    /// that (`free`), or loads the block anew, must not believe it is gone while the order is on its way.
    pub fn locations(&self, block_id: i64) -> BlockLocations {
        let mut found: SmallVec<[(usize, BlockLocation); 2]> = SmallVec::new();
        self.for_each_copy(block_id, |worker, location| {
            let known = |(_, other): &(usize, BlockLocation)| other.worker_id == Some(worker.id);
            let Some(address) = worker.visible_address() else { return };
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
        let mut nearest = Residence::Nowhere;
        self.for_each_copy(block_id, |worker, location| {
            if worker.visible_address().is_some() {
                let top = self.options.tier_order.first();
                let on_top = top.is_some_and(|alias| self.storages.is_on(location.storage(), alias));
                nearest = nearest.max(if on_top { Residence::TopTier } else { Residence::LowerTier });
            }
        });
        nearest
    }

    fn for_each_copy(&self, block_id: i64, mut visit: impl FnMut(&super::worker::Worker, Location)) {
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

    /// Remembers that a worker takes persist commands: it asked for them (`FileSystemHeartbeat`), which
    /// Java workers never do.
    pub fn mark_persists(&self, worker_id: i64) {
        if let Some(worker) = self.workers.get(worker_id) {
            worker.record().persists = true;
        }
    }

    /// The live worker that should persist a file of these blocks: the one that holds most of the first
    /// 1,000, or the next in turn. `None` when no live worker takes such commands.
    pub fn choose_worker_for_persist(&self, block_ids: impl IntoIterator<Item = i64>) -> Option<i64> {
        let able: Vec<i64> = self
            .workers
            .all()
            .iter()
            .filter(|worker| {
                let record = worker.record();
                record.is_active() && record.persists
            })
            .map(|worker| worker.id)
            .collect();
        if able.is_empty() {
            return None;
        }
        let mut held = vec![0u32; able.len()];
        for block_id in block_ids.into_iter().take(super::slots::CHUNK) {
            self.for_each_copy(block_id, |worker, _| {
                if let Some(at) = able.iter().position(|id| *id == worker.id) {
                    held[at] += 1;
                }
            });
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) as usize;
        let start = turn % able.len();
        (0..able.len()).map(|at| (start + at) % able.len()).max_by_key(|at| held[*at]).map(|at| able[at])
    }
}

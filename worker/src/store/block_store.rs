//! The store as the rest of the worker uses it: the catalog under its lock, joined with the disk work.

use super::{
    access::OrderKind,
    activity::Activity,
    allocate::AllocatorKind,
    catalog::{Catalog, Cursor, DirId, Place, Refusal, Removal},
    changes::{BlockList, Delta, Listener},
    disk,
    error::StoreError,
    gate::EvictionGate,
    layout::Layout,
    lease::BlockLease,
    ownership::{self, Ownership},
    quarantine, scan,
    unsynced::{self, Unsynced},
    usage::Usage,
};
use alluxio_telemetry::metrics::Counter;
use parking_lot::{Mutex, MutexGuard};
use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::{Notify, Semaphore};

/// Blocks that a walk looks at under one hold of the catalog's lock.
const WALK_STEP: usize = 1_000;

/// What can be set about a store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    pub order: OrderKind,
    pub allocator: AllocatorKind,
    /// How the worker calls itself in error texts.
    pub name: String,
    /// `alluxio.worker.free.space.timeout`: how long a writer waits for room to be made.
    pub free_space_timeout: Duration,
    /// Whether blocks of files that exist only in Alluxio may be evicted when nothing else is left.
    pub evict_not_persisted: bool,
    /// How long freed blocks that no master had known are kept.
    pub quarantine: Duration,
    pub counters: StoreCounters,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            order: OrderKind::Lru,
            allocator: AllocatorKind::MaxFree,
            name: "worker".into(),
            free_space_timeout: Duration::from_secs(10),
            evict_not_persisted: true,
            quarantine: Duration::from_secs(3600),
            counters: StoreCounters::default(),
        }
    }
}

/// What the store counts.
#[derive(Debug, Clone, Default)]
pub struct StoreCounters {
    pub evicted: Counter,
    pub removed: Counter,
    pub promoted: Counter,
    /// Blocks of folders that failed.
    pub lost: Counter,
}

pub(super) struct Inner {
    catalog: Mutex<Catalog>,
    pub layout: Layout,
    pub options: StoreOptions,
    pub gate: Arc<dyn EvictionGate>,
    pub unsynced: Mutex<Unsynced>,
    pub activity: Activity,
    /// One eviction at a time: several would free for each other and far too much.
    pub eviction_turn: Semaphore,
    /// The folders are this process's until the store is gone.
    _owned: Vec<Ownership>,
    /// Wakes the keeper: there is something to delete, or a folder may have passed its watermark.
    pub wake: Notify,
    /// Tells that a file that was taken to be deleted is settled: see `is_burying` of the catalog.
    pub buried: Notify,
}

/// A store that is looked at but not kept alive.
#[derive(Clone)]
pub struct WeakStore(Weak<Inner>);

impl WeakStore {
    pub fn upgrade(&self) -> Option<BlockStore> {
        self.0.upgrade().map(|inner| BlockStore { inner })
    }
}

/// The block store. Cheap to clone.
#[derive(Clone)]
pub struct BlockStore {
    pub(super) inner: Arc<Inner>,
}

impl BlockStore {
    /// Opens all folders and takes up the blocks found in them. A folder that cannot be used is reported
    /// as lost; only when all of them fail is it an error. Blocking.
    pub fn open(
        layout: Layout,
        options: StoreOptions,
        gate: Arc<dyn EvictionGate>,
    ) -> Result<BlockStore, StoreError> {
        let mut catalog = Catalog::new(layout.clone(), options.order, options.allocator);
        let mut failure = None;
        let mut owned = Vec::new();
        let specs = layout.tiers.iter().flat_map(|tier| &tier.dirs);
        for (index, spec) in specs.enumerate() {
            let dir = DirId(index as u16);
            match Self::open_dir(&mut catalog, &layout, dir, spec) {
                Ok(ownership) => owned.push(ownership),
                // No failure of the disk: going on without the folder would hide a mistake.
                Err(error @ StoreError::Owned(_)) => return Err(error),
                Err(error) => {
                    tracing::error!(folder = %spec.path.display(), %error, "storage folder not usable");
                    catalog.lose_dir(dir);
                    failure = Some(error);
                }
            }
        }
        if let (true, Some(error)) = (owned.is_empty(), failure) {
            return Err(error);
        }
        let activity = Activity::new(layout.tiers.iter().map(|tier| tier.dirs.len()).sum());
        let inner = Inner {
            catalog: Mutex::new(catalog),
            layout,
            options,
            gate,
            unsynced: Mutex::default(),
            activity,
            eviction_turn: Semaphore::new(1),
            _owned: owned,
            wake: Notify::new(),
            buried: Notify::new(),
        };
        Ok(BlockStore { inner: Arc::new(inner) })
    }

    fn open_dir(
        catalog: &mut Catalog,
        layout: &Layout,
        dir: DirId,
        spec: &super::DirSpec,
    ) -> Result<Ownership, StoreError> {
        let (root, temp) = (layout.blocks_root(spec), layout.temp_root(spec));
        disk::make_folder(&root, layout.folder_mode)?;
        let ownership = ownership::take(&root)?;
        let booted = unsynced::booted_since(&root)?;
        for found in scan::open_folder(&root, &temp, layout.folder_mode)? {
            if booted && found.unsynced {
                let path = root.join(found.block.to_string());
                tracing::info!(file = %path.display(), "cached block dropped: it may not have reached the disk");
                disk::remove(&path)?;
                continue;
            }
            if !catalog.adopt(dir, found.block, found.length) {
                // A move was cut off between the copy's rename and the deletion of the old file. The
                // copy in the faster tier stays: it had its final name, so it was whole.
                let path = root.join(found.block.to_string());
                tracing::warn!(file = %path.display(), "second copy of a block deleted");
                disk::remove(&path)?;
            }
        }
        for file in quarantine::list(&root)? {
            if booted && file.unsynced {
                disk::remove(&file.path)?;
            } else {
                catalog.count_quarantined(dir, file.length);
            }
        }
        Ok(ownership)
    }

    pub fn downgrade(&self) -> WeakStore {
        WeakStore(Arc::downgrade(&self.inner))
    }

    /// For short steps only, never over I/O or an await.
    pub(super) fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.inner.catalog.lock()
    }

    /// Holds a block for reading, or `None` when it is not here.
    pub fn lease(&self, block: i64) -> Option<BlockLease> {
        let found = self.catalog().acquire(block)?;
        Some(BlockLease::new(self.clone(), block, found))
    }

    /// Length of a block that can be read here.
    pub fn length_of(&self, block: i64) -> Option<u64> {
        self.catalog().peek(block).map(|(_, length)| length)
    }

    /// Whether the block is here or being written.
    pub fn holds(&self, block: i64) -> bool {
        self.catalog().holds(block)
    }

    /// Removes a block by order; readers may finish. Deletion itself happens in the background.
    pub fn remove(&self, block: i64) -> Result<(), StoreError> {
        let removal = self.catalog().remove(block);
        match removal {
            Removal::Unknown => Err(StoreError::NotFound(block)),
            Removal::Uncommitted => Err(StoreError::InUse(block)),
            Removal::Doomed | Removal::Deferred => {
                self.inner.options.counters.removed.inc();
                self.inner.wake.notify_one();
                Ok(())
            }
        }
    }

    /// The leader answered CommitBlock.
    pub fn confirm(&self, block: i64) {
        self.catalog().confirm(block);
    }

    /// CommitBlock failed for good.
    pub fn discard_uncommitted(&self, block: i64) {
        self.catalog().discard_uncommitted(block);
        self.inner.wake.notify_one();
    }

    /// Replaces the files whose blocks stay (pinned, or waiting to be persisted).
    pub fn set_pinned(&self, files: Arc<HashSet<i64>>) {
        self.catalog().set_pinned(files);
    }

    pub fn usage(&self) -> Usage {
        self.catalog().usage()
    }

    /// Tier alias and medium of a block, and the bytes in use on that tier: what CommitBlock tells.
    pub fn place_of(&self, block: i64) -> Option<(String, String, u64)> {
        let catalog = self.catalog();
        let (dir, _) = catalog.peek(block)?;
        let (tier, medium) = catalog.tier_and_medium(dir);
        let used = catalog.usage().used_by_tier().get(&tier).copied().unwrap_or_default();
        Some((tier, medium, used as u64))
    }

    /// A master's place to hear of changes. Starts empty: a registration comes first.
    pub fn listen(&self) -> Listener {
        self.catalog().changes.listen()
    }

    pub fn unlisten(&self, listener: Listener) {
        self.catalog().changes.unlisten(listener);
    }

    /// All blocks, for a registration. From here on `delta` tells the listener what changed since.
    pub fn list_all(&self, listener: Listener) -> BlockList {
        self.catalog().list_all(listener)
    }

    pub fn block_ids(&self) -> Vec<i64> {
        self.catalog().block_ids()
    }

    /// The next blocks of a walk through all of them, at most [`WALK_STEP`]; `None` at the end.
    pub fn walk(&self, cursor: &mut Cursor) -> Option<Vec<i64>> {
        let mut blocks = Vec::new();
        self.catalog().walk(cursor, WALK_STEP, &mut blocks).then_some(blocks)
    }

    /// Tier alias and length of a block that masters are told of.
    pub fn shown(&self, block: i64) -> Option<(String, u64)> {
        self.catalog().shown(block)
    }

    /// Changes since the last report; `None`: too many, register again.
    pub fn delta(&self, listener: Listener, limit: usize) -> Option<Delta> {
        self.catalog().delta(listener, limit)
    }

    /// The report did not arrive.
    pub fn undelivered(&self, listener: Listener, delta: &Delta) {
        self.catalog().changes.put_back(listener, &delta.ids);
    }

    /// Reacts to a failed access: a folder that cannot be written any more is given up, with its blocks.
    pub(super) fn examine(&self, dir: DirId) {
        let root = self.catalog().blocks_root(dir);
        if let Err(error) = disk::probe(&root) {
            let before = self.catalog().usage().blocks;
            if self.catalog().lose_dir(dir) {
                let lost = before.saturating_sub(self.catalog().usage().blocks);
                self.inner.options.counters.lost.add_bytes(lost as u64);
                tracing::error!(
                    folder = %root.display(), blocks = lost, %error,
                    "storage folder failed; it is reported as lost and not used until a restart"
                );
            }
        }
    }

    pub(super) fn live_dirs(&self) -> Vec<(DirId, PathBuf)> {
        self.catalog().live_dirs()
    }

    /// Runs blocking work to its end even when the caller is dropped.
    pub(super) async fn blocking<T: Send + 'static>(
        work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Stopped))
    }

    pub(super) fn refused(&self, refusal: Refusal, block: i64, session: i64, place: &Place) -> StoreError {
        match refusal {
            Refusal::Exists => StoreError::AlreadyExists(block),
            Refusal::BeingWritten => StoreError::BeingWritten(block),
            Refusal::Unknown => StoreError::NoSuchTemp(block, session),
            Refusal::NoPlace | Refusal::Guarded => StoreError::NoSuchPlace(format!("{place:?}")),
            Refusal::NoSpace => self.no_space(block, 0, "the storage is full".into()),
        }
    }

    pub(super) fn no_space(&self, block: i64, wanted: u64, why: String) -> StoreError {
        StoreError::NoSpace { worker: self.inner.options.name.clone(), block, wanted, why }
    }
}

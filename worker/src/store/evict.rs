//! Making room: what is doomed already, then the quarantine, then cold blocks the leader lets go.

use super::{
    BlockStore, StoreError, Verdict,
    catalog::{Candidate, Catalog, DirId, Doomed, Place, Refusal},
    disk, quarantine,
    temp_block::NoRoom,
};
use tokio::time::{Instant, timeout_at};

/// Blocks the leader is asked about at once.
const BATCH: usize = 500;
/// Files deleted by one blocking task.
const BURIAL: usize = 200;

impl BlockStore {
    /// Tries `step` and, while it finds no space, makes room where `place` points.
    pub(super) async fn with_room<T>(
        &self,
        block: i64,
        bytes: u64,
        place: &Place,
        step: impl Fn(&mut Catalog) -> Result<T, Refusal>,
    ) -> Result<T, NoRoom> {
        let dirs = self.catalog().groups(place).concat();
        self.with_room_in(block, bytes, dirs, step).await
    }

    /// The same for given folders.
    pub(super) async fn with_room_in<T>(
        &self,
        block: i64,
        bytes: u64,
        dirs: Vec<DirId>,
        step: impl Fn(&mut Catalog) -> Result<T, Refusal>,
    ) -> Result<T, NoRoom> {
        let deadline = Instant::now() + self.inner.options.free_space_timeout;
        let attempt = || step(&mut self.catalog());
        loop {
            match attempt() {
                Ok(done) => return Ok(done),
                Err(Refusal::NoSpace) => {}
                Err(refusal) => return Err(NoRoom::Refused(refusal)),
            }
            // Others may take the room between freeing it and the next attempt: hence the loop.
            let made = timeout_at(deadline, self.make_room(&dirs, bytes)).await;
            match made {
                Ok(Ok(())) if Instant::now() < deadline => {}
                Ok(Err(why)) => return Err(NoRoom::Because(bytes, why)),
                _ => {
                    tracing::warn!(block, bytes, "no room could be made in time");
                    return Err(NoRoom::Because(bytes, "no room could be made in time".into()));
                }
            }
        }
    }

    /// Frees `bytes` in one of the folders, or says why it cannot.
    async fn make_room(&self, dirs: &[DirId], bytes: u64) -> Result<(), String> {
        let Ok(_turn) = self.inner.eviction_turn.acquire().await else {
            return Err("the worker is shutting down".into());
        };
        if self.has_room(dirs, bytes) {
            return Ok(());
        }
        self.bury().await;
        let mut why = format!("no folder has a quota of {bytes} bytes");
        for dir in dirs {
            if self.catalog().usable(*dir) < bytes {
                continue;
            }
            match self.evict_for(*dir, bytes).await {
                Ok(()) => return Ok(()),
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }

    fn has_room(&self, dirs: &[DirId], bytes: u64) -> bool {
        let catalog = self.catalog();
        dirs.iter().any(|dir| catalog.free(*dir) >= bytes)
    }

    async fn evict_for(&self, dir: DirId, bytes: u64) -> Result<(), String> {
        let missing = self.missing(dir, bytes).await;
        if missing == 0 {
            return Ok(());
        }
        let last_resort = self.evict_persisted(dir, missing).await.map_err(|error| error.to_string())?;
        let missing = self.missing(dir, bytes).await;
        if missing > 0 && !last_resort.is_empty() {
            self.evict_last_resort(&last_resort, missing).await.map_err(|error| error.to_string())?;
        }
        match self.missing(dir, bytes).await {
            0 => Ok(()),
            _ => Err("all other blocks are in use, pinned or not persisted yet".into()),
        }
    }

    /// What a folder has too little of when all is gone that needs no leave: what is doomed, also where another task
    /// is just deleting it, and the quarantine.
    async fn missing(&self, dir: DirId, bytes: u64) -> u64 {
        loop {
            let buried = self.inner.buried.notified();
            tokio::pin!(buried);
            // Before the look: a file may go between that and the wait.
            buried.as_mut().enable();
            let (missing, doomed, burying, quarantined) = {
                let catalog = self.catalog();
                let missing = bytes.saturating_sub(catalog.free(dir));
                (missing, catalog.has_doomed(), catalog.is_burying(dir), catalog.in_quarantine(dir))
            };
            if missing == 0 {
                return 0;
            }
            if doomed {
                self.bury().await;
            } else if burying {
                buried.await;
            } else if quarantined > 0 {
                self.drop_quarantined(dir, bytes).await;
                // It cannot be emptied.
                if self.catalog().in_quarantine(dir) == quarantined {
                    return missing;
                }
            } else {
                return missing;
            }
        }
    }

    /// Evicts the coldest blocks of persisted files until `bytes` are free. Returns blocks of files that
    /// are only in Alluxio and may go when nothing else does.
    pub(super) async fn evict_persisted(
        &self,
        dir: DirId,
        bytes: u64,
    ) -> Result<Vec<Candidate>, super::GateError> {
        let mut freed = 0;
        let mut last_resort = Vec::new();
        let mut cursor = None;
        while freed < bytes {
            let batch = self.catalog().candidates(dir, cursor, BATCH);
            let Some(last) = batch.last() else { break };
            cursor = Some((last.rank, last.block));
            let verdict = self.ask(&batch).await?;
            for candidate in batch {
                if freed >= bytes {
                    break;
                }
                if verdict.evictable.contains(&candidate.block) {
                    // While the file is written no list of pins has it.
                    let guarded = verdict.by_pins_only && candidate.guarded;
                    if guarded && !self.inner.gate.is_persisted(candidate.block).await {
                        continue;
                    }
                    freed += self.evict_one(&candidate, &verdict);
                } else if verdict.not_persisted.contains(&candidate.block)
                    && self.inner.options.evict_not_persisted
                    && !candidate.guarded
                    && last_resort.len() < BATCH
                {
                    last_resort.push(candidate);
                }
            }
            self.bury().await;
        }
        Ok(last_resort)
    }

    async fn evict_last_resort(&self, batch: &[Candidate], bytes: u64) -> Result<(), super::GateError> {
        // Asked again: a file may have begun to wait for persisting while other blocks were asked about.
        let verdict = self.ask(batch).await?;
        let mut freed = 0;
        for candidate in batch {
            let allowed = verdict.evictable.contains(&candidate.block)
                || verdict.not_persisted.contains(&candidate.block);
            if freed < bytes && allowed {
                freed += self.evict_one(candidate, &verdict);
            }
        }
        self.bury().await;
        Ok(())
    }

    async fn ask(&self, batch: &[Candidate]) -> Result<Verdict, super::GateError> {
        let ids: Vec<i64> = batch.iter().map(|candidate| candidate.block).collect();
        self.inner.gate.may_evict(&ids).await
    }

    fn evict_one(&self, candidate: &Candidate, verdict: &Verdict) -> u64 {
        let mut catalog = self.catalog();
        // Looked at with the lock in hand: waiting for it takes time, too.
        if !verdict.is_good() || !catalog.evict(candidate.block) {
            return 0;
        }
        drop(catalog);
        self.inner.options.counters.evicted.inc();
        candidate.length
    }

    /// Deletes all doomed files.
    pub(super) async fn bury(&self) {
        loop {
            let store = self.clone();
            let more = BlockStore::blocking(move || Ok(store.bury_some())).await;
            if !more.unwrap_or(false) {
                return;
            }
        }
    }

    /// Takes, deletes and settles in one blocking task, so that a dropped caller leaks no bytes.
    fn bury_some(&self) -> bool {
        let batch = self.catalog().take_doomed(BURIAL);
        for doomed in &batch {
            self.delete(doomed);
        }
        self.catalog().has_doomed()
    }

    pub(super) fn delete(&self, doomed: &Doomed) {
        let result = disk::remove(&doomed.path);
        self.catalog().buried(doomed);
        self.inner.buried.notify_waiters();
        if let Err(error) = result {
            // The bytes are freed in the books although the file is still there: a folder in which
            // deleting fails is not written much longer.
            tracing::error!(%error, "block file not deleted");
            self.examine(doomed.dir);
        }
    }

    /// Deletes quarantined files until `bytes` are free.
    async fn drop_quarantined(&self, dir: DirId, bytes: u64) {
        let store = self.clone();
        let done = BlockStore::blocking(move || -> Result<(), StoreError> {
            let root = store.catalog().blocks_root(dir);
            for file in quarantine::list(&root)? {
                if store.catalog().free(dir) >= bytes {
                    break;
                }
                disk::remove(&file.path)?;
                store.catalog().release_quarantined(dir, file.length);
            }
            Ok(())
        })
        .await;
        if let Err(error) = done {
            tracing::warn!(%error, "quarantine not emptied");
        }
    }
}

//! Moves of blocks between tiers and media.

use super::{
    BlockStore, StoreError,
    catalog::{Catalog, DirId, Move, Place, Refusal},
    disk::{self, Durability},
};

impl BlockStore {
    /// Moves a block to a folder that matches `place`; already there is success. Evicts for it when
    /// `make_room` says so.
    pub async fn relocate(&self, block: i64, place: &Place, make_room: bool) -> Result<(), StoreError> {
        let session = new_session();
        let start = |catalog: &mut Catalog| catalog.begin_move(block, place, session);
        let first = start(&mut self.catalog());
        let step = match first {
            Err(Refusal::NoSpace) if make_room => {
                let length = self.length_of(block).unwrap_or(0);
                let dirs = self.catalog().targets(place);
                let made = self.with_room_in(block, length, dirs, start).await;
                made.map_err(|error| self.move_refused(error, block, place))?
            }
            Err(refusal) => return Err(self.refused_move(refusal, block, place)),
            Ok(step) => step,
        };
        match step {
            Some(step) => self.carry_out(step).await,
            None => Ok(()),
        }
    }

    /// Moves a block to this folder as one half of an exchange: see [`Catalog::begin_exchange`].
    pub(super) async fn relocate_for_exchange(&self, block: i64, to: DirId) -> Result<(), StoreError> {
        let step = self.catalog().begin_exchange(block, to, new_session());
        self.begun(block, step).await
    }

    /// Moves a block to this folder of a faster tier.
    pub(super) async fn relocate_up(&self, block: i64, to: DirId) -> Result<(), StoreError> {
        let step = self.catalog().begin_promotion(block, to, new_session());
        self.begun(block, step).await
    }

    async fn begun(&self, block: i64, step: Result<Option<Move>, Refusal>) -> Result<(), StoreError> {
        match step.map_err(|refusal| self.refused_move(refusal, block, &Place::anywhere()))? {
            Some(step) => self.carry_out(step).await,
            None => Ok(()),
        }
    }

    async fn carry_out(&self, step: Move) -> Result<(), StoreError> {
        let (store, block) = (self.clone(), step.block);
        BlockStore::blocking(move || {
            // A block that moves may be the only copy: the copy is synced before the old file goes.
            let volatile = store.catalog().in_memory(step.to_dir);
            let durability = if volatile { Durability::Later } else { Durability::Now };
            let mode = store.inner.layout.folder_mode;
            if let Err(error) = disk::copy(&step.from, &step.temp, &step.to, mode, durability) {
                store.discard_copy(&step);
                store.examine(step.to_dir);
                return Err(error);
            }
            let switched = store.catalog().switch(&step);
            if !switched {
                store.discard_copy(&step);
                return Err(StoreError::InUse(block));
            }
            if volatile {
                store.inner.unsynced.lock().push(block);
            }
            let removed = disk::remove(&step.from);
            store.catalog().settle(&step);
            store.inner.wake.notify_one();
            if let Err(error) = removed {
                // The block has moved all the same.
                tracing::error!(%error, "old file of a moved block not deleted");
                store.examine(step.from_dir);
            }
            Ok(())
        })
        .await
    }

    fn discard_copy(&self, step: &Move) {
        for path in [&step.temp, &step.to] {
            if let Err(error) = disk::remove(path) {
                tracing::error!(%error, "copy of a moved block not deleted");
            }
        }
        self.catalog().abort_move(step);
        self.inner.wake.notify_one();
    }

    fn refused_move(&self, refusal: Refusal, block: i64, place: &Place) -> StoreError {
        match refusal {
            Refusal::Unknown => StoreError::NotFound(block),
            Refusal::BeingWritten | Refusal::Guarded => StoreError::InUse(block),
            other => self.refused(other, block, 0, place),
        }
    }

    fn move_refused(&self, error: super::temp_block::NoRoom, block: i64, place: &Place) -> StoreError {
        match error {
            super::temp_block::NoRoom::Refused(refusal) => self.refused_move(refusal, block, place),
            super::temp_block::NoRoom::Because(wanted, why) => self.no_space(block, wanted, why),
        }
    }

    /// Brings a block that is read often to the fastest tier. Best effort: readers or a full tier stop it.
    pub async fn promote(&self, block: i64) {
        let in_place = self.catalog().peek(block).map(|(dir, _)| self.tier_is_top(dir));
        if in_place != Some(false) {
            return;
        }
        match self.relocate(block, &Place::tier(0), true).await {
            Ok(()) => {
                self.inner.options.counters.promoted.inc();
            }
            Err(error) => tracing::debug!(block, %error, "not promoted"),
        }
    }

    fn tier_is_top(&self, dir: DirId) -> bool {
        usize::from(dir.0) < self.inner.layout.tiers.first().map_or(0, |tier| tier.dirs.len())
    }
}

/// For the name of a copy under way.
fn new_session() -> i64 {
    rand::random::<i64>() & i64::MAX
}

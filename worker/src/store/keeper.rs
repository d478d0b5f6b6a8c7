//! The store's background work: deleting what left, keeping room free, looking after folders.

use super::{
    BlockStore,
    catalog::{DirId, Place},
};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// Watermarks are looked at this often, and at once after a commit.
const PERIOD: Duration = Duration::from_secs(1);
/// Folders are probed and the quarantine emptied this often.
const CHECK_PERIOD: Duration = Duration::from_secs(60);
/// After the leader refused or did not answer, watermarks rest.
const REST: Duration = Duration::from_secs(10);

/// For what is not synced yet when the worker stops.
const LAST_SYNC: Duration = Duration::from_secs(10);

impl BlockStore {
    /// Runs until `stop`. `check_folders`: `alluxio.worker.storage.checker.enabled`.
    pub async fn keep(self, check_folders: bool, stop: CancellationToken) {
        let mut checks = interval(CHECK_PERIOD);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        checks.reset();
        let mut resting_until = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = checks.tick() => self.check(check_folders).await,
                // A timeout is the regular tick.
                _ = timeout(PERIOD, self.inner.wake.notified()) => {}
            }
            self.bury().await;
            self.sync_cached().await;
            if Instant::now() >= resting_until && !self.keep_room().await {
                resting_until = Instant::now() + REST;
            }
        }
        self.bury().await;
        let store = self.clone();
        if let Err(error) = BlockStore::blocking(move || store.sync_rest(LAST_SYNC)).await {
            tracing::warn!(%error, "blocks not synced");
        }
    }

    async fn sync_cached(&self) {
        let store = self.clone();
        if let Err(error) = BlockStore::blocking(move || store.sync_some()).await {
            tracing::warn!(%error, "cached block not synced");
        }
    }

    /// Brings folders above their high watermark down to the low one. Blocks go to the next tier when it
    /// has room, else persisted ones are evicted; nothing that exists only in Alluxio goes for this.
    /// `false`: little could be done, do not try again at once.
    pub(super) async fn keep_room(&self) -> bool {
        let due = self.catalog().over_watermark();
        let mut done = true;
        for (dir, excess) in due {
            // Before the turn is taken: copies take long, and writers that need room wait for it.
            let moved = self.demote(dir, excess).await;
            if moved >= excess {
                continue;
            }
            let Ok(_turn) = self.inner.eviction_turn.acquire().await else { return false };
            let before = self.catalog().free(dir);
            match self.evict_persisted(dir, excess - moved).await {
                Ok(_) => done &= self.catalog().free(dir) > before,
                Err(error) => {
                    tracing::debug!(%error, "no background eviction now");
                    return false;
                }
            }
        }
        done
    }

    async fn demote(&self, dir: DirId, excess: u64) -> u64 {
        let lower = self.catalog().tier_of(dir) + 1;
        if lower >= self.inner.layout.tiers.len() {
            return 0;
        }
        let mut moved = 0;
        let coldest = self.catalog().candidates(dir, None, 100);
        for candidate in coldest {
            if moved >= excess {
                break;
            }
            match self.relocate(candidate.block, &Place::tier(lower), false).await {
                Ok(()) => moved += candidate.length,
                Err(super::StoreError::InUse(_) | super::StoreError::NotFound(_)) => {}
                Err(error) => {
                    tracing::debug!(%error, "the next tier takes no more");
                    break;
                }
            }
        }
        moved
    }

    async fn check(&self, folders: bool) {
        let store = self.clone();
        let done = BlockStore::blocking(move || {
            if folders {
                store.live_dirs().into_iter().for_each(|(dir, _)| store.examine(dir));
            }
            store.expire_quarantine()
        })
        .await;
        if let Err(error) = done {
            tracing::warn!(%error, "storage folders not checked");
        }
    }
}

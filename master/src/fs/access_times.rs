//! Access times: gathered in memory and journaled in batches, so that reading a file costs no record.
//! What has not been written at a crash is lost; the tree's hash leaves it out.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alluxio_fs::FsError;
use alluxio_proto::journal::{JournalEntry, UpdateInodeEntry};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::{FileSystemMaster, options::FsOptions};
use crate::namespace::MAX_CHANGES_PER_HOLD;

/// Inodes remembered between flushes; beyond it new ones are not remembered before the next flush.
const CAPACITY: usize = 100_000;

pub struct AccessTimes {
    seen: Mutex<BTreeMap<i64, i64>>,
    flush: Duration,
    precision_ms: i64,
}

impl AccessTimes {
    pub fn new(options: &FsOptions) -> Self {
        Self {
            seen: Mutex::new(BTreeMap::new()),
            flush: options.access_time_flush,
            precision_ms: options.access_time_precision_ms,
        }
    }

    pub fn touch(&self, id: i64, now_ms: i64) {
        let mut seen = self.seen.lock();
        if seen.len() < CAPACITY || seen.contains_key(&id) {
            seen.insert(id, now_ms);
        }
    }

    fn take(&self) -> Vec<(i64, i64)> {
        std::mem::take(&mut *self.seen.lock()).into_iter().collect()
    }
}

impl FileSystemMaster {
    pub async fn run_access_times(self: Arc<Self>, stop: CancellationToken) {
        if !self.options.access_time_updates {
            return;
        }
        loop {
            let stopping = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(self.access_times.flush) => false,
            };
            if let Err(error) = self.flush_access_times().await {
                tracing::warn!(%error, "access times since the last flush are lost");
            }
            if stopping {
                return;
            }
        }
    }

    /// Journals what is newer than the stored time by more than the precision.
    async fn flush_access_times(&self) -> Result<(), FsError> {
        for chunk in self.access_times.take().chunks(MAX_CHANGES_PER_HOLD) {
            self.namespace
                .mutate(&[], None, |tree, draft| {
                    for (id, time) in chunk {
                        let Some((slot, inode)) = tree.by_id(*id) else { continue };
                        // One that was deleted waits for the reaper and has no path.
                        if tree.path_of(slot).is_none() {
                            continue;
                        }
                        if time.saturating_sub(inode.accessed_ms) > self.access_times.precision_ms {
                            draft.push(JournalEntry {
                                update_inode: Some(UpdateInodeEntry {
                                    id: Some(*id),
                                    last_access_time_ms: Some(*time),
                                    ..UpdateInodeEntry::default()
                                }),
                                ..JournalEntry::default()
                            });
                        }
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alluxio_conf::Configuration;

    use super::*;

    #[test]
    fn only_the_newest_time_is_kept_and_memory_is_bounded() {
        let times = AccessTimes::new(&FsOptions::from_conf(&Configuration::defaults()));
        for id in 0..CAPACITY as i64 + 10 {
            times.touch(id, 1);
            times.touch(id, 2);
        }
        let seen = times.take();
        assert_eq!(seen.len(), CAPACITY);
        assert!(seen.iter().all(|(_, time)| *time == 2));
        assert!(times.take().is_empty());
    }
}

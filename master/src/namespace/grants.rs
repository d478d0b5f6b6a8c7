//! What workers were told that they may evict, and how long the master stands by it.
//!
//! A worker evicts a moment after the answer. A file that became pinned or TO_BE_PERSISTED in that moment
//! would lose its blocks although invariant 7 holds them. So an answer is good for a short time only, and
//! such a change waits until no worker can act on an earlier answer any more. While it waits, no new answer
//! lets its file go. See docs/decisions/0012-eviction-answers-run-out.md.

use std::{sync::Arc, time::Duration};

use alluxio_fs::ids;
use alluxio_proto::journal::JournalEntry;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::tree::Persistence;

/// How long a worker may act on an answer, from when it began to ask.
pub const VALID: Duration = Duration::from_secs(1);

/// How long the master stands by it. The difference is for a worker that is stopped between its look at the
/// clock and the eviction, and for clocks that do not run alike.
const HELD: Duration = Duration::from_secs(2);

/// Files share a place by their number. Few places are in use at a time, and sharing one only makes a change
/// wait without need; in return the table never grows.
const PLACES: usize = 1 << 16;

/// See the [module](self). Asked under the tree's lock, so that an answer and a change are in one order.
pub struct EvictionGrants {
    began: Instant,
    /// Files with a lower container were there under the master before, which gave answers, too.
    first_new_container: i64,
    table: Arc<Mutex<Table>>,
}

/// By place. Zeroed memory costs nothing until it is used.
struct Table {
    /// Milliseconds from `began`.
    held_until: Vec<u64>,
    /// Changes that wait.
    wanted: Vec<u32>,
}

/// A change that waits; new answers leave its files out until this is dropped.
pub(super) struct Wanted {
    until: Instant,
    places: Vec<usize>,
    table: Arc<Mutex<Table>>,
}

impl EvictionGrants {
    pub(super) fn new(first_new_container: i64) -> Self {
        let table = Table { held_until: vec![0; PLACES], wanted: vec![0; PLACES] };
        Self { began: Instant::now(), first_new_container, table: Arc::new(Mutex::new(table)) }
    }

    /// Lets the blocks of a file go for [`VALID`]; `false` when somebody waits to change it.
    pub fn grant(&self, file: i64) -> bool {
        let until = self.began.elapsed() + HELD;
        let mut table = self.table.lock();
        let place = place_of(file);
        let free = table.wanted[place] == 0;
        if free {
            table.held_until[place] = millis(until);
        }
        free
    }

    /// Whether this record makes a file unevictable that a worker may be evicting.
    pub(super) fn in_the_way_of(&self, entry: &JournalEntry) -> Option<Wanted> {
        let mut files = Vec::new();
        made_unevictable(entry, &mut files);
        if files.is_empty() {
            return None;
        }
        let now = self.began.elapsed();
        let mut table = self.table.lock();
        let held = |file: &i64| {
            let before = ids::container_of(*file) < self.first_new_container;
            let until = table.held_until[place_of(*file)].max(if before { millis(HELD) } else { 0 });
            (until > millis(now)).then_some(until)
        };
        let until = files.iter().filter_map(held).max()?;
        let places: Vec<usize> = files.iter().map(|file| place_of(*file)).collect();
        for place in &places {
            table.wanted[*place] += 1;
        }
        let until = self.began + Duration::from_millis(until);
        Some(Wanted { until, places, table: Arc::clone(&self.table) })
    }
}

impl Wanted {
    /// Returns when no worker can act on an earlier answer any more.
    pub(super) async fn over(&self) {
        tokio::time::sleep_until(self.until).await;
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        for place in &self.places {
            table.wanted[*place] -= 1;
        }
    }
}

/// Only changes: a new file has no blocks that anybody could have asked about.
fn made_unevictable(entry: &JournalEntry, files: &mut Vec<i64>) {
    for part in &entry.journal_entries {
        made_unevictable(part, files);
    }
    if let Some(change) = &entry.update_inode
        && ids::is_file_id(change.id())
        && (change.pinned() || change.persistence_state() == Persistence::ToBePersisted.as_str())
    {
        files.push(change.id());
    }
}

fn place_of(file: i64) -> usize {
    ids::container_of(file) as usize % PLACES
}

/// Rounded up: nothing is let go early.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alluxio_proto::journal::UpdateInodeEntry;
    use tokio::time::advance;

    fn change(file: i64, pinned: bool) -> JournalEntry {
        let update = UpdateInodeEntry { id: Some(file), pinned: Some(pinned), ..UpdateInodeEntry::default() };
        let part = JournalEntry { update_inode: Some(update), ..JournalEntry::default() };
        JournalEntry { journal_entries: vec![part], ..JournalEntry::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_waits_for_an_answer_to_run_out_and_no_new_one_is_given_meanwhile() {
        let grants = EvictionGrants::new(1);
        let (file, other) = (ids::file_id(5), ids::file_id(6));
        assert!(grants.in_the_way_of(&change(file, true)).is_none(), "nobody asked");
        assert!(grants.grant(file));
        advance(Duration::from_millis(500)).await;
        assert!(grants.in_the_way_of(&change(file, false)).is_none(), "unpinning takes nothing from anybody");
        assert!(grants.in_the_way_of(&change(other, true)).is_none());
        let wanted = grants.in_the_way_of(&change(file, true)).unwrap();
        assert!(!grants.grant(file), "or the change would wait for ever");
        assert!(grants.grant(other));
        wanted.over().await;
        assert!(Instant::now() >= grants.began + HELD);
        assert!(grants.in_the_way_of(&change(file, true)).is_none());
        drop(wanted);
        assert!(grants.grant(file));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_master_before_answered_counts() {
        let grants = EvictionGrants::new(10);
        let update = UpdateInodeEntry {
            id: Some(ids::file_id(9)),
            persistence_state: Some("TO_BE_PERSISTED".into()),
            ..UpdateInodeEntry::default()
        };
        let to_be_persisted = JournalEntry { update_inode: Some(update), ..JournalEntry::default() };
        let wanted = grants.in_the_way_of(&to_be_persisted).unwrap();
        assert!(grants.in_the_way_of(&change(ids::file_id(10), true)).is_none(), "it is new");
        wanted.over().await;
        assert!(grants.in_the_way_of(&to_be_persisted).is_none());
    }
}

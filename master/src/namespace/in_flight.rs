//! What has been applied but is not durable yet. A reply that rests on it must wait for it, or a crash
//! could take back what a client was told (invariant 2).

use std::collections::BTreeMap;

use alluxio_fs::AlluxioPath;
use compact_str::CompactString;
use smallvec::SmallVec;

use crate::tree::{Lookup, Tree};

type Names = SmallVec<[(i64, CompactString); 4]>;
type Ids = SmallVec<[i64; 8]>;

/// Ids and names forgotten in one go, or those of one record when it has more.
const FORGOTTEN_AT_ONCE: usize = 2_000;

/// Bounded by the journal's queue: what is durable leaves with the next change. Ordered maps, because a hash map
/// that grows moves all it holds, and this is under the tree's lock.
#[derive(Default)]
pub(super) struct InFlight {
    ids: BTreeMap<i64, u64>,
    names: BTreeMap<(i64, CompactString), u64>,
    /// By sequence.
    order: BTreeMap<u64, (Ids, Names)>,
    highest: u64,
}

impl InFlight {
    pub fn note(&mut self, sequence: u64, ids: Ids, names: Names) {
        self.highest = sequence;
        for id in &ids {
            self.ids.insert(*id, sequence);
        }
        for name in &names {
            self.names.insert(name.clone(), sequence);
        }
        self.order.insert(sequence, (ids, names));
    }

    /// Forgets what is durable: more than a change adds, and no more than one hold of the lock bears. What
    /// stays a little longer holds nobody up, because it is durable.
    pub fn forget_until(&mut self, durable: u64) {
        let mut left = FORGOTTEN_AT_ONCE;
        while left > 0
            && let Some(oldest) = self.order.first_entry()
            && *oldest.key() <= durable
        {
            let (sequence, (ids, names)) = oldest.remove_entry();
            left = left.saturating_sub(ids.len() + names.len());
            for id in ids {
                if self.ids.get(&id) == Some(&sequence) {
                    self.ids.remove(&id);
                }
            }
            for name in names {
                if self.names.get(&name) == Some(&sequence) {
                    self.names.remove(&name);
                }
            }
        }
    }

    /// The newest record.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// The newest record that shows in what a path leads to: its inodes, and the first name that is
    /// missing, or else how many children its target has (noted under the empty name).
    pub fn seen(&self, tree: &Tree, path: &AlluxioPath, lookup: &Lookup) -> u64 {
        if self.order.is_empty() {
            return 0;
        }
        let mut seen = 0;
        let mut last = None;
        for slot in &lookup.found {
            if let Some(inode) = tree.get(*slot) {
                seen = seen.max(self.ids.get(&inode.id).copied().unwrap_or(0));
                last = Some(inode.id);
            }
        }
        let missing = path.components().nth(lookup.found.len().saturating_sub(1));
        let name = if lookup.missing > 0 { missing } else { Some("") };
        if let (Some(directory), Some(name)) = (last, name) {
            let key = (directory, CompactString::from(name));
            seen = seen.max(self.names.get(&key).copied().unwrap_or(0));
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    #[test]
    fn a_newer_record_keeps_what_an_older_one_also_touched() {
        let mut in_flight = InFlight::default();
        in_flight.note(1, smallvec![7], smallvec![(0, "a".into())]);
        in_flight.note(2, smallvec![7], smallvec![]);
        in_flight.forget_until(1);
        assert_eq!(in_flight.ids.get(&7), Some(&2));
        assert!(in_flight.names.is_empty());
        in_flight.forget_until(2);
        assert!(in_flight.ids.is_empty() && in_flight.order.is_empty());
        assert_eq!(in_flight.highest(), 2);
    }

    #[test]
    fn a_long_queue_is_forgotten_in_parts() {
        let mut in_flight = InFlight::default();
        for sequence in 1..=10_000 {
            in_flight.note(sequence, smallvec![sequence as i64], smallvec![]);
        }
        in_flight.forget_until(10_000);
        assert_eq!(in_flight.order.len(), 10_000 - FORGOTTEN_AT_ONCE);
        for _ in 0..5 {
            in_flight.forget_until(10_000);
        }
        assert!(in_flight.order.is_empty() && in_flight.ids.is_empty());
    }
}

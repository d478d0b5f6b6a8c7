//! The last operation ids that took effect: a client that repeats a call because the answer was lost
//! finds its id here and is told that it succeeded (invariant 9).

use std::collections::{BTreeSet, VecDeque};

use alluxio_proto::journal::JournalOpPId;

/// As many as the Java master keeps.
const KEPT: usize = 100_000;

pub type OperationId = (i64, i64);

#[derive(Clone, Debug, Default)]
pub struct OperationIds {
    /// In the order of the log, so that every master forgets the same ones.
    order: VecDeque<OperationId>,
    /// No hash set: one of this size takes milliseconds when it moves its entries, be it to grow or to be rid
    /// of the marks that removals leave, and it is changed under the tree's lock.
    known: BTreeSet<OperationId>,
}

impl OperationIds {
    pub fn contains(&self, id: OperationId) -> bool {
        self.known.contains(&id)
    }

    pub(super) fn remember(&mut self, id: &JournalOpPId) {
        let id = (id.most_significant_bits(), id.least_significant_bits());
        if !self.known.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Oldest first.
    pub(super) fn in_order(&self) -> &VecDeque<OperationId> {
        &self.order
    }
}

pub(super) fn entry_of((most, least): OperationId) -> JournalOpPId {
    JournalOpPId { most_significant_bits: Some(most), least_significant_bits: Some(least) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut ids = OperationIds::default();
        for n in 0..KEPT as i64 + 2 {
            ids.remember(&entry_of((n, -n)));
            ids.remember(&entry_of((n, -n)));
        }
        assert!(!ids.contains((0, 0)) && !ids.contains((1, -1)) && ids.contains((2, -2)));
        assert_eq!(ids.in_order().len(), KEPT);
        assert_eq!(ids.in_order().front(), Some(&(2, -2)));
        assert_eq!(ids.known.len(), KEPT);
    }
}

//! What each master still has to hear about blocks that came and went.
//!
//! Only ids are kept. Whether a block was added or removed is looked up when a report is made, so a
//! report that was lost can be merged back in any order and the next one is still right.

use std::collections::{BTreeMap, BTreeSet};

/// One master's place in the list of listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener(pub(super) usize);

/// Block ids by (tier alias, medium), as registration and heartbeats send them.
pub type BlockList = BTreeMap<(String, String), Vec<i64>>;

/// The blocks that changed since the last report that arrived.
#[derive(Debug, Clone, Default)]
pub struct Delta {
    pub added: BlockList,
    pub removed: Vec<i64>,
    pub(super) ids: Vec<i64>,
}

impl Delta {
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }
}

/// More unreported ids than this and a listener is told everything again instead.
const MOST_PENDING: usize = 1_000_000;

#[derive(Debug, Default)]
struct Pending {
    ids: BTreeSet<i64>,
    overflowed: bool,
}

/// The unreported ids of every listener.
#[derive(Debug, Default)]
pub struct Changes {
    /// A place that is free has none.
    listeners: Vec<Option<Pending>>,
}

impl Changes {
    pub fn listen(&mut self) -> Listener {
        let free = self.listeners.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.listeners.push(None);
            self.listeners.len() - 1
        });
        self.listeners[place] = Some(Pending::default());
        Listener(place)
    }

    /// The listener is not used any more.
    pub fn unlisten(&mut self, listener: Listener) {
        if let Some(pending) = self.listeners.get_mut(listener.0) {
            *pending = None;
        }
    }

    pub fn record(&mut self, block: i64) {
        for pending in self.listeners.iter_mut().flatten() {
            pending.push(block);
        }
    }

    /// Forgets what is pending: the caller reports everything anew, from a list taken under the same lock.
    pub fn restart(&mut self, listener: Listener) {
        if let Some(pending) = self.pending(listener) {
            *pending = Pending::default();
        }
    }

    /// Takes at most `limit` ids. `None`: too much was missed, register again.
    pub fn take(&mut self, listener: Listener, limit: usize) -> Option<Vec<i64>> {
        let pending = self.pending(listener)?;
        if pending.overflowed {
            return None;
        }
        let rest = match pending.ids.iter().nth(limit).copied() {
            Some(first_left) => pending.ids.split_off(&first_left),
            None => BTreeSet::new(),
        };
        Some(std::mem::replace(&mut pending.ids, rest).into_iter().collect())
    }

    /// Puts ids of a report that did not arrive back.
    pub fn put_back(&mut self, listener: Listener, ids: &[i64]) {
        if let Some(pending) = self.pending(listener) {
            ids.iter().for_each(|id| pending.push(*id));
        }
    }

    fn pending(&mut self, listener: Listener) -> Option<&mut Pending> {
        self.listeners.get_mut(listener.0)?.as_mut()
    }
}

impl Pending {
    fn push(&mut self, block: i64) {
        if self.overflowed {
            return;
        }
        self.ids.insert(block);
        if self.ids.len() > MOST_PENDING {
            self.overflowed = true;
            self.ids = BTreeSet::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_report_is_sent_again() {
        let mut changes = Changes::default();
        let master = changes.listen();
        changes.record(1);
        changes.record(2);
        let sent = changes.take(master, 10).unwrap();
        changes.record(3);
        changes.put_back(master, &sent);
        assert_eq!(changes.take(master, 10).unwrap(), vec![1, 2, 3]);
        assert!(changes.take(master, 10).unwrap().is_empty());
    }

    #[test]
    fn a_report_is_bounded() {
        let mut changes = Changes::default();
        let master = changes.listen();
        (0..10).for_each(|id| changes.record(id));
        assert_eq!(changes.take(master, 4).unwrap(), vec![0, 1, 2, 3]);
        assert_eq!(changes.pending(master).unwrap().ids.len(), 6);
    }

    #[test]
    fn a_place_is_used_again_and_begins_empty() {
        let mut changes = Changes::default();
        let (one, other) = (changes.listen(), changes.listen());
        changes.record(1);
        changes.unlisten(one);
        changes.record(2);
        assert_eq!(changes.take(one, 10), None);
        assert_eq!(changes.listen(), one);
        changes.record(3);
        assert_eq!(changes.take(one, 10).unwrap(), vec![3]);
        assert_eq!(changes.take(other, 10).unwrap(), vec![1, 2, 3]);
    }

    #[test]
    fn too_much_pending_asks_for_a_registration() {
        let mut changes = Changes::default();
        let master = changes.listen();
        (0..=MOST_PENDING as i64).for_each(|id| changes.record(id));
        assert!(changes.take(master, 1).is_none());
        changes.restart(master);
        assert!(changes.take(master, 1).unwrap().is_empty());
    }
}

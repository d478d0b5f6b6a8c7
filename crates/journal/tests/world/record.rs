//! What the clients remember: which records they handed over, and which were acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Books>>);

#[derive(Default)]
struct Books {
    payloads: u64,
    /// For each sequence what masters handed over under it.
    handed_over: BTreeMap<u64, BTreeSet<Bytes>>,
    acknowledged: BTreeMap<u64, Bytes>,
    /// The newest term, and the state that it began with: nothing else may be acknowledged by those before.
    master: u64,
    base: Vec<Bytes>,
    /// What followers have been given.
    given: BTreeMap<u64, Bytes>,
}

impl Ledger {
    /// A payload that no other record has.
    pub fn new_payload(&self) -> Bytes {
        let mut books = self.0.lock().unwrap();
        books.payloads += 1;
        // Of different lengths, some longer than a block of a hole.
        let filler = "x".repeat((books.payloads as usize * 37) % 150);
        Bytes::from(format!("{} {filler}", books.payloads))
    }

    pub fn handed_over(&self, sequence: u64, payload: Bytes) {
        self.0.lock().unwrap().handed_over.entry(sequence).or_default().insert(payload);
    }

    pub fn acknowledged(&self, master: u64, sequence: u64, payload: Bytes) {
        let mut books = self.0.lock().unwrap();
        tracing::info!(master, sequence, "acknowledged");
        if master < books.master {
            let base = books.base.get(sequence as usize - 1);
            assert_eq!(
                base,
                Some(&payload),
                "{sequence} was acknowledged by a master that had been overtaken"
            );
        }
        let before = books.acknowledged.insert(sequence, payload);
        assert!(before.is_none(), "record {sequence} was acknowledged twice");
    }

    /// A follower has been given a record: it is durable, so it is the same for all and for ever.
    pub fn given(&self, sequence: u64, payload: Bytes) {
        let mut books = self.0.lock().unwrap();
        let known = books.handed_over.get(&sequence).is_some_and(|payloads| payloads.contains(&payload));
        assert!(known, "a follower got a record {sequence} that was never handed over");
        let before = books.given.insert(sequence, payload.clone());
        assert!(before.is_none_or(|before| before == payload), "followers got different records {sequence}");
    }

    /// The master of a term has replayed this state. It may have been overtaken while it did.
    pub fn overtake(&self, term: u64, state: Vec<Bytes>) {
        let mut books = self.0.lock().unwrap();
        if term < books.master {
            return;
        }
        books.check_state(&state);
        books.base = state;
        books.master = term;
    }
}

impl Books {
    fn check_state(&self, state: &[Bytes]) {
        for (sequence, payload) in &self.acknowledged {
            let found = state.get(*sequence as usize - 1);
            assert_eq!(found, Some(payload), "record {sequence} was acknowledged and is not in the log");
        }
        for (sequence, payload) in &self.given {
            let found = state.get(*sequence as usize - 1);
            assert_eq!(found, Some(payload), "a follower has a record {sequence} that is not in the log");
        }
        let mut seen = BTreeSet::new();
        for (sequence, payload) in (1..).zip(state) {
            let known = self.handed_over.get(&sequence).is_some_and(|payloads| payloads.contains(payload));
            assert!(known, "record {sequence} was never handed over: {payload:?}");
            assert!(seen.insert(payload), "record {sequence} is in the log twice: {payload:?}");
        }
    }
}

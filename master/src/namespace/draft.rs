//! The record an operation is about to make: one compound entry with all ids and times in it.

use alluxio_proto::journal::{JournalEntry, JournalOpPId};
use prost::Message;

use crate::tree::OperationId;

pub struct Draft {
    /// The operation's time: the only clock reading in it.
    pub now_ms: i64,
    parts: Vec<JournalEntry>,
    operation: Option<OperationId>,
}

impl Draft {
    pub(super) fn new(now_ms: i64) -> Self {
        Self { now_ms, parts: Vec::new(), operation: None }
    }

    #[cfg(test)]
    pub fn for_test(now_ms: i64) -> Self {
        Self::new(now_ms)
    }

    #[cfg(test)]
    pub fn entries(&self) -> &[JournalEntry] {
        &self.parts
    }

    pub fn push(&mut self, part: JournalEntry) {
        self.parts.push(part);
    }

    /// Remembers the client's operation id together with what it did.
    pub fn operation(&mut self, id: Option<OperationId>) {
        self.operation = id;
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.operation.is_none()
    }

    pub fn len(&self) -> usize {
        self.parts.len()
    }

    pub(super) fn finish(mut self) -> (JournalEntry, Vec<u8>) {
        let operation_id = self.operation.map(|(most, least)| JournalOpPId {
            most_significant_bits: Some(most),
            least_significant_bits: Some(least),
        });
        let mut entry = match self.parts.len() {
            1 => self.parts.remove(0),
            _ => JournalEntry { journal_entries: self.parts, ..JournalEntry::default() },
        };
        entry.operation_id = operation_id.or(entry.operation_id);
        let payload = entry.encode_to_vec();
        (entry, payload)
    }
}

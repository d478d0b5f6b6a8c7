//! What the tests of this crate share: opening a journal, writing to it, reading it back.

use std::sync::Arc;

use bytes::Bytes;

use crate::store::Store;
use crate::store::mem::MemStore;
use crate::{Existing, FileId, Journal, JournalError, Options, Recovery, SegmentId, Uuid, format};

pub(crate) const CLUSTER: Uuid = Uuid::from_u128(0xC1);

/// A formatted store in memory, faultless.
pub(crate) async fn formatted() -> MemStore {
    let store = MemStore::new();
    format(&store, CLUSTER, Existing::Keep).await.unwrap();
    store
}

pub(crate) fn shared(store: &MemStore) -> Arc<dyn Store> {
    Arc::new(store.clone())
}

pub(crate) async fn recover(
    store: Arc<dyn Store>,
    options: Options,
) -> Result<(Journal, Vec<Bytes>), JournalError> {
    let mut recovery = Recovery::start(store, options).await?;
    let mut payloads = Vec::new();
    while let Some(record) = recovery.next().await? {
        payloads.push(record.payload);
    }
    Ok((recovery.finish().await?, payloads))
}

pub(crate) async fn open(store: &MemStore) -> (Journal, Vec<Bytes>) {
    recover(shared(store), Options::default()).await.unwrap()
}

/// The error with which a journal refuses to open.
pub(crate) async fn refusal(store: &MemStore) -> JournalError {
    recover(shared(store), Options::default()).await.err().expect("the journal must not open")
}

pub(crate) async fn write(journal: &Journal, payload: impl Into<Bytes>) -> Result<u64, JournalError> {
    let ticket = journal.reserve().await?.append(payload.into());
    let sequence = ticket.sequence();
    ticket.wait().await.map(|()| sequence)
}

/// Payloads that differ, so that a record in the wrong place is noticed.
pub(crate) fn payload(number: u64) -> Bytes {
    Bytes::from(format!("record number {number} with some bytes to it"))
}

pub(crate) fn payloads(numbers: std::ops::RangeInclusive<u64>) -> Vec<Bytes> {
    numbers.map(payload).collect()
}

pub(crate) async fn write_all(journal: &Journal, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        write(journal, payload(number)).await.unwrap();
    }
}

/// The segment files, oldest first.
pub(crate) fn segments(store: &MemStore) -> Vec<SegmentId> {
    let mut ids: Vec<_> = store
        .files()
        .into_iter()
        .filter_map(|listed| match listed.file {
            FileId::Segment(id) => Some(id),
            _ => None,
        })
        .collect();
    ids.sort();
    ids
}

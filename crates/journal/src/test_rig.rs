//! What the tests of this crate share: opening a journal, writing to it, reading it back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::store::Store;
use crate::store::mem::MemStore;
use crate::{
    Existing, Feed, FileId, FollowOptions, Followed, Follower, Journal, JournalError, Options, Recovery,
    SegmentId, Uuid, format,
};

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

/// A follower, and the state it begins with.
pub(crate) async fn follow(store: &MemStore) -> (Follower, Vec<Bytes>) {
    let follower = Follower::start(shared(store), FollowOptions::default()).await.unwrap();
    let mut state = Vec::new();
    if let Some(mut checkpoint) = follower.checkpoint() {
        while let Some(chunk) = checkpoint.next_chunk().await.unwrap() {
            state.push(chunk);
        }
    }
    (follower, state)
}

/// The records that a follower gives until it has given none for five seconds.
pub(crate) async fn given(follower: &mut Follower) -> Vec<Bytes> {
    let mut payloads = Vec::new();
    while let Ok(next) = tokio::time::timeout(Duration::from_secs(5), follower.next()).await {
        match next.unwrap() {
            Followed::Record(record) => payloads.push(record.payload),
            Followed::Restart(why) => panic!("{why}"),
        }
    }
    payloads
}

/// Carries a subscription to a follower, as a connection does.
pub(crate) async fn connect(journal: &Journal, follower: &Follower) -> tokio::task::JoinHandle<()> {
    let mut subscription = journal.subscribe().await.unwrap();
    let (sender, items) = tokio::sync::mpsc::channel(4);
    let feed = Feed { term: subscription.term(), start: subscription.start(), items };
    follower.feeds().send(feed).await.unwrap();
    tokio::spawn(async move {
        while let Some(item) = subscription.next().await
            && sender.send(item).await.is_ok()
        {}
    })
}

/// A checkpoint whose chunks are the payloads up to the journal's end.
pub(crate) async fn checkpoint(journal: &Journal) {
    let position = journal.position();
    let mut writer = journal.checkpoint_writer(position).await.unwrap();
    for number in 1..=position.sequence {
        writer.write(payload(number)).await.unwrap();
    }
    writer.finish(0, Bytes::new()).await.unwrap();
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

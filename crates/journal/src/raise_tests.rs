//! The format of a log goes up when somebody raises it, and never down.

use std::time::Duration;

use crate::store::Store;
use crate::store::mem::{Fencing, MemStore};
use crate::test_rig::*;
use crate::{Existing, FIRST_FORMAT, FORMAT_VERSION, FileId, JournalError, SegmentId, check_format, format};

/// The format that a file says.
fn said(store: &MemStore, file: FileId) -> u32 {
    let mut said = 0;
    store.damage(file, |bytes| said = u32::from_le_bytes(bytes[8..12].try_into().unwrap()));
    said
}

fn formats(store: &MemStore) -> Vec<(SegmentId, u32)> {
    segments(store).into_iter().map(|id| (id, said(store, FileId::Segment(id)))).collect()
}

fn checkpoint_format(store: &MemStore) -> u32 {
    let mut files = store.files().into_iter();
    let checkpoint = files.rfind(|listed| matches!(listed.file, FileId::Checkpoint(_)));
    said(store, checkpoint.expect("there is one").file)
}

#[tokio::test]
async fn a_newer_release_writes_as_before_until_it_is_told_otherwise() {
    const { assert!(FORMAT_VERSION > FIRST_FORMAT) };
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=3).await;
    checkpoint(&journal).await;
    assert_eq!((journal.format(), checkpoint_format(&store)), (1, 1));
    assert!(formats(&store).iter().all(|(_, format)| *format == 1));
    let store = store.restart();
    let (journal, _) = open(&store).await;
    assert_eq!(journal.format(), 1, "nobody raised it");

    let segment = *formats(&store).last().unwrap();
    journal.raise(2).await.unwrap();
    assert_eq!(journal.format(), 2);
    let (after, said) = *formats(&store).last().unwrap();
    assert!(after > segment.0 && said == 2, "what comes now is in a segment of its own");
    write_all(&journal, 4..=5).await;
    checkpoint(&journal).await;
    assert_eq!(checkpoint_format(&store), 2);
    assert!(matches!(journal.raise(3).await, Err(JournalError::Newer { found: 3, .. })));
    journal.raise(1).await.unwrap();
    assert_eq!(journal.format(), 2, "it never goes down");
    let (journal, replayed) = open(&store.restart()).await;
    assert_eq!((journal.format(), replayed), (2, vec![]), "the checkpoint has all");
}

#[tokio::test]
async fn a_raise_holds_also_where_no_record_followed_it() {
    for fencing in [Fencing::Token, Fencing::Lease] {
        for records in [0, 3] {
            let store = MemStore::with(3, fencing);
            format(&store, CLUSTER, Existing::Keep).await.unwrap();
            let (journal, _) = open(&store).await;
            write_all(&journal, 1..=records).await;
            journal.raise(2).await.unwrap();
            let store = store.restart();
            let (journal, replayed) = open(&store).await;
            assert_eq!(replayed, payloads(1..=records));
            assert_eq!(journal.format(), 2, "{fencing:?}, {records} records");
            write_all(&journal, records + 1..=records + 2).await;
            assert_eq!(open(&store.restart()).await.1, payloads(1..=records + 2));
        }
    }
}

#[tokio::test]
async fn a_raise_waits_for_what_was_handed_over_before() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    let mut tickets = Vec::new();
    for number in 1..=20 {
        tickets.push(journal.reserve().await.unwrap().append(payload(number)));
    }
    journal.raise(2).await.unwrap();
    assert_eq!(journal.durable(), 20);
    for ticket in tickets {
        ticket.wait().await.unwrap();
    }
    assert_eq!(open(&store.restart()).await.1, payloads(1..=20));
}

#[tokio::test(start_paused = true)]
async fn who_follows_goes_on_and_knows_the_format() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=2).await;
    let (mut follower, _) = follow(&store).await;
    assert_eq!(given(&mut follower).await, payloads(1..=2));
    assert_eq!(follower.progress().format(), 1);
    let written = |number| {
        let (journal, follower) = (&journal, &follower);
        async move {
            let mut writer = follower.checkpoint_writer().await.unwrap();
            for number in 1..=number {
                writer.write(payload(number)).await.unwrap();
            }
            writer.finish(0, bytes::Bytes::new()).await.unwrap();
            journal.clean_up().await.unwrap();
        }
    };
    written(2).await;
    assert_eq!(checkpoint_format(&store), 1);
    journal.raise(2).await.unwrap();
    write_all(&journal, 3..=4).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let records = given(&mut follower).await;
    assert_eq!(records, payloads(3..=4));
    assert_eq!(follower.progress().format(), 2);
}

/// What a leader shows is what lies on the store: also where the raise itself could not be confirmed.
#[tokio::test(start_paused = true)]
async fn a_raise_that_failed_is_told_when_a_later_segment_has_it() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=2).await;
    store.faults(|f| f.full = true);
    assert!(matches!(journal.raise(2).await, Err(JournalError::Unavailable { .. })));
    assert_eq!(journal.format(), 1);
    store.faults(|f| f.full = false);
    write_all(&journal, 3..=3).await;
    assert_eq!(formats(&store).last().unwrap().1, 2);
    assert_eq!(journal.format(), 2);
}

/// It was raised while this master was away.
#[tokio::test]
async fn who_cannot_read_the_log_does_not_depose_its_writer() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=2).await;
    let newest = FileId::Segment(*segments(&store).last().unwrap());
    store.damage(newest, |bytes| bytes[8] = 3);
    let refused = crate::Recovery::start(shared(&store), crate::Options::default()).await.map(|_| ());
    assert!(matches!(refused, Err(JournalError::Newer { found: 3, .. })));
    write(&journal, payload(3)).await.unwrap();
}

/// As an older release finds it.
#[tokio::test]
async fn who_cannot_read_the_log_does_not_claim_it() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=2).await;
    check_format(&store).await.unwrap();
    let newest = FileId::Segment(*segments(&store).last().unwrap());
    store.damage(newest, |bytes| bytes[8] = 3);
    let terms = store.terms().await.unwrap();
    assert!(matches!(check_format(&store).await, Err(JournalError::Newer { found: 3, .. })));
    assert_eq!(store.terms().await.unwrap(), terms);
    // One that was being begun says nothing; the one before does.
    store.damage(newest, |bytes| bytes.truncate(20));
    check_format(&store).await.unwrap();
}

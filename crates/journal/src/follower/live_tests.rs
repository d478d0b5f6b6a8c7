use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::*;
use crate::store::mem::{Fencing, MemStore};
use crate::test_rig::*;
use crate::{Existing, FeedItem, Journal, format};

async fn journal_on(fencing: Fencing) -> (MemStore, Journal) {
    let store = MemStore::with(4, fencing);
    format(&store, CLUSTER, Existing::Keep).await.unwrap();
    let (journal, _) = open(&store).await;
    (store, journal)
}

async fn next(follower: &mut Follower) -> Bytes {
    match follower.next().await.unwrap() {
        Followed::Record(record) => record.payload,
        Followed::Restart(why) => panic!("{why}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_is_fed_is_current_also_where_open_segments_are_not_shown() {
    for fencing in [Fencing::Token, Fencing::Lease] {
        let (store, journal) = journal_on(fencing).await;
        write_all(&journal, 1..=3).await;
        let (mut follower, _) = follow(&store).await;
        connect(&journal, &follower).await;
        assert_eq!(given(&mut follower).await, payloads(1..=3), "{fencing:?}");
        for number in 4..=20 {
            let written = Instant::now();
            write(&journal, payload(number)).await.unwrap();
            assert_eq!(next(&mut follower).await, payload(number), "{fencing:?}");
            assert!(written.elapsed() < Duration::from_millis(50), "{:?}", written.elapsed());
            tokio::time::sleep(Duration::from_millis(90)).await;
        }
        assert!(given(&mut follower).await.is_empty());
        assert!(follower.progress().lag() < Duration::from_secs(1));
        assert_eq!(follower.position(), journal.position());
        // One segment was ended for the subscription, none for anything else.
        let expected = if fencing == Fencing::Lease { 2 } else { 1 };
        assert_eq!(segments(&store).len(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn segments_are_ended_for_new_followers_at_most_once_a_second() {
    let (store, journal) = journal_on(Fencing::Lease).await;
    let begun = Instant::now();
    for number in 1..=5 {
        write_all(&journal, number..=number).await;
        let subscription = journal.subscribe().await.unwrap();
        assert_eq!(subscription.start(), journal.position());
        assert_eq!(subscription.term(), 1);
    }
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(segments(&store).len(), 5);
    // Without records in the open segment there is nothing to end, and nothing to wait for.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    for _ in 0..5 {
        journal.subscribe().await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_is_dropped_and_nobody_waits_for_it() {
    let (store, journal) = journal_on(Fencing::Lease).await;
    let (mut follower, _) = follow(&store).await;
    let mut slow = journal.subscribe().await.unwrap();
    write_all(&journal, 1..=1500).await;
    let mut received = 0;
    while let Some(item) = slow.next().await {
        received += item.payloads.len();
    }
    assert_eq!(received, 1024);
    journal.roll().await.unwrap();
    assert_eq!(given(&mut follower).await, payloads(1..=1500));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_subscriber_is_bounded_in_bytes_but_one_item_fits() {
    let (_store, journal) = journal_on(Fencing::Token).await;
    let mut slow = journal.subscribe().await.unwrap();
    let large = || Bytes::from(vec![7; 40 << 20]);
    write(&journal, large()).await.unwrap();
    assert_eq!(slow.next().await.unwrap().payloads, [large()]);
    write(&journal, large()).await.unwrap();
    write(&journal, payload(1)).await.unwrap();
    assert_eq!(slow.next().await.unwrap().payloads, [large()]);
    assert_eq!(slow.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn more_subscribers_than_there_can_be_masters_are_refused() {
    let (_store, journal) = journal_on(Fencing::Token).await;
    let mut subscriptions = Vec::new();
    for _ in 0..16 {
        subscriptions.push(journal.subscribe().await.unwrap());
    }
    assert!(matches!(journal.subscribe().await, Err(JournalError::Unavailable { .. })));
    subscriptions.pop();
    journal.subscribe().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_did_not_get_past_the_fence_is_not_sent() {
    let (store, old) = journal_on(Fencing::Token).await;
    let (mut follower, _) = follow(&store).await;
    let connection = connect(&old, &follower).await;
    write_all(&old, 1..=2).await;
    assert_eq!(given(&mut follower).await, payloads(1..=2));
    let (new, _) = open(&store).await;
    assert!(write(&old, payload(100)).await.is_err());
    assert!(given(&mut follower).await.is_empty());
    connection.await.unwrap();
    connect(&new, &follower).await;
    write_all(&new, 3..=4).await;
    assert_eq!(given(&mut follower).await, payloads(3..=4));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_failed_is_sent_once_when_it_got_through() {
    let (store, journal) = journal_on(Fencing::Lease).await;
    let (mut follower, _) = follow(&store).await;
    connect(&journal, &follower).await;
    write_all(&journal, 1..=1).await;
    store.faults(|f| f.sync_errors = 1000);
    assert!(write(&journal, payload(2)).await.is_err());
    assert!(matches!(journal.subscribe().await, Err(JournalError::Unavailable { .. })));
    assert_eq!(given(&mut follower).await, payloads(1..=1));
    store.faults(|f| f.sync_errors = 0);
    assert_eq!(given(&mut follower).await, payloads(2..=2));
}

/// A feed that sends one item, and then nothing.
fn sending(term: u64, start: Position, item: FeedItem) -> (Feed, mpsc::Sender<FeedItem>) {
    let (sender, items) = mpsc::channel(1);
    sender.try_send(item).unwrap();
    (Feed { term, start, items }, sender)
}

#[tokio::test(start_paused = true)]
async fn a_feed_of_a_lower_term_or_of_another_log_is_not_taken_and_the_store_is_followed() {
    let (store, first) = journal_on(Fencing::Token).await;
    write_all(&first, 1..=2).await;
    let before = first.position();
    let (journal, _) = open(&store).await;
    write_all(&journal, 3..=3).await;
    let (mut follower, _) = follow(&store).await;
    assert_eq!(given(&mut follower).await, payloads(1..=3));
    let at = follower.position();
    let lie = |start: Position, term| FeedItem {
        payloads: vec![payload(99)],
        end: start.next(term, crc32c::crc32c(&payload(99))),
    };
    let mut open_feeds = Vec::new();
    for (term, start, item) in [
        (1, before, lie(before, 1)),
        (1, at, lie(at, 1)),
        (2, before, lie(before, 2)),
        (2, Position { chain: 1, ..at }, lie(Position { chain: 1, ..at }, 2)),
        (2, at, FeedItem { end: at, ..lie(at, 2) }),
    ] {
        let (feed, sender) = sending(term, start, item);
        open_feeds.push(sender);
        follower.feeds().send(feed).await.unwrap();
        assert!(given(&mut follower).await.is_empty(), "term {term} from {start}");
        assert_eq!(follower.position(), at);
    }
    write_all(&journal, 4..=4).await;
    assert_eq!(given(&mut follower).await, payloads(4..=4));
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_begins_later_than_the_store_shows_waits_for_it() {
    let (store, journal) = journal_on(Fencing::Lease).await;
    let (mut follower, _) = follow(&store).await;
    write_all(&journal, 1..=5).await;
    connect(&journal, &follower).await;
    write_all(&journal, 6..=9).await;
    // A standby that reads slowly at first.
    store.faults(|f| f.read_errors = 1000);
    assert!(given(&mut follower).await.is_empty());
    store.faults(|f| f.read_errors = 0);
    assert_eq!(given(&mut follower).await, payloads(1..=9));
}

#[tokio::test(start_paused = true)]
async fn a_state_that_was_fed_is_compared_with_the_store_when_it_shows_the_records() {
    let (store, journal) = journal_on(Fencing::Lease).await;
    let (mut follower, _) = follow(&store).await;
    let start = journal.position();
    let wrong = payload(55);
    let item = FeedItem { end: start.next(1, crc32c::crc32c(&wrong)), payloads: vec![wrong.clone()] };
    let (feed, _sender) = sending(1, start, item);
    follower.feeds().send(feed).await.unwrap();
    assert_eq!(next(&mut follower).await, wrong);
    write_all(&journal, 1..=2).await;
    journal.roll().await.unwrap();
    let followed = follower.next().await.unwrap();
    assert!(matches!(followed, Followed::Restart(Restart::Diverged { .. })), "{followed:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_master_left_open_is_given_when_its_successor_vouches_for_it() {
    let (store, old) = journal_on(Fencing::Lease).await;
    write_all(&old, 1..=3).await;
    let (mut follower, _) = follow(&store).await;
    let (new, replayed) = open(&store).await;
    assert_eq!(replayed, payloads(1..=3));
    // Of the last one only the new master's header tells, and that is not shown.
    assert_eq!(given(&mut follower).await, payloads(1..=2));
    connect(&new, &follower).await;
    assert_eq!(given(&mut follower).await, payloads(3..=3));
    write_all(&new, 4..=5).await;
    assert_eq!(given(&mut follower).await, payloads(4..=5));
    drop(old);
}

#[tokio::test(start_paused = true)]
async fn a_feed_of_an_earlier_term_does_not_replace_the_one_there_is() {
    let (store, old) = journal_on(Fencing::Lease).await;
    write_all(&old, 1..=1).await;
    let before = old.position();
    let (new, _) = open(&store).await;
    write_all(&new, 2..=2).await;
    let (mut follower, _) = follow(&store).await;
    connect(&new, &follower).await;
    assert_eq!(given(&mut follower).await, payloads(1..=2));
    let (feed, _open) = sending(1, before, FeedItem { payloads: Vec::new(), end: before });
    follower.feeds().send(feed).await.unwrap();
    assert!(given(&mut follower).await.is_empty());
    write_all(&new, 3..=3).await;
    assert_eq!(given(&mut follower).await, payloads(3..=3), "it is not shown on the store");
}

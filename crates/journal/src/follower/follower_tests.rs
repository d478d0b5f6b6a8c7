use bytes::Bytes;

use super::*;
use crate::core::head::HEAD_LENGTH;
use crate::core::header::HEADER_LENGTH;
use crate::position::FileId;
use crate::store::mem::{Fencing, MemStore};
use crate::test_rig::*;
use crate::{Existing, Journal, Options, Recovery, format};

/// On a store that shows only closed files.
async fn formatted_with_leases() -> MemStore {
    let store = MemStore::with(3, Fencing::Lease);
    format(&store, CLUSTER, Existing::Keep).await.unwrap();
    store
}

fn segment(term: u64, index: u32) -> FileId {
    FileId::Segment(SegmentId { term, index })
}

/// The next record's payload, and how long it took.
async fn next(follower: &mut Follower) -> (Bytes, Duration) {
    let asked = Instant::now();
    match follower.next().await.unwrap() {
        Followed::Record(record) => (record.payload, asked.elapsed()),
        Followed::Restart(why) => panic!("{why}"),
    }
}

async fn restart(follower: &mut Follower) -> Restart {
    loop {
        match follower.next().await.unwrap() {
            Followed::Record(_) => {}
            Followed::Restart(why) => return why,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_is_given_within_a_second_also_when_none_follows_it() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    let (mut follower, state) = follow(&store).await;
    assert!(state.is_empty());
    for number in 1..=20 {
        write(&journal, payload(number)).await.unwrap();
        let (given, time) = next(&mut follower).await;
        assert_eq!(given, payload(number));
        assert!(time < Duration::from_secs(1), "{time:?}");
        if number % 5 == 0 {
            journal.roll().await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(number * 70)).await;
    }
    assert_eq!(follower.position(), journal.position());
    assert_eq!(follower.progress().position(), journal.position());
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_begins_late_gets_all_of_it() {
    let store = formatted().await;
    let options = Options { roll_bytes: 500, ..Options::default() };
    let (journal, _) = recover(shared(&store), options).await.unwrap();
    write_all(&journal, 1..=100).await;
    let (mut follower, _) = follow(&store).await;
    assert_eq!(given(&mut follower).await, payloads(1..=100));
    write_all(&journal, 101..=140).await;
    assert_eq!(given(&mut follower).await, payloads(101..=140));
}

#[tokio::test(start_paused = true)]
async fn a_record_is_not_given_before_something_says_that_it_is_durable() {
    let store = formatted().await;
    let options = Options { mark_after: Duration::from_secs(3600), ..Options::default() };
    let (journal, _) = recover(shared(&store), options).await.unwrap();
    let (mut follower, _) = follow(&store).await;
    write(&journal, payload(1)).await.unwrap();
    assert!(given(&mut follower).await.is_empty());
    write(&journal, payload(2)).await.unwrap();
    assert_eq!(given(&mut follower).await, payloads(1..=1));
    journal.roll().await.unwrap();
    assert_eq!(given(&mut follower).await, payloads(2..=2));
}

#[tokio::test(start_paused = true)]
async fn what_a_deposed_master_still_writes_is_never_given() {
    for fencing in [Fencing::Token, Fencing::Lease] {
        let store = MemStore::with(5, fencing);
        format(&store, CLUSTER, Existing::Keep).await.unwrap();
        let (old, _) = open(&store).await;
        let (mut follower, _) = follow(&store).await;
        write_all(&old, 1..=2).await;
        // Paused between the closing of one segment and the beginning of the next.
        old.roll().await.unwrap();
        let (new, _) = open(&store).await;
        assert!(write(&old, payload(100)).await.is_err());
        assert_eq!(given(&mut follower).await, payloads(1..=2), "{fencing:?}");
        write_all(&new, 3..=4).await;
        new.roll().await.unwrap();
        assert_eq!(given(&mut follower).await, payloads(3..=4), "{fencing:?}");
        assert_eq!(follower.position(), new.position());
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_write_into_the_segment_that_is_followed_is_not_given_either() {
    let store = formatted().await;
    let (old, _) = open(&store).await;
    let (mut follower, _) = follow(&store).await;
    write_all(&old, 1..=2).await;
    assert_eq!(given(&mut follower).await, payloads(1..=2));
    let (new, _) = open(&store).await;
    assert!(write(&old, payload(100)).await.is_err());
    assert!(given(&mut follower).await.is_empty());
    write_all(&new, 3..=3).await;
    assert_eq!(given(&mut follower).await, payloads(3..=3));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_failed_comes_once_from_the_next_segment() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    let (mut follower, _) = follow(&store).await;
    write_all(&journal, 1..=2).await;
    store.faults(|f| f.sync_errors = 1000);
    assert!(write(&journal, payload(3)).await.is_err());
    // Its bytes are there to be read.
    assert_eq!(given(&mut follower).await, payloads(1..=2));
    store.faults(|f| f.sync_errors = 0);
    assert_eq!(given(&mut follower).await, payloads(3..=3));
}

#[tokio::test(start_paused = true)]
async fn while_the_disk_is_full_nothing_is_given_and_afterwards_all_comes() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    let (mut follower, _) = follow(&store).await;
    write_all(&journal, 1..=3).await;
    assert_eq!(given(&mut follower).await, payloads(1..=3));
    store.faults(|f| f.full = true);
    assert!(write(&journal, payload(4)).await.is_err());
    assert!(given(&mut follower).await.is_empty());
    assert!(follower.progress().lag() < Duration::from_secs(1), "nothing is durable that it does not have");
    store.faults(|f| f.full = false);
    assert_eq!(given(&mut follower).await, payloads(4..=4));
}

#[tokio::test(start_paused = true)]
async fn where_open_files_are_not_shown_closed_segments_are_followed() {
    let store = formatted_with_leases().await;
    let (journal, _) = open(&store).await;
    let (mut follower, _) = follow(&store).await;
    write_all(&journal, 1..=3).await;
    assert!(given(&mut follower).await.is_empty());
    for round in 1..=3u64 {
        journal.roll().await.unwrap();
        assert_eq!(given(&mut follower).await, payloads(round * 3 - 2..=round * 3));
        write_all(&journal, round * 3 + 1..=round * 3 + 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_overtaken_by_clean_up_says_so_and_the_next_begins_with_the_checkpoint() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=2).await;
    let (mut follower, _) = follow(&store).await;
    assert_eq!(next(&mut follower).await.0, payload(1));
    for round in 1..=3u64 {
        write_all(&journal, round * 2 + 1..=round * 2 + 2).await;
        journal.roll().await.unwrap();
        checkpoint(&journal).await;
    }
    // What it has read already may still come.
    let why = restart(&mut follower).await;
    assert!(matches!(why, Restart::Behind { at } if at.sequence < 6), "{why}");
    let (mut follower, state) = follow(&store).await;
    assert_eq!(state, payloads(1..=8));
    write_all(&journal, 9..=9).await;
    assert_eq!(given(&mut follower).await, payloads(9..=9));
}

/// A journal with records 1..=4 of which the store then loses the last two, as no store should.
async fn losing() -> (MemStore, Journal, Follower) {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    let (mut follower, _) = follow(&store).await;
    write_all(&journal, 1..=4).await;
    assert_eq!(given(&mut follower).await, payloads(1..=4));
    let two = 2 * (HEAD_LENGTH + payload(1).len()) + HEADER_LENGTH;
    store.damage(segment(1, 1), |bytes| bytes.truncate(two + HEAD_LENGTH));
    (store, journal, follower)
}

#[tokio::test(start_paused = true)]
async fn a_state_that_the_log_does_not_lead_to_is_found_out() {
    let (store, _old, mut follower) = losing().await;
    let (new, replayed) = open(&store).await;
    assert_eq!(replayed.len(), 2);
    write_all(&new, 50..=53).await;
    let why = restart(&mut follower).await;
    assert!(matches!(why, Restart::Diverged { at, .. } if at.sequence == 4), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_take_over_refuses_such_a_state_and_begins_anew() {
    let (store, _old, follower) = losing().await;
    let base = follower.position();
    drop(follower);
    let mut recovery = Recovery::take_over(shared(&store), Options::default(), base).await.unwrap();
    assert!(matches!(recovery.starts_over(), Some(Restart::Diverged { at, .. }) if *at == base));
    let mut replayed = Vec::new();
    while let Some(record) = recovery.next().await.unwrap() {
        replayed.push(record.payload);
    }
    assert_eq!(replayed, payloads(1..=2));
    recovery.finish().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_take_over_goes_on_from_wherever_the_follower_was() {
    for stop_after in 0..=9 {
        let store = formatted().await;
        let options = Options { roll_bytes: 300, ..Options::default() };
        let (journal, _) = recover(shared(&store), options).await.unwrap();
        write_all(&journal, 1..=9).await;
        let (mut follower, mut state) = follow(&store).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..stop_after {
            state.push(next(&mut follower).await.0);
        }
        let base = follower.position();
        let mut recovery = Recovery::take_over(shared(&store), Options::default(), base).await.unwrap();
        assert_eq!(recovery.starts_over(), None);
        assert!(recovery.checkpoint().is_none());
        let mut records = 0;
        while let Some(record) = recovery.next().await.unwrap() {
            state.push(record.payload);
            records += 1;
        }
        assert_eq!((state, records), (payloads(1..=9), 9 - stop_after));
        let new = recovery.finish().await.unwrap();
        write(&new, payload(10)).await.unwrap();
        assert_eq!(open(&store).await.1, payloads(1..=10));
    }
}

#[tokio::test(start_paused = true)]
async fn a_take_over_of_a_state_whose_next_records_are_gone_begins_with_the_checkpoint() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=1).await;
    let base = journal.position();
    for round in 1..=3u64 {
        write_all(&journal, round * 2..=round * 2 + 1).await;
        journal.roll().await.unwrap();
        checkpoint(&journal).await;
    }
    let recovery = Recovery::take_over(shared(&store), Options::default(), base).await.unwrap();
    assert_eq!(recovery.starts_over(), Some(&Restart::Behind { at: base }));
    assert_eq!(recovery.checkpoint().unwrap().footer().position.sequence, 7);
}

#[tokio::test(start_paused = true)]
async fn the_lag_grows_while_the_store_cannot_be_read() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    let (mut follower, _) = follow(&store).await;
    write_all(&journal, 1..=2).await;
    assert_eq!(given(&mut follower).await, payloads(1..=2));
    let progress = follower.progress();
    assert!(progress.lag() < Duration::from_secs(1), "{:?}", progress.lag());
    store.faults(|f| f.read_errors = 1000);
    assert!(given(&mut follower).await.is_empty());
    assert!(progress.lag() > Duration::from_secs(4), "{:?}", progress.lag());
    store.faults(|f| f.read_errors = 0);
    write_all(&journal, 3..=3).await;
    assert_eq!(given(&mut follower).await, payloads(3..=3));
    assert!(progress.lag() < Duration::from_secs(1), "{:?}", progress.lag());
}

#[tokio::test(start_paused = true)]
async fn damage_in_a_closed_segment_is_named_once_it_stays() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=3).await;
    journal.roll().await.unwrap();
    write_all(&journal, 4..=4).await;
    let place = HEADER_LENGTH + HEAD_LENGTH + payload(1).len() + HEAD_LENGTH;
    store.damage(segment(1, 1), |bytes| bytes[place + 3] ^= 1);
    let (mut follower, _) = follow(&store).await;
    assert_eq!(next(&mut follower).await.0, payload(1));
    let asked = Instant::now();
    match follower.next().await {
        Err(JournalError::Corrupt { file, sequence: 2, .. }) => {
            assert_eq!(file, "memory/terms/1/00000001.log")
        }
        other => panic!("{other:?}"),
    }
    assert!(asked.elapsed() >= PATIENCE);
    // What looks damaged for a moment is only on its way.
    let (mut follower, _) = follow(&store).await;
    assert_eq!(next(&mut follower).await.0, payload(1));
    let mending = async {
        tokio::time::sleep(PATIENCE / 2).await;
        store.damage(segment(1, 1), |bytes| bytes[place + 3] ^= 1);
    };
    let (record, ()) = tokio::join!(next(&mut follower), mending);
    assert_eq!(record.0, payload(2));
}

#[tokio::test(start_paused = true)]
async fn damage_in_the_open_segment_is_named_when_later_records_follow_it() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=3).await;
    store.damage(segment(1, 1), |bytes| bytes[HEADER_LENGTH + HEAD_LENGTH + 3] ^= 1);
    let (mut follower, _) = follow(&store).await;
    let error = follower.next().await.unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { sequence: 1, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_idle_journal_is_marked_once_and_the_mark_tells_damage_from_a_torn_tail() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut length = 0;
    store.damage(segment(1, 1), |bytes| length = bytes.len());
    assert_eq!(length, HEADER_LENGTH + HEAD_LENGTH + payload(1).len() + HEAD_LENGTH);
    drop(journal);
    let store = store.restart();
    // A byte of the last batch: without the mark it would be taken for torn.
    store.damage(segment(1, 1), |bytes| bytes[HEADER_LENGTH + 3] ^= 1);
    assert!(matches!(refusal(&store).await, JournalError::Corrupt { sequence: 1, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_segment_with_nothing_but_a_mark_is_no_part_of_the_log_and_is_removed() {
    let store = formatted().await;
    let (first, _) = open(&store).await;
    write_all(&first, 1..=1).await;
    let (second, _) = open(&store).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(segments(&store).contains(&SegmentId { term: 2, index: 1 }));
    let (third, replayed) = open(&store).await;
    assert_eq!(replayed, payloads(1..=1));
    assert!(!segments(&store).contains(&SegmentId { term: 2, index: 1 }), "{:?}", segments(&store));
    write_all(&third, 2..=2).await;
    assert_eq!(open(&store.restart()).await.1, payloads(1..=2));
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn a_master_that_was_overtaken_before_it_began_settles_nothing() {
    let store = formatted().await;
    let (old, _) = open(&store).await;
    let (mut follower, _) = follow(&store).await;
    write_all(&old, 1..=2).await;
    assert_eq!(given(&mut follower).await, payloads(1..=2));
    // A record that can be read and is not synced: who recovers may find it, or not.
    store.faults(|f| f.sync_errors = 1000);
    assert!(write(&old, payload(3)).await.is_err());
    store.faults(|f| f.sync_errors = 0);
    let mut slow = Recovery::start(shared(&store), Options::default()).await.unwrap();
    assert_eq!(slow.end().sequence, 3);
    store.damage(segment(1, 1), |bytes| bytes.truncate(bytes.len() - 1));
    let mut fast = Recovery::start(shared(&store), Options::default()).await.unwrap();
    assert_eq!(fast.end().sequence, 2);
    while slow.next().await.unwrap().is_some() {}
    while fast.next().await.unwrap().is_some() {}
    assert!(slow.finish().await.is_err());
    assert!(given(&mut follower).await.is_empty());
    let new = fast.finish().await.unwrap();
    write_all(&new, 30..=31).await;
    assert_eq!(given(&mut follower).await, payloads(30..=31));
}

#[tokio::test]
async fn a_take_over_compares_the_state_inside_a_segment_and_at_its_borders() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    let mut places = Vec::new();
    for number in 1..=6 {
        write_all(&journal, number..=number).await;
        places.push(journal.position());
        if number % 3 == 0 {
            journal.roll().await.unwrap();
        }
    }
    for place in places {
        let take_over = |base| Recovery::take_over(shared(&store), Options::default(), base);
        assert_eq!(take_over(place).await.unwrap().starts_over(), None, "{place}");
        let other = Position { chain: place.chain ^ 1, ..place };
        let recovery = take_over(other).await.unwrap();
        assert!(matches!(recovery.starts_over(), Some(Restart::Diverged { .. })), "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_listing_that_lacks_segments_says_nothing() {
    let store = formatted().await;
    let options = Options { roll_bytes: 300, ..Options::default() };
    let (journal, _) = recover(shared(&store), options).await.unwrap();
    let (mut follower, _) = follow(&store).await;
    write_all(&journal, 1..=20).await;
    store.faults(|f| f.short_listings = 1);
    assert_eq!(given(&mut follower).await, payloads(1..=20));
    // A second one in a row could not be told from clean-up.
    let (mut follower, _) = follow(&store).await;
    store.faults(|f| f.short_listings = 2);
    assert!(matches!(restart(&mut follower).await, Restart::Behind { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_a_deposed_master_leaves_does_not_hide_a_successor_that_has_just_begun() {
    let store = formatted().await;
    let (old, _) = open(&store).await;
    write_all(&old, 1..=2).await;
    old.roll().await.unwrap();
    write_all(&old, 3..=3).await;
    // The new master has a copy of the last segment, whose original it removes. Its own holds a header only.
    let options = Options { mark_after: Duration::from_secs(3600), ..Options::default() };
    let (new, replayed) = recover(shared(&store), options).await.unwrap();
    assert_eq!(replayed, payloads(1..=3));
    // The old one fails once, and begins a segment that leads to that original.
    store.faults(|f| f.append_errors = 1000);
    assert!(write(&old, payload(100)).await.is_err());
    store.faults(|f| f.append_errors = 0);
    assert!(matches!(old.ended_with().await, crate::State::Deposed { .. }));
    assert!(segments(&store).contains(&SegmentId { term: 1, index: 3 }), "{:?}", segments(&store));
    assert!(!segments(&store).contains(&SegmentId { term: 1, index: 2 }), "{:?}", segments(&store));

    let (mut follower, _) = follow(&store).await;
    assert_eq!(
        given(&mut follower).await,
        payloads(1..=2),
        "of the third nothing says yet that it is durable"
    );
    write_all(&new, 4..=4).await;
    assert_eq!(given(&mut follower).await, payloads(3..=3));
}

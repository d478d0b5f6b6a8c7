//! Of those who follow a journal.

use std::time::Duration;

use alluxio_journal::{Feed, FileId, FollowOptions, Followed, Follower, Journal, Options, Recovery};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{Place, formatted, open, payload, payloads, write};

/// Takes the records up to one, within a time that only a broken follower needs.
async fn follow_until(follower: &mut Follower, state: &mut Vec<Bytes>, last: u64) {
    let followed = async {
        while follower.position().sequence < last {
            match follower.next().await.unwrap() {
                Followed::Record(record) => state.push(record.payload),
                Followed::Restart(why) => panic!("{why}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), followed).await.unwrap();
}

pub async fn a_follower_keeps_up_and_takes_over(place: &dyn Place) {
    formatted(place).await;
    let (old, _) = open(place).await.unwrap();
    let mut state = Vec::new();
    let mut follower = Follower::start(place.store(), FollowOptions::default()).await.unwrap();
    for round in 1..=3u64 {
        write(&old, round * 4 - 3..=round * 4).await.unwrap();
        if round != 2 || !place.store().tails() {
            old.roll().await.unwrap();
        }
        follow_until(&mut follower, &mut state, round * 4).await;
    }
    write(&old, 13..=15).await.unwrap();
    let base = follower.position();
    let mut recovery = Recovery::take_over(place.store(), Options::default(), base).await.unwrap();
    assert_eq!(recovery.starts_over(), None);
    while let Some(record) = recovery.next().await.unwrap() {
        state.push(record.payload);
    }
    assert_eq!(state, payloads(1..=15));
    let new = recovery.finish().await.unwrap();
    assert!(write(&old, 100..=100).await.unwrap_err().is_unavailable());
    write(&new, 16..=17).await.unwrap();
    new.roll().await.unwrap();
    // Who still follows goes over to the new master's segments.
    let mut followed = payloads(1..=12);
    follow_until(&mut follower, &mut followed, 17).await;
    assert_eq!(followed, payloads(1..=17));
}

/// Carries a subscription to a follower, as a connection does.
async fn connect(journal: &Journal, follower: &Follower) {
    let mut subscription = journal.subscribe().await.unwrap();
    let (sender, items) = mpsc::channel(4);
    let feed = Feed { term: subscription.term(), start: subscription.start(), items };
    follower.feeds().send(feed).await.unwrap();
    tokio::spawn(async move {
        while let Some(item) = subscription.next().await
            && sender.send(item).await.is_ok()
        {}
    });
}

pub async fn a_follower_that_is_fed_needs_no_closed_segment(place: &dyn Place) {
    formatted(place).await;
    let (old, _) = open(place).await.unwrap();
    write(&old, 1..=3).await.unwrap();
    let mut state = Vec::new();
    let mut follower = Follower::start(place.store(), FollowOptions::default()).await.unwrap();
    connect(&old, &follower).await;
    for number in 4..=20 {
        write(&old, number..=number).await.unwrap();
        follow_until(&mut follower, &mut state, number).await;
    }
    let files = place.store().list().await.unwrap();
    let segments = files.iter().filter(|listed| matches!(listed.file, FileId::Segment(_))).count();
    assert!(segments <= 2, "one may have been ended for the subscription: {files:?}");
    // The old master ends without closing its segment; the next one vouches for what is in it.
    let (new, replayed) = open(place).await.unwrap();
    assert_eq!(replayed, payloads(1..=20));
    connect(&new, &follower).await;
    write(&new, 21..=22).await.unwrap();
    follow_until(&mut follower, &mut state, 22).await;
    assert_eq!(state, payloads(1..=22));
    assert_eq!(follower.position(), new.position());
}

pub async fn checkpoints_of_a_standby_replace_segments(place: &dyn Place) {
    formatted(place).await;
    let (journal, _) = open(place).await.unwrap();
    let mut state = Vec::new();
    let mut follower = Follower::start(place.store(), FollowOptions::default()).await.unwrap();
    for round in 1..=3u64 {
        write(&journal, round * 2 - 1..=round * 2).await.unwrap();
        journal.roll().await.unwrap();
        follow_until(&mut follower, &mut state, round * 2).await;
        let mut checkpoint = follower.checkpoint_writer().await.unwrap();
        for number in 1..=round * 2 {
            checkpoint.write(payload(number)).await.unwrap();
        }
        checkpoint.finish(7, Bytes::new()).await.unwrap();
    }
    journal.clean_up().await.unwrap();
    let files = place.store().list().await.unwrap();
    let count = |wanted: fn(&FileId) -> bool| files.iter().filter(|listed| wanted(&listed.file)).count();
    assert_eq!(count(|file| matches!(file, FileId::Checkpoint(_))), 2, "{files:?}");
    assert_eq!(count(|file| matches!(file, FileId::CheckpointDraft(..))), 0, "{files:?}");
    assert_eq!(count(|file| matches!(file, FileId::Segment(_))), 1, "{files:?}");
    write(&journal, 7..=7).await.unwrap();
    let (_, state) = open(place).await.unwrap();
    assert_eq!(state, payloads(1..=7));
}

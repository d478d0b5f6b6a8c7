use bytes::Bytes;

use crate::position::{CheckpointId, FileId, Position, SegmentId};
use crate::store::Store;
use crate::store::mem::{Fencing, MemStore};
use crate::test_rig::*;
use crate::{CheckpointWriter, Existing, Follower, Journal, JournalError, Result, format};

/// Writes the state after the records so far out.
async fn write_out(mut writer: CheckpointWriter, numbers: std::ops::RangeInclusive<u64>) -> Result<()> {
    for number in numbers {
        writer.write(payload(number)).await?;
    }
    writer.finish(0, Bytes::new()).await.map(drop)
}

/// Has the follower take all records, and write a checkpoint.
async fn follow_and_write(follower: &mut Follower) {
    given(follower).await;
    let writer = follower.checkpoint_writer().await.unwrap();
    write_out(writer, 1..=follower.position().sequence).await.unwrap();
}

fn checkpoints(store: &MemStore) -> Vec<u64> {
    let sequence = |listed: crate::store::Listed| match listed.file {
        FileId::Checkpoint(id) => Some(id.sequence),
        _ => None,
    };
    let mut sequences: Vec<_> = store.files().into_iter().filter_map(sequence).collect();
    sequences.sort_unstable();
    sequences
}

fn drafts(store: &MemStore) -> usize {
    store.files().iter().filter(|listed| matches!(listed.file, FileId::CheckpointDraft(..))).count()
}

async fn journal_on(fencing: Fencing) -> (MemStore, Journal, Follower) {
    let store = MemStore::with(9, fencing);
    format(&store, CLUSTER, Existing::Keep).await.unwrap();
    let (journal, _) = open(&store).await;
    let (follower, _) = follow(&store).await;
    (store, journal, follower)
}

#[tokio::test(start_paused = true)]
async fn the_writer_removes_what_two_checkpoints_of_a_standby_cover_once_it_has_read_them() {
    for fencing in [Fencing::Token, Fencing::Lease] {
        let (store, journal, mut follower) = journal_on(fencing).await;
        for round in 1..=3u64 {
            write_all(&journal, round * 3 - 2..=round * 3).await;
            journal.roll().await.unwrap();
            follow_and_write(&mut follower).await;
        }
        assert_eq!(checkpoints(&store), [3, 6, 9], "a standby removes nothing");
        assert_eq!(segments(&store).len(), 3);
        assert_eq!(journal.stats().checkpoint_sequence.load(std::sync::atomic::Ordering::Relaxed), 0);
        journal.clean_up().await.unwrap();
        assert_eq!(journal.stats().checkpoint_sequence.load(std::sync::atomic::Ordering::Relaxed), 9);
        assert_eq!(checkpoints(&store), [6, 9]);
        assert_eq!(segments(&store), [SegmentId { term: 1, index: 3 }]);
        write_all(&journal, 10..=10).await;
        // Both are good: the newest, and with it gone the one before.
        let restored = crate::Recovery::start(shared(&store), crate::Options::default()).await.unwrap();
        assert_eq!(restored.checkpoint().unwrap().footer().position.sequence, 9);
        drop(restored);
        let newest = CheckpointId { sequence: 9, term: 1 };
        store.damage(FileId::Checkpoint(newest), |bytes| bytes[40] ^= 1);
        let restored = crate::Recovery::start(shared(&store), crate::Options::default()).await.unwrap();
        assert_eq!(restored.checkpoint().unwrap().footer().position.sequence, 6);
        assert_eq!(restored.end().sequence, 10);
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_checkpoint_does_not_count_as_one_of_two() {
    let (store, journal, mut follower) = journal_on(Fencing::Token).await;
    for number in 1..=3 {
        write_all(&journal, number..=number).await;
        journal.roll().await.unwrap();
        follow_and_write(&mut follower).await;
    }
    store.damage(FileId::Checkpoint(CheckpointId { sequence: 2, term: 1 }), |bytes| bytes[40] ^= 1);
    journal.clean_up().await.unwrap();
    // 3 and 1 are the two, so all after 1 stays.
    assert_eq!(checkpoints(&store), [1, 2, 3]);
    assert_eq!(segments(&store).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn two_standbys_may_write_the_same_checkpoint_at_the_same_time() {
    let (store, journal, mut first) = journal_on(Fencing::Token).await;
    let (mut second, _) = follow(&store).await;
    write_all(&journal, 1..=4).await;
    given(&mut first).await;
    given(&mut second).await;
    let (one, other) = (first.checkpoint_writer().await.unwrap(), second.checkpoint_writer().await.unwrap());
    let (one, other) = tokio::join!(write_out(one, 1..=4), write_out(other, 1..=4));
    one.unwrap();
    other.unwrap();
    assert_eq!((checkpoints(&store), drafts(&store)), (vec![4], 0));
    let (_, state) = follow(&store).await;
    assert_eq!(state, payloads(1..=4));
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_not_on_the_log_is_not_written_out() {
    let (store, journal, mut follower) = journal_on(Fencing::Token).await;
    write_all(&journal, 1..=4).await;
    given(&mut follower).await;
    // The store loses what it had synced, and another master goes on from there.
    store.damage(FileId::Segment(SegmentId { term: 1, index: 1 }), |bytes| bytes.truncate(300));
    let (new, replayed) = open(&store).await;
    assert!(replayed.len() < 4);
    write_all(&new, 20..=29).await;
    let writer = follower.checkpoint_writer().await.unwrap();
    let error = write_out(writer, 1..=4).await.unwrap_err();
    assert!(
        matches!(&error, JournalError::BadCheckpoint { reason, .. } if reason.contains("not in the log"))
    );
    assert_eq!((checkpoints(&store), drafts(&store)), (vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_of_another_log_does_not_count() {
    let (store, journal, mut follower) = journal_on(Fencing::Token).await;
    for number in 1..=3u64 {
        write_all(&journal, number * 2 - 1..=number * 2).await;
        journal.roll().await.unwrap();
    }
    follow_and_write(&mut follower).await;
    // As if a standby with other records had been stopped just before its checkpoint got its name.
    let other = Position { chain: 77, sequence: 4, term: 1 };
    let mut writer = CheckpointWriter::standby(shared(&store), CLUSTER, other, 1).await.unwrap();
    writer.write(payload(4)).await.unwrap();
    let draft = writer.finish_unconfirmed().await;
    Store::rename(&store, draft, FileId::Checkpoint(CheckpointId::at(other))).await.unwrap();
    journal.clean_up().await.unwrap();
    assert_eq!(checkpoints(&store), [4, 6]);
    assert_eq!(segments(&store).len(), 3, "one that counts covers nothing");
}

#[tokio::test(start_paused = true)]
async fn a_new_master_reads_no_checkpoint_to_find_out_that_nothing_can_go() {
    let (store, old, mut follower) = journal_on(Fencing::Token).await;
    for number in 1..=3 {
        write_all(&old, number..=number).await;
        old.roll().await.unwrap();
        follow_and_write(&mut follower).await;
        old.clean_up().await.unwrap();
    }
    let base = follower.position();
    let recovery = crate::Recovery::take_over(shared(&store), crate::Options::default(), base).await.unwrap();
    let new = recovery.finish().await.unwrap();
    let before = store.operations();
    for _ in 0..3 {
        new.clean_up().await.unwrap();
    }
    assert_eq!(store.operations() - before, 6, "each asks the fence and lists");
    write_all(&new, 4..=4).await;
    new.roll().await.unwrap();
    follow_and_write(&mut follower).await;
    new.clean_up().await.unwrap();
    assert_eq!(checkpoints(&store), [3, 4]);
    let before = store.operations();
    new.clean_up().await.unwrap();
    assert_eq!(store.operations() - before, 2);
}

#[tokio::test(start_paused = true)]
async fn one_who_has_been_overtaken_removes_nothing() {
    let (store, old, mut follower) = journal_on(Fencing::Token).await;
    for number in 1..=3 {
        write_all(&old, number..=number).await;
        old.roll().await.unwrap();
        follow_and_write(&mut follower).await;
    }
    let (_new, _) = open(&store).await;
    let before = store.files().len();
    assert!(matches!(old.clean_up().await, Err(JournalError::Deposed { .. })));
    assert_eq!(store.files().len(), before);
}

use super::*;
use crate::core::head::HEAD_LENGTH;
use crate::core::header::HEADER_LENGTH;
use crate::store::mem::{Fencing, MemStore};
use crate::test_rig::*;
use crate::{Existing, FileId, FollowOptions, Follower, cluster_id, format};

fn segment(term: u64, index: u32) -> FileId {
    FileId::Segment(SegmentId { term, index })
}

fn frame(number: u64) -> usize {
    HEAD_LENGTH + payload(number).len()
}

/// A journal with records 1..=count, each in a batch of its own, whose master was killed.
async fn written(count: u64) -> MemStore {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=count).await;
    store.restart()
}

#[tokio::test]
async fn an_empty_journal_starts_empty_and_terms_go_up() {
    let store = formatted().await;
    for expected in 1..=3 {
        let (journal, replayed) = open(&store).await;
        assert!(replayed.is_empty());
        assert_eq!(journal.term(), expected);
    }
    assert_eq!(segments(&store), [SegmentId { term: 3, index: 1 }], "starts without records leave no files");
}

#[tokio::test]
async fn a_torn_tail_is_cut_wherever_it_is_torn() {
    let whole = written(3).await;
    let mut length = 0;
    whole.damage(segment(1, 1), |bytes| length = bytes.len());
    for cut in length - frame(3)..length {
        let store = written(3).await;
        store.damage(segment(1, 1), |bytes| bytes.truncate(cut));
        let (journal, replayed) = open(&store).await;
        assert_eq!(replayed, payloads(1..=2), "cut at {cut}");
        write(&journal, payload(3)).await.unwrap();
        assert_eq!(open(&store.restart()).await.1, payloads(1..=3), "cut at {cut}");
    }
}

#[tokio::test]
async fn zeros_after_the_last_record_are_a_torn_tail() {
    let store = written(2).await;
    store.damage(segment(1, 1), |bytes| bytes.resize(bytes.len() + 4096, 0));
    assert_eq!(open(&store).await.1, payloads(1..=2));
}

#[tokio::test]
async fn a_flipped_byte_before_the_last_batch_is_named_and_never_skipped() {
    let mut offset = HEADER_LENGTH;
    for bad in 1..=3 {
        for byte in offset..offset + frame(bad) {
            let store = written(4).await;
            store.damage(segment(1, 1), |bytes| bytes[byte] ^= 0x10);
            match refusal(&store).await {
                JournalError::Corrupt { file, offset: found, sequence, .. } => {
                    assert_eq!(file, "memory/terms/1/00000001.log");
                    assert_eq!((found, sequence), (offset as u64, bad), "byte {byte}");
                }
                other => panic!("byte {byte}: {other}"),
            }
        }
        offset += frame(bad);
    }
}

#[tokio::test]
async fn a_flipped_byte_anywhere_in_a_closed_segment_is_damage_also_in_its_last_record() {
    for byte in HEADER_LENGTH..HEADER_LENGTH + frame(1) + frame(2) {
        let store = formatted().await;
        let (journal, _) = open(&store).await;
        write_all(&journal, 1..=2).await;
        journal.roll().await.unwrap();
        write_all(&journal, 3..=3).await;
        let store = store.restart();
        store.damage(segment(1, 1), |bytes| bytes[byte] ^= 1);
        let error = refusal(&store).await;
        assert!(matches!(error, JournalError::Corrupt { .. }), "byte {byte}: {error}");
    }
}

#[tokio::test]
async fn a_damaged_header_is_damage_when_records_follow_it() {
    for byte in 0..HEADER_LENGTH {
        let store = written(1).await;
        store.damage(segment(1, 1), |bytes| bytes[byte] ^= 1);
        match refusal(&store).await {
            JournalError::Corrupt { file, offset: 0, .. } => assert_eq!(file, "memory/terms/1/00000001.log"),
            JournalError::Newer { .. } => assert!((8..12).contains(&byte)),
            other => panic!("byte {byte}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_lost_segment_is_named() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    for number in 1..=3 {
        write_all(&journal, number..=number).await;
        journal.roll().await.unwrap();
    }
    let store = store.restart();
    Store::remove(&store, segment(1, 2)).await.unwrap();
    let error = refusal(&store).await;
    assert!(
        matches!(&error, JournalError::Missing { file, sequence: 3, .. } if file.ends_with("terms/1/00000002.log")),
        "{error}"
    );
}

#[tokio::test]
async fn what_lies_before_a_gap_is_kept_for_whoever_may_close_the_gap() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    for number in 1..=3 {
        write_all(&journal, number..=number).await;
        journal.roll().await.unwrap();
    }
    let checkpoint = journal.checkpoint_writer(journal.position()).await.unwrap();
    checkpoint.finish(0, Bytes::new()).await.unwrap();
    Store::remove(&store, segment(1, 2)).await.unwrap();
    let store = store.restart();
    let (_, replayed) = open(&store).await;
    assert!(replayed.is_empty(), "the checkpoint holds it all");
    assert!(segments(&store).contains(&SegmentId { term: 1, index: 1 }), "{:?}", segments(&store));
}

#[tokio::test]
async fn what_a_new_master_has_replayed_survives_a_crash_although_the_old_one_never_synced_it() {
    for seed in 0..60 {
        let store = MemStore::with(seed, Fencing::Token);
        format(&store, CLUSTER, Existing::Keep).await.unwrap();
        let (old, _) = open(&store).await;
        write_all(&old, 1..=2).await;
        store.faults(|f| f.sync_errors = 1000);
        assert!(write(&old, payload(3)).await.is_err());
        store.faults(|f| f.sync_errors = 0);
        // The process is killed, the machine goes on: the record is in the page cache and nowhere else.
        let (new, replayed) = open(&store).await;
        let after = open(&store.restart()).await.1;
        assert_eq!(replayed, after, "seed {seed}");
        drop((old, new));
    }
}

#[tokio::test]
async fn a_journal_written_by_many_masters_replays_in_order() {
    for fencing in [Fencing::Token, Fencing::Lease] {
        let mut store = MemStore::with(1, fencing);
        format(&store, CLUSTER, Existing::Keep).await.unwrap();
        for life in 0..12 {
            let (journal, replayed) = open(&store).await;
            let have = life * 5;
            assert_eq!(replayed, payloads(1..=have));
            write_all(&journal, have + 1..=have + 5).await;
            if life % 3 == 0 {
                journal.shutdown().await.unwrap();
            } else {
                store = store.restart();
            }
        }
    }
}

#[tokio::test]
async fn finishing_before_the_end_of_the_replay_is_refused() {
    let store = written(3).await;
    let mut recovery = Recovery::start(shared(&store), Options::default()).await.unwrap();
    recovery.next().await.unwrap();
    assert_eq!(recovery.end().sequence, 3);
    assert!(matches!(recovery.finish().await.err(), Some(JournalError::NotReplayed)));
}

#[tokio::test]
async fn a_recovery_that_another_master_has_overtaken_cannot_finish() {
    let store = written(2).await;
    let mut slow = Recovery::start(shared(&store), Options::default()).await.unwrap();
    let (fast, replayed) = open(&store).await;
    assert_eq!(replayed, payloads(1..=2));
    while slow.next().await.unwrap().is_some() {}
    assert!(matches!(slow.finish().await.err(), Some(JournalError::Deposed { .. })));
    write(&fast, payload(3)).await.unwrap();
    assert_eq!(open(&store.restart()).await.1, payloads(1..=3));
}

#[tokio::test]
async fn a_place_without_a_journal_says_how_to_make_one() {
    let error = refusal(&MemStore::new()).await.to_string();
    assert!(error.contains("run `alluxio formatJournal`"), "{error}");
}

#[tokio::test]
async fn files_of_another_cluster_and_of_a_later_format_are_refused() {
    let store = written(1).await;
    store.damage(FileId::Marker, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replace(&CLUSTER.to_string(), &Uuid::from_u128(7).to_string()).into_bytes();
    });
    assert!(matches!(refusal(&store).await, JournalError::OtherCluster { .. }));
    store.damage(FileId::Marker, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replace("format=1", "format=3").into_bytes();
    });
    assert!(matches!(refusal(&store).await, JournalError::Newer { found: 3, .. }));
    store.damage(FileId::Marker, |bytes| bytes.clear());
    assert!(matches!(refusal(&store).await, JournalError::Corrupt { .. }));
}

#[tokio::test]
async fn formatting_deletes_a_journal_only_when_told_to() {
    let store = written(3).await;
    let refused = format(&store, Uuid::from_u128(9), Existing::Keep).await.unwrap_err();
    assert!(matches!(refused, JournalError::AlreadyFormatted { .. }));
    let (running, replayed) = open(&store).await;
    assert_eq!(replayed, payloads(1..=3));
    format(&store, Uuid::from_u128(9), Existing::Remove).await.unwrap();
    assert!(matches!(write(&running, payload(4)).await, Err(JournalError::Deposed { .. })));
    assert_eq!(cluster_id(&store).await.unwrap(), Uuid::from_u128(9));
    assert!(open(&store).await.1.is_empty());
}

#[tokio::test]
async fn a_journal_whose_marker_is_gone_is_not_deleted_by_a_cautious_format() {
    let store = written(3).await;
    Store::remove(&store, FileId::Marker).await.unwrap();
    assert!(matches!(refusal(&store).await, JournalError::NotFormatted { .. }));
    let refused = format(&store, CLUSTER, Existing::Keep).await.unwrap_err();
    assert!(matches!(refused, JournalError::AlreadyFormatted { .. }));
}

#[tokio::test]
async fn a_format_that_crashes_leaves_the_journal_or_none() {
    let mut finished = false;
    for at in 1.. {
        let store = written(3).await;
        let operations = store.operations();
        store.faults(|f| f.crash_at = Some(operations + at));
        finished = format(&store, Uuid::from_u128(9), Existing::Remove).await.is_ok();
        let store = store.restart();
        match recover(shared(&store), Options::default()).await {
            Ok((journal, replayed)) if journal.status().cluster == CLUSTER => {
                assert_eq!(replayed, payloads(1..=3), "crash at {at}");
            }
            Ok((_, replayed)) => assert!(replayed.is_empty(), "crash at {at}"),
            Err(JournalError::NotFormatted { .. } | JournalError::HalfDeleted { .. }) => {}
            Err(other) => panic!("crash at {at}: {other}"),
        }
        if finished {
            break;
        }
    }
    assert!(finished);
}

#[tokio::test]
async fn a_journal_that_was_replaced_by_another_clusters_is_not_claimed() {
    let store = written(3).await;
    let (of_others, _) = open(&store).await;
    let gone = Uuid::from_u128(7);
    let options = || Options { cluster: Some(gone), ..Options::default() };
    let refused = [
        recover(shared(&store), options()).await.err(),
        Recovery::take_over(shared(&store), options(), Position::START).await.err(),
        Follower::start(shared(&store), FollowOptions { cluster: Some(gone), ..FollowOptions::default() })
            .await
            .err(),
    ];
    for error in refused {
        assert!(
            matches!(error, Some(JournalError::Replaced { found: CLUSTER, cluster, .. }) if cluster == gone),
            "{error:?}"
        );
    }
    write(&of_others, payload(4)).await.expect("nobody has deposed it");
    let ours = Options { cluster: Some(CLUSTER), ..Options::default() };
    assert_eq!(recover(shared(&store.restart()), ours).await.unwrap().1, payloads(1..=4));
}

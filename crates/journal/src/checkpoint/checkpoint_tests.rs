use bytes::Bytes;

use super::*;
use crate::store::mem::{Fencing, MemStore};
use crate::test_rig::*;
use crate::{
    Existing, FileId, Journal, JournalError, JournalReader, Options, Position, ReadOptions, Recovery, format,
};

/// Writes a checkpoint of the state that holds the records 1..=position, one in a chunk.
async fn checkpoint(journal: &Journal, position: Position) -> Result<CheckpointInfo, JournalError> {
    let mut writer = journal.checkpoint_writer(position).await?;
    for number in 1..=position.sequence {
        writer.write(payload(number)).await?;
    }
    writer.finish(position.sequence * 31, Bytes::from(format!("up to {}", position.sequence))).await
}

/// Opens the journal, and gives the state that checkpoint and replay lead to, and the checkpoint's sequence.
async fn restore(store: &MemStore) -> Result<(Journal, Vec<Bytes>, u64), JournalError> {
    let mut recovery =
        Recovery::start(shared(store), Options { roll_bytes: 300, ..Options::default() }).await?;
    let mut state = Vec::new();
    let mut from = 0;
    if let Some(mut checkpoint) = recovery.checkpoint() {
        from = checkpoint.footer().position.sequence;
        assert_eq!(checkpoint.footer().tree_hash, from * 31);
        assert_eq!(checkpoint.footer().metadata, format!("up to {from}"));
        while let Some(chunk) = checkpoint.next_chunk().await? {
            state.push(chunk);
        }
    }
    while let Some(record) = recovery.next().await? {
        assert_eq!(record.sequence(), state.len() as u64 + 1);
        state.push(record.payload);
    }
    Ok((recovery.finish().await?, state, from))
}

fn checkpoints(store: &MemStore) -> Vec<u64> {
    let mut sequences: Vec<_> = store
        .files()
        .iter()
        .filter_map(|listed| match listed.file {
            FileId::Checkpoint(id) => Some(id.sequence),
            _ => None,
        })
        .collect();
    sequences.sort();
    sequences
}

fn file_at(position: Position) -> FileId {
    FileId::Checkpoint(crate::CheckpointId::at(position))
}

/// The first record that is still in a segment.
async fn first_record(store: &MemStore) -> u64 {
    let mut reader = JournalReader::open(shared(store), ReadOptions::default()).await.unwrap();
    reader.next().await.unwrap().unwrap().sequence
}

#[tokio::test]
async fn a_restart_begins_with_the_newest_checkpoint() {
    let store = formatted().await;
    let (journal, ..) = restore(&store).await.unwrap();
    write_all(&journal, 1..=10).await;
    let at = journal.position();
    write_all(&journal, 11..=12).await;
    let info = checkpoint(&journal, at).await.unwrap();
    assert_eq!(info.file, "memory/checkpoints/0000000000000010-1.checkpoint");
    let (_, state, from) = restore(&store.restart()).await.unwrap();
    assert_eq!((state, from), (payloads(1..=12), 10));
}

#[tokio::test]
async fn chunks_can_be_read_in_any_order() {
    let store = formatted().await;
    let (journal, ..) = restore(&store).await.unwrap();
    write_all(&journal, 1..=5).await;
    checkpoint(&journal, journal.position()).await.unwrap();
    let recovery = Recovery::start(shared(&store), Options::default()).await.unwrap();
    let reader = recovery.checkpoint().unwrap();
    for index in [4, 0, 2] {
        assert_eq!(reader.chunk(index).await.unwrap(), payload(index + 1));
    }
    assert!(reader.chunk(5).await.is_err());
}

#[tokio::test]
async fn two_checkpoints_are_kept_and_the_older_one_can_be_replayed_forward() {
    let store = formatted().await;
    let (journal, ..) = restore(&store).await.unwrap();
    let mut positions = Vec::new();
    for round in 1..=4 {
        write_all(&journal, round * 10 - 9..=round * 10).await;
        positions.push(journal.position());
        checkpoint(&journal, journal.position()).await.unwrap();
        let kept: Vec<_> = (1..=round).filter(|r| r + 2 > round).map(|r| r * 10).collect();
        assert_eq!(checkpoints(&store), kept);
        let first = first_record(&store).await;
        if round == 1 {
            assert_eq!(first, 1, "one checkpoint alone covers nothing");
        } else {
            assert!(first <= kept[0] + 1, "records after {} are needed, the first is {first}", kept[0]);
            assert!(
                first > kept[0] - 10,
                "records long before {} should be gone, the first is {first}",
                kept[0]
            );
        }
    }
    for damaged in [false, true] {
        if damaged {
            store.damage(file_at(positions[3]), |bytes| bytes[100] ^= 1);
        }
        let (_, state, from) = restore(&store).await.unwrap();
        assert_eq!((state, from), (payloads(1..=40), if damaged { 30 } else { 40 }));
    }
}

#[tokio::test]
async fn any_damage_to_the_newest_checkpoint_is_found_and_the_older_one_is_used() {
    let build = async || {
        let store = formatted().await;
        let (journal, ..) = restore(&store).await.unwrap();
        write_all(&journal, 1..=2).await;
        checkpoint(&journal, journal.position()).await.unwrap();
        write_all(&journal, 3..=3).await;
        let at = journal.position();
        checkpoint(&journal, at).await.unwrap();
        (store, file_at(at))
    };
    let (store, file) = build().await;
    let mut length = 0;
    store.damage(file, |bytes| length = bytes.len());
    for byte in 0..length {
        let (store, file) = build().await;
        store.damage(file, |bytes| bytes[byte] ^= 0x40);
        let (_, state, from) = restore(&store).await.unwrap();
        assert_eq!((state, from), (payloads(1..=3), 2), "byte {byte}");
        let (store, file) = build().await;
        store.damage(file, |bytes| bytes.truncate(byte));
        assert_eq!(restore(&store).await.unwrap().2, 2, "cut at {byte}");
    }
    let (store, file) = build().await;
    store.damage(file, |bytes| bytes.push(0));
    assert_eq!(restore(&store).await.unwrap().2, 2);
}

#[tokio::test]
async fn without_a_valid_checkpoint_the_refusal_names_what_is_missing_and_why() {
    let store = formatted().await;
    let (journal, ..) = restore(&store).await.unwrap();
    for round in 1..=2 {
        write_all(&journal, round * 10 - 9..=round * 10).await;
        let at = journal.position();
        checkpoint(&journal, at).await.unwrap();
    }
    for listed in store.files() {
        if let FileId::Checkpoint(_) = listed.file {
            store.damage(listed.file, |bytes| bytes[60] ^= 1);
        }
    }
    let error = restore(&store).await.err().unwrap();
    let text = error.to_string();
    assert!(matches!(error, JournalError::Missing { .. }), "{text}");
    assert!(text.contains("0000000000000020-1.checkpoint") && text.contains("is damaged"), "{text}");
}

#[tokio::test]
async fn a_checkpoint_never_gets_its_name_before_its_records_are_durable() {
    let store = formatted().await;
    let (journal, ..) = restore(&store).await.unwrap();
    store.faults(|f| f.full = true);
    let ticket = journal.reserve().await.unwrap().append(payload(1));
    let at = journal.position();
    assert!(ticket.wait().await.is_err());
    store.faults(|f| f.full = false);
    let error = checkpoint(&journal, at).await.err().unwrap();
    assert!(matches!(error, JournalError::OutcomeUnknown { .. }), "{error}");
    assert!(checkpoints(&store).is_empty());
    let (_, state, _) = restore(&store.restart()).await.unwrap();
    assert!(state.is_empty());
}

#[tokio::test]
async fn a_log_that_ends_before_its_checkpoint_is_refused() {
    let store = formatted().await;
    let (journal, ..) = restore(&store).await.unwrap();
    write_all(&journal, 1..=2).await;
    checkpoint(&journal, journal.position()).await.unwrap();
    let segment = segments(&store)[0];
    store.damage(FileId::Segment(segment), |bytes| bytes.truncate(bytes.len() - 10));
    match restore(&store).await.err().unwrap() {
        JournalError::Corrupt { sequence: 2, reason, .. } => {
            assert!(reason.contains("records are lost"), "{reason}")
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_checkpoint_of_another_history_is_refused() {
    // At the end of a segment, inside one, at the end of the log.
    for sequence in [3, 4, 5] {
        let store = formatted().await;
        let (journal, ..) = restore(&store).await.unwrap();
        write_all(&journal, 1..=5).await;
        let real = Position { sequence, ..journal.position() };
        checkpoint(&journal, Position { chain: real.chain ^ 1, ..real }).await.unwrap();
        match restore(&store).await.err().unwrap() {
            JournalError::Corrupt { reason, .. } => assert!(reason.contains("another log's"), "{reason}"),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn one_checkpoint_at_a_time_and_an_aborted_one_leaves_nothing() {
    let store = formatted().await;
    let (journal, ..) = restore(&store).await.unwrap();
    write_all(&journal, 1..=1).await;
    let first = journal.checkpoint_writer(journal.position()).await.unwrap();
    let second = journal.checkpoint_writer(journal.position()).await.err().unwrap();
    assert!(matches!(second, JournalError::CheckpointRunning));
    first.abort().await.unwrap();
    assert!(store.files().iter().all(|listed| !matches!(listed.file, FileId::CheckpointDraft(..))));
    checkpoint(&journal, journal.position()).await.unwrap();
}

#[tokio::test]
async fn a_draft_that_a_dead_master_left_is_removed_at_the_next_start() {
    let store = formatted().await;
    let (journal, ..) = restore(&store).await.unwrap();
    write_all(&journal, 1..=1).await;
    drop(journal.checkpoint_writer(journal.position()).await.unwrap());
    let drafts = |store: &MemStore| {
        store.files().iter().filter(|listed| matches!(listed.file, FileId::CheckpointDraft(..))).count()
    };
    assert_eq!(drafts(&store), 1);
    restore(&store).await.unwrap();
    assert_eq!(drafts(&store), 0);
}

#[tokio::test]
async fn a_chunk_that_is_too_long_is_refused() {
    let (journal, ..) = restore(&formatted().await).await.unwrap();
    let mut writer = journal.checkpoint_writer(journal.position()).await.unwrap();
    let error = writer.write(Bytes::from(vec![0; crate::MAX_CHUNK + 1])).await.unwrap_err();
    assert!(matches!(error, JournalError::TooLong { what: "chunk", .. }));
}

#[tokio::test]
async fn a_deposed_master_neither_names_a_checkpoint_nor_removes_anything() {
    let store = formatted().await;
    let (old, ..) = restore(&store).await.unwrap();
    write_all(&old, 1..=10).await;
    checkpoint(&old, old.position()).await.unwrap();
    write_all(&old, 11..=20).await;
    let at = old.position();
    let _new = restore(&store).await.unwrap();
    let before = store.files().len();
    let error = checkpoint(&old, at).await.err().unwrap();
    assert!(matches!(error, JournalError::Deposed { .. }), "{error}");
    assert_eq!(checkpoints(&store), [10]);
    assert_eq!(store.files().len(), before + 1, "only the draft was added");
}

/// Everything that a master does, in one life: writes, rolls, checkpoints. Gives what was acknowledged.
async fn life(store: &MemStore, mut acknowledged: u64) -> (u64, bool) {
    let done = async {
        let (journal, state, _) = restore(store).await?;
        acknowledged = state.len() as u64;
        for round in 0..3 {
            for _ in 0..6 {
                write(&journal, payload(acknowledged + 1)).await?;
                acknowledged += 1;
            }
            if round == 1 {
                journal.roll().await?;
            }
            checkpoint(&journal, journal.position()).await?;
        }
        journal.shutdown().await
    };
    let finished = done.await.is_ok();
    (acknowledged, finished)
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_any_two_steps_loses_nothing() {
    for fencing in [Fencing::Token, Fencing::Lease] {
        for at in 1.. {
            let store = MemStore::with(at, fencing);
            format(&store, CLUSTER, Existing::Keep).await.unwrap();
            // Of the second life, so that there is an old term to seal and to sweep.
            assert_eq!(life(&store, 0).await, (18, true));
            let operations = store.operations();
            store.faults(|f| f.crash_at = Some(operations + at));
            let (acknowledged, _) = life(&store, 18).await;
            let crashed = store.crashed();
            let store = store.restart();
            let (_, state, _) = restore(&store).await.unwrap();
            let have = state.len() as u64;
            assert!(
                have >= acknowledged && have <= acknowledged + 1,
                "crash at {at}: {acknowledged}, {have}"
            );
            assert_eq!(state, payloads(1..=have), "crash at {at}");
            if !crashed {
                assert!(at > 100, "the second life has more steps than {at}");
                break;
            }
        }
    }
}

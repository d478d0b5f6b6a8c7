//! What must hold on every store. The rig runs it on a real HDFS, too.

mod following;

use std::sync::Arc;

use alluxio_journal::store::Store;
use alluxio_journal::{
    Existing, FileId, Journal, JournalError, JournalReader, Options, ReadOptions, Recovery, Result,
    SegmentId, State, Uuid, format, is_formatted,
};
use bytes::Bytes;

pub use self::following::*;

/// A place for a journal, of which each process has a store of its own.
pub trait Place {
    fn store(&self) -> Arc<dyn Store>;
    fn damage(&self, file: FileId, change: &mut dyn FnMut(&mut Vec<u8>));
}

fn payload(number: u64) -> Bytes {
    Bytes::from(format!("payload {number}"))
}

fn payloads(numbers: std::ops::RangeInclusive<u64>) -> Vec<Bytes> {
    numbers.map(payload).collect()
}

async fn open(place: &dyn Place) -> Result<(Journal, Vec<Bytes>)> {
    let mut recovery = Recovery::start(place.store(), Options::default()).await?;
    let mut state = Vec::new();
    if let Some(mut checkpoint) = recovery.checkpoint() {
        while let Some(chunk) = checkpoint.next_chunk().await? {
            state.push(chunk);
        }
    }
    while let Some(record) = recovery.next().await? {
        state.push(record.payload);
    }
    Ok((recovery.finish().await?, state))
}

pub async fn write(journal: &Journal, numbers: std::ops::RangeInclusive<u64>) -> Result<()> {
    for number in numbers {
        journal.reserve().await?.append(payload(number)).wait().await?;
    }
    Ok(())
}

async fn formatted(place: &dyn Place) {
    format(&*place.store(), Uuid::from_u128(1), Existing::Keep).await.unwrap();
}

pub async fn records_survive_clean_and_unclean_ends(place: &dyn Place) {
    assert!(!is_formatted(&*place.store()).await.unwrap());
    assert!(matches!(open(place).await.err(), Some(JournalError::NotFormatted { .. })));
    formatted(place).await;
    assert!(is_formatted(&*place.store()).await.unwrap());
    for life in 0..6u64 {
        let (journal, state) = open(place).await.unwrap();
        assert_eq!(state, payloads(1..=life * 3));
        write(&journal, life * 3 + 1..=life * 3 + 3).await.unwrap();
        if life % 2 == 0 {
            journal.shutdown().await.unwrap();
        }
    }
}

pub async fn an_overtaken_master_acknowledges_nothing(place: &dyn Place) {
    formatted(place).await;
    let (old, _) = open(place).await.unwrap();
    write(&old, 1..=3).await.unwrap();
    let (new, state) = open(place).await.unwrap();
    assert_eq!(state, payloads(1..=3));
    assert!(write(&old, 100..=100).await.unwrap_err().is_unavailable());
    write(&new, 4..=4).await.unwrap();
    assert_eq!(new.status().state, State::Writable);
    let (_, state) = open(place).await.unwrap();
    assert_eq!(state, payloads(1..=4));
}

pub async fn a_torn_tail_is_cut_and_damage_is_refused(place: &dyn Place) {
    formatted(place).await;
    // The masters stay alive: a dropped one would close its segment cleanly.
    let (first, _) = open(place).await.unwrap();
    write(&first, 1..=4).await.unwrap();
    let segment = FileId::Segment(SegmentId { term: first.term(), index: 1 });
    place.damage(segment, &mut |bytes| bytes.truncate(bytes.len() - 3));
    let (second, state) = open(place).await.unwrap();
    assert_eq!(state, payloads(1..=3));
    write(&second, 4..=6).await.unwrap();
    let segment = FileId::Segment(SegmentId { term: second.term(), index: 1 });
    place.damage(segment, &mut |bytes| bytes[128 + 45] ^= 1);
    match open(place).await.err() {
        Some(JournalError::Corrupt { file, offset: 128, sequence: 4, .. }) => {
            // On HDFS the folder of a term that has been sealed is another one.
            let end = segment.to_string().replace("terms/", "");
            assert!(file.ends_with(&end), "{file}");
        }
        other => panic!("{other:?}"),
    }
}

pub async fn checkpoints_replace_segments(place: &dyn Place) {
    formatted(place).await;
    let (journal, _) = open(place).await.unwrap();
    for round in 1..=3u64 {
        write(&journal, round * 2 - 1..=round * 2).await.unwrap();
        journal.roll().await.unwrap();
        let mut checkpoint = journal.checkpoint_writer(journal.position()).await.unwrap();
        for number in 1..=round * 2 {
            checkpoint.write(payload(number)).await.unwrap();
        }
        checkpoint.finish(7, Bytes::from_static(b"more")).await.unwrap();
    }
    write(&journal, 7..=7).await.unwrap();
    let files = place.store().list().await.unwrap();
    let count = |wanted: fn(&FileId) -> bool| files.iter().filter(|listed| wanted(&listed.file)).count();
    assert_eq!(count(|file| matches!(file, FileId::Checkpoint(_))), 2);
    assert_eq!(count(|file| matches!(file, FileId::Segment(_))), 2, "{files:?}");
    drop(journal);
    let (_, state) = open(place).await.unwrap();
    assert_eq!(state, payloads(1..=7));
}

pub async fn a_reader_sees_a_live_journal(place: &dyn Place) {
    formatted(place).await;
    let (journal, _) = open(place).await.unwrap();
    write(&journal, 1..=5).await.unwrap();
    journal.roll().await.unwrap();
    // On a store that shows only closed files this one is not seen.
    write(&journal, 6..=6).await.unwrap();
    let options = ReadOptions { start: 2, end: Some(5) };
    let mut reader = JournalReader::open(place.store(), options).await.unwrap();
    let mut seen = Vec::new();
    while let Some(entry) = reader.next().await.unwrap() {
        seen.push((entry.sequence, entry.payload));
    }
    assert_eq!(seen, (2..5).map(|number| (number, payload(number))).collect::<Vec<_>>());
    write(&journal, 7..=7).await.unwrap();
}

pub async fn formatting_again_needs_the_explicit_word(place: &dyn Place) {
    formatted(place).await;
    let (journal, _) = open(place).await.unwrap();
    write(&journal, 1..=2).await.unwrap();
    let kept = format(&*place.store(), Uuid::from_u128(2), Existing::Keep).await;
    assert!(matches!(kept, Err(JournalError::AlreadyFormatted { .. })));
    format(&*place.store(), Uuid::from_u128(2), Existing::Remove).await.unwrap();
    assert!(write(&journal, 3..=3).await.is_err(), "the old journal's writer is deposed");
    let (journal, state) = open(place).await.unwrap();
    assert!(state.is_empty());
    assert_eq!(journal.status().cluster, Uuid::from_u128(2));
}

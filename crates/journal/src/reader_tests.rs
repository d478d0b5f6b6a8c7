use super::*;
use crate::core::head::HEAD_LENGTH;
use crate::core::header::HEADER_LENGTH;
use crate::error::JournalError;
use crate::position::SegmentId;
use crate::test_rig::*;

async fn read(store: Arc<dyn Store>, options: ReadOptions) -> (Vec<ReadEntry>, Option<JournalError>) {
    let mut entries = Vec::new();
    let mut reader = match JournalReader::open(store, options).await {
        Ok(reader) => reader,
        Err(error) => return (entries, Some(error)),
    };
    loop {
        match reader.next().await {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => return (entries, None),
            Err(error) => return (entries, Some(error)),
        }
    }
}

#[tokio::test]
async fn a_live_journal_is_read_without_disturbing_its_writer() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=2).await;
    journal.roll().await.unwrap();
    write_all(&journal, 3..=4).await;
    let (entries, error) = read(shared(&store), ReadOptions::default()).await;
    assert!(error.is_none());
    assert!(entries.iter().map(|e| e.payload.clone()).eq(payloads(1..=4)));
    let places: Vec<_> = entries.iter().map(|e| (e.sequence, e.term, e.file.as_str(), e.offset)).collect();
    let second = (HEADER_LENGTH + HEAD_LENGTH + payload(1).len()) as u64;
    assert_eq!(places[1], (2, 1, "memory/terms/1/00000001.log", second));
    assert_eq!(places[2], (3, 1, "memory/terms/1/00000002.log", HEADER_LENGTH as u64));
    write_all(&journal, 5..=5).await;
}

#[tokio::test]
async fn start_and_end_select_records() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    for number in 1..=9 {
        write_all(&journal, number..=number).await;
        if number % 3 == 0 {
            journal.roll().await.unwrap();
        }
    }
    for start in 0..=11 {
        for end in [None, Some(0), Some(3), Some(4), Some(9), Some(20)] {
            let (entries, error) = read(shared(&store), ReadOptions { start, end }).await;
            assert!(error.is_none());
            let expected = start.max(1)..end.unwrap_or(10).min(10);
            assert!(entries.iter().map(|e| e.sequence).eq(expected), "{start} {end:?}");
        }
    }
}

#[tokio::test]
async fn damage_is_reported_after_the_records_before_it() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=3).await;
    journal.roll().await.unwrap();
    write_all(&journal, 4..=4).await;
    let offset = HEADER_LENGTH + HEAD_LENGTH + payload(1).len();
    let damaged = FileId::Segment(SegmentId { term: 1, index: 1 });
    store.damage(damaged, |bytes| bytes[offset + HEAD_LENGTH] ^= 1);
    let (_, error) = read(shared(&store), ReadOptions::default()).await;
    match error {
        Some(JournalError::Corrupt { file, offset: found, sequence, .. }) => {
            assert_eq!((file.as_str(), found, sequence), ("memory/terms/1/00000001.log", offset as u64, 2));
        }
        other => panic!("{other:?}"),
    }
    // What comes before the damage, and what comes after it, can still be looked at.
    let (before, error) = read(shared(&store), ReadOptions { start: 1, end: Some(2) }).await;
    assert_eq!((before.len(), error.is_none()), (1, true));
    let (after, error) = read(shared(&store), ReadOptions { start: 4, end: None }).await;
    assert_eq!((after.len(), error.is_none()), (1, true));
}

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::store::mem::MemStore;
use crate::test_rig::*;
use crate::{FileId, Options};

async fn open_with(store: &MemStore, options: Options) -> Journal {
    recover(shared(store), options).await.unwrap().0
}

#[tokio::test]
async fn what_is_queued_together_is_synced_together() {
    let (journal, _) = open(&formatted().await).await;
    let mut tickets = Vec::new();
    for number in 1..=100 {
        tickets.push(journal.reserve().await.unwrap().append(payload(number)));
    }
    assert!(tickets.iter().map(|ticket| ticket.sequence()).eq(1..=100));
    for ticket in tickets {
        ticket.wait().await.unwrap();
    }
    let stats = journal.stats();
    assert_eq!(stats.records.load(Ordering::Relaxed), 100);
    // The writer ran only when this task first waited for the disk.
    assert_eq!(stats.flushes.load(Ordering::Relaxed), 1);
    assert_eq!(stats.batch_records_max.load(Ordering::Relaxed), 100);
    assert_eq!(journal.durable(), 100);
    assert_eq!(stats.queued_records.load(Ordering::Relaxed), 0);
    assert_eq!(stats.queued_bytes.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_at_once_keeps_the_batch_and_heals_by_itself() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=3).await;
    let spare = journal.reserve().await.unwrap();
    store.faults(|f| f.full = true);
    let unknown = write(&journal, payload(4)).await.unwrap_err();
    assert!(
        matches!(&unknown, JournalError::OutcomeUnknown { reason } if reason.contains("no storage space"))
    );
    let refused = journal.reserve().await.err().unwrap();
    assert!(matches!(refused, JournalError::Unavailable { .. }), "{refused}");
    assert!(matches!(journal.wait_durable(4).await, Err(JournalError::OutcomeUnknown { .. })));
    journal.wait_durable(3).await.unwrap();
    // A permit from before the failure is still good for handing a record over, in its order.
    let late = spare.append(payload(5));
    assert!(matches!(late.wait().await, Err(JournalError::OutcomeUnknown { .. })));

    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(journal.durable(), 3);
    assert!(segments(&store).len() <= 2, "an hour of attempts must not leave files: {:?}", segments(&store));
    store.faults(|f| f.full = false);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(journal.durable(), 5);
    write(&journal, payload(6)).await.unwrap();
    assert_eq!(open(&store.restart()).await.1, payloads(1..=6));
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_sync_the_file_is_never_trusted_again() {
    for seed in 0..40 {
        let store = MemStore::with(seed, crate::store::mem::Fencing::Token);
        crate::format(&store, CLUSTER, crate::Existing::Keep).await.unwrap();
        let (journal, _) = open(&store).await;
        write_all(&journal, 1..=3).await;
        store.faults(|f| f.sync_errors = 1000);
        assert!(matches!(write(&journal, payload(4)).await, Err(JournalError::OutcomeUnknown { .. })));
        store.faults(|f| f.sync_errors = 0);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(journal.durable(), 4);
        write_all(&journal, 5..=6).await;
        // A crash drops what the failed sync did not save; a later sync of the same file would not have saved
        // it either.
        assert_eq!(open(&store.restart()).await.1, payloads(1..=6), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_only_disk_refuses_and_heals_too() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=2).await;
    store.faults(|f| f.read_only = true);
    let unknown = write(&journal, payload(3)).await.unwrap_err().to_string();
    assert!(unknown.contains("read-only"), "{unknown}");
    assert!(journal.reserve().await.err().unwrap().is_unavailable());
    store.faults(|f| f.read_only = false);
    tokio::time::sleep(Duration::from_secs(10)).await;
    write(&journal, payload(4)).await.unwrap();
    assert_eq!(open(&store.restart()).await.1, payloads(1..=4));
}

#[tokio::test]
async fn a_deposed_writer_acknowledges_nothing() {
    let store = formatted().await;
    let (old, _) = open(&store).await;
    write_all(&old, 1..=2).await;
    let permit = old.reserve().await.unwrap();
    let (new, replayed) = open(&store).await;
    assert_eq!(replayed, payloads(1..=2));
    assert!(matches!(permit.append(payload(100)).wait().await, Err(JournalError::Deposed { .. })));
    assert!(matches!(old.reserve().await.err(), Some(JournalError::Deposed { .. })));
    assert!(matches!(old.wait_durable(3).await, Err(JournalError::Deposed { .. })));
    assert!(matches!(old.ended_with().await, State::Deposed { .. }));
    write(&new, payload(3)).await.unwrap();
    assert_eq!(open(&store).await.1, payloads(1..=3));
}

#[tokio::test]
async fn confirming_finds_out_without_a_record() {
    let store = formatted().await;
    let (old, _) = open(&store).await;
    old.confirm().await.unwrap();
    let _new = open(&store).await;
    assert!(matches!(old.confirm().await, Err(JournalError::Deposed { .. })));
    assert!(matches!(old.shutdown().await, Err(JournalError::Deposed { .. })));
}

#[tokio::test]
async fn a_record_too_long_to_write_ends_the_journal_instead_of_leaving_memory_ahead_of_the_log() {
    let store = formatted().await;
    store.faults(|f| f.exclusive = true);
    let (journal, _) = open(&store).await;
    let permit = journal.reserve().await.unwrap();
    let ticket = permit.append(Bytes::from(vec![0; crate::MAX_PAYLOAD + 1]));
    assert!(matches!(ticket.wait().await, Err(JournalError::Deposed { .. })));
    assert!(journal.reserve().await.is_err());
    assert!(matches!(journal.shutdown().await, Err(JournalError::Deposed { .. })));
    assert!(open(&store).await.1.is_empty(), "the store is free again");
}

#[tokio::test]
async fn segments_are_rolled_by_size_and_on_request() {
    let store = formatted().await;
    let journal = open_with(&store, Options { roll_bytes: 1000, ..Options::default() }).await;
    write_all(&journal, 1..=100).await;
    let rolled = segments(&store).len();
    assert!((7..=10).contains(&rolled), "100 records of about 75 bytes in segments of 1000: {rolled}");
    write_all(&journal, 101..=101).await;
    journal.roll().await.unwrap();
    journal.roll().await.unwrap();
    let after = segments(&store).len();
    write_all(&journal, 102..=102).await;
    assert_eq!(segments(&store).len(), after + 1);
    assert_eq!(open(&store.restart()).await.1, payloads(1..=102));
}

#[tokio::test(start_paused = true)]
async fn segments_are_rolled_by_age_also_when_nothing_is_written() {
    let store = formatted().await;
    let journal =
        open_with(&store, Options { roll_age: Duration::from_secs(60), ..Options::default() }).await;
    write_all(&journal, 1..=1).await;
    let length = |store: &MemStore| store.files().iter().map(|listed| listed.length).sum::<u64>();
    let before = length(&store);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(length(&store), before + 40 + 40, "the mark that the record is durable, and the end mark");
    write_all(&journal, 2..=2).await;
    assert_eq!(segments(&store).len(), 2);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(segments(&store).len(), 2, "an idle journal makes no segments");
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_by_records() {
    let store = formatted().await;
    let journal = open_with(&store, Options { max_queued_records: 2, ..Options::default() }).await;
    let first = journal.reserve().await.unwrap();
    let _second = journal.reserve().await.unwrap();
    let third = tokio::time::timeout(Duration::from_secs(5), journal.reserve()).await;
    assert!(third.is_err(), "a third permit was granted");
    first.append(payload(1)).wait().await.unwrap();
    journal.reserve().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_by_bytes() {
    let store = formatted().await;
    let journal = open_with(&store, Options { max_queued_bytes: 1000, ..Options::default() }).await;
    let permits = [journal.reserve().await.unwrap(), journal.reserve().await.unwrap()];
    let mut tickets: Vec<_> = permits.into_iter().map(|p| p.append(Bytes::from(vec![0; 600]))).collect();
    {
        let waiting = journal.reserve();
        tokio::pin!(waiting);
        // Polled once, before the writer has run.
        let polled =
            std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
        assert!(!polled, "a permit was granted although 1200 bytes are queued");
        waiting.await.unwrap();
    }
    assert_eq!(journal.durable(), 2, "it was granted once they were durable");
    for ticket in tickets.drain(..) {
        ticket.wait().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_permit_are_refused_when_the_journal_fails() {
    let store = formatted().await;
    let journal = Arc::new(open_with(&store, Options { max_queued_records: 1, ..Options::default() }).await);
    let only = journal.reserve().await.unwrap();
    let waiting = tokio::spawn({
        let journal = journal.clone();
        async move { journal.reserve().await.err() }
    });
    tokio::task::yield_now().await;
    store.faults(|f| f.full = true);
    assert!(only.append(payload(1)).wait().await.is_err());
    assert!(matches!(waiting.await.unwrap(), Some(JournalError::Unavailable { .. })));
}

#[tokio::test]
async fn a_closed_journal_can_be_opened_again_at_once() {
    let store = formatted().await;
    store.faults(|f| f.exclusive = true);
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=5).await;
    let spare = journal.reserve().await.unwrap();
    let queued = journal.reserve().await.unwrap().append(payload(6));
    journal.shutdown().await.unwrap();
    queued.wait().await.unwrap();
    assert!(matches!(journal.reserve().await.err(), Some(JournalError::Closed)));
    assert!(matches!(spare.append(payload(7)).wait().await, Err(JournalError::OutcomeUnknown { .. })));
    journal.shutdown().await.unwrap();
    // While the old handle is still alive.
    assert_eq!(open(&store).await.1, payloads(1..=6));
}

#[tokio::test]
async fn a_clean_close_needs_no_copy_at_the_next_start() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=5).await;
    journal.shutdown().await.unwrap();
    let (journal, replayed) = open(&store).await;
    assert_eq!(replayed, payloads(1..=5));
    assert!(segments(&store).iter().all(|id| id.index != 0), "{:?}", segments(&store));
    drop(journal);
}

#[tokio::test(start_paused = true)]
async fn closing_while_the_disk_is_full_says_that_records_may_be_lost() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    store.faults(|f| f.full = true);
    assert!(write(&journal, payload(1)).await.is_err());
    let error = journal.shutdown().await.unwrap_err();
    assert!(matches!(error, JournalError::OutcomeUnknown { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn requests_are_refused_at_once_while_the_disk_is_full() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=1).await;
    store.faults(|f| f.full = true);
    let ticket = journal.reserve().await.unwrap().append(payload(2));
    // Asked before the writer has noticed, and after.
    assert!(matches!(journal.roll().await, Err(JournalError::Unavailable { .. })));
    assert!(ticket.wait().await.is_err());
    assert!(matches!(journal.roll().await, Err(JournalError::Unavailable { .. })));
    assert!(matches!(journal.confirm().await, Err(JournalError::Unavailable { .. })));
}

#[tokio::test]
async fn requests_are_answered_under_constant_load() {
    const RECORDS: u64 = 20_000;
    let store = formatted().await;
    store.faults(|f| f.slow = true);
    let journal = Arc::new(open(&store).await.0);
    let load = tokio::spawn({
        let journal = journal.clone();
        async move {
            let mut written = 0;
            while written < RECORDS
                && let Ok(permit) = journal.reserve().await
            {
                drop(permit.append(Bytes::from_static(b"load")));
                written += 1;
                tokio::task::yield_now().await;
            }
            written
        }
    });
    journal.wait_durable(1).await.unwrap();
    journal.roll().await.unwrap();
    journal.confirm().await.unwrap();
    journal.shutdown().await.unwrap();
    let written = load.await.unwrap();
    assert!(written < RECORDS, "the requests had to wait until the load had ended");
    assert_eq!(open(&store).await.1.len() as u64, written, "whoever had a permit was served");
}

#[tokio::test(start_paused = true)]
async fn dropping_the_journal_writes_what_was_handed_over_and_ends_the_writer() {
    let store = formatted().await;
    store.faults(|f| f.exclusive = true);
    let (journal, _) = open(&store).await;
    let ticket = journal.reserve().await.unwrap().append(payload(1));
    drop(journal);
    ticket.wait().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(open(&store).await.1, payloads(1..=1));
}

#[tokio::test]
async fn waiting_for_what_is_durable_already_does_not_wait() {
    let (journal, _) = open(&formatted().await).await;
    write_all(&journal, 1..=2).await;
    let waited = std::future::poll_fn(|cx| {
        let waiting = journal.wait_durable(2);
        tokio::pin!(waiting);
        std::task::Poll::Ready(waiting.poll(cx).is_ready())
    });
    assert!(waited.await);
    assert_eq!(journal.status().durable, 2);
}

#[tokio::test]
async fn files_of_the_store_are_as_documented() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=1).await;
    let names: Vec<_> = store.files().iter().map(|listed| listed.file.to_string()).collect();
    assert_eq!(names, ["format", "terms/1/00000001.log"]);
    assert!(store.files().iter().any(|listed| listed.file == FileId::Marker));
}

#[tokio::test(start_paused = true)]
async fn a_deposed_master_does_not_remove_what_its_successor_has_taken_over() {
    let mut taken_over = 0;
    for seed in 0..20 {
        let store = MemStore::with(seed, crate::store::mem::Fencing::Lease);
        crate::format(&store, CLUSTER, crate::Existing::Keep).await.unwrap();
        let (old, _) = open(&store).await;
        write_all(&old, 1..=2).await;
        old.roll().await.unwrap();
        // The master is stopped after it has written the first batch of a segment, and before that is synced.
        store.faults(|f| f.hangs = 1000);
        let mut tickets = Vec::new();
        for number in 3..=10 {
            tickets.push(old.reserve().await.unwrap().append(payload(number)));
        }
        let written = FileId::Segment(crate::SegmentId { term: 1, index: 2 });
        while !store.files().iter().any(|listed| listed.file == written && listed.length > 128) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        store.faults(|f| f.hangs = 0);
        let begun = tokio::time::Instant::now();
        let (new, mut state) = open(&store).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "the old master must not have got on meanwhile");
        // Nobody was told of these records, but the new master may have found some of them.
        taken_over += usize::from(state.len() > 2);
        for ticket in tickets {
            assert!(ticket.wait().await.is_err());
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        write_all(&new, 99..=99).await;
        state.push(payload(99));
        assert_eq!(open(&store.restart()).await.1, state, "seed {seed}");
    }
    assert!(taken_over > 5, "{taken_over}");
}

#[tokio::test(start_paused = true)]
async fn segments_that_were_given_up_are_removed_once_a_later_one_counts() {
    let mut given_up = 0;
    for seed in 0..20 {
        let store = MemStore::with(seed, crate::store::mem::Fencing::Token);
        crate::format(&store, CLUSTER, crate::Existing::Keep).await.unwrap();
        let (journal, _) = open(&store).await;
        store.faults(|f| f.sync_errors = 400);
        for number in 1..=10 {
            drop(journal.reserve().await.map(|permit| permit.append(payload(number))));
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        given_up = given_up.max(segments(&store).len());
        store.faults(|f| f.sync_errors = 0);
        tokio::time::sleep(Duration::from_secs(10)).await;
        write_all(&journal, 11..=11).await;
        let survey = crate::recovery::survey(&store, CLUSTER, crate::recovery::Writers::Live).await.unwrap();
        let counting: Vec<_> = survey.chain.links.iter().map(|link| link.id).collect();
        // The first of a term stays, whatever it holds.
        let there: Vec<_> = segments(&store).into_iter().filter(|id| id.index != 1).collect();
        assert!(
            there.iter().all(|id| counting.contains(id)),
            "seed {seed}: {there:?}, of which {counting:?} count"
        );
    }
    assert!(given_up > 3);
}

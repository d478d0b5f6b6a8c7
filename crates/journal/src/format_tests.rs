//! Owners of journals, and deletion.

use super::*;
use crate::store::mem::MemStore;
use crate::test_rig::*;

fn owner(name: &str, uid: &str) -> Owner {
    Owner::new(name, uid).unwrap()
}

fn owned(name: &str) -> Marker {
    Marker { cluster: CLUSTER, owner: Some(owner(name, "uid-1")) }
}

#[tokio::test]
async fn an_owner_is_told_and_survives_a_restart() {
    let store = MemStore::new();
    format_for(&store, owned("ns/a"), Existing::Keep).await.unwrap();
    assert_eq!(marker(&store.restart()).await.unwrap(), owned("ns/a"));
    assert_eq!(marker(&formatted().await).await.unwrap().owner, None);
}

#[tokio::test]
async fn a_second_owner_finds_the_first() {
    let store = MemStore::new();
    format_for(&store, owned("ns/a"), Existing::Keep).await.unwrap();
    let refused = format_for(&store, owned("ns/b"), Existing::Keep).await.unwrap_err();
    assert!(matches!(refused, JournalError::AlreadyFormatted { .. }), "{refused}");
    assert_eq!(marker(&store).await.unwrap(), owned("ns/a"));
}

#[tokio::test]
async fn a_journal_is_handed_over_with_its_records() {
    let store = MemStore::new();
    format_for(&store, owned("ns/a"), Existing::Keep).await.unwrap();
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=3).await;
    let store = store.restart();
    let handed = hand_over(&store, owner("ns/b", "uid-2")).await.unwrap();
    assert_eq!((handed.cluster, handed.owner), (CLUSTER, Some(owner("ns/b", "uid-2"))));
    assert_eq!(open(&store).await.1, payloads(1..=3));
}

#[tokio::test]
async fn only_the_journal_of_the_named_cluster_is_deleted() {
    let store = formatted().await;
    let (journal, _) = open(&store).await;
    write_all(&journal, 1..=3).await;
    let store = store.restart();
    let refused = delete(&store, Uuid::from_u128(9)).await.unwrap_err();
    assert!(matches!(refused, JournalError::OtherCluster { .. }), "{refused}");
    assert_eq!(open(&store).await.1, payloads(1..=3));
    let store = store.restart();
    delete(&store, CLUSTER).await.unwrap();
    assert!(!is_formatted(&store).await.unwrap());
    assert!(store.list().await.unwrap().is_empty());
    let refused = delete(&store, CLUSTER).await.unwrap_err();
    assert!(matches!(refused, JournalError::NotFormatted { .. }), "{refused}");
}

/// Wherever a deletion is cut short, the journal is whole or is none, and both the next deletion and the next format finish it.
#[tokio::test]
async fn a_deletion_that_crashes_is_finished_by_the_next() {
    for at in 1.. {
        let store = formatted().await;
        let (journal, _) = open(&store).await;
        write_all(&journal, 1..=3).await;
        let store = store.restart();
        let operations = store.operations();
        store.faults(|f| f.crash_at = Some(operations + at));
        let finished = delete(&store, CLUSTER).await.is_ok();
        let store = store.restart();
        let left = store.list().await.unwrap().len();
        if is_formatted(&store).await.unwrap() {
            assert_eq!(open(&store).await.1, payloads(1..=3), "crash at {at}");
        } else if left > 0 {
            let refused = refusal(&store).await;
            assert!(matches!(refused, JournalError::HalfDeleted { .. }), "crash at {at}: {refused}");
            assert!(matches!(
                delete(&store, Uuid::from_u128(9)).await,
                Err(JournalError::OtherCluster { .. })
            ));
        }
        let store = store.restart();
        if at % 2 == 0 || is_formatted(&store).await.unwrap() {
            let again = delete(&store, CLUSTER).await;
            assert!(
                matches!(again, Ok(()) | Err(JournalError::NotFormatted { .. })),
                "crash at {at}: {again:?}"
            );
            assert!(store.list().await.unwrap().is_empty(), "crash at {at}");
        }
        format_for(&store, owned("ns/a"), Existing::Keep).await.unwrap();
        assert!(open(&store).await.1.is_empty(), "crash at {at}");
        if finished {
            break;
        }
    }
}

#[test]
fn a_name_is_one_word() {
    for (name, uid) in
        [("", "u"), ("a", ""), ("a b", "u"), ("a\ncluster=x", "u"), ("a", "u\n"), ("a\u{0}", "u")]
    {
        assert_eq!(Owner::new(name, uid), None, "{name:?} {uid:?}");
    }
    assert!(Owner::new("namespace/name", "8e1c-1").is_some());
}

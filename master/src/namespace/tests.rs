use std::time::Duration;

use alluxio_fs::{AlluxioPath, ErrorKind, FsError};
use alluxio_journal::{Existing, Options, Recovery, Uuid, format, store::mem::MemStore};
use alluxio_proto::journal::{
    AddMountPointEntry, DeleteMountPointEntry, InodeDirectoryEntry, JournalEntry, UpdateUfsModeEntry,
};

use super::*;

fn path(text: &str) -> AlluxioPath {
    AlluxioPath::parse(text).unwrap()
}

fn directory(id: i64, parent: i64, name: &str) -> JournalEntry {
    JournalEntry {
        inode_directory: Some(InodeDirectoryEntry {
            id: Some(id),
            parent_id: Some(parent),
            name: Some(name.to_owned()),
            ..InodeDirectoryEntry::default()
        }),
        ..JournalEntry::default()
    }
}

/// A namespace over a store with faults, with a root.
async fn namespace(store: &MemStore) -> Arc<Namespace> {
    format(store, Uuid::nil(), Existing::Keep).await.unwrap();
    let options = Options {
        retry_min: Duration::from_millis(10),
        retry_max: Duration::from_millis(20),
        ..Options::default()
    };
    let recovery = Recovery::start(Arc::new(store.clone()), options).await.unwrap();
    let namespace = Namespace::new(Tree::default(), recovery.finish().await.unwrap());
    make(&namespace, 0, -1, "").await.unwrap();
    Arc::new(namespace)
}

async fn make(namespace: &Namespace, id: i64, parent: i64, name: &str) -> Result<(), FsError> {
    namespace
        .mutate(&[], None, |_, draft| {
            draft.push(directory(id, parent, name));
            Ok(())
        })
        .await
}

async fn exists(namespace: &Namespace, at: &str) -> Result<bool, FsError> {
    namespace.read_path(&path(at), |_, lookup| Ok(lookup.target().is_some())).await
}

/// Invariants 1 and 2: while the store does not sync, nobody is told of a change, neither who made it
/// nor who looks; afterwards everybody is.
#[tokio::test]
async fn nothing_is_told_before_it_is_durable() {
    let store = MemStore::new();
    let namespace = namespace(&store).await;
    make(&namespace, 1, 0, "before").await.unwrap();

    store.faults(|faults| faults.sync_errors = u16::MAX);
    let refused = make(&namespace, 2, 0, "new").await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
    let seen = exists(&namespace, "/new").await;
    assert!(seen.as_ref().is_err_and(|e| e.kind == ErrorKind::Unavailable), "{seen:?}");
    assert!(exists(&namespace, "/before").await.unwrap(), "what is durable can still be read");
    let listed = namespace.read(|tree| Ok(tree.inode_count())).await;
    assert!(listed.is_err(), "a look at everything rests on everything");

    store.faults(|faults| faults.sync_errors = 0);
    let healed = async {
        while exists(&namespace, "/new").await != Ok(true) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), healed).await.expect("the journal recovers by itself");
    assert_eq!(make(&namespace, 3, 0, "later").await, Ok(()));
}

/// Where a path leads shows in all that is told of it.
#[tokio::test]
async fn a_look_waits_for_changes_of_mounts() {
    let at = |path: &str| Some(path.to_owned());
    let add = |path| JournalEntry {
        add_mount_point: Some(AddMountPointEntry { alluxio_path: at(path), ..AddMountPointEntry::default() }),
        ..JournalEntry::default()
    };
    let remove = JournalEntry {
        delete_mount_point: Some(DeleteMountPointEntry { alluxio_path: at("/m") }),
        ..JournalEntry::default()
    };
    let mode = JournalEntry {
        update_ufs_mode: Some(UpdateUfsModeEntry { ufs_path: at("/ufs"), ufs_mode: Some(1) }),
        ..JournalEntry::default()
    };
    let mut told_early = Vec::new();
    for change in [add("/n"), remove, mode] {
        let store = MemStore::new();
        let namespace = namespace(&store).await;
        make(&namespace, 1, 0, "m").await.unwrap();
        let push = async |entry: &JournalEntry| {
            let plan = |_: &Tree, draft: &mut Draft| {
                draft.push(entry.clone());
                Ok(())
            };
            namespace.mutate(&[], None, plan).await
        };
        push(&add("/m")).await.unwrap();
        assert!(exists(&namespace, "/m").await.unwrap());
        store.faults(|faults| faults.sync_errors = u16::MAX);
        push(&change).await.unwrap_err();
        let seen = exists(&namespace, "/m").await;
        if !seen.as_ref().is_err_and(|e| e.kind == ErrorKind::Unavailable) {
            told_early.push((change, seen));
        }
    }
    assert!(told_early.is_empty(), "{told_early:?}");
}

#[tokio::test]
async fn a_change_waits_for_who_has_reserved_its_path() {
    let namespace = namespace(&MemStore::new()).await;
    let reservation = namespace.reservations().reserve(vec![Claim::subtree(&path("/a"))]).await.unwrap();
    let other = namespace.clone();
    let change = tokio::spawn(async move {
        let at = path("/a/b");
        other.mutate(&[&at], None, |_, _| Ok(())).await
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(!change.is_finished());
    drop(reservation);
    assert_eq!(change.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_record_that_does_not_fit_stops_the_master() {
    let namespace = namespace(&MemStore::new()).await;
    make(&namespace, 1, 0, "a").await.unwrap();
    let before = namespace.journal().position().sequence;
    assert_eq!(make(&namespace, 1, 0, "b").await.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(namespace.journal().position().sequence, before, "it is not in the journal");
    assert!(exists(&namespace, "/a").await.is_err(), "nothing is served from a memory in doubt");
    namespace.broken().await;
}

/// The journal cannot take it, and it is not in memory either.
#[tokio::test]
async fn a_record_that_is_too_large_is_refused() {
    let namespace = namespace(&MemStore::new()).await;
    let before = namespace.journal().position().sequence;
    let name = "x".repeat(MAX_RECORD_BYTES);
    let refused = make(&namespace, 1, 0, &name).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::ResourceExhausted);
    assert_eq!(namespace.journal().position().sequence, before);
    make(&namespace, 1, 0, "a").await.unwrap();
    assert!(exists(&namespace, "/a").await.unwrap());
}

/// What a directory shows includes how many children it has.
#[tokio::test]
async fn a_look_at_a_directory_waits_for_its_newest_child() {
    let store = MemStore::new();
    let namespace = namespace(&store).await;
    store.faults(|faults| faults.sync_errors = u16::MAX);
    make(&namespace, 1, 0, "a").await.unwrap_err();
    let root = path("/");
    let look = |tree: &Tree, lookup: &Lookup| {
        Ok(tree.child_count(lookup.target().and_then(|slot| tree.get(slot)).unwrap()))
    };
    assert!(namespace.read_path(&root, look).await.is_err());
}

use super::*;
use crate::position::CheckpointId;
use crate::store::Fence;

fn store(folder: &tempfile::TempDir) -> LocalStore {
    LocalStore::new(folder.path().join("journal"), Sharing::Exclusive)
}

async fn prepared() -> (tempfile::TempDir, LocalStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    store.prepare().await.unwrap();
    (folder, store)
}

async fn claim(store: &LocalStore, term: u64) -> Option<Box<dyn Fence>> {
    match store.claim(term, "test").await.unwrap() {
        Claim::Won(fence) => Some(fence),
        Claim::Taken => None,
    }
}

#[tokio::test]
async fn a_folder_with_a_java_journal_is_told_apart_and_not_touched() {
    for name in ["FileSystemMaster/v1", "raft"] {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        fs::create_dir_all(folder.path().join("journal").join(name)).unwrap();
        assert_eq!(store.state().await.unwrap(), FolderState::Java(name.to_owned()));
        let entries = fs::read_dir(folder.path().join("journal")).unwrap().count();
        assert_eq!(entries, 1);
    }
}

#[tokio::test]
async fn looking_into_a_missing_folder_does_not_make_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    assert_eq!(store.state().await.unwrap(), FolderState::NotFormatted);
    assert!(store.list().await.unwrap().is_empty());
    assert!(!folder.path().join("journal").exists());
}

#[tokio::test]
async fn a_second_user_is_refused_and_told_who_the_first_is() {
    let (folder, first) = prepared().await;
    let hold = first.hold().await.unwrap();
    let error = store(&folder).hold().await.unwrap_err().to_string();
    assert!(error.contains(&format!("in use by process {}", std::process::id())), "{error}");
    drop(hold);
    store(&folder).hold().await.unwrap();
}

#[tokio::test]
async fn those_who_share_the_folder_refuse_one_who_does_not_and_are_refused_by_him() {
    let (folder, exclusive) = prepared().await;
    let shared = || LocalStore::new(folder.path().join("journal"), Sharing::Shared);
    let (first, second) = (shared(), shared());
    let holds = [first.hold().await.unwrap(), second.hold().await.unwrap()];
    assert!(matches!(exclusive.hold().await, Err(StoreError::InUse { .. })));
    drop(holds);
    let hold = exclusive.hold().await.unwrap();
    assert!(matches!(first.hold().await, Err(StoreError::InUse { .. })));
    drop(hold);
    first.hold().await.unwrap();
}

#[tokio::test]
async fn the_lock_outlives_its_holder_while_a_file_is_still_open() {
    let (folder, first) = prepared().await;
    let hold = first.hold().await.unwrap();
    let draft = FileId::CheckpointDraft(CheckpointId { sequence: 1, term: 1 }, 1);
    let file = first.create(draft).await.unwrap();
    drop(hold);
    assert!(matches!(store(&folder).hold().await, Err(StoreError::InUse { .. })));
    drop(file);
    store(&folder).hold().await.unwrap();
}

#[tokio::test]
async fn a_term_is_claimed_once() {
    let (_folder, store) = prepared().await;
    assert!(claim(&store, 4).await.is_some());
    assert!(claim(&store, 4).await.is_none());
    assert!(claim(&store, 3).await.is_none(), "a later term has been claimed");
    assert_eq!(store.terms().await.unwrap().into_iter().max(), Some(4));
}

#[tokio::test]
async fn of_many_claims_at_once_one_wins() {
    let (_folder, store) = prepared().await;
    let store = Arc::new(store);
    let claims: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { claim(&store, 1).await.is_some() })
        })
        .collect();
    let mut won = 0;
    for claim in claims {
        won += usize::from(claim.await.unwrap());
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_rename_whose_answer_was_lost_deposes_nobody() {
    let (folder, store) = prepared().await;
    let mut fence = claim(&store, 1).await.unwrap();
    let fences = folder.path().join("journal/fence");
    for names in [["1.0", "1.1"], ["1.1", "1.0"]] {
        let [from, to] = names.map(|name| fences.join(name));
        fs::rename(from, to).unwrap();
        fence.check().await.unwrap();
        // It has gone back: the next one begins where the fence takes the token to be.
        fence.check().await.unwrap();
    }
    claim(&store, 2).await.unwrap();
    store.seal(2).await.unwrap();
    assert!(matches!(fence.check().await, Err(StoreError::Sealed { term: 1, .. })));
}

#[tokio::test]
async fn the_fence_holds_until_the_term_is_sealed_and_never_again() {
    let (_folder, store) = prepared().await;
    let mut old = claim(&store, 1).await.unwrap();
    for _ in 0..5 {
        old.check().await.unwrap();
    }
    let mut new = claim(&store, 2).await.unwrap();
    old.check().await.unwrap();
    store.seal(2).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(old.check().await, Err(StoreError::Sealed { term: 1, .. })));
    }
    new.check().await.unwrap();
    // Sealing again, as the next master does, changes nothing for the living term below its own.
    store.seal(2).await.unwrap();
    new.check().await.unwrap();
}

#[tokio::test]
async fn a_seal_catches_a_token_that_keeps_changing_names() {
    let (_folder, store) = prepared().await;
    let mut old = claim(&store, 1).await.unwrap();
    let busy = tokio::spawn(async move {
        let mut checks = 0u64;
        while old.check().await.is_ok() {
            checks += 1;
        }
        checks
    });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let _new = claim(&store, 2).await.unwrap();
    store.seal(2).await.unwrap();
    let checks = tokio::time::timeout(std::time::Duration::from_secs(10), busy).await.unwrap().unwrap();
    assert!(checks > 0);
}

#[tokio::test]
async fn a_term_whose_master_died_before_it_had_a_token_is_sealed_too() {
    let (folder, store) = prepared().await;
    let _fence = claim(&store, 1).await.unwrap();
    fs::remove_file(folder.path().join("journal/fence/1.0")).unwrap();
    claim(&store, 2).await.unwrap();
    store.seal(2).await.unwrap();
    assert!(folder.path().join("journal/fence/1.revoked").exists());
}

#[tokio::test]
async fn a_claim_that_sees_a_later_one_gives_up() {
    let (folder, store) = prepared().await;
    fs::create_dir(folder.path().join("journal/terms/7")).unwrap();
    assert!(claim(&store, 6).await.is_none());
}

#[tokio::test]
async fn files_are_created_once_read_back_and_listed() {
    let (_folder, store) = prepared().await;
    let _fence = claim(&store, 1).await.unwrap();
    let id = SegmentId { term: 1, index: 1 };
    let mut file = store.create(FileId::Segment(id)).await.unwrap();
    file.commit(Bytes::from_static(b"hello ")).await.unwrap();
    file.append(Bytes::from_static(b"world")).await.unwrap();
    file.sync().await.unwrap();
    file.close().await.unwrap();
    let again = store.create(FileId::Segment(id)).await.err().unwrap();
    assert_eq!(again.io_kind(), Some(io::ErrorKind::AlreadyExists));
    let read = |offset, length| store.read(FileId::Segment(id), offset, length);
    assert_eq!(read(0, 100).await.unwrap(), "hello world");
    assert_eq!(read(6, 3).await.unwrap(), "wor");
    assert_eq!(read(50, 3).await.unwrap(), "");
    assert_eq!(store.list().await.unwrap(), [Listed { file: FileId::Segment(id), length: 11 }]);
    let elsewhere = FileId::Segment(SegmentId { term: 9, index: 1 });
    assert!(store.create(elsewhere).await.err().unwrap().is_not_found());
}

#[tokio::test]
async fn a_copy_holds_the_prefix_and_leaves_the_original() {
    let (_folder, store) = prepared().await;
    let _fence = claim(&store, 1).await.unwrap();
    let _fence = claim(&store, 2).await.unwrap();
    let original = SegmentId { term: 1, index: 1 };
    let copy = SegmentId { term: 2, index: 0 };
    let mut file = store.create(FileId::Segment(original)).await.unwrap();
    file.commit(Bytes::from_static(b"kept and torn")).await.unwrap();
    assert_eq!(store.secure(original, 4, copy).await.unwrap(), copy);
    // The old writer still has the original open; it cannot reach the copy.
    file.commit(Bytes::from_static(b" more")).await.unwrap();
    assert_eq!(store.read(FileId::Segment(copy), 0, 100).await.unwrap(), "kept");
    assert_eq!(store.read(FileId::Segment(original), 0, 100).await.unwrap(), "kept and torn more");
}

#[tokio::test]
async fn removing_and_forgetting_what_is_gone_is_no_error() {
    let (folder, store) = prepared().await;
    let _fence = claim(&store, 1).await.unwrap();
    claim(&store, 2).await.unwrap();
    store.seal(2).await.unwrap();
    for _ in 0..2 {
        store.remove(FileId::Segment(SegmentId { term: 1, index: 1 })).await.unwrap();
        store.forget(1).await.unwrap();
    }
    assert_eq!(store.terms().await.unwrap(), [2]);
    assert!(!folder.path().join("journal/fence/1.revoked").exists());
}

use std::time::{Duration, Instant};

use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::file::{ListStatusPOptions, LoadMetadataPType, SetAttributePOptions, WritePType};
use alluxio_ufs::{Operation, faults::Fault};

use crate::{
    fs::{
        delete::DeleteOptions,
        fixture::{BLOCK, Rig, modified, path, recursive},
    },
    namespace::MAX_CHANGES_PER_HOLD,
};

fn always() -> ListStatusPOptions {
    ListStatusPOptions { load_metadata_type: Some(LoadMetadataPType::Always as i32), ..Default::default() }
}

fn never() -> ListStatusPOptions {
    ListStatusPOptions { load_metadata_type: Some(LoadMetadataPType::Never as i32), ..Default::default() }
}

#[tokio::test]
async fn a_path_is_brought_in_with_what_is_above_it() {
    let rig = Rig::new().await;
    rig.ufs_write("/a/b/f", &"x".repeat(BLOCK as usize + 1));
    modified(&rig.in_ufs("/a/b/f"), 1_000);
    let info = rig.status("/a/b/f").await.unwrap();
    assert_eq!((info.length(), info.block_size_bytes(), info.block_ids.len()), (BLOCK + 1, BLOCK, 2));
    assert_eq!((info.last_modification_time_ms(), info.persistence_state()), (1_000_000, "PERSISTED"));
    assert!(info.completed() && info.ufs_fingerprint().starts_with("TYPE|FILE UFS|local"));
    assert_eq!(info.file_block_infos.len(), 2, "a reader needs an entry per block");
    let parent = rig.fs.namespace.peek(|tree| {
        let slot = tree.lookup(&path("/a/b")).target().unwrap();
        tree.get(slot).unwrap().children_loaded()
    });
    assert!(!parent, "its other children are not known");
    let hash = rig.hash();
    assert_eq!(rig.crash().await.hash(), hash);
}

#[tokio::test]
async fn listing_once_knows_a_directory_for_good() {
    let rig = Rig::new().await;
    rig.ufs_write("/d/a", "1");
    rig.ufs_write("/d/sub/x", "1");
    assert_eq!(rig.list("/d", never()).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(rig.list("/d", Default::default()).await.unwrap(), ["/d/a", "/d/sub"]);
    rig.ufs_write("/d/b", "2");
    assert_eq!(rig.list("/d", Default::default()).await.unwrap(), ["/d/a", "/d/sub"]);
    assert_eq!(rig.status("/d/b").await.unwrap_err().kind, ErrorKind::NotFound, "known not to be there");
    assert_eq!(rig.list("/d", always()).await.unwrap(), ["/d/a", "/d/b", "/d/sub"]);
    assert_eq!(rig.list("/d", recursive()).await.unwrap(), ["/d/a", "/d/b", "/d/sub", "/d/sub/x"]);
}

#[tokio::test]
async fn a_directory_can_be_marked_as_not_known_and_as_known() {
    let rig = Rig::new().await;
    let mark = async |rig: &Rig, at: &str, loaded| {
        let options =
            SetAttributePOptions { direct_children_loaded: Some(loaded), ..SetAttributePOptions::default() };
        rig.fs.set_attribute(&rig.root().await, &path(at), &options).await.unwrap();
    };
    rig.ufs_write("/d/a", "1");
    assert_eq!(rig.list("/d", Default::default()).await.unwrap(), ["/d/a"]);
    rig.ufs_write("/d/b", "2");
    assert_eq!(rig.list("/d", Default::default()).await.unwrap(), ["/d/a"]);
    mark(&rig, "/d", false).await;
    let hash = rig.hash();
    let rig = rig.crash().await;
    assert_eq!(rig.hash(), hash);
    assert_eq!(rig.list("/d", Default::default()).await.unwrap(), ["/d/a", "/d/b"]);
    rig.ufs_write("/d/c", "3");
    assert_eq!(rig.list("/d", Default::default()).await.unwrap(), ["/d/a", "/d/b"], "known again");

    // Nothing is there to be found for a directory that only Alluxio has, and a file has no children.
    rig.create("/here/f", WritePType::MustCache).await.unwrap();
    mark(&rig, "/here", false).await;
    mark(&rig, "/here/f", false).await;
    assert_eq!(rig.list("/here", Default::default()).await.unwrap(), ["/here/f"]);

    rig.ufs_write("/e/a", "1");
    rig.status("/e").await.unwrap();
    mark(&rig, "/e", true).await;
    assert!(rig.list("/e", Default::default()).await.unwrap().is_empty(), "it was said to be known");
}

#[tokio::test]
async fn an_absent_path_is_remembered_until_it_is_made() {
    let rig = Rig::new().await;
    assert_eq!(rig.status("/x/y").await.unwrap_err().kind, ErrorKind::NotFound);
    rig.ufs_write("/x/y", "1");
    assert_eq!(rig.status("/x/y").await.unwrap_err().kind, ErrorKind::NotFound, "asked a moment ago");
    let found = rig.status_with("/x/y", Some(LoadMetadataPType::Always), None).await.unwrap();
    assert_eq!(found.length(), 1);
    assert_eq!(rig.status("/z").await.unwrap_err().kind, ErrorKind::NotFound);
    rig.mkdir("/z", WritePType::MustCache).await.unwrap();
    rig.fs.delete_path(&rig.root().await, &path("/z"), &DeleteOptions::default()).await.unwrap();
    rig.ufs_mkdir("/z");
    assert!(rig.status("/z").await.is_ok(), "forgotten when it was made");
}

#[tokio::test]
async fn creating_beside_files_of_the_under_storage_sees_them() {
    let rig = Rig::new().await;
    rig.ufs_write("/a/b/old", "1");
    let error = rig.create("/a/b/old", WritePType::MustCache).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::AlreadyExists);
    rig.create("/a/b/new", WritePType::MustCache).await.unwrap();
    assert_eq!(rig.list("/a/b", Default::default()).await.unwrap(), ["/a/b/new", "/a/b/old"]);
    let error = rig.create("/a/b/old/x", WritePType::MustCache).await.unwrap_err();
    assert_eq!(
        error.message,
        "Traversal failed for path /a/b/old/x. Component 3(old) is a file, not a directory."
    );
}

#[tokio::test]
async fn names_that_cannot_be_shown_and_half_written_files_are_left_out() {
    use std::os::unix::ffi::OsStrExt;
    let rig = Rig::new().await;
    rig.ufs_write("/d/good", "1");
    let temporary = alluxio_ufs::temporary_name("x", 5);
    rig.ufs_write(&format!("/d/{temporary}"), "1");
    std::fs::write(rig.in_ufs("/d").join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
    assert_eq!(rig.list("/d", Default::default()).await.unwrap(), ["/d/good"]);
    assert!(rig.status(&format!("/d/{temporary}")).await.is_err());
}

/// Records that add so many children.
fn records_of(children: usize) -> u64 {
    children.div_ceil(MAX_CHANGES_PER_HOLD) as u64
}

#[tokio::test]
async fn a_large_directory_comes_in_records_of_bounded_size() {
    let rig = Rig::new().await;
    for n in 0..2_345 {
        rig.ufs_write(&format!("/d/{n:05}"), "");
    }
    let before = rig.fs.namespace.journal().durable();
    assert_eq!(rig.list("/d", Default::default()).await.unwrap().len(), 2_345);
    let records = rig.fs.namespace.journal().durable() - before;
    assert_eq!(
        records,
        records_of(2_345) + 2,
        "one of the directory, those of children, one that they are loaded"
    );
    let hash = rig.hash();
    assert_eq!(rig.crash().await.hash(), hash);
}

#[tokio::test]
async fn many_who_list_at_once_load_once() {
    let rig = Rig::new().await;
    for n in 0..700 {
        rig.ufs_write(&format!("/d/{n}"), "");
    }
    rig.status("/d").await.unwrap();
    let before = rig.fs.namespace.journal().durable();
    let listings = (0..20).map(|_| rig.list("/d", Default::default()));
    for listing in futures::future::join_all(listings).await {
        assert_eq!(listing.unwrap().len(), 700);
    }
    let records = rig.fs.namespace.journal().durable() - before;
    assert_eq!(records, records_of(700) + 1, "those of children, one that they are loaded");
}

#[tokio::test]
async fn what_is_being_removed_is_not_brought_back() {
    use crate::namespace::Claim;
    let rig = Rig::new().await;
    rig.ufs_write("/d/a", "1");
    rig.ufs_write("/d/b", "1");
    let reservation =
        rig.fs.namespace.reservations().reserve(vec![Claim::subtree(&path("/d/a"))]).await.unwrap();
    assert_eq!(rig.list("/d", Default::default()).await.unwrap(), ["/d/b"]);
    assert!(rig.status("/d/a").await.is_err());
    std::fs::remove_file(rig.in_ufs("/d/a")).unwrap();
    rig.fs.removals.note(&path("/d/a"));
    drop(reservation);
    rig.ufs_write("/d/c", "1");
    assert_eq!(
        rig.list("/d", Default::default()).await.unwrap(),
        ["/d/b", "/d/c"],
        "loaded to its end only now"
    );
}

/// Ten narrow branches, each six deep: branch after branch they would take fifteen seconds.
#[tokio::test]
async fn narrow_branches_are_listed_side_by_side() {
    let rig = Rig::new().await;
    for branch in 0..10 {
        rig.ufs_write(&format!("/d/b{branch}/1/2/3/4/5/f"), "1");
    }
    rig.status("/d").await.unwrap();
    rig.faulty().inject(Fault::delay(Operation::List, Duration::from_millis(100)));
    let begun = Instant::now();
    assert_eq!(rig.list("/d", recursive()).await.unwrap().len(), 10 * 7);
    // A listing has three delayed steps: seven levels take two seconds.
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

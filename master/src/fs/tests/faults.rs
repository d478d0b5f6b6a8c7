//! Under storages that fail, hang or lose their answers, and what was seen of them growing stale.

use std::time::Duration;

use alluxio_fs::{ErrorKind, FsError};
use alluxio_proto::grpc::file::{LoadMetadataPType, RenamePOptions, WritePType};
use alluxio_ufs::{Operation, UfsErrorKind, faults::Fault};

use crate::fs::{
    delete::DeleteOptions,
    fixture::{Rig, path, recursive, with_operation},
};

fn all() -> DeleteOptions {
    DeleteOptions { recursive: true, ..Default::default() }
}

fn in_tree(rig: &Rig, at: &str) -> bool {
    rig.fs.namespace.peek(|tree| tree.lookup(&path(at)).target().is_some())
}

async fn delete(rig: &Rig, at: &str) -> Result<(), FsError> {
    rig.fs.delete_path(&rig.root().await, &path(at), &all()).await
}

#[tokio::test]
async fn what_was_removed_during_a_look_is_not_brought_back() {
    let rig = Rig::new().await;
    rig.ufs_write("/d/x", "1");
    let ufs = rig.faulty();
    ufs.inject(Fault::delay(Operation::Status, Duration::from_millis(300)).on("d/x").times(1));
    let looking = rig.status("/d/x");
    let removing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        delete(&rig, "/d").await.unwrap();
    };
    let (found, ()) = tokio::join!(looking, removing);
    assert_eq!(found.unwrap_err().kind, ErrorKind::NotFound);
    assert!(!in_tree(&rig, "/d") && !rig.ufs_has("/d"));
}

#[tokio::test]
async fn a_failed_look_is_an_error_and_nothing_is_remembered() {
    let rig = Rig::new().await;
    rig.ufs_write("/d/x", "1");
    rig.status("/d").await.unwrap();
    let ufs = rig.faulty();
    for operation in [Operation::Status, Operation::List] {
        ufs.inject(Fault::fail(operation, UfsErrorKind::Io));
    }
    assert_eq!(rig.status("/d/x").await.unwrap_err().kind, ErrorKind::Unknown);
    assert_eq!(rig.list("/d", Default::default()).await.unwrap_err().kind, ErrorKind::Unknown);
    assert_eq!(rig.create("/d/new", WritePType::MustCache).await.unwrap_err().kind, ErrorKind::Unknown);
    assert!(rig.status("/d").await.is_ok(), "what is known needs no look");
    ufs.heal();
    assert!(rig.status("/d/x").await.is_ok());
    assert_eq!(rig.list("/d", Default::default()).await.unwrap(), ["/d/x"]);
}

#[tokio::test(start_paused = true)]
async fn an_under_storage_that_hangs_does_not_hold_the_caller_for_ever() {
    let rig = Rig::new().await;
    let ufs = rig.faulty();
    ufs.inject(Fault::delay(Operation::Status, Duration::from_secs(100_000)));
    assert_eq!(rig.status("/x").await.unwrap_err().kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_failed_delete_leaves_the_file() {
    let rig = Rig::new().await;
    rig.write_through("/f", "1").await.unwrap();
    let ufs = rig.faulty();
    ufs.inject(Fault::fail(Operation::Delete, UfsErrorKind::PermissionDenied).times(1));
    assert_eq!(delete(&rig, "/f").await.unwrap_err().kind, ErrorKind::PermissionDenied);
    assert!(in_tree(&rig, "/f") && rig.ufs_has("/f"));
    delete(&rig, "/f").await.unwrap();
}

#[tokio::test]
async fn what_a_failed_delete_took_goes_from_the_tree_too() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    rig.write_through("/d/f", "1").await.unwrap();
    rig.write("/d/only-here", worker, 1).await.unwrap();
    let ufs = rig.faulty();
    ufs.inject(Fault::fail(Operation::Delete, UfsErrorKind::Io).losing_the_answer().times(1));
    assert!(delete(&rig, "/d").await.is_err());
    assert!(!rig.ufs_has("/d") && !in_tree(&rig, "/d/f"), "it is gone");
    assert!(in_tree(&rig, "/d/only-here"), "this is not");
    assert!(!rig.status("/d").await.unwrap().persisted());
}

#[tokio::test]
async fn a_directory_that_is_just_written_to_is_tried_again() {
    let rig = Rig::new().await;
    rig.write_through("/d/f", "1").await.unwrap();
    let ufs = rig.faulty();
    ufs.inject(Fault::fail(Operation::Delete, UfsErrorKind::DirectoryNotEmpty).times(2));
    delete(&rig, "/d").await.unwrap();
    assert!(!rig.ufs_has("/d") && !in_tree(&rig, "/d"));
}

#[tokio::test]
async fn a_rename_whose_answer_was_lost_is_mended_by_repeating_it() {
    let rig = Rig::new().await;
    let info = rig.write_through("/a", "1").await.unwrap();
    let ufs = rig.faulty();
    ufs.inject(Fault::fail(Operation::Rename, UfsErrorKind::Unavailable).losing_the_answer().times(1));
    let options = RenamePOptions { common_options: with_operation(1), ..Default::default() };
    let rename = async || {
        let root = rig.root().await;
        rig.fs.rename(&root, &path("/a"), &path("/b"), &options).await
    };
    assert!(rename().await.is_err());
    assert!(rig.ufs_has("/b") && in_tree(&rig, "/a"));
    rename().await.unwrap();
    assert_eq!(rig.status("/b").await.unwrap().file_id(), info.file_id());
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_not_made_here_either() {
    let rig = Rig::new().await;
    rig.mkdir("/here", WritePType::MustCache).await.unwrap();
    let ufs = rig.faulty();
    ufs.inject(Fault::fail(Operation::Mkdirs, UfsErrorKind::NoSpace).on("here/x").times(2));
    assert!(rig.mkdir("/here/x", WritePType::CacheThrough).await.is_err());
    assert!(rig.create("/here/x/f", WritePType::CacheThrough).await.is_err());
    assert_eq!(rig.list("/here", recursive()).await.unwrap(), Vec::<String>::new());
    rig.create("/here/x/f", WritePType::CacheThrough).await.unwrap();
    assert!(rig.status("/here").await.unwrap().persisted());
}

#[tokio::test]
async fn a_failed_sync_changes_nothing() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    rig.write_through("/d/f", "1").await.unwrap();
    rig.write("/d/g", worker, 1).await.unwrap();
    let hash = rig.hash();
    let ufs = rig.faulty();
    for operation in [Operation::Status, Operation::List] {
        ufs.inject(Fault::fail(operation, UfsErrorKind::Unavailable));
    }
    assert!(rig.status_with("/d/f", None, Some(0)).await.is_err());
    let load = Some(LoadMetadataPType::Always as i32);
    let listing = alluxio_proto::grpc::file::ListStatusPOptions { load_metadata_type: load, ..recursive() };
    assert!(rig.list("/d", listing).await.is_err());
    assert_eq!(rig.hash(), hash);
}

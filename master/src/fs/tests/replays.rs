//! A client that repeats a call with the same operation id is told that it succeeded, and nothing is
//! done twice: also after a restart.

use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::file::{
    CompleteFilePOptions, CreateDirectoryPOptions, CreateFilePOptions, RenamePOptions, WritePType,
};

use crate::fs::{
    delete::DeleteOptions,
    fixture::{Rig, create_options, path, with_operation},
};

fn create(operation: i64) -> CreateFilePOptions {
    CreateFilePOptions {
        common_options: with_operation(operation),
        ..create_options(WritePType::CacheThrough)
    }
}

fn delete(operation: i64) -> DeleteOptions {
    DeleteOptions { operation: Some((1, operation)), recursive: true, ..Default::default() }
}

#[tokio::test]
async fn every_operation_can_be_repeated() {
    let mut rig = Rig::new().await;
    let mut id = None;
    for again in [false, true, true] {
        let root = rig.root().await;
        let info = rig.fs.create_file(&root, &path("/d/f"), &create(1)).await.unwrap();
        assert_eq!(*id.get_or_insert(info.file_id()), info.file_id());
        std::fs::write(rig.in_ufs("/d/f"), "x").unwrap();
        let complete = CompleteFilePOptions {
            ufs_length: Some(1),
            common_options: with_operation(2),
            ..Default::default()
        };
        rig.fs.complete_file(&root, &path("/d/f"), &complete).await.unwrap();
        let directory = CreateDirectoryPOptions {
            common_options: with_operation(3),
            write_type: Some(WritePType::CacheThrough as i32),
            ..Default::default()
        };
        rig.fs.create_directory(&root, &path("/e"), &directory).await.unwrap();
        if again {
            rig = rig.crash().await;
        }
    }
    let root = rig.root().await;
    let other = rig.fs.create_file(&root, &path("/d/f"), &create(9)).await.unwrap_err();
    assert_eq!(other.kind, ErrorKind::AlreadyExists);
    let rename = RenamePOptions { common_options: with_operation(4), ..Default::default() };
    for _ in 0..2 {
        rig.fs.rename(&root, &path("/d"), &path("/r"), &rename).await.unwrap();
    }
    for _ in 0..2 {
        rig.fs.delete_path(&root, &path("/r"), &delete(5)).await.unwrap();
    }
    assert!(!rig.ufs_has("/r") && !rig.ufs_has("/d"));
}

#[tokio::test]
async fn a_repeated_delete_spares_what_was_made_since() {
    let rig = Rig::new().await;
    let root = rig.root().await;
    rig.write_through("/f", "old").await.unwrap();
    rig.fs.delete_path(&root, &path("/f"), &delete(1)).await.unwrap();
    rig.write_through("/f", "new").await.unwrap();
    rig.fs.delete_path(&root, &path("/f"), &delete(1)).await.unwrap();
    assert!(rig.ufs_has("/f") && rig.status("/f").await.is_ok());
}

#[tokio::test]
async fn a_repeated_call_makes_nothing_anew() {
    let rig = Rig::new().await;
    let root = rig.root().await;
    rig.fs.create_file(&root, &path("/d/f"), &create(1)).await.unwrap();
    let directory = CreateDirectoryPOptions {
        common_options: with_operation(2),
        write_type: Some(WritePType::CacheThrough as i32),
        ..Default::default()
    };
    rig.fs.create_directory(&root, &path("/e"), &directory).await.unwrap();
    for (gone, operation) in [("/d", 11), ("/e", 12)] {
        rig.fs.delete_path(&root, &path(gone), &delete(operation)).await.unwrap();
    }
    let repeated = rig.fs.create_file(&root, &path("/d/f"), &create(1)).await.unwrap_err();
    assert_eq!(repeated.kind, ErrorKind::NotFound, "deleted since");
    rig.fs.create_directory(&root, &path("/e"), &directory).await.unwrap();
    assert!(!rig.ufs_has("/d") && !rig.ufs_has("/e"));
}

#[tokio::test]
async fn overwriting_is_not_done_twice() {
    let rig = Rig::new().await;
    let root = rig.root().await;
    let old = rig.write_through("/f", "old").await.unwrap();
    let options = CreateFilePOptions { overwrite: Some(true), ..create(1) };
    let new = rig.fs.create_file(&root, &path("/f"), &options).await.unwrap();
    assert_ne!(new.file_id(), old.file_id());
    assert!(!rig.ufs_has("/f"));
    let again = rig.fs.create_file(&root, &path("/f"), &options).await.unwrap();
    assert_eq!(again.file_id(), new.file_id());
}

#[tokio::test]
async fn two_of_the_same_call_are_carried_out_once() {
    let rig = Rig::new().await;
    let root = rig.root().await;
    let target = path("/d/f");
    let options = create(1);
    let calls = (0..8).map(|_| rig.fs.create_file(&root, &target, &options));
    let ids: Vec<i64> =
        futures::future::join_all(calls).await.into_iter().map(|info| info.unwrap().file_id()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
}

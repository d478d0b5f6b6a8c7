//! Operations that put something in a file's place, and meet another change of that path on their way.

use std::time::Duration;

use alluxio_fs::{ErrorKind, FsError};
use alluxio_proto::{
    grpc::file::{CreateFilePOptions, RenamePOptions, S3SyntaxOptions, WritePType},
    journal::{JournalEntry, RenameEntry},
};
use tokio::task::JoinHandle;

use crate::{
    fs::fixture::{Rig, create_options, path},
    namespace::Claim,
};

/// While `replace` waits for its turn at `/f`, the file there goes elsewhere and a directory takes its place.
async fn a_directory_comes_first(rig: &Rig, replace: impl AsyncFnOnce() -> JoinHandle<Result<(), FsError>>) {
    let file = rig.create("/f", WritePType::MustCache).await.unwrap();
    rig.mkdir("/d", WritePType::MustCache).await.unwrap();
    let directory = rig.status("/d").await.unwrap();
    let all = rig.fs.namespace.reservations();
    let held = all.reserve(vec![Claim::edge(&path("/f"))]).await.unwrap();
    let replacing = replace().await;
    let waits = async {
        while all.try_reserve(vec![Claim::edge(&path("/f/below"))]).is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waits).await.expect("it waits for /f");
    let (f, d) = (path("/f"), path("/d"));
    let paths = [&f, &d];
    let moves = rig.fs.namespace.mutate(&paths, Some(&held), |_, draft| {
        for (id, name) in [(file.file_id(), "elsewhere"), (directory.file_id(), "f")] {
            let rename = RenameEntry {
                id: Some(id),
                new_parent_id: Some(alluxio_fs::ids::ROOT_ID),
                new_name: Some(name.to_owned()),
                op_time_ms: Some(draft.now_ms),
                ..RenameEntry::default()
            };
            draft.push(JournalEntry { rename: Some(rename), ..JournalEntry::default() });
        }
        Ok(())
    });
    moves.await.unwrap();
    drop(held);
    let error = replacing.await.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::AlreadyExists, "{error}");
    assert_eq!(rig.status("/f").await.unwrap().file_id(), directory.file_id(), "nobody asked to remove it");
    assert_eq!(rig.status("/elsewhere").await.unwrap().file_id(), file.file_id());
}

#[tokio::test]
async fn an_overwrite_removes_only_the_file_that_it_saw() {
    let rig = Rig::new().await;
    a_directory_comes_first(&rig, async || {
        let (fs, root) = (rig.fs.clone(), rig.root().await);
        let options = CreateFilePOptions { overwrite: Some(true), ..create_options(WritePType::MustCache) };
        tokio::spawn(async move { fs.create_file(&root, &path("/f"), &options).await.map(drop) })
    })
    .await;
}

#[tokio::test]
async fn so_does_a_rename_that_overwrites() {
    let rig = Rig::new().await;
    rig.create("/from", WritePType::MustCache).await.unwrap();
    a_directory_comes_first(&rig, async || {
        let (fs, root) = (rig.fs.clone(), rig.root().await);
        let overwrites = S3SyntaxOptions { overwrite: Some(true), ..Default::default() };
        let options = RenamePOptions { s3_syntax_options: Some(overwrites), ..Default::default() };
        tokio::spawn(async move { fs.rename(&root, &path("/from"), &path("/f"), &options).await })
    })
    .await;
}

//! The words and kinds of errors that were measured on the original (protocol notes 1.6): scripts and
//! clients depend on them.

use alluxio_fs::{AlluxioPath, ErrorKind, FsError};
use alluxio_proto::grpc::file::{
    CompleteFilePOptions, CreateDirectoryPOptions, CreateFilePOptions, FreePOptions, RenamePOptions,
    WritePType,
};

use crate::fs::{
    delete::DeleteOptions,
    fixture::{BLOCK, Rig, create_options, path},
};

fn expect<T: std::fmt::Debug>(result: Result<T, FsError>, kind: ErrorKind, message: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (kind, message));
}

/// Directories /d1/d2 and the complete file /p/a.
async fn rig() -> Rig {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    rig.mkdir("/d1/d2", WritePType::MustCache).await.unwrap();
    rig.write("/p/a", worker, 10).await.unwrap();
    rig
}

async fn remove(rig: &Rig, at: &str) -> Result<(), FsError> {
    rig.fs.delete_path(&rig.root().await, &path(at), &DeleteOptions::default()).await
}

async fn rename(rig: &Rig, from: &str, to: &str) -> Result<(), FsError> {
    rig.fs.rename(&rig.root().await, &path(from), &path(to), &RenamePOptions::default()).await
}

#[tokio::test]
async fn absent_paths() {
    let rig = rig().await;
    let message = "Path \"/nope\" does not exist.";
    expect(rig.status("/nope").await, ErrorKind::NotFound, message);
    expect(rig.list("/nope", Default::default()).await, ErrorKind::NotFound, message);
    expect(rename(&rig, "/nope", "/x").await, ErrorKind::NotFound, message);
    expect(remove(&rig, "/nope").await, ErrorKind::NotFound, message);
    let exists = rig.fs.exists(&rig.root().await, &path("/nope"), &Default::default()).await;
    assert_eq!(exists, Ok(false), "asking is no error");
}

#[tokio::test]
async fn relative_paths() {
    expect(AlluxioPath::parse("nope"), ErrorKind::InvalidArgument, "Path \"nope\" is invalid.");
}

#[tokio::test]
async fn what_exists_already() {
    let rig = rig().await;
    let options = CreateDirectoryPOptions { allow_exists: Some(false), ..Default::default() };
    let root = rig.root().await;
    expect(
        rig.fs.create_directory(&root, &path("/d1/d2"), &options).await,
        ErrorKind::AlreadyExists,
        "Not allowed to create directory because path already exists: /d1/d2",
    );
    let options = CreateDirectoryPOptions { allow_exists: Some(true), ..Default::default() };
    rig.fs.create_directory(&root, &path("/d1/d2"), &options).await.unwrap();
    expect(
        rig.create("/p/a", WritePType::MustCache).await,
        ErrorKind::AlreadyExists,
        "/p/a already exists. If you want to overwrite the file, you need to specify the overwrite option.",
    );
    expect(
        rename(&rig, "/p/a", "/d1").await,
        ErrorKind::AlreadyExists,
        "Cannot rename because destination already exists. src: /p/a dst: /d1",
    );
}

#[tokio::test]
async fn block_size_of_nothing() {
    let rig = rig().await;
    for size in [None, Some(0)] {
        let options = CreateFilePOptions { block_size_bytes: size, ..create_options(WritePType::MustCache) };
        let result = rig.fs.create_file(&rig.root().await, &path("/x"), &options).await;
        expect(result, ErrorKind::InvalidArgument, "Invalid block size 0");
    }
}

#[tokio::test]
async fn a_file_on_the_way() {
    let rig = rig().await;
    let message = "Traversal failed for path /p/a/z. Component 2(a) is a file, not a directory.";
    for write_type in [WritePType::MustCache, WritePType::CacheThrough] {
        expect(rig.create("/p/a/z", write_type).await, ErrorKind::InvalidArgument, message);
        expect(rig.mkdir("/p/a/z", write_type).await, ErrorKind::InvalidArgument, message);
    }
    expect(rig.status("/p/a/z").await, ErrorKind::InvalidArgument, message);
    expect(remove(&rig, "/p/a/z").await, ErrorKind::InvalidArgument, message);
    expect(rename(&rig, "/d1", "/p/a/z").await, ErrorKind::InvalidArgument, message);
    expect(
        rig.create("/p/a/z/y", WritePType::CacheThrough).await,
        ErrorKind::InvalidArgument,
        "Traversal failed for path /p/a/z. Component 2(a) is a file, not a directory.",
    );
    let exists = rig.fs.exists(&rig.root().await, &path("/p/a/z"), &Default::default()).await;
    assert_eq!(exists, Ok(false));
}

#[tokio::test]
async fn directories_that_are_not_empty() {
    let rig = rig().await;
    expect(
        remove(&rig, "/d1").await,
        ErrorKind::FailedPrecondition,
        "Cannot delete non-empty directory d1 because recursive is set to false",
    );
    let free = rig.fs.free(&rig.root().await, &path("/d1"), &FreePOptions::default()).await.unwrap_err();
    assert_eq!(free.kind, ErrorKind::Unknown);
    assert!(free.message.starts_with("Cannot free directory /d1 which is not empty."), "{free}");
    let free = rig.fs.free(&rig.root().await, &path("/p/a"), &FreePOptions::default()).await;
    expect(free, ErrorKind::Unknown, "Cannot free file /p/a which is not persisted");
}

#[tokio::test]
async fn renames_below_itself() {
    let rig = rig().await;
    expect(
        rename(&rig, "/d1", "/d1/q").await,
        ErrorKind::InvalidArgument,
        "Cannot rename because /d1 is a prefix of /d1/q",
    );
    let root = rename(&rig, "/", "/q").await.unwrap_err();
    assert_eq!(root.kind, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn completing_what_is_not_whole() {
    let rig = rig().await;
    let worker = rig.worker("w").await;
    rig.create("/f", WritePType::MustCache).await.unwrap();
    rig.fs.new_block_id(&rig.root().await, &path("/f"), &Default::default()).await.unwrap();
    let complete = || rig.complete("/f", CompleteFilePOptions::default());
    expect(
        complete().await,
        ErrorKind::InvalidArgument,
        "Cannot complete a file without all the blocks committed",
    );
    rig.create("/g", WritePType::MustCache).await.unwrap();
    rig.write_block("/g", worker, BLOCK - 1).await.unwrap();
    rig.write_block("/g", worker, BLOCK).await.unwrap();
    let short = rig.complete("/g", CompleteFilePOptions::default()).await.unwrap_err();
    assert_eq!(short.kind, ErrorKind::InvalidArgument, "every block but the last must be full: {short}");
    let again = rig.complete("/p/a", CompleteFilePOptions::default()).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn unmounting_what_is_no_mount_point() {
    let rig = rig().await;
    for at in ["/d1", "/"] {
        expect(
            rig.fs.unmount(&rig.root().await, &path(at)).await,
            ErrorKind::InvalidArgument,
            &format!("Failed to unmount {at}. Please ensure the path is an existing mount point."),
        );
    }
}

#[tokio::test]
async fn missing_permission() {
    let rig = rig().await;
    let eve = rig.subject("eve").await;
    let options = create_options(WritePType::MustCache);
    expect(
        rig.fs.create_file(&eve, &path("/zz"), &options).await,
        ErrorKind::PermissionDenied,
        "Permission denied: user=eve, access=-w-, path=/zz: failed at /, inode owner=master-user, \
         inode group=master-user, inode mode=rwxr-xr-x",
    );
}

#[tokio::test]
async fn a_block_id_of_a_directory_stops_nobody() {
    let rig = rig().await;
    let id = rig.fs.new_block_id(&rig.root().await, &path("/d1"), &Default::default()).await;
    assert_eq!(id.unwrap_err().kind, ErrorKind::NotFound);
    assert!(rig.status("/d1").await.is_ok());
}

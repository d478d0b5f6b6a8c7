//! Looking at a path as the web pages do.

use alluxio_fs::{ErrorKind, FsError};
use alluxio_proto::grpc::file::{CompleteFilePOptions, CreateFilePOptions, SetAttributePOptions, WritePType};

use crate::fs::{
    Directory, Looked, Start,
    fixture::{BLOCK, Rig, create_options, large, path},
};

async fn look(rig: &Rig, at: &str, start: Start, limit: usize) -> Result<Looked, FsError> {
    let (root, at) = (rig.root().await, path(at));
    rig.fs.bring_in(&root, &at).await?;
    rig.fs.browse(&root, &at, &start, limit, 0..10).await
}

async fn directory(rig: &Rig, at: &str, start: Start, limit: usize) -> Directory {
    match look(rig, at, start, limit).await.unwrap() {
        Looked::Directory(directory) => *directory,
        Looked::File(file) => panic!("a file: {file:?}"),
    }
}

fn names(directory: &Directory) -> Vec<&str> {
    directory.entries.iter().map(|info| info.name()).collect()
}

async fn with_files(count: usize) -> Rig {
    let rig = Rig::new().await;
    for n in 0..count {
        rig.ufs_write(&format!("/d/f{n:04}"), "");
    }
    rig
}

#[tokio::test]
async fn a_part_is_found_by_position_and_by_name() {
    let rig = with_files(25).await;
    let first = directory(&rig, "/d", Start::Position(0), 10).await;
    assert_eq!((first.total, first.offset, first.entries.len()), (25, 0, 10));
    assert_eq!(first.info.path(), "/d");
    assert_eq!(names(&first)[9], "f0009");
    let last = directory(&rig, "/d", Start::Position(20), 10).await;
    assert_eq!(names(&last), ["f0020", "f0021", "f0022", "f0023", "f0024"]);
    assert_eq!(last.entries[0].path(), "/d/f0020");
    assert!(directory(&rig, "/d", Start::Position(99), 10).await.entries.is_empty());

    let offset = async |name: &str| directory(&rig, "/d", Start::Name(name.to_owned()), 10).await.offset;
    assert_eq!(offset("f0012").await, 10);
    assert_eq!(offset("f0012-and-more").await, 10, "where it would be");
    assert_eq!(offset("a").await, 0);
    assert_eq!(offset("z").await, 20, "the last part");
    assert_eq!(directory(&rig, "/", Start::Name("x".to_owned()), 10).await.offset, 0);
}

/// A look describes 1,000 entries, and takes the lock several times for it.
#[tokio::test]
async fn a_large_look_does_not_hold_the_lock_long() {
    let rig = Rig::new().await;
    let root = rig.root().await;
    // So much to describe that a thousand in one hold would be too many.
    let xattr = (0..4).map(|n| (format!("key{n}"), vec![b'x'; 10])).collect();
    let options = CreateFilePOptions { xattr, ..create_options(WritePType::MustCache) };
    for n in 0..1_005 {
        rig.fs.create_file(&root, &path(&format!("/d/f{n:04}")), &options).await.unwrap();
    }
    let all = directory(&rig, "/d", Start::Position(0), usize::MAX).await;
    assert_eq!((all.total, all.entries.len()), (1_005, 1_000));
    let expected: Vec<String> = (0..1_000).map(|n| format!("f{n:04}")).collect();
    assert_eq!(names(&all), expected, "each once");
    let rest = directory(&rig, "/d", Start::After("f0999".to_owned()), usize::MAX).await;
    assert_eq!((rest.offset, names(&rest)), (1_000, vec!["f1000", "f1001", "f1002", "f1003", "f1004"]));
    assert_eq!(directory(&rig, "/d", Start::After("f0999-gone".to_owned()), 1).await.offset, 1_000);
    let most = rig.fs.namespace.longest_hold_cpu_nanos();
    assert!(most < 5_000_000, "a hold of the lock took {most} ns of processor time");
}

/// Half a million blocks count, and only those are laid out that somebody looks at.
#[tokio::test]
async fn of_many_blocks_those_are_laid_out_that_are_shown() {
    const COUNT: usize = 1 << 19;
    let rig = Rig::new().await;
    large(&rig, "/f", WritePType::CacheThrough, COUNT, false).await;
    let root = rig.root().await;
    let shown = COUNT - 2..COUNT + 98;
    let looked = rig.fs.browse(&root, &path("/f"), &Start::Position(0), 1, shown).await.unwrap();
    let Looked::File(file) = looked else { panic!("no file") };
    assert_eq!((file.blocks, file.info.file_block_infos.len()), (COUNT, 2));
    assert_eq!(file.info.file_block_infos[0].offset(), COUNT as i64 - 2);
    let listed = directory(&rig, "/", Start::Position(0), 10).await;
    let info = &listed.entries[0];
    assert_eq!((info.length(), info.file_block_infos.len(), info.block_ids.len()), (COUNT as i64, 1, 0));
}

#[tokio::test]
async fn a_file_shows_where_its_blocks_are() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    rig.create("/f", WritePType::MustCache).await.unwrap();
    rig.write_block("/f", worker, BLOCK).await.unwrap();
    rig.complete("/f", CompleteFilePOptions::default()).await.unwrap();
    let Looked::File(file) = look(&rig, "/f", Start::Position(0), 10).await.unwrap() else {
        panic!("no file")
    };
    let block = file.info.file_block_infos[0].block_info.as_ref().unwrap();
    assert_eq!(block.locations[0].worker_id(), worker);
    let listed = directory(&rig, "/", Start::Position(0), 10).await;
    assert_eq!(listed.entries[0].in_alluxio_percentage(), 100);
}

#[tokio::test]
async fn who_may_not_list_does_not_browse() {
    let rig = with_files(1).await;
    directory(&rig, "/d", Start::Position(0), 10).await;
    let mode = alluxio_fs::Mode::new(0o700).to_wire();
    let options = SetAttributePOptions { mode: Some(mode), ..Default::default() };
    rig.fs.set_attribute(&rig.root().await, &path("/d"), &options).await.unwrap();
    let stranger = rig.subject("stranger").await;
    let error = rig.fs.browse(&stranger, &path("/d"), &Start::Position(0), 10, 0..0).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    let error = look(&rig, "/none", Start::Position(0), 10).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

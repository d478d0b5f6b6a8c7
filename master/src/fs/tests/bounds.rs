//! What clients and workers send that no client or worker of ours would: an error each, never a panic, and
//! nothing that grows with it.

use alluxio_fs::{AclEntry, ErrorKind, FsError};
use alluxio_proto::{
    grpc::file::{
        CompleteFilePOptions, CreateDirectoryPOptions, CreateFilePOptions, ListStatusPartialPOptions,
        SetAclAction, SetAclPOptions, SetAclPRequest, SetAttributePOptions, WritePType,
        list_status_partial_p_options::OffsetType,
    },
    journal::XAttrUpdateStrategy,
};

use crate::fs::fixture::{Rig, create_options, path};

async fn set(rig: &Rig, at: &str, options: SetAttributePOptions) -> Result<(), FsError> {
    rig.fs.set_attribute(&rig.root().await, &path(at), &options).await
}

fn refused<T: std::fmt::Debug>(result: Result<T, FsError>) {
    assert_eq!(result.as_ref().err().map(|error| error.kind), Some(ErrorKind::InvalidArgument), "{result:?}");
}

/// An open file of such blocks, each committed with the length given for it.
async fn open_file(rig: &Rig, at: &str, block_size: i64, lengths: &[i64]) {
    let worker = rig.worker("w").await;
    let options =
        CreateFilePOptions { block_size_bytes: Some(block_size), ..create_options(WritePType::MustCache) };
    rig.fs.create_file(&rig.root().await, &path(at), &options).await.unwrap();
    for length in lengths {
        rig.write_block(at, worker, *length).await.unwrap();
    }
}

#[tokio::test]
async fn lengths_that_overflow() {
    let rig = Rig::new().await;
    open_file(&rig, "/f", i64::MAX, &[i64::MAX, i64::MAX, i64::MAX]).await;
    assert_eq!(rig.status("/f").await.unwrap().file_block_infos.len(), 3);
    refused(rig.complete("/f", CompleteFilePOptions::default()).await);
    open_file(&rig, "/g", i64::MAX, &[i64::MAX]).await;
    rig.complete("/g", CompleteFilePOptions::default()).await.unwrap();
    let info = rig.status("/g").await.unwrap();
    assert_eq!((info.length(), info.in_alluxio_percentage()), (i64::MAX, 100));
    rig.create("/h", WritePType::CacheThrough).await.unwrap();
    std::fs::write(rig.in_ufs("/h"), "").unwrap();
    for length in [-1, i64::MIN, i64::MAX] {
        refused(
            rig.complete("/h", CompleteFilePOptions { ufs_length: Some(length), ..Default::default() }).await,
        );
    }
}

#[tokio::test]
async fn more_blocks_than_a_file_can_have() {
    let rig = Rig::new().await;
    let options =
        CreateFilePOptions { block_size_bytes: Some(1), ..create_options(WritePType::CacheThrough) };
    rig.fs.create_file(&rig.root().await, &path("/f"), &options).await.unwrap();
    std::fs::write(rig.in_ufs("/f"), "").unwrap();
    let of = |length| CompleteFilePOptions { ufs_length: Some(length), ..Default::default() };
    refused(rig.complete("/f", of((1 << 19) + 1)).await);
    rig.complete("/f", of(1 << 19)).await.unwrap();
}

/// However many blocks a file has, nothing under the lock goes through them. (Going through them took 10 ms and
/// more also in a release build.)
#[tokio::test]
async fn a_file_of_the_most_blocks_takes_the_lock_no_longer_than_another() {
    const COUNT: usize = 1 << 19;
    let rig = Rig::new().await;
    let options =
        CreateFilePOptions { block_size_bytes: Some(1), ..create_options(WritePType::CacheThrough) };
    rig.fs.create_file(&rig.root().await, &path("/f"), &options).await.unwrap();
    std::fs::write(rig.in_ufs("/f"), "").unwrap();
    let through = CompleteFilePOptions { ufs_length: Some(COUNT as i64), ..Default::default() };
    rig.complete("/f", through).await.unwrap();
    let infos = rig.list_infos("/", Default::default()).await.unwrap();
    let info = infos.into_iter().find(|info| info.name() == "f").unwrap();
    assert_eq!((info.block_ids.len(), info.file_block_infos.len()), (COUNT, COUNT));
    assert_eq!(info.block_ids[COUNT - 1] - info.block_ids[0], COUNT as i64 - 1);
    let last = info.file_block_infos.last().unwrap();
    assert_eq!(last.offset(), COUNT as i64 - 1);
    assert_eq!(last.block_info.as_ref().unwrap().length(), 1);
    assert_eq!(rig.status("/f").await.unwrap(), info);
    let rig = rig.crash().await;
    let options = crate::fs::delete::DeleteOptions { alluxio_only: true, ..Default::default() };
    rig.fs.delete_path(&rig.root().await, &path("/f"), &options).await.unwrap();
    let most = rig.fs.namespace.longest_hold_cpu_nanos();
    assert!(most < 5_000_000, "a hold of the lock took {most} ns of processor time");
}

#[tokio::test]
async fn attributes_that_are_too_large() {
    let rig = Rig::new().await;
    let large = [("key".to_owned(), vec![0; 64 << 10])];
    let half = |key: &str| [(key.to_owned(), vec![0; 40 << 10])];
    let file = CreateFilePOptions { xattr: large.clone().into(), ..create_options(WritePType::MustCache) };
    refused(rig.fs.create_file(&rig.root().await, &path("/f"), &file).await);
    let directory = CreateDirectoryPOptions { xattr: large.clone().into(), ..Default::default() };
    refused(rig.fs.create_directory(&rig.root().await, &path("/d"), &directory).await);
    rig.create("/g", WritePType::MustCache).await.unwrap();
    refused(set(&rig, "/g", SetAttributePOptions { xattr: large.into(), ..Default::default() }).await);
    let union = |key: &str| SetAttributePOptions {
        xattr: half(key).into(),
        xattr_update_strategy: Some(XAttrUpdateStrategy::UnionReplace as i32),
        ..Default::default()
    };
    set(&rig, "/g", union("a")).await.unwrap();
    set(&rig, "/g", union("a")).await.unwrap();
    refused(set(&rig, "/g", union("b")).await);
    let truncate = SetAttributePOptions {
        xattr_update_strategy: Some(XAttrUpdateStrategy::Truncate as i32),
        ..union("b")
    };
    set(&rig, "/g", truncate).await.unwrap();
    let name = Some("x".repeat(256));
    refused(set(&rig, "/g", SetAttributePOptions { owner: name.clone(), ..Default::default() }).await);
    refused(set(&rig, "/g", SetAttributePOptions { group: name.clone(), ..Default::default() }).await);
    let media = vec!["MEM".to_owned(); 17];
    refused(
        set(
            &rig,
            "/g",
            SetAttributePOptions { pinned: Some(true), pinned_media: media, ..Default::default() },
        )
        .await,
    );
    let user = "u".repeat(256);
    let caller = alluxio_rpc::Caller { user: user.clone(), connection_user: user };
    refused(rig.fs.subject(&caller).await);
}

#[tokio::test]
async fn lists_that_are_too_long() {
    let rig = Rig::new().await;
    rig.mkdir("/d", WritePType::MustCache).await.unwrap();
    let setfacl = async |from: usize, to: usize| {
        let entry = |n| AclEntry::parse(&format!("default:user:u{n}:rwx"), true).unwrap().to_wire();
        let request = SetAclPRequest {
            path: Some("/d".to_owned()),
            action: Some(SetAclAction::Modify as i32),
            entries: (from..to).map(entry).collect(),
            options: Some(SetAclPOptions::default()),
        };
        rig.fs.set_acl(&rig.root().await, &path("/d"), &request).await
    };
    refused(setfacl(0, 1_000).await);
    setfacl(0, 200).await.unwrap();
    refused(setfacl(200, 300).await);
    setfacl(100, 256).await.unwrap();
}

#[tokio::test]
async fn a_part_of_a_listing_is_bounded_and_may_begin_anywhere() {
    let rig = Rig::new().await;
    for name in ["/d/a", "/d/a!", "/d/b/c"] {
        rig.create(name, WritePType::MustCache).await.unwrap();
    }
    let list = async |recursive, offset, batch| {
        let options = ListStatusPartialPOptions {
            options: Some(alluxio_proto::grpc::file::ListStatusPOptions {
                recursive: Some(recursive),
                ..Default::default()
            }),
            batch_size: batch,
            offset_type: offset,
            ..Default::default()
        };
        let part = rig.fs.list_status_partial(&rig.root().await, &path("/d"), &options).await?;
        Ok::<Vec<String>, FsError>(part.file_infos.into_iter().map(|info| info.path.unwrap()).collect())
    };
    for batch in [None, Some(0), Some(-1), Some(i32::MIN), Some(i32::MAX)] {
        let all = list(true, Some(OffsetType::OffsetId(0)), batch).await.unwrap();
        assert_eq!(all, ["/d/a", "/d/a!", "/d/b", "/d/b/c"], "{batch:?}");
    }
    for (after, expected) in [
        ("/d/a", &["/d/a!", "/d/b", "/d/b/c"][..]),
        ("a/x", &["/d/a!", "/d/b", "/d/b/c"]),
        ("/d/b", &["/d/b/c"]),
        ("/d", &["/d/a", "/d/a!", "/d/b", "/d/b/c"]),
        ("zzz/../x", &[]),
    ] {
        let got = list(true, Some(OffsetType::StartAfter(after.to_owned())), None).await.unwrap();
        assert_eq!(got, expected, "after {after}");
    }
    let flat = list(false, Some(OffsetType::StartAfter("a/x".to_owned())), None).await.unwrap();
    assert_eq!(flat, ["/d/a!", "/d/b"]);
    assert!(list(true, Some(OffsetType::OffsetCount(i32::MAX)), None).await.unwrap().is_empty());
    assert_eq!(list(true, Some(OffsetType::OffsetCount(i32::MIN)), None).await.unwrap().len(), 4);
    refused(list(true, Some(OffsetType::StartAfter("/e".to_owned())), None).await);
    for id in [i64::MIN, -1, i64::MAX, 77] {
        let error = list(false, Some(OffsetType::OffsetId(id)), None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn ids_that_nothing_has() {
    let rig = Rig::new().await;
    for id in [i64::MIN, i64::MIN + 1, -1, 16_777_215, i64::MAX] {
        assert_eq!(rig.fs.path_of_id(&rig.root().await, id).await.unwrap_err().kind, ErrorKind::NotFound);
        assert_eq!(rig.fs.info_of_id(id).await.unwrap_err().kind, ErrorKind::NotFound);
    }
}

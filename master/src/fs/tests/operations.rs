//! What each operation does.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt, time::Duration};

use alluxio_fs::{ErrorKind, FsError, Mode};
use alluxio_proto::grpc::file::{
    CompleteFilePOptions, CreateFilePOptions, FileSystemMasterCommonPOptions, FreePOptions,
    GetStatusPOptions, ListStatusPOptions, ListStatusPartialPOptions, RenamePOptions, S3SyntaxOptions,
    SetAttributePOptions, WritePType, list_status_partial_p_options::OffsetType,
};
use tokio_util::sync::CancellationToken;

use crate::fs::{
    delete::DeleteOptions,
    fixture::{BLOCK, Rig, create_options, first_block, path, recursive},
};

async fn remove(rig: &Rig, at: &str, options: DeleteOptions) -> Result<(), FsError> {
    rig.fs.delete_path(&rig.root().await, &path(at), &options).await
}

fn all() -> DeleteOptions {
    DeleteOptions { recursive: true, ..Default::default() }
}

async fn rename(rig: &Rig, from: &str, to: &str) -> Result<(), FsError> {
    rig.fs.rename(&rig.root().await, &path(from), &path(to), &RenamePOptions::default()).await
}

async fn set(rig: &Rig, at: &str, options: SetAttributePOptions) -> Result<(), FsError> {
    rig.fs.set_attribute(&rig.root().await, &path(at), &options).await
}

#[tokio::test]
async fn a_file_of_several_blocks() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    let info = rig.create("/a/b/f", WritePType::MustCache).await.unwrap();
    assert!(!info.completed() && info.length() == 0 && info.ufs_path().ends_with("/root/a/b/f"));
    assert_eq!((info.mode(), rig.status("/a/b").await.unwrap().mode()), (0o644, 0o755));
    let blocks = [
        rig.write_block("/a/b/f", worker, BLOCK).await.unwrap(),
        rig.write_block("/a/b/f", worker, 5).await.unwrap(),
    ];
    assert_eq!(blocks[0], first_block(&info));
    rig.complete("/a/b/f", CompleteFilePOptions::default()).await.unwrap();
    let info = rig.status("/a/b/f").await.unwrap();
    assert_eq!((info.length(), &info.block_ids[..]), (BLOCK + 5, &blocks[..]));
    assert_eq!((info.in_alluxio_percentage(), info.in_memory_percentage()), (100, 100));
    let offsets: Vec<i64> = info.file_block_infos.iter().map(|block| block.offset()).collect();
    assert_eq!(offsets, [0, BLOCK]);
    assert_eq!(info.persistence_state(), "NOT_PERSISTED");
    assert_eq!(rig.status("/a").await.unwrap().length(), 1, "a directory's length is its children");
    let hash = rig.hash();
    assert_eq!(rig.crash().await.hash(), hash);
}

#[tokio::test]
async fn parents_are_made_only_when_asked() {
    let rig = Rig::new().await;
    for write_type in [WritePType::MustCache, WritePType::CacheThrough] {
        let options = CreateFilePOptions { recursive: Some(false), ..create_options(write_type) };
        let result = rig.fs.create_file(&rig.root().await, &path("/x/f"), &options).await;
        assert_eq!(result.unwrap_err().kind, ErrorKind::NotFound);
    }
    assert!(!rig.ufs_has("/x"));
}

#[tokio::test]
async fn through_reaches_the_under_storage_with_owner_and_mode() {
    let rig = Rig::new().await;
    rig.mkdir("/here", WritePType::MustCache).await.unwrap();
    set(&rig, "/here", SetAttributePOptions { mode: Some(Mode::new(0o711).to_wire()), ..Default::default() })
        .await
        .unwrap();
    rig.mkdir("/here/there", WritePType::CacheThrough).await.unwrap();
    let mode = |at: &str| std::fs::metadata(rig.in_ufs(at)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("/here"), mode("/here/there")), (0o711, 0o755));
    assert!(rig.status("/here").await.unwrap().persisted());
    let info = rig.write_through("/here/f", "content").await.unwrap();
    assert_eq!((info.length(), info.persistence_state()), (7, "PERSISTED"));
    assert!(info.ufs_fingerprint().contains("len:7"));
    let lost = rig.create("/lost", WritePType::CacheThrough).await.unwrap();
    assert!(!lost.completed());
    let complete = CompleteFilePOptions { ufs_length: Some(3), ..Default::default() };
    assert_eq!(
        rig.complete("/lost", complete).await.unwrap_err().kind,
        ErrorKind::NotFound,
        "nobody wrote it"
    );
}

#[tokio::test]
async fn overwriting_replaces_a_file_everywhere() {
    let rig = Rig::new().await;
    let old = rig.write_through("/f", "old").await.unwrap();
    let options = CreateFilePOptions { overwrite: Some(true), ..create_options(WritePType::MustCache) };
    let new = rig.fs.create_file(&rig.root().await, &path("/f"), &options).await.unwrap();
    assert!(new.file_id() != old.file_id() && !rig.ufs_has("/f"));
    rig.mkdir("/d", WritePType::MustCache).await.unwrap();
    let refused = rig.fs.create_file(&rig.root().await, &path("/d"), &options).await;
    assert_eq!(refused.unwrap_err().kind, ErrorKind::AlreadyExists, "never a directory");
}

#[tokio::test]
async fn renaming_moves_in_both_places() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    let info = rig.write_through("/a/d/f", "1").await.unwrap();
    rig.write("/a/d/only-here", worker, 3).await.unwrap();
    rig.mkdir("/b", WritePType::MustCache).await.unwrap();
    rename(&rig, "/a/d", "/b/e").await.unwrap();
    assert_eq!(rig.status("/b/e/f").await.unwrap().file_id(), info.file_id());
    assert!(rig.ufs_has("/b/e/f") && !rig.ufs_has("/a/d") && rig.status("/a/d").await.is_err());
    assert!(rig.status("/b").await.unwrap().persisted(), "it holds something persisted now");
    assert!(rig.status("/b/e/only-here").await.is_ok());
    rename(&rig, "/b/e", "/b/e").await.unwrap();
    assert_eq!(rename(&rig, "/b/e", "/no/x").await.unwrap_err().kind, ErrorKind::NotFound);
    rig.write_through("/target", "2").await.unwrap();
    let overwrite = RenamePOptions {
        s3_syntax_options: Some(S3SyntaxOptions { overwrite: Some(true), ..Default::default() }),
        ..Default::default()
    };
    rig.fs.rename(&rig.root().await, &path("/b/e/f"), &path("/target"), &overwrite).await.unwrap();
    assert_eq!(std::fs::read(rig.in_ufs("/target")).unwrap(), b"1");
    let hash = rig.hash();
    assert_eq!(rig.crash().await.hash(), hash);
}

#[tokio::test]
async fn deleting_takes_the_under_storage_along_unless_told_not_to() {
    let rig = Rig::new().await;
    rig.write_through("/d/a", "1").await.unwrap();
    rig.write_through("/d/s/b", "1").await.unwrap();
    remove(&rig, "/d/a", DeleteOptions { alluxio_only: true, ..Default::default() }).await.unwrap();
    assert!(rig.ufs_has("/d/a"));
    let listed = rig.list("/d", ListStatusPOptions::default()).await.unwrap();
    assert_eq!(listed, ["/d/a", "/d/s"], "still in the under storage, so it comes back");
    remove(&rig, "/d", all()).await.unwrap();
    assert!(!rig.ufs_has("/d") && rig.status("/d").await.is_err());
    assert_eq!(
        remove(&rig, "/", DeleteOptions::default()).await.unwrap_err().kind,
        ErrorKind::InvalidArgument
    );
}

#[tokio::test]
async fn what_alluxio_does_not_know_is_not_deleted_unseen() {
    let rig = Rig::new().await;
    rig.write_through("/d/known", "1").await.unwrap();
    rig.ufs_write("/d/unknown", "1");
    let error = remove(&rig, "/d", all()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::FailedPrecondition);
    assert!(error.message.contains("/d/unknown"), "{error}");
    remove(&rig, "/d", DeleteOptions { unchecked: true, ..all() }).await.unwrap();
    assert!(!rig.ufs_has("/d"));
    rig.ufs_write("/e/s/never-looked-at", "1");
    remove(&rig, "/e", all()).await.unwrap();
    assert!(!rig.ufs_has("/e"), "what was loaded for the delete is known");
}

#[tokio::test]
async fn a_deleted_tree_is_forgotten_in_the_background_and_its_blocks_freed() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    let mut blocks = Vec::new();
    for n in 0..300 {
        blocks.push(first_block(&rig.write(&format!("/d/s{}/f{n}", n % 7), worker, 1).await.unwrap()));
    }
    let before = rig.fs.namespace.peek(|tree| tree.inode_count());
    remove(&rig, "/d", all()).await.unwrap();
    assert_eq!(rig.fs.namespace.peek(|tree| tree.inode_count()), before, "one record, whatever the size");
    let stop = CancellationToken::new();
    let tasks = [
        tokio::spawn(rig.fs.clone().run_reaper(stop.clone())),
        tokio::spawn(rig.fs.clone().run_effects(stop.clone())),
    ];
    let held = || blocks.iter().any(|block| !rig.fs.blocks.locations(*block).is_empty());
    for _ in 0..500 {
        if !rig.fs.namespace.peek(|tree| tree.has_detached()) && !held() {
            break;
        }
        rig.drop_blocks(worker).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(rig.fs.namespace.peek(|tree| tree.inode_count()), 1);
    assert!(!held());
    stop.cancel();
    for task in tasks {
        task.await.unwrap();
    }
    let hash = rig.hash();
    assert_eq!(rig.crash().await.hash(), hash);
}

#[tokio::test]
async fn listings_go_depth_first_and_can_be_continued() {
    let rig = Rig::new().await;
    for name in ["/d/a-b", "/d/a/x", "/d/a/y", "/d/b", "/d/c/s/t", "/d/c/u"] {
        rig.create(name, WritePType::MustCache).await.unwrap();
    }
    let expected = ["/d/a", "/d/a/x", "/d/a/y", "/d/a-b", "/d/b", "/d/c", "/d/c/s", "/d/c/s/t", "/d/c/u"];
    assert_eq!(rig.list("/d", recursive()).await.unwrap(), expected);
    assert_eq!(rig.list("/d/b", Default::default()).await.unwrap(), ["/d/b"], "a file lists itself");
    let only = ListStatusPOptions { load_metadata_only: Some(true), ..Default::default() };
    assert!(rig.list("/d", only).await.unwrap().is_empty());
    for (list, expected) in
        [(recursive(), &expected[..]), (Default::default(), &["/d/a", "/d/a-b", "/d/b", "/d/c"])]
    {
        for by_id in [false, true] {
            let mut got = Vec::new();
            let mut offset = None;
            loop {
                let options = ListStatusPartialPOptions {
                    options: Some(list),
                    batch_size: Some(2),
                    offset_type: offset,
                    ..Default::default()
                };
                let part =
                    rig.fs.list_status_partial(&rig.root().await, &path("/d"), &options).await.unwrap();
                let last = part.file_infos.last().cloned();
                got.extend(part.file_infos.iter().map(|info| info.path().to_owned()));
                let Some(last) = last.filter(|_| part.is_truncated()) else { break };
                offset = Some(match by_id {
                    true => OffsetType::OffsetId(last.file_id()),
                    false => OffsetType::StartAfter(last.path().trim_start_matches("/d/").to_owned()),
                });
            }
            assert_eq!(got, expected, "by id: {by_id}");
        }
    }
}

#[tokio::test]
async fn attributes_change_here_and_there() {
    let rig = Rig::new().await;
    rig.write_through("/d/f", "1").await.unwrap();
    let mode = |at: &str| std::fs::metadata(rig.in_ufs(at)).unwrap().permissions().mode() & 0o777;
    let chmod = SetAttributePOptions {
        mode: Some(Mode::new(0o750).to_wire()),
        recursive: Some(true),
        ..Default::default()
    };
    set(&rig, "/d", chmod).await.unwrap();
    assert_eq!((mode("/d"), mode("/d/f"), rig.status("/d/f").await.unwrap().mode()), (0o750, 0o750, 0o750));
    let many = SetAttributePOptions {
        pinned: Some(true),
        pinned_media: vec!["MEM".to_owned()],
        replication_min: Some(2),
        replication_max: Some(3),
        xattr: BTreeMap::from([("key".to_owned(), b"value".to_vec())]),
        common_options: Some(FileSystemMasterCommonPOptions { ttl: Some(5_000), ..Default::default() }),
        ..Default::default()
    };
    set(&rig, "/d/f", many).await.unwrap();
    let info = rig.status("/d/f").await.unwrap();
    assert!(info.pinned() && info.medium_type == ["MEM"]);
    assert_eq!((info.replication_min(), info.replication_max(), info.ttl()), (2, 3, 5_000));
    assert_eq!(info.xattr["key"], b"value");
    assert_eq!(rig.fs.unevictable_files().await.unwrap(), [info.file_id()]);
    set(&rig, "/d/f", SetAttributePOptions { pinned: Some(false), ..Default::default() }).await.unwrap();
    let info = rig.status("/d/f").await.unwrap();
    assert!(
        !info.pinned() && info.medium_type.is_empty() && info.ttl() == 5_000,
        "only what is given changes"
    );
    for bad in [
        SetAttributePOptions { replication_min: Some(3), replication_max: Some(2), ..Default::default() },
        SetAttributePOptions { replication_min: Some(-1), ..Default::default() },
    ] {
        assert_eq!(set(&rig, "/d/f", bad).await.unwrap_err().kind, ErrorKind::InvalidArgument);
    }
    let hash = rig.hash();
    assert_eq!(rig.crash().await.hash(), hash);
}

#[tokio::test]
async fn freeing_drops_the_cached_copies() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    let info = rig.write_through("/d/f", "1").await.unwrap();
    rig.fs.blocks.commit_block(worker, first_block(&info), 1, "MEM", "MEM", None).await.unwrap();
    set(&rig, "/d/f", SetAttributePOptions { pinned: Some(true), ..Default::default() }).await.unwrap();
    let free = |forced| FreePOptions { recursive: Some(true), forced: Some(forced), ..Default::default() };
    let pinned = rig.fs.free(&rig.root().await, &path("/d"), &free(false)).await.unwrap_err();
    assert!(pinned.message.contains("pinned"), "{pinned}");
    rig.fs.free(&rig.root().await, &path("/d"), &free(true)).await.unwrap();
    let info = rig.status("/d/f").await.unwrap();
    assert!(!info.pinned() && info.in_alluxio_percentage() == 100, "the worker does not know it yet");
    rig.drop_blocks(worker).await;
    assert_eq!(rig.status("/d/f").await.unwrap().in_alluxio_percentage(), 0);
    assert!(rig.ufs_has("/d/f"));
}

#[tokio::test]
async fn reading_moves_the_access_time_when_it_is_old() {
    let rig = Rig::with(&[("alluxio.master.file.access.time.update.precision", "0")]).await;
    let worker = rig.worker("w").await;
    let before = rig.write("/f", worker, 1).await.unwrap().last_access_time_ms();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let options = GetStatusPOptions { update_timestamps: Some(true), ..Default::default() };
    rig.fs.get_status(&rig.root().await, &path("/f"), &options).await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    rig.fs.clone().run_access_times(stop).await;
    assert!(rig.status("/f").await.unwrap().last_access_time_ms() > before);
}

/// What was deleted is forgotten later; until then a record about it would only be in the way.
#[tokio::test]
async fn what_was_deleted_has_no_access_time_any_more() {
    let rig = Rig::with(&[("alluxio.master.file.access.time.update.precision", "0")]).await;
    let worker = rig.worker("w").await;
    let id = rig.write("/d/f", worker, 1).await.unwrap().file_id();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let options = GetStatusPOptions { update_timestamps: Some(true), ..Default::default() };
    rig.fs.get_status(&rig.root().await, &path("/d/f"), &options).await.unwrap();
    remove(&rig, "/d", all()).await.unwrap();
    assert!(rig.fs.namespace.peek(|tree| tree.by_id(id).is_some()), "it waits for the reaper");
    let hash = rig.hash();
    let stop = CancellationToken::new();
    stop.cancel();
    rig.fs.clone().run_access_times(stop).await;
    assert_eq!(rig.hash(), hash);
}

#[tokio::test]
async fn ids_lead_back_to_paths() {
    let rig = Rig::new().await;
    let info = rig.create("/a/f", WritePType::MustCache).await.unwrap();
    let root = rig.root().await;
    assert_eq!(rig.fs.path_of_id(&root, info.file_id()).await.unwrap(), path("/a/f"));
    assert_eq!(rig.fs.info_of_id(info.file_id()).await.unwrap().path(), "/a/f");
    remove(&rig, "/a", all()).await.unwrap();
    assert_eq!(rig.fs.path_of_id(&root, info.file_id()).await.unwrap_err().kind, ErrorKind::NotFound);
}

use std::time::{Duration, Instant};

use alluxio_proto::grpc::file::{
    FileSystemMasterCommonPOptions, ListStatusPOptions, SetAttributePOptions, WritePType,
};
use alluxio_ufs::{Operation, UfsErrorKind, faults::Fault};

use crate::fs::fixture::{Rig, modified, path, recursive};

fn always() -> Option<FileSystemMasterCommonPOptions> {
    Some(FileSystemMasterCommonPOptions { sync_interval_ms: Some(0), ..Default::default() })
}

fn listing() -> ListStatusPOptions {
    ListStatusPOptions { common_options: always(), ..Default::default() }
}

#[tokio::test]
async fn other_content_is_another_file() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    rig.ufs_write("/f", "one");
    let before = rig.status("/f").await.unwrap();
    rig.fs.blocks.commit_block(worker, before.block_ids[0], 3, "MEM", "MEM", None).await.unwrap();
    rig.ufs_write("/f", "three");
    assert_eq!(rig.status("/f").await.unwrap().file_id(), before.file_id(), "no sync is asked for");
    let after = rig.status_with("/f", None, Some(0)).await.unwrap();
    assert_ne!(after.file_id(), before.file_id());
    assert_eq!((after.length(), after.in_alluxio_percentage()), (5, 0));
    let again = rig.status_with("/f", None, Some(0)).await.unwrap();
    assert_eq!(again.file_id(), after.file_id());
    let hash = rig.hash();
    assert_eq!(rig.crash().await.hash(), hash);
}

#[tokio::test]
async fn metadata_is_taken_over_and_the_file_stays() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new().await;
    rig.ufs_write("/d/f", "one");
    let before = rig.status("/d/f").await.unwrap();
    let directory = rig.status("/d").await.unwrap();
    for at in ["/d", "/d/f"] {
        let mode = if at == "/d" { 0o700 } else { 0o600 };
        std::fs::set_permissions(rig.in_ufs(at), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let after = rig.status_with("/d/f", None, Some(0)).await.unwrap();
    assert_eq!((after.file_id(), after.mode()), (before.file_id(), 0o600));
    let after = rig.status_with("/d", None, Some(0)).await.unwrap();
    assert_eq!((after.file_id(), after.mode()), (directory.file_id(), 0o700));
}

#[tokio::test]
async fn what_is_gone_goes_and_what_is_only_here_stays() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    rig.ufs_write("/d/a/x", "1");
    rig.ufs_write("/d/b/y", "1");
    rig.ufs_write("/d/z", "1");
    assert_eq!(rig.list("/d", recursive()).await.unwrap().len(), 5);
    rig.write("/d/b/only-here", worker, 3).await.unwrap();
    rig.create("/d/open", WritePType::CacheThrough).await.unwrap();
    std::fs::remove_dir_all(rig.in_ufs("/d")).unwrap();
    let left = rig.list("/d", ListStatusPOptions { common_options: always(), ..recursive() }).await.unwrap();
    assert_eq!(left, ["/d/b", "/d/b/only-here", "/d/open"]);
    assert!(
        !rig.status("/d/b").await.unwrap().persisted(),
        "it will be made when something below it is persisted"
    );
    std::fs::create_dir_all(rig.in_ufs("/d")).unwrap();
    rig.ufs_write("/d/new", "1");
    let back = rig.list("/d", listing()).await.unwrap();
    assert_eq!(back, ["/d/b", "/d/new", "/d/open"]);
    let hash = rig.hash();
    assert_eq!(rig.crash().await.hash(), hash);
}

#[tokio::test]
async fn a_file_becomes_a_directory_and_back() {
    let rig = Rig::new().await;
    rig.ufs_write("/p", "1");
    rig.status("/p").await.unwrap();
    std::fs::remove_file(rig.in_ufs("/p")).unwrap();
    rig.ufs_write("/p/below", "1");
    assert!(rig.status_with("/p", None, Some(0)).await.unwrap().folder());
    assert_eq!(rig.list("/p", listing()).await.unwrap(), ["/p/below"]);
    std::fs::remove_dir_all(rig.in_ufs("/p")).unwrap();
    rig.ufs_write("/p", "12");
    let info = rig.status_with("/p", None, Some(0)).await.unwrap();
    assert_eq!((info.folder(), info.length()), (false, 2));
}

#[tokio::test]
async fn a_listing_compares_its_children() {
    let rig = Rig::new().await;
    for name in ["same", "changed", "gone", "a-b", "a"] {
        rig.ufs_write(&format!("/d/{name}"), "1");
    }
    rig.ufs_write("/d/dir/x", "1");
    let before = rig.list_infos("/d", Default::default()).await.unwrap();
    let id = |infos: &[alluxio_proto::grpc::file::FileInfo], name: &str| {
        infos.iter().find(|info| info.name() == name).map(|info| info.file_id())
    };
    rig.ufs_write("/d/changed", "22");
    std::fs::remove_file(rig.in_ufs("/d/gone")).unwrap();
    rig.ufs_write("/d/added", "1");
    let after = rig.list_infos("/d", listing()).await.unwrap();
    let names: Vec<&str> = after.iter().map(|info| info.name()).collect();
    assert_eq!(names, ["a", "a-b", "added", "changed", "dir", "same"]);
    for name in ["same", "dir", "a", "a-b"] {
        assert_eq!(id(&after, name), id(&before, name), "{name}");
    }
    assert_ne!(id(&after, "changed"), id(&before, "changed"));
}

#[tokio::test]
async fn what_alluxio_changes_itself_is_no_change() {
    let rig = Rig::new().await;
    let file = rig.write_through("/d/f", "content").await.unwrap();
    let options = alluxio_proto::grpc::file::SetAttributePOptions {
        mode: Some(alluxio_fs::Mode::new(0o640).to_wire()),
        ..Default::default()
    };
    rig.fs.set_attribute(&rig.root().await, &path("/d/f"), &options).await.unwrap();
    let after = rig.status_with("/d/f", None, Some(0)).await.unwrap();
    assert_eq!((after.file_id(), after.mode()), (file.file_id(), 0o640));
    assert_eq!(after.owner(), file.owner(), "that the owner is another there was known before");
    rig.fs.rename(&rig.root().await, &path("/d/f"), &path("/d/g"), &Default::default()).await.unwrap();
    let after = rig.status_with("/d/g", None, Some(0)).await.unwrap();
    assert_eq!(after.file_id(), file.file_id());
    let options =
        alluxio_proto::grpc::file::SetAttributePOptions { pinned: Some(true), ..Default::default() };
    rig.fs.set_attribute(&rig.root().await, &path("/d/g"), &options).await.unwrap();
    assert!(rig.status_with("/d/g", None, Some(0)).await.unwrap().pinned());
}

/// Also back to what they were before Alluxio changed them.
#[tokio::test]
async fn others_change_what_alluxio_changed() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new().await;
    rig.write_through("/f", "content").await.unwrap();
    let set =
        |mode| std::fs::set_permissions(rig.in_ufs("/f"), std::fs::Permissions::from_mode(mode)).unwrap();
    set(0o600);
    assert_eq!(rig.status_with("/f", None, Some(0)).await.unwrap().mode(), 0o600);
    let options = SetAttributePOptions {
        mode: Some(alluxio_fs::Mode::new(0o640).to_wire()),
        ..SetAttributePOptions::default()
    };
    rig.fs.set_attribute(&rig.root().await, &path("/f"), &options).await.unwrap();
    set(0o600);
    assert_eq!(rig.status_with("/f", None, Some(0)).await.unwrap().mode(), 0o600);
}

#[tokio::test]
async fn what_is_in_use_is_left_for_the_next_sync() {
    use crate::namespace::Claim;
    let rig = Rig::new().await;
    rig.ufs_write("/f", "one");
    let before = rig.status("/f").await.unwrap();
    let reservation = rig.fs.namespace.reservations().reserve(vec![Claim::edge(&path("/f"))]).await.unwrap();
    rig.ufs_write("/f", "three");
    modified(&rig.in_ufs("/f"), 5_000);
    let during = rig.status_with("/f", None, Some(0)).await.unwrap();
    assert_eq!(during.file_id(), before.file_id());
    drop(reservation);
    assert_eq!(rig.status_with("/f", None, Some(0)).await.unwrap().last_modification_time_ms(), 5_000_000);
}

#[tokio::test]
async fn an_interval_spares_the_under_storage() {
    let rig = Rig::new().await;
    rig.ufs_write("/f", "one");
    let status = async || rig.status_with("/f", None, Some(60_000)).await.unwrap().length();
    assert_eq!(status().await, 3);
    rig.ufs_write("/f", "three");
    assert_eq!(status().await, 3, "compared a moment ago");
    rig.fs.needs_sync(&rig.root().await, &path("/")).await.unwrap();
    assert_eq!(status().await, 5);
}

#[tokio::test]
async fn what_is_replaced_in_a_pinned_directory_is_pinned() {
    let rig = Rig::new().await;
    for name in ["file", "becomes-a-file/x"] {
        rig.ufs_write(&format!("/d/{name}"), "1");
    }
    rig.list("/d", recursive()).await.unwrap();
    let pin = SetAttributePOptions { pinned: Some(true), ..Default::default() };
    rig.fs.set_attribute(&rig.root().await, &path("/d"), &pin).await.unwrap();
    rig.ufs_write("/d/file", "22");
    std::fs::remove_dir_all(rig.in_ufs("/d/becomes-a-file")).unwrap();
    rig.ufs_write("/d/becomes-a-file", "333");
    let infos = rig.list_infos("/d", listing()).await.unwrap();
    let seen: Vec<_> = infos.iter().map(|info| (info.name(), info.length(), info.pinned())).collect();
    assert_eq!(seen, [("becomes-a-file", 3, true), ("file", 2, true)]);
}

#[tokio::test]
async fn a_listing_that_breaks_off_takes_nothing_away() {
    let rig = Rig::new().await;
    // Three pages.
    for number in 0..2_500 {
        rig.ufs_write(&format!("/d/f{number:04}"), "1");
    }
    assert_eq!(rig.list("/d", Default::default()).await.unwrap().len(), 2_500);
    for gone in ["f0001", "f2400"] {
        std::fs::remove_file(rig.in_ufs("/d").join(gone)).unwrap();
    }
    let hash = rig.hash();
    let ufs = rig.faulty();
    for pages in [1, 2] {
        // The opening goes well, too.
        ufs.inject(Fault::fail(Operation::List, UfsErrorKind::Unavailable).after(1 + pages).times(1));
        rig.list("/d", listing()).await.unwrap_err();
        assert_eq!(rig.hash(), hash, "broken off after {pages} pages");
    }
    assert_eq!(rig.list("/d", listing()).await.unwrap().len(), 2_498);
}

/// Sixteen at a time: one after the other they would take ten seconds.
#[tokio::test]
async fn what_changed_in_a_directory_is_looked_at_side_by_side() {
    let rig = Rig::new().await;
    for number in 0..100 {
        rig.ufs_write(&format!("/d/f{number}"), "1");
    }
    rig.list("/d", Default::default()).await.unwrap();
    std::fs::remove_dir_all(rig.in_ufs("/d")).unwrap();
    rig.ufs_mkdir("/d");
    rig.faulty().inject(Fault::delay(Operation::Status, Duration::from_millis(100)));
    let begun = Instant::now();
    assert!(rig.list("/d", listing()).await.unwrap().is_empty());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// As the original does: also where the interval says never.
#[tokio::test]
async fn what_needs_a_sync_is_looked_at_once_without_an_interval() {
    let rig = Rig::new().await;
    rig.ufs_write("/d/f", "one");
    let status = async || rig.status("/d/f").await.unwrap().length();
    assert_eq!(status().await, 3);
    rig.ufs_write("/d/f", "three");
    assert_eq!(status().await, 3);
    rig.fs.needs_sync(&rig.root().await, &path("/")).await.unwrap();
    assert_eq!(status().await, 5);
    rig.ufs_write("/d/f", "two");
    assert_eq!(status().await, 5, "once is enough");
    rig.fs.needs_sync(&rig.root().await, &path("/d")).await.unwrap();
    rig.ufs_write("/d/new", "");
    assert_eq!(rig.list("/d", Default::default()).await.unwrap(), ["/d/f", "/d/new"]);
    assert_eq!(status().await, 3);
}

//! Mounting and unmounting.

use std::collections::BTreeMap;

use alluxio_fs::{ErrorKind, FsError};
use alluxio_proto::grpc::file::{MountPOptions, UfsPMode, WritePType};

use crate::fs::fixture::{Rig, path, recursive};

/// A rig with a folder to mount, which holds one file.
async fn rig() -> (Rig, String) {
    let rig = Rig::new().await;
    let other = rig.outside("other");
    std::fs::create_dir_all(other.join("sub")).unwrap();
    std::fs::write(other.join("sub/f"), "abc").unwrap();
    (rig, other.display().to_string())
}

async fn mount(rig: &Rig, at: &str, ufs: &str, options: MountPOptions) -> Result<(), FsError> {
    rig.fs.mount(&rig.root().await, &path(at), ufs, &options).await
}

async fn unmount(rig: &Rig, at: &str) -> Result<(), FsError> {
    rig.fs.unmount(&rig.root().await, &path(at)).await
}

fn kind(result: Result<(), FsError>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind)
}

#[tokio::test]
async fn what_is_mounted_shows_below_the_mount_point() {
    let (rig, other) = rig().await;
    rig.mkdir("/mnt", WritePType::MustCache).await.unwrap();
    mount(&rig, "/mnt/o", &other, Default::default()).await.unwrap();
    assert_eq!(rig.list("/mnt", recursive()).await.unwrap(), ["/mnt/o", "/mnt/o/sub", "/mnt/o/sub/f"]);
    let info = rig.status("/mnt/o/sub/f").await.unwrap();
    assert_eq!(info.ufs_path(), format!("{other}/sub/f"));
    assert!(rig.status("/mnt/o").await.unwrap().mount_point());
    assert!(!rig.status("/mnt").await.unwrap().persisted(), "above the mount point nothing was written");
    rig.create("/mnt/o/x/z", WritePType::CacheThrough).await.unwrap();
    assert!(rig.outside("other/x").is_dir() && !rig.ufs_has("/mnt"));
    let table = rig.fs.mount_table(true).await.unwrap();
    let mounted = &table["/mnt/o"];
    assert_eq!(
        (mounted.ufs_uri(), mounted.ufs_type(), mounted.mount_id()),
        (other.as_str(), "local", info.mount_id())
    );
    assert!(mounted.ufs_capacity_bytes() > 0 && table["/"].mount_id() == 1);
    let below = format!("{other}/sub/f");
    assert_eq!(rig.fs.reverse_resolve(&below).await.unwrap(), path("/mnt/o/sub/f"));
    assert!(rig.fs.reverse_resolve("/nowhere").await.is_err());
    let uri = rig.fs.ufs_info(info.mount_id()).await.unwrap();
    assert_eq!(uri.uri(), other);
    assert_eq!(rig.fs.ufs_info(4711).await.unwrap_err().kind, ErrorKind::NotFound);
    let hash = rig.hash();
    let rig = rig.crash().await;
    assert_eq!(rig.hash(), hash);
    assert!(rig.status("/mnt/o/sub/f").await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_mounted() {
    let (rig, other) = rig().await;
    rig.mkdir("/there", WritePType::MustCache).await.unwrap();
    rig.ufs_mkdir("/hidden");
    mount(&rig, "/o", &other, Default::default()).await.unwrap();
    let inside = format!("{other}/sub");
    let root = rig.in_ufs("/").display().to_string();
    let file = format!("{other}/sub/f");
    let free = rig.outside("free");
    std::fs::create_dir(&free).unwrap();
    let free = free.display().to_string();
    let free = free.as_str();
    for (at, ufs, expected) in [
        ("/", free, ErrorKind::InvalidArgument),
        ("/o", free, ErrorKind::AlreadyExists),
        ("/there", free, ErrorKind::AlreadyExists),
        ("/hidden", free, ErrorKind::InvalidArgument),
        ("/no/parent", free, ErrorKind::NotFound),
        ("/n", "/no/such/folder", ErrorKind::InvalidArgument),
        ("/n", "gopher://x/y", ErrorKind::Unknown),
        ("/n", inside.as_str(), ErrorKind::InvalidArgument),
        ("/n", file.as_str(), ErrorKind::InvalidArgument),
        ("/n", root.as_str(), ErrorKind::InvalidArgument),
    ] {
        let result = mount(&rig, at, ufs, Default::default()).await;
        assert_eq!(
            result.as_ref().err().map(|error| error.kind),
            Some(expected),
            "{ufs} on {at}: {result:?}"
        );
    }
    let eve = rig.subject("eve").await;
    let denied = rig.fs.mount(&eve, &path("/e"), free, &Default::default()).await;
    assert_eq!(kind(denied), Some(ErrorKind::PermissionDenied));
}

#[tokio::test]
async fn unmounting_leaves_the_under_storage_alone() {
    let (rig, other) = rig().await;
    mount(&rig, "/o", &other, Default::default()).await.unwrap();
    assert_eq!(rig.list("/o", recursive()).await.unwrap().len(), 2);
    unmount(&rig, "/o").await.unwrap();
    assert!(rig.status("/o").await.is_err() && rig.outside("other/sub/f").exists());
    assert_eq!(kind(unmount(&rig, "/o").await), Some(ErrorKind::InvalidArgument));
    mount(&rig, "/o", &other, Default::default()).await.unwrap();
    assert!(rig.status("/o/sub/f").await.is_ok());
}

#[tokio::test]
async fn mount_points_are_not_deleted_or_renamed() {
    let (rig, other) = rig().await;
    rig.mkdir("/mnt", WritePType::MustCache).await.unwrap();
    mount(&rig, "/mnt/o", &other, Default::default()).await.unwrap();
    let root = rig.root().await;
    let all = crate::fs::delete::DeleteOptions { recursive: true, ..Default::default() };
    for at in ["/mnt", "/mnt/o"] {
        assert_eq!(kind(rig.fs.delete_path(&root, &path(at), &all).await), Some(ErrorKind::PermissionDenied));
        let renamed = rig.fs.rename(&root, &path(at), &path("/x"), &Default::default()).await;
        assert_eq!(kind(renamed), Some(ErrorKind::InvalidArgument));
    }
    rig.create("/f", WritePType::MustCache).await.unwrap();
    let across = rig.fs.rename(&root, &path("/f"), &path("/mnt/o/f"), &Default::default()).await;
    assert_eq!(kind(across), Some(ErrorKind::InvalidArgument), "no rename across mounts");
}

#[tokio::test]
async fn a_read_only_mount_is_not_written_to() {
    let (rig, other) = rig().await;
    mount(&rig, "/o", &other, MountPOptions { read_only: Some(true), ..Default::default() }).await.unwrap();
    for write_type in [WritePType::CacheThrough, WritePType::MustCache, WritePType::AsyncThrough] {
        let error = rig.create("/o/x", write_type).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::PermissionDenied, "{error}");
        let error = rig.mkdir("/o/x", write_type).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::PermissionDenied, "{error}");
    }
    let root = rig.root().await;
    rig.status("/o/sub/f").await.unwrap();
    let removed = rig.fs.delete_path(&root, &path("/o/sub/f"), &Default::default()).await;
    assert_eq!(kind(removed), Some(ErrorKind::PermissionDenied));
    assert!(rig.outside("other/sub/f").exists());
}

#[tokio::test]
async fn options_change_under_a_new_id() {
    let (rig, other) = rig().await;
    let properties = BTreeMap::from([("s3a.secretKey".to_owned(), "secret".to_owned())]);
    mount(&rig, "/o", &other, MountPOptions { properties, ..Default::default() }).await.unwrap();
    let before = rig.fs.mount_table(false).await.unwrap()["/o"].clone();
    // What was shown comes back, with something added.
    let mut properties = before.properties.clone();
    properties.insert("alluxio.underfs.local.skip.broken.symlinks".to_owned(), "true".to_owned());
    let change = MountPOptions { read_only: Some(true), properties, ..Default::default() };
    rig.fs.update_mount(&rig.root().await, &path("/o"), &change).await.unwrap();
    let after = rig.fs.mount_table(false).await.unwrap()["/o"].clone();
    assert!(after.read_only() && after.mount_id() != before.mount_id());
    let kept = rig.fs.ufs_info(after.mount_id()).await.unwrap().properties.unwrap();
    assert_eq!(kept.properties["s3a.secretKey"], "secret");
    assert_eq!(kept.properties.len(), 2);
    // What is not given is taken away.
    rig.fs.update_mount(&rig.root().await, &path("/o"), &MountPOptions::default()).await.unwrap();
    let plain = rig.fs.mount_table(false).await.unwrap()["/o"].clone();
    assert!(!plain.read_only() && plain.properties.is_empty());
    let bad = MountPOptions {
        properties: BTreeMap::from([(
            "alluxio.underfs.local.skip.broken.symlinks".to_owned(),
            "maybe".to_owned(),
        )]),
        ..Default::default()
    };
    let refused = rig.fs.update_mount(&rig.root().await, &path("/o"), &bad).await;
    assert_eq!(kind(refused), Some(ErrorKind::InvalidArgument));
    for at in ["/", "/none"] {
        let refused = rig.fs.update_mount(&rig.root().await, &path(at), &change).await;
        assert_eq!(kind(refused), Some(ErrorKind::InvalidArgument));
    }
}

#[tokio::test]
async fn remounting_begins_anew() {
    let (rig, other) = rig().await;
    let second = rig.outside("second");
    std::fs::create_dir_all(second.join("new")).unwrap();
    mount(&rig, "/o", &other, Default::default()).await.unwrap();
    assert_eq!(rig.list("/o", Default::default()).await.unwrap(), ["/o/sub"]);
    let again = MountPOptions { remount: Some(true), ..Default::default() };
    mount(&rig, "/o", &second.display().to_string(), again).await.unwrap();
    assert_eq!(rig.list("/o", Default::default()).await.unwrap(), ["/o/new"]);
    let hash = rig.hash();
    assert_eq!(rig.crash().await.hash(), hash);
}

#[tokio::test]
async fn a_closed_under_storage_is_not_touched() {
    let (rig, other) = rig().await;
    mount(&rig, "/o", &other, Default::default()).await.unwrap();
    rig.mkdir("/o/known", WritePType::MustCache).await.unwrap();
    let set = async |mode| {
        let root = rig.root().await;
        rig.fs.update_ufs_mode(&root, &other, mode).await.unwrap();
    };
    set(UfsPMode::ReadOnly).await;
    assert!(rig.status("/o/sub").await.is_ok());
    let write = rig.create("/o/x", WritePType::CacheThrough).await.unwrap_err();
    assert_eq!(write.kind, ErrorKind::PermissionDenied);
    set(UfsPMode::NoAccess).await;
    assert_eq!(rig.status("/o/sub/f").await.unwrap_err().kind, ErrorKind::PermissionDenied);
    assert!(rig.status("/o/sub").await.is_ok(), "what is known needs no look");
    assert!(rig.create("/in-root", WritePType::CacheThrough).await.is_ok(), "another under storage");
    rig.create("/o/known/new", WritePType::MustCache).await.unwrap();
    assert_eq!(
        rig.status("/o/known/none").await.unwrap_err().kind,
        ErrorKind::NotFound,
        "known without a look"
    );
    set(UfsPMode::ReadWrite).await;
    assert!(rig.status("/o/sub/f").await.is_ok());
    let eve = rig.subject("eve").await;
    assert!(rig.fs.update_ufs_mode(&eve, &other, UfsPMode::NoAccess).await.is_err());
    let unknown = rig.fs.update_ufs_mode(&rig.root().await, "/not/mounted", UfsPMode::NoAccess).await;
    assert_eq!(kind(unknown), Some(ErrorKind::InvalidArgument));
}

/// Whoever mounts anew waits for who unmounts; what that one left must not be taken for the old mount.
#[tokio::test]
async fn mounting_anew_what_was_unmounted_meanwhile() {
    let (rig, other) = rig().await;
    mount(&rig, "/o", &other, Default::default()).await.unwrap();
    let held =
        rig.fs.namespace.reservations().reserve(vec![crate::namespace::Claim::edge(&path("/o"))]).await;
    let held = held.unwrap();
    let (fs, root, ufs) = (rig.fs.clone(), rig.root().await, other.clone());
    let anew = tokio::spawn(async move {
        let options = MountPOptions { remount: Some(true), ..Default::default() };
        fs.mount(&root, &path("/o"), &ufs, &options).await
    });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    rig.fs
        .namespace
        .mutate(&[], Some(&held), |tree, draft| {
            use alluxio_proto::journal::{DeleteMountPointEntry, JournalEntry, UpdateInodeDirectoryEntry};
            let inode = tree.lookup(&path("/o")).target().and_then(|slot| tree.get(slot)).unwrap();
            draft.push(JournalEntry {
                update_inode_directory: Some(UpdateInodeDirectoryEntry {
                    id: Some(inode.id),
                    mount_point: Some(false),
                    ..Default::default()
                }),
                ..Default::default()
            });
            let gone = DeleteMountPointEntry { alluxio_path: Some("/o".to_owned()) };
            draft.push(JournalEntry { delete_mount_point: Some(gone), ..Default::default() });
            Ok(())
        })
        .await
        .unwrap();
    drop(held);
    assert_eq!(kind(anew.await.unwrap()), Some(ErrorKind::Unavailable));
    assert!(!rig.fs.namespace.is_broken());
}

#[tokio::test]
async fn options_have_a_bound() {
    let (rig, other) = rig().await;
    let large =
        || MountPOptions { properties: [("a".to_owned(), "x".repeat(20_000))].into(), ..Default::default() };
    assert_eq!(kind(mount(&rig, "/o", &other, large()).await), Some(ErrorKind::InvalidArgument));
    mount(&rig, "/o", &other, Default::default()).await.unwrap();
    let changed = rig.fs.update_mount(&rig.root().await, &path("/o"), &large()).await;
    assert_eq!(kind(changed), Some(ErrorKind::InvalidArgument));
}

/// What the owner may, others may too: in what is loaded, and in what a sync takes over.
#[tokio::test]
async fn on_a_shared_mount_others_have_the_owners_bits() {
    use std::os::unix::fs::PermissionsExt;
    let (rig, other) = rig().await;
    let set = |name: &str, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(rig.outside(name), mode).unwrap();
    };
    set("other", 0o750);
    set("other/sub", 0o700);
    set("other/sub/f", 0o640);
    mount(&rig, "/o", &other, MountPOptions { shared: Some(true), ..Default::default() }).await.unwrap();
    let mode = async |at: &str, sync| rig.status_with(at, None, sync).await.unwrap().mode();
    assert_eq!(mode("/o", None).await, 0o757);
    assert_eq!(mode("/o/sub", None).await, 0o707);
    assert_eq!(mode("/o/sub/f", None).await, 0o646);
    set("other/sub/f", 0o400);
    assert_eq!(mode("/o/sub/f", Some(0)).await, 0o404);
    unmount(&rig, "/o").await.unwrap();
    mount(&rig, "/o", &other, Default::default()).await.unwrap();
    assert_eq!(mode("/o/sub/f", None).await, 0o400, "a mount that is not shared shows what is there");
}

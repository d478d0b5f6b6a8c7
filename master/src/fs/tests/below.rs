//! What reaches into a directory: who may, and how far it goes.

use alluxio_fs::{ErrorKind, FsError, Mode};
use alluxio_proto::grpc::file::{
    CompleteFilePOptions, CreateFilePOptions, SetAclAction, SetAclPRequest, SetAttributePOptions, WritePType,
};

use crate::fs::{
    Subject,
    delete::DeleteOptions,
    fixture::{Rig, create_options, path},
};

async fn set(rig: &Rig, by: &Subject, at: &str, options: SetAttributePOptions) -> Result<(), FsError> {
    rig.fs.set_attribute(by, &path(at), &options).await
}

fn mode(mode: u16) -> SetAttributePOptions {
    SetAttributePOptions { mode: Some(Mode::new(mode).to_wire()), ..Default::default() }
}

fn kind<T>(result: Result<T, FsError>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind)
}

/// A directory that belongs to this user.
async fn mkdir_for(rig: &Rig, at: &str, user: &str, bits: u16) {
    rig.mkdir(at, WritePType::CacheThrough).await.unwrap();
    let root = rig.root().await;
    let owner = SetAttributePOptions { group: None, ..mode(bits) };
    set(rig, &root, at, owner).await.unwrap();
    if user != crate::fs::fixture::ROOT {
        rig.fs
            .namespace
            .mutate(&[], None, |tree, draft| {
                let slot = tree.lookup(&path(at)).target().unwrap();
                draft.push(alluxio_proto::journal::JournalEntry {
                    update_inode: Some(alluxio_proto::journal::UpdateInodeEntry {
                        id: tree.get(slot).map(|inode| inode.id),
                        owner: Some(user.to_owned()),
                        ..Default::default()
                    }),
                    ..Default::default()
                });
                Ok(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_recursive_delete_needs_the_right_to_empty_every_directory() {
    let rig = Rig::new().await;
    mkdir_for(&rig, "/top", "nobody", 0o777).await;
    mkdir_for(&rig, "/top/bob", "bob", 0o755).await;
    mkdir_for(&rig, "/top/bob/alices", "alice", 0o755).await;
    let bob = rig.subject("bob").await;
    let all = DeleteOptions { recursive: true, ..Default::default() };
    let remove = async |at: &str| rig.fs.delete_path(&bob, &path(at), &all).await;
    rig.write_through("/top/bob/alices/f", "1").await.unwrap();
    assert_eq!(kind(remove("/top/bob").await), Some(ErrorKind::PermissionDenied));
    assert!(rig.ufs_has("/top/bob/alices/f") && rig.status("/top/bob/alices/f").await.is_ok());
    rig.fs.delete_path(&rig.root().await, &path("/top/bob/alices/f"), &Default::default()).await.unwrap();
    // It is bob's to remove while it is empty.
    mkdir_for(&rig, "/top/bob/own", "bob", 0o755).await;
    rig.write_through("/top/bob/own/f", "1").await.unwrap();
    remove("/top/bob/own").await.unwrap();
    remove("/top/bob/alices").await.unwrap();
    remove("/top/bob").await.unwrap();
    assert!(!rig.ufs_has("/top/bob"));
}

/// A half-written file comes first; what is behind it must be seen all the same.
#[tokio::test]
async fn a_temporary_file_hides_nothing_unknown() {
    let rig = Rig::new().await;
    rig.write_through("/d/m", "1").await.unwrap();
    rig.list("/d", Default::default()).await.unwrap();
    rig.ufs_write(&format!("/d/{}", alluxio_ufs::temporary_name("a", 7)), "1");
    rig.ufs_write("/d/z", "1");
    let all = DeleteOptions { recursive: true, ..Default::default() };
    let error = rig.fs.delete_path(&rig.root().await, &path("/d"), &all).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::FailedPrecondition);
    assert!(error.message.contains("/d/z") && rig.ufs_has("/d/z"), "{error}");
}

/// A name that is no text cannot be known, and goes with nothing unseen.
#[tokio::test]
async fn what_cannot_be_shown_is_not_deleted_unseen() {
    use std::os::unix::ffi::OsStrExt;
    let rig = Rig::new().await;
    rig.write_through("/d/f", "1").await.unwrap();
    let odd = rig.in_ufs("/d").join(std::ffi::OsStr::from_bytes(b"x\xffy"));
    std::fs::write(&odd, "1").unwrap();
    let all = DeleteOptions { recursive: true, ..Default::default() };
    let error = rig.fs.delete_path(&rig.root().await, &path("/d"), &all).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::FailedPrecondition, "{error}");
    assert!(odd.exists() && rig.ufs_has("/d/f"));
    let unchecked = DeleteOptions { unchecked: true, ..all };
    rig.fs.delete_path(&rig.root().await, &path("/d"), &unchecked).await.unwrap();
    assert!(!odd.exists());
}

#[tokio::test]
async fn a_pin_reaches_what_is_in_a_directory_and_what_comes_into_it() {
    let rig = Rig::new().await;
    let root = rig.root().await;
    rig.create("/d/s/before", WritePType::MustCache).await.unwrap();
    rig.mkdir("/d/u", WritePType::CacheThrough).await.unwrap();
    let pin = |pinned| SetAttributePOptions {
        pinned: Some(pinned),
        pinned_media: vec!["SSD".to_owned()],
        ..Default::default()
    };
    set(&rig, &root, "/d", pin(true)).await.unwrap();
    rig.create("/d/t/after", WritePType::MustCache).await.unwrap();
    rig.ufs_write("/d/u/loaded", "1");
    for at in ["/d", "/d/s", "/d/s/before", "/d/t", "/d/t/after"] {
        let info = rig.status(at).await.unwrap();
        assert!(info.pinned() && info.medium_type == ["SSD"], "{at}: {info:?}");
    }
    let always = Some(alluxio_proto::grpc::file::LoadMetadataPType::Always);
    assert!(rig.status_with("/d/u/loaded", always, None).await.unwrap().pinned());
    // A minimum of copies leaves the media as they are.
    let copies = SetAttributePOptions { replication_min: Some(2), ..Default::default() };
    set(&rig, &root, "/d", copies).await.unwrap();
    let info = rig.status("/d/s/before").await.unwrap();
    assert_eq!(
        (info.replication_min(), info.pinned(), &info.medium_type[..]),
        (2, true, &["SSD".to_owned()][..])
    );
    let fewer = SetAttributePOptions { replication_max: Some(1), ..Default::default() };
    assert_eq!(kind(set(&rig, &root, "/d/s/before", fewer).await), Some(ErrorKind::InvalidArgument));
    set(&rig, &root, "/d", pin(false)).await.unwrap();
    assert!(!rig.status("/d/s/before").await.unwrap().pinned());
    assert!(rig.fs.namespace.peek(|tree| tree.pinned().is_empty()));
}

#[tokio::test]
async fn who_asks_for_no_change_needs_the_right_to_write_too() {
    let rig = Rig::new().await;
    let eve = rig.subject("eve").await;
    rig.create("/f", WritePType::MustCache).await.unwrap();
    assert_eq!(kind(set(&rig, &eve, "/f", Default::default()).await), Some(ErrorKind::PermissionDenied));
}

/// Whether something is there is none of the business of who may not pass.
#[tokio::test]
async fn what_lies_behind_a_closed_directory_is_not_told() {
    let rig = Rig::new().await;
    rig.create("/closed/f", WritePType::MustCache).await.unwrap();
    set(&rig, &rig.root().await, "/closed", mode(0o700)).await.unwrap();
    let eve = rig.subject("eve").await;
    let acl = SetAclPRequest { action: Some(SetAclAction::RemoveAll as i32), ..Default::default() };
    for at in ["/closed/f", "/closed/nope"] {
        assert_eq!(kind(set(&rig, &eve, at, mode(0o777)).await), Some(ErrorKind::PermissionDenied), "{at}");
        assert_eq!(
            kind(rig.fs.set_acl(&eve, &path(at), &acl).await),
            Some(ErrorKind::PermissionDenied),
            "{at}"
        );
        let (sender, _receiver) = tokio::sync::mpsc::channel(1);
        let listed = rig.fs.list_status(&eve, &path(at), &Default::default(), &sender).await;
        assert_eq!(kind(listed), Some(ErrorKind::PermissionDenied), "{at}");
        let complete = CompleteFilePOptions { ufs_length: Some(1), ..Default::default() };
        let completed = rig.fs.complete_file(&eve, &path(at), &complete).await;
        assert_eq!(kind(completed), Some(ErrorKind::PermissionDenied), "{at}");
    }
}

/// A file may be made with a mode that forbids writing: its owner writes it first.
#[tokio::test]
async fn the_owner_completes_a_file_that_nobody_may_write() {
    let rig = Rig::new().await;
    mkdir_for(&rig, "/bob", "bob", 0o777).await;
    let (bob, eve) = (rig.subject("bob").await, rig.subject("eve").await);
    let options = CreateFilePOptions {
        mode: Some(Mode::new(0o444).to_wire()),
        ..create_options(WritePType::MustCache)
    };
    rig.fs.create_file(&bob, &path("/bob/f"), &options).await.unwrap();
    let at = path("/bob/f");
    assert_eq!(
        kind(rig.fs.complete_file(&eve, &at, &Default::default()).await),
        Some(ErrorKind::PermissionDenied)
    );
    rig.fs.complete_file(&bob, &at, &Default::default()).await.unwrap();
    assert_eq!(
        kind(rig.fs.complete_file(&bob, &at, &Default::default()).await),
        Some(ErrorKind::PermissionDenied)
    );
}

#[tokio::test]
async fn the_check_before_a_large_delete_does_not_hold_the_lock_long() {
    let rig = Rig::new().await;
    for n in 0..1_005 {
        rig.write_through(&format!("/d/some/directories/further/down/f{n}"), "").await.unwrap();
    }
    let all = DeleteOptions { recursive: true, ..Default::default() };
    rig.fs.delete_path(&rig.root().await, &path("/d"), &all).await.unwrap();
    assert!(!rig.ufs_has("/d"));
    let most = rig.fs.namespace.longest_hold_cpu_nanos();
    assert!(most < 5_000_000, "a hold of the lock took {most} ns of processor time");
}

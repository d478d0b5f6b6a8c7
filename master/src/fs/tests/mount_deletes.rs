//! Deleting mount points, and directories that hold some.

use alluxio_fs::{ErrorKind, FsError};
use alluxio_proto::grpc::file::{MountPOptions, WritePType};

use crate::fs::{
    delete::DeleteOptions,
    fixture::{Rig, path, recursive},
};

/// `/d` is in the root's under storage; a folder with two files is mounted on `/d/o`, and all is known.
async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.write_through("/d/f", "1").await.unwrap();
    let other = rig.outside("other");
    std::fs::create_dir_all(other.join("sub")).unwrap();
    for file in ["g", "sub/h"] {
        std::fs::write(other.join(file), "abc").unwrap();
    }
    mount(&rig, MountPOptions::default()).await;
    assert_eq!(rig.list("/d", recursive()).await.unwrap().len(), 5);
    rig
}

async fn mount(rig: &Rig, options: MountPOptions) {
    let other = rig.outside("other").display().to_string();
    rig.fs.mount(&rig.root().await, &path("/d/o"), &other, &options).await.unwrap();
}

async fn delete(rig: &Rig, at: &str, options: &DeleteOptions) -> Result<(), FsError> {
    rig.fs.delete_path(&rig.root().await, &path(at), options).await
}

fn with_mounts() -> DeleteOptions {
    DeleteOptions { recursive: true, mount_points: true, ..Default::default() }
}

fn is_mounted(rig: &Rig) -> bool {
    rig.fs.namespace.peek(|tree| tree.mounts().at(&path("/d/o")).is_some())
}

fn in_tree(rig: &Rig, at: &str) -> bool {
    rig.fs.namespace.peek(|tree| tree.lookup(&path(at)).target().is_some())
}

#[tokio::test]
async fn they_stay_unless_it_is_asked_for() {
    let rig = rig().await;
    let hash = rig.hash();
    for at in ["/", "/d", "/d/o"] {
        for alluxio_only in [false, true] {
            let options = DeleteOptions { recursive: true, alluxio_only, ..Default::default() };
            let error = delete(&rig, at, &options).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::PermissionDenied);
            let expected = format!(
                "Cannot delete path {at} which is or contains a mount point without --deleteMountPoint/-m option specified"
            );
            assert_eq!(error.message, expected);
        }
    }
    assert_eq!(rig.hash(), hash);
    assert_eq!(delete(&rig, "/", &with_mounts()).await.unwrap_err().kind, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn what_is_known_of_them_goes_and_the_mounted_folder_stays() {
    for at in ["/d", "/d/o"] {
        let rig = rig().await;
        std::fs::write(rig.outside("other/unknown"), "1").unwrap();
        delete(&rig, at, &with_mounts()).await.unwrap();
        assert!(!in_tree(&rig, at) && !is_mounted(&rig));
        assert_eq!(rig.ufs_has("/d"), at == "/d/o");
        let left: Vec<_> = std::fs::read_dir(rig.outside("other")).unwrap().collect();
        assert_eq!(left.len(), 1, "only what nobody knew: {left:?}");
        let hash = rig.hash();
        let rig = rig.crash().await;
        assert_eq!(rig.hash(), hash);
        assert!(!is_mounted(&rig));
    }
}

#[tokio::test]
async fn nothing_goes_when_a_directory_holds_what_is_not_known() {
    let rig = rig().await;
    std::fs::write(rig.outside("other/sub/unknown"), "1").unwrap();
    let error = delete(&rig, "/d", &with_mounts()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::FailedPrecondition);
    assert!(is_mounted(&rig) && rig.ufs_has("/d/f") && rig.outside("other/g").exists());
}

#[tokio::test]
async fn unchecked_and_in_alluxio_only_the_content_stays() {
    for (unchecked, alluxio_only) in [(true, false), (false, true)] {
        let rig = rig().await;
        let options = DeleteOptions { unchecked, alluxio_only, ..with_mounts() };
        delete(&rig, "/d", &options).await.unwrap();
        assert!(!is_mounted(&rig) && rig.outside("other/g").exists() && rig.outside("other/sub/h").exists());
        assert_eq!(rig.ufs_has("/d/f"), alluxio_only);
    }
}

#[tokio::test]
async fn a_read_only_mount_stays() {
    let rig = rig().await;
    rig.fs.unmount(&rig.root().await, &path("/d/o")).await.unwrap();
    mount(&rig, MountPOptions { read_only: Some(true), ..Default::default() }).await;
    for alluxio_only in [false, true] {
        let options = DeleteOptions { alluxio_only, ..with_mounts() };
        assert_eq!(delete(&rig, "/d", &options).await.unwrap_err().kind, ErrorKind::PermissionDenied);
    }
    assert!(is_mounted(&rig) && rig.ufs_has("/d/f") && rig.outside("other/g").exists());
}

#[tokio::test]
async fn a_mount_point_of_which_nothing_is_known_goes_as_an_empty_directory() {
    let rig = rig().await;
    assert_eq!(
        delete(&rig, "/d/o", &DeleteOptions::default()).await.unwrap_err().kind,
        ErrorKind::FailedPrecondition
    );
    rig.fs.unmount(&rig.root().await, &path("/d/o")).await.unwrap();
    mount(&rig, MountPOptions::default()).await;
    delete(&rig, "/d/o", &DeleteOptions::default()).await.unwrap();
    assert!(!in_tree(&rig, "/d/o") && !is_mounted(&rig) && rig.outside("other/sub/h").exists());
    rig.create("/d/o", WritePType::CacheThrough).await.unwrap();
    assert!(rig.status("/d/o").await.unwrap().ufs_path().ends_with("/root/d/o"));
}

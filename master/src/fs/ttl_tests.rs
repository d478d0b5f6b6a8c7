use alluxio_proto::grpc::{
    TtlAction,
    file::{FileInfo, FileSystemMasterCommonPOptions, SetAttributePOptions, WritePType},
};

use crate::fs::fixture::{Rig, first_block, path};

async fn set_ttl(rig: &Rig, at: &str, ttl: i64, action: TtlAction) -> FileInfo {
    let common = FileSystemMasterCommonPOptions {
        ttl: Some(ttl),
        ttl_action: Some(action as i32),
        ..Default::default()
    };
    let options = SetAttributePOptions { common_options: Some(common), ..Default::default() };
    rig.fs.set_attribute(&rig.root().await, &path(at), &options).await.unwrap();
    rig.status(at).await.unwrap()
}

#[tokio::test]
async fn each_action_does_what_it_says_and_only_when_it_is_due() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    for name in ["/keep", "/del", "/gone", "/free"] {
        rig.write_through(name, "content").await.unwrap();
    }
    let freed = rig.status("/free").await.unwrap();
    rig.fs.blocks.commit_block(worker, first_block(&freed), 7, "MEM", "MEM", None).await.unwrap();
    assert_eq!(rig.status("/free").await.unwrap().in_alluxio_percentage(), 100);

    let created = set_ttl(&rig, "/del", 100, TtlAction::Delete).await.creation_time_ms();
    set_ttl(&rig, "/gone", 100, TtlAction::DeleteAlluxio).await;
    set_ttl(&rig, "/free", 100, TtlAction::Free).await;
    set_ttl(&rig, "/keep", 1_000_000, TtlAction::Delete).await;

    rig.fs.expire(created + 99).await;
    assert!(rig.status("/del").await.is_ok());

    rig.fs.expire(created + 10_000).await;
    assert!(rig.status("/del").await.is_err() && !rig.ufs_has("/del"));
    assert!(rig.ufs_has("/gone"), "only Alluxio's part");
    assert!(rig.fs.namespace.peek(|tree| tree.lookup(&path("/gone")).target().is_none()));
    rig.drop_blocks(worker).await;
    let free = rig.status("/free").await.unwrap();
    assert_eq!((free.in_alluxio_percentage(), free.ttl()), (0, -1));
    assert!(rig.ufs_has("/free") && rig.status("/keep").await.is_ok());
}

#[tokio::test]
async fn a_directory_goes_with_what_is_in_it_and_one_failure_stops_nobody() {
    let rig = Rig::new().await;
    let worker = rig.worker("w").await;
    rig.write_through("/d/a/x", "1").await.unwrap();
    rig.write("/only-here", worker, 3).await.unwrap();
    rig.mkdir("/later", WritePType::MustCache).await.unwrap();
    // Cannot be freed: it is nowhere else.
    let created = set_ttl(&rig, "/only-here", 1, TtlAction::Free).await.creation_time_ms();
    set_ttl(&rig, "/d", 2, TtlAction::Delete).await;
    set_ttl(&rig, "/later", 3, TtlAction::DeleteAlluxio).await;
    rig.fs.expire(created + 60_000).await;
    assert!(rig.status("/d").await.is_err() && !rig.ufs_has("/d"));
    assert!(rig.status("/later").await.is_err());
    assert_eq!(rig.status("/only-here").await.unwrap().ttl(), 1, "tried again by the next check");
}

#[tokio::test]
async fn a_path_that_is_another_file_by_now_is_left_alone() {
    let rig = Rig::new().await;
    rig.create("/f", WritePType::MustCache).await.unwrap();
    let info = set_ttl(&rig, "/f", 1, TtlAction::Delete).await;
    let subject = rig.fs.own_subject();
    rig.fs.delete_path(&subject, &path("/f"), &Default::default()).await.unwrap();
    rig.create("/f", WritePType::MustCache).await.unwrap();
    let stale = super::Expired { at: (0, info.file_id()), path: path("/f"), action: TtlAction::Delete };
    assert!(rig.fs.expire_one(&stale).await.is_err());
    assert!(rig.status("/f").await.is_ok());
}

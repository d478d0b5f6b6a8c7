use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::{
    file::{SyncMetadataPOptions, SyncMetadataState, SyncMetadataTask},
    fscommon::LoadDescendantPType,
};
use alluxio_ufs::{Operation, UfsErrorKind, faults::Fault};
use tokio_util::sync::CancellationToken;

use crate::fs::fixture::{Rig, path};

fn all() -> SyncMetadataPOptions {
    SyncMetadataPOptions {
        load_descendant_type: Some(LoadDescendantPType::All as i32),
        ..SyncMetadataPOptions::default()
    }
}

async fn synced(rig: &Rig, at: &str, options: SyncMetadataPOptions) -> SyncMetadataTask {
    let task = rig.fs.submit_sync(&rig.root().await, &path(at), &options).await.unwrap();
    let ended = rig.fs.sync_ended(task).await.unwrap();
    assert_eq!(rig.fs.sync_progress(&rig.root().await, task).await.unwrap(), ended);
    ended
}

fn runs(rig: &Rig) -> CancellationToken {
    let stop = CancellationToken::new();
    tokio::spawn(rig.fs.clone().run_sync_tasks(stop.clone()));
    stop
}

#[tokio::test]
async fn a_task_brings_in_what_is_there_and_tells_how_much_that_was() {
    let rig = Rig::new().await;
    let stop = runs(&rig);
    for file in ["/d/a", "/d/sub/b"] {
        rig.ufs_write(file, "x");
    }
    let ended = synced(&rig, "/d", all()).await;
    assert_eq!(ended.state(), SyncMetadataState::Succeeded, "{ended:?}");
    assert!(ended.sync_duration_ms() >= 0 && ended.exception.is_none());
    // Looked at nowhere else, so all of it is there.
    rig.ufs_write("/d/sub/b", "longer");
    assert_eq!(rig.status("/d/sub/b").await.unwrap().length(), 1);
    let ended = synced(&rig, "/d", all()).await;
    assert!(ended.success_op_count() >= 3, "{ended:?}");
    assert_eq!(rig.status("/d/sub/b").await.unwrap().length(), 6);

    let missing = synced(&rig, "/nothing", SyncMetadataPOptions::default()).await;
    assert_eq!(missing.state(), SyncMetadataState::Failed);
    assert!(missing.exception.unwrap().exception_message().contains("/nothing"));
    stop.cancel();
}

#[tokio::test]
async fn a_task_can_be_stopped_and_what_is_not_known_is_told() {
    let rig = Rig::new().await;
    let (ufs, root) = (rig.faulty(), rig.root().await);
    let stop = runs(&rig);
    rig.ufs_write("/d/a", "x");
    ufs.inject(Fault::delay(Operation::List, std::time::Duration::from_secs(600)));
    let task = rig.fs.submit_sync(&root, &path("/d"), &all()).await.unwrap();
    assert_eq!(rig.fs.sync_progress(&root, task).await.unwrap().state(), SyncMetadataState::Running);
    assert!(rig.fs.cancel_sync(&root, task).await.unwrap());
    assert_eq!(rig.fs.sync_ended(task).await.unwrap().state(), SyncMetadataState::Canceled);
    assert!(!rig.fs.cancel_sync(&root, task).await.unwrap(), "it is over");
    let unknown = rig.fs.sync_progress(&root, task + 1).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound, "{unknown}");

    ufs.heal();
    ufs.inject(Fault::fail(Operation::List, UfsErrorKind::Unavailable));
    let failed = synced(&rig, "/d", all()).await;
    assert_eq!(failed.state(), SyncMetadataState::Failed, "{failed:?}");
    stop.cancel();
}

#[tokio::test]
async fn whoever_waits_for_a_task_is_told_that_it_was_cut_off() {
    let rig = Rig::new().await;
    let (ufs, root) = (rig.faulty(), rig.root().await);
    let stop = CancellationToken::new();
    let runs = tokio::spawn(rig.fs.clone().run_sync_tasks(stop.clone()));
    rig.ufs_write("/d/a", "x");
    ufs.inject(Fault::delay(Operation::List, std::time::Duration::from_secs(600)));
    let running = rig.fs.submit_sync(&root, &path("/d"), &all()).await.unwrap();
    let fs = rig.fs.clone();
    let waits = tokio::spawn(async move { fs.sync_ended(running).await });
    tokio::task::yield_now().await;
    let queued = rig.fs.submit_sync(&root, &path("/"), &all()).await.unwrap();
    stop.cancel();
    runs.await.unwrap();
    let limit = std::time::Duration::from_secs(10);
    let ended = tokio::time::timeout(limit, waits).await.expect("it waits for ever").unwrap().unwrap();
    assert_eq!(ended.state(), SyncMetadataState::Failed);
    assert!(ended.exception.unwrap().exception_message().contains("was cut off"));
    let ended = tokio::time::timeout(limit, rig.fs.sync_ended(queued)).await.unwrap().unwrap();
    assert_eq!(ended.state(), SyncMetadataState::Failed);
    let too_late = rig.fs.submit_sync(&root, &path("/"), &all()).await;
    assert!(too_late.is_err(), "nobody runs it");
}

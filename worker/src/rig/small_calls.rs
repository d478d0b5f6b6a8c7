//! Remove, move, free, clear.

use super::{Rig, block, content, until};
use alluxio_proto::grpc::block::{
    ClearMetricsRequest, FreeWorkerRequest, MoveBlockRequest, RemoveBlockRequest,
};
use tonic::Code;

#[tokio::test]
async fn blocks_are_removed_and_moved() {
    let home = tempfile::tempdir().unwrap();
    let ssd = home.path().join("ssd").display().to_string();
    let tiers = [
        ("alluxio.worker.tieredstore.levels", "2"),
        ("alluxio.worker.tieredstore.level1.alias", "SSD"),
        ("alluxio.worker.tieredstore.level1.dirs.path", ssd.as_str()),
        ("alluxio.worker.tieredstore.level1.dirs.quota", "1MB"),
    ];
    let rig = Rig::with(10_000, &tiers, |_| {}).await;
    let id = block(1, 0);
    rig.client.write_block(id, &content(1000)).await.unwrap();
    let to = |medium: &str| MoveBlockRequest { block_id: Some(id), medium_type: Some(medium.into()) };
    rig.client.stub().move_block(to("SSD")).await.unwrap();
    assert!(home.path().join("ssd/alluxioworker").join(id.to_string()).exists());
    assert_eq!(rig.client.stub().move_block(to("HDD")).await.unwrap_err().code(), Code::InvalidArgument);
    let remove = RemoveBlockRequest { block_id: Some(id) };
    rig.client.stub().remove_block(remove).await.unwrap();
    until("the master hears of it", || rig.master.blocks().is_empty()).await;
    assert_eq!(rig.client.stub().remove_block(remove).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn freeing_a_worker_keeps_what_would_be_lost() {
    let rig = Rig::new(10_000).await;
    for container in 1..=3 {
        rig.client.write_block(block(container, 0), &content(1000)).await.unwrap();
    }
    rig.master.mind.lock().keep.insert(block(2, 0));
    let error = rig.client.stub().free_worker(FreeWorkerRequest {}).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert_eq!(rig.worker.core.store.block_ids(), vec![block(2, 0)]);
    rig.master.mind.lock().keep.clear();
    rig.client.stub().free_worker(FreeWorkerRequest {}).await.unwrap();
    until("all is deleted", || rig.worker.core.store.usage().used() == 0).await;
    rig.client.stub().clear_metrics(ClearMetricsRequest {}).await.unwrap();
}

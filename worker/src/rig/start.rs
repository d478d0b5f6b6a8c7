//! What stops a worker from starting, and how it is told.

use super::{FakeMaster, Rig, conf};
use crate::worker::Worker;

#[tokio::test]
async fn a_port_in_use_is_named() {
    let rig = Rig::new(1000).await;
    let port = rig.worker.rpc_addr().port().to_string();
    let conf = conf(rig.home.path(), 1000, 1, &[("alluxio.worker.rpc.port", &port)]);
    let error = Worker::start(conf).await.err().unwrap().to_string();
    assert!(error.contains(&port) && error.contains("alluxio.worker.rpc.port"), "{error}");
    assert!(!error.contains('\n'));
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("mem"), "").unwrap();
    let error = Worker::start(conf(home.path(), 1000, 1, &[])).await.err().unwrap().to_string();
    assert!(error.contains("mem") && error.contains("dirs.path"), "{error}");
}

#[tokio::test]
async fn a_worker_may_start_before_its_master() {
    let home = tempfile::tempdir().unwrap();
    let reserved = FakeMaster::start(home.path().into()).await;
    let port = reserved.port();
    // Nobody listens on port 1: the worker keeps trying.
    let worker = Worker::start(conf(home.path(), 1000, 1, &[])).await.unwrap();
    assert!(worker.registered.id().is_none());
    worker.shutdown().await;
    let worker = Worker::start(conf(home.path(), 1000, port, &[])).await.unwrap();
    tokio::time::timeout(super::PATIENCE, worker.registered()).await.unwrap();
    worker.shutdown().await;
}

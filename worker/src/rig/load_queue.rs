//! Load and Cache share one bounded queue, which a shutdown empties.

use super::{Rig, block, silent_port, until};
use alluxio_proto::grpc::block::{Block, CacheRequest, LoadRequest, TaskStatus};
use std::time::{Duration, Instant};
use tonic::Code;

const ONE_AT_A_TIME: (&str, &str) = ("alluxio.worker.network.async.cache.manager.threads.max", "1");
const ROOM_FOR_TWO: (&str, &str) = ("alluxio.worker.network.async.cache.manager.queue.max", "2");

/// A job that waits for a worker that says nothing.
fn stuck(port: u16) -> CacheRequest {
    CacheRequest {
        block_id: Some(block(1, 0)),
        length: Some(4),
        source_host: Some("127.0.0.1".into()),
        source_port: Some(i32::from(port)),
        r#async: Some(true),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_load_waits_for_its_turn_and_ends_with_the_worker() {
    let rig = Rig::with(1 << 20, &[ONE_AT_A_TIME, ROOM_FOR_TWO], |_| {}).await;
    let (_silent, port) = silent_port().await;
    rig.client.stub().cache(stuck(port)).await.unwrap();
    until("it has the turn", || rig.worker.core.store.holds(block(1, 0))).await;

    let path = rig.under("f");
    std::fs::write(&path, b"data").unwrap();
    let wanted = |container| Block {
        block_id: block(container, 0),
        length: 4,
        ufs_path: Some(path.display().to_string()),
        mount_id: Some(1),
        ..Default::default()
    };
    let request = LoadRequest { blocks: vec![wanted(2), wanted(3)], ..Default::default() };
    let mut stub = rig.client.stub();
    let waiting = tokio::spawn(async move { stub.load(request).await.unwrap().into_inner() });
    until("the queue is full with the first", || rig.worker.core.metrics.cache_rejected.get() == 1).await;
    assert!(!waiting.is_finished());

    let begun = Instant::now();
    let (worker, _home) = rig.into_worker();
    worker.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status(), TaskStatus::Failure);
    let told: Vec<_> = answer.block_status.iter().map(|status| (status.code, status.retryable)).collect();
    let code = |code: Code| (code as i32, Some(true));
    assert_eq!(told, [code(Code::Unavailable), code(Code::ResourceExhausted)]);
}

/// The master may drop another copy for a block that it is told is here.
#[tokio::test]
async fn a_block_that_is_on_its_way_is_not_called_here() {
    let rig = Rig::new(1 << 20).await;
    let (_silent, port) = silent_port().await;
    rig.client.stub().cache(stuck(port)).await.unwrap();
    until("it is on its way", || rig.worker.core.store.holds(block(1, 0))).await;
    let asked = CacheRequest { r#async: Some(false), ..stuck(port) };
    assert_eq!(rig.client.stub().cache(asked).await.unwrap_err().code(), Code::Unavailable);
}

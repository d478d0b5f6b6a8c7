use std::time::Duration;

use alluxio_proto::grpc::CommandType;

use super::super::Heartbeat;
use super::super::test_cluster::{TestCluster, options};
use super::super::{BlockOptions, Registration};
use super::*;

fn lost(cluster: &TestCluster) -> i32 {
    cluster.master.summary().lost_worker_num()
}

#[tokio::test(start_paused = true)]
async fn a_silent_worker_is_lost_returns_and_is_forgotten() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let shutdown = CancellationToken::new();
    let watch = tokio::spawn(Arc::clone(&cluster.master).watch(shutdown.clone()));
    let silent = cluster.register("w1", [1]).await;
    let alive = cluster.register("w2", []).await;
    let pass = async |time| {
        for _ in 0..time {
            tokio::time::sleep(Duration::from_secs(1)).await;
            cluster.beat(alive, Heartbeat::default()).await;
        }
    };
    pass(295).await;
    assert!(cluster.master.is_worker_live(silent));
    pass(20).await;
    assert!(!cluster.master.is_worker_live(silent) && cluster.master.is_worker_live(alive));
    assert!(cluster.holders(1).is_empty());
    assert_eq!((lost(&cluster), cluster.master.worker_infos().len()), (1, 1));

    assert_eq!(cluster.beat(silent, Heartbeat::default()).await.0, CommandType::Register);
    assert_eq!(cluster.register("w1", [1]).await, silent);
    assert_eq!(cluster.holders(1), [silent].into());

    pass(1_790).await;
    assert_eq!(lost(&cluster), 1);
    pass(40).await;
    assert_eq!(cluster.master.worker_reports().len(), 1, "forgotten after half an hour");
    assert_eq!(cluster.master.table.copy_count(), 0, "and its copies are reaped");
    shutdown.cancel();
    watch.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_commit_and_a_long_registration_are_signs_of_life() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let id = cluster.register("w1", []).await;
    tokio::time::advance(Duration::from_secs(299)).await;
    cluster.commit(id, 1).await;
    tokio::time::advance(Duration::from_secs(299)).await;
    let attempt = cluster.master.begin_registration(id, Registration::default()).unwrap();
    tokio::time::advance(Duration::from_secs(299)).await;
    cluster.master.detect_lost_workers();
    assert!(cluster.master.is_worker_live(id));
    tokio::time::advance(Duration::from_secs(2)).await;
    cluster.master.detect_lost_workers();
    assert!(!cluster.master.is_worker_live(id));
    cluster.master.finish_registration(attempt).await.unwrap();
    assert!(cluster.master.is_worker_live(id));
}

#[tokio::test(start_paused = true)]
async fn never_means_never() {
    let never = BlockOptions { worker_timeout: None, deletion_timeout: None, ..options() };
    let cluster = TestCluster::starting(never);
    let id = cluster.register("w1", []).await;
    tokio::time::advance(Duration::from_secs(1_000_000)).await;
    cluster.master.detect_lost_workers();
    assert!(cluster.master.is_worker_live(id));
}

#[tokio::test(start_paused = true)]
async fn what_was_reported_in_safe_mode_is_judged_after_it() {
    let connect_wait = Duration::from_secs(5);
    let cluster = TestCluster::starting(BlockOptions { connect_wait, ..options() });
    let shutdown = CancellationToken::new();
    let watch = tokio::spawn(Arc::clone(&cluster.master).watch(shutdown.clone()));
    cluster.master.start_serving();
    let id = cluster.register("w1", [9]).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(cluster.beat(id, Heartbeat::default()).await, (CommandType::Free, vec![9]));
    shutdown.cancel();
    watch.await.unwrap();
}

use super::super::Heartbeat;
use super::super::test_cluster::{TestCluster, options};
use super::super::{BlockOptions, Registration};
use super::*;
use alluxio_proto::grpc::CommandType;

#[tokio::test]
async fn slots_are_given_again_and_never_confused() {
    let cluster = TestCluster::new();
    cluster.tree.add(0..100);
    for round in 0..20 {
        let host = format!("w{round}");
        let id = cluster.register(&host, 0..100).await;
        assert_eq!(cluster.holders(7), [id].into());
        cluster.master.deregister(id).unwrap();
        if round % 3 == 0 {
            let found = cluster.master.sweep(Pass::default()).await;
            assert!(found.dropped > 0);
            assert!(!cluster.master.has_retired_slots());
        }
    }
    cluster.master.sweep(Pass::default()).await;
    assert_eq!(cluster.master.table.copy_count(), 0);
    let last = cluster.register("last", 0..50).await;
    assert_eq!(cluster.holders(7), [last].into());
    assert!(cluster.holders(70).is_empty(), "a slot's earlier copies do not show under its next owner");
}

#[tokio::test]
async fn undone_frees_are_queued_again() {
    let cluster = TestCluster::new();
    cluster.tree.add([1, 2]);
    let id = cluster.register("w1", [1, 2]).await;
    cluster.master.remove_blocks(&[1]);
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.1, [1]);
    // The answer got lost.
    cluster.master.sweep(Pass { requeue: true, integrity: false }).await;
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.1, [1]);
    cluster.beat(id, Heartbeat { removed: vec![1], ..Default::default() }).await;
    cluster.master.sweep(Pass { requeue: true, integrity: false }).await;
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Nothing);
}

#[tokio::test]
async fn blocks_of_no_file_are_found_later_too() {
    for repair in [true, false] {
        let cluster = TestCluster::starting(BlockOptions { integrity_repair: repair, ..options() });
        // Not serving: nothing is judged yet.
        let id = cluster.register("w1", [1]).await;
        cluster.master.start_serving();
        let found = cluster.master.sweep(Pass { requeue: false, integrity: true }).await;
        assert_eq!(found.unknown, 1);
        let wanted = if repair { CommandType::Free } else { CommandType::Nothing };
        assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, wanted);
    }
}

#[tokio::test]
async fn a_registration_that_was_given_up_is_reaped() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let id = cluster.id("w1");
    let attempt = cluster.master.begin_registration(id, Registration::default()).unwrap();
    let blocks = super::super::test_cluster::listed("MEM", [1]);
    cluster.master.list_blocks(&attempt, &blocks).await.unwrap();
    drop(attempt);
    assert_eq!(cluster.master.sweep(Pass::default()).await.dropped, 1);
}

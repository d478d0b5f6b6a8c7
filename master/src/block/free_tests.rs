use std::sync::atomic::Ordering;

use alluxio_proto::grpc::CommandType;

use super::super::test_cluster::{TestCluster, listed, options};
use super::super::{BlockOptions, Heartbeat, Residence};
use super::*;

#[tokio::test]
async fn holders_are_told_to_drop_a_block() {
    let cluster = TestCluster::new();
    cluster.tree.add([1, 2]);
    let w1 = cluster.register("w1", [1, 2]).await;
    let w2 = cluster.register("w2", [1]).await;
    cluster.master.remove_blocks(&[1]);
    assert_eq!(cluster.holders(1), [w1, w2].into(), "there until the workers say otherwise");
    for worker in [w1, w2] {
        assert_eq!(cluster.beat(worker, Heartbeat::default()).await, (CommandType::Free, vec![1]));
        assert_eq!(cluster.beat(worker, Heartbeat::default()).await.0, CommandType::Nothing);
        assert!(cluster.holders(1).contains(&worker), "told, not done");
        cluster.beat(worker, Heartbeat { removed: vec![1], ..Default::default() }).await;
        assert!(!cluster.holders(1).contains(&worker), "done");
    }
    assert_eq!(cluster.master.residence(1), Residence::Nowhere);
    assert_eq!(cluster.master.table.freeing_count(), 0);
    assert_eq!(cluster.holders(2), [w1].into());
}

#[tokio::test]
async fn a_block_written_again_is_not_dropped() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let id = cluster.register("w1", [1]).await;
    cluster.master.remove_blocks(&[1]);
    cluster.commit(id, 1).await;
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Nothing);
    assert_eq!(cluster.holders(1), [id].into());
}

/// A free that a worker carried out is over, also when it caches the block anew before it reports that, and
/// the command that asked for the free asks again meanwhile.
#[tokio::test]
async fn a_free_that_was_carried_out_is_not_repeated() {
    let cluster = TestCluster::new();
    cluster.tree.add([1, 2]);
    let id = cluster.register("w1", [1, 2]).await;
    for (block, again) in [(1, true), (2, false)] {
        cluster.master.remove_blocks(&[block]);
        assert_eq!(cluster.beat(id, Heartbeat::default()).await, (CommandType::Free, vec![block]));
        if again {
            cluster.master.remove_blocks(&[block]);
        }
        cluster.commit(id, block).await;
        cluster.master.sweep(super::super::sweep::Pass { requeue: true, integrity: false }).await;
        let report = Heartbeat { added: listed("MEM", [block]), ..Default::default() };
        assert_eq!(cluster.beat(id, report).await.0, CommandType::Nothing);
        assert_eq!(cluster.holders(block), [id].into());
    }
    // Reported as removed first, then cached anew.
    cluster.master.remove_blocks(&[1]);
    cluster.beat(id, Heartbeat::default()).await;
    cluster.master.remove_blocks(&[1]);
    assert_eq!(
        cluster.beat(id, Heartbeat { removed: vec![1], ..Default::default() }).await.0,
        CommandType::Nothing
    );
    cluster.commit(id, 1).await;
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Nothing);
    assert_eq!(cluster.holders(1), [id].into());
}

#[tokio::test]
async fn blocks_of_no_file_are_dropped_once_that_is_durable() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let id = cluster.register("w1", [1, 2]).await;
    assert_eq!(cluster.beat(id, Heartbeat::default()).await, (CommandType::Free, vec![2]));

    cluster.tree.stuck.store(true, Ordering::Relaxed);
    let report = Heartbeat { added: listed("MEM", [3]), ..Default::default() };
    assert_eq!(cluster.beat(id, report.clone()).await.0, CommandType::Nothing);
    cluster.tree.stuck.store(false, Ordering::Relaxed);
    assert_eq!(cluster.beat(id, report).await, (CommandType::Free, vec![3]));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_judged_in_safe_mode() {
    let connect_wait = std::time::Duration::from_secs(5);
    let cluster = TestCluster::starting(BlockOptions { connect_wait, ..options() });
    assert!(cluster.master.safe_mode(), "not serving yet");
    cluster.master.start_serving();
    let id = cluster.register("w1", [2]).await;
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Nothing);
    tokio::time::advance(connect_wait).await;
    assert!(!cluster.master.safe_mode());
    let again = Heartbeat { added: listed("MEM", [2]), ..Default::default() };
    assert_eq!(cluster.beat(id, again).await, (CommandType::Free, vec![2]));
}

#[tokio::test]
async fn queues_are_bounded_and_lose_nothing() {
    let cluster = TestCluster::new();
    let count = (MAX_QUEUED + MAX_PER_COMMAND) as i64;
    let all: Vec<i64> = (0..count).collect();
    cluster.tree.add(all.iter().copied());
    let id = cluster.register("w1", all.iter().copied()).await;
    cluster.master.remove_blocks(&all);
    let worker = cluster.master.workers.get(id).unwrap();
    assert_eq!(worker.record().frees.len(), MAX_QUEUED);
    let (mut told, mut done) = (0, Vec::new());
    for _ in 0..20 {
        // Each answer is confirmed by the next report.
        let (_, free) =
            cluster.beat(id, Heartbeat { removed: std::mem::take(&mut done), ..Default::default() }).await;
        assert!(free.len() <= MAX_PER_COMMAND);
        told += free.len();
        done = free;
        if worker.record().frees.is_empty() {
            let pass = super::super::sweep::Pass { requeue: true, integrity: false };
            cluster.master.sweep(pass).await;
        }
    }
    assert_eq!((told as i64, cluster.master.table.copy_count()), (count, 0));
}

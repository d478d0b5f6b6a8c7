use alluxio_fs::ErrorKind;

use super::super::Residence;
use super::super::test_cluster::{TestCluster, listed};
use super::*;

#[tokio::test]
async fn an_unknown_worker_is_told_to_register() {
    let cluster = TestCluster::new();
    assert_eq!(cluster.beat(5, Heartbeat::default()).await.0, CommandType::Register);
    let id = cluster.id("w1");
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Register);
    cluster.register("w1", []).await;
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Nothing);
}

#[tokio::test]
async fn a_heartbeat_updates_usage_capacity_and_blocks() {
    let cluster = TestCluster::new();
    cluster.tree.add(1..=3);
    let id = cluster.register("w1", [1]).await;
    let lost = |dir: &str| [("SSD".to_owned(), StorageList { storage: vec![dir.to_owned()] })].into();
    let report = Heartbeat {
        used: [("MEM".to_owned(), 20), ("SSD".to_owned(), 30)].into(),
        capacity: [("MEM".to_owned(), 500)].into(),
        removed: vec![1],
        added: listed("SSD", [2, 3]),
        lost_storage: lost("/d1"),
    };
    cluster.beat(id, report).await;
    cluster.beat(id, Heartbeat { lost_storage: lost("/d2"), ..Default::default() }).await;
    let report = &cluster.master.worker_reports()[0];
    assert_eq!(report.lost_storage["SSD"].storage, ["/d1", "/d2"]);
    assert_eq!(report.info.capacity_bytes(), 500);
    assert_eq!(report.block_count, 2);
    assert!(cluster.holders(1).is_empty());
    assert_eq!(cluster.master.residence(1), Residence::Nowhere);
    assert_eq!(cluster.master.residence(2), Residence::LowerTier);

    cluster.beat(id, Heartbeat { added: listed("MEM", [2]), ..Default::default() }).await;
    assert_eq!(cluster.master.residence(2), Residence::TopTier, "moved up");
    assert_eq!(cluster.holders(2), [id].into());
}

#[tokio::test]
async fn a_commit_journals_the_length_first() {
    let cluster = TestCluster::new();
    cluster.tree.lengths.lock().insert(1, None);
    let id = cluster.register("w1", []).await;
    cluster.commit(id, 1).await;
    assert_eq!(cluster.tree.lengths.lock()[&1], Some(1));
    assert_eq!(cluster.holders(1), [id].into());
    assert_eq!(cluster.master.capacity().used, 11);

    let commit = |worker, block| cluster.master.commit_block(worker, block, 1, "MEM", "MEM", None);
    assert_eq!(commit(id, 9).await.unwrap_err().kind, ErrorKind::NotFound);
    assert!(cluster.holders(9).is_empty());
    cluster.tree.lengths.lock().insert(2, None);
    assert_eq!(commit(id ^ 1, 2).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(cluster.tree.lengths.lock()[&2], None, "an unknown worker changes nothing");
}

/// The file is deleted between the journaling of a block's length and the entry of its copy.
#[tokio::test]
async fn a_copy_of_a_file_deleted_meanwhile_is_dropped() {
    let cluster = TestCluster::new();
    let id = cluster.register("w1", []).await;
    cluster.master.commit(id, 1, "MEM", "MEM", None).await.unwrap();
    assert!(cluster.only_to_drop(1));
    assert_eq!(cluster.beat(id, Heartbeat::default()).await, (CommandType::Free, vec![1]));
}

#[tokio::test]
async fn the_fastest_tiers_come_first() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let mut ids = Vec::new();
    for (host, tier) in [("w1", "HDD"), ("w2", "OTHER"), ("w3", "MEM"), ("w4", "SSD")] {
        let id = cluster.register(host, []).await;
        cluster.beat(id, Heartbeat { added: listed(tier, [1]), ..Default::default() }).await;
        ids.push(id);
    }
    let shown: Vec<i64> = cluster.master.locations(1).iter().map(|location| location.worker_id()).collect();
    assert_eq!(shown, [ids[2], ids[3], ids[0], ids[1]]);
}

#[tokio::test]
async fn a_worker_that_leaves_is_gone() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let id = cluster.register("w1", [1]).await;
    cluster.master.deregister(id).unwrap();
    assert!(cluster.holders(1).is_empty());
    assert!(cluster.master.worker_reports().is_empty());
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Register);
    assert_eq!(cluster.master.deregister(id).unwrap_err().kind, ErrorKind::NotFound);
    assert_ne!(cluster.register("w1", [1]).await, id);
}

#[tokio::test]
async fn persisting_goes_to_a_holder_that_can() {
    let cluster = TestCluster::new();
    cluster.tree.add(1..=3);
    let w1 = cluster.register("w1", [1]).await;
    let w2 = cluster.register("w2", [1, 2]).await;
    assert_eq!(cluster.master.choose_worker_for_persist([1, 2]), None, "Java workers only");
    cluster.master.mark_persists(w1);
    assert_eq!(cluster.master.choose_worker_for_persist([1, 2]), Some(w1));
    cluster.master.mark_persists(w2);
    for _ in 0..3 {
        assert_eq!(cluster.master.choose_worker_for_persist([1, 2]), Some(w2));
    }
    let turns: Vec<_> = (0..4).map(|_| cluster.master.choose_worker_for_persist([3])).collect();
    assert!(turns.contains(&Some(w1)) && turns.contains(&Some(w2)), "in turn: {turns:?}");
    cluster.master.deregister(w2).unwrap();
    assert_eq!(cluster.master.choose_worker_for_persist([2]), Some(w1));
}

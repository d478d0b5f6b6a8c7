use std::collections::BTreeSet;
use std::time::Duration;

use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::CommandType;

use super::super::test_cluster::{TestCluster, listed, options};
use super::super::{Heartbeat, Registration, Residence};

/// Whom a reader is sent to who has nowhere else to go.
fn last_holders(cluster: &TestCluster, block: i64) -> BTreeSet<i64> {
    cluster.master.last_locations(block).iter().map(|location| location.worker_id()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_only_a_worker_out_of_service_has_is_there_as_long_as_it_lives() {
    for may_return in [true, false] {
        let cluster = TestCluster::new();
        cluster.tree.add([1, 2, 3, 4, 5]);
        let out = cluster.register("w1", [1, 2, 4]).await;
        let active = cluster.register("w2", [2]).await;
        cluster.master.decommission("w1", None, may_return).unwrap();
        assert_eq!((last_holders(&cluster, 1), last_holders(&cluster, 2)), ([out].into(), [active].into()));
        assert!(cluster.holders(1).is_empty() && cluster.holders(2) == [active].into());
        let near = |block| (cluster.master.residence(block), cluster.master.last_residence(block));
        assert_eq!(near(1), (Residence::Nowhere, Residence::TopTier));
        assert!(cluster.master.is_worker_alive(out) && !cluster.master.is_worker_live(out));
        assert_eq!(cluster.master.active_workers().len(), 1, "nothing new goes there");

        // What changes there is known: a write that was under way, and what went.
        let changes = Heartbeat { added: listed("MEM", [3]), removed: vec![4], ..Heartbeat::default() };
        assert_eq!(cluster.beat(out, changes).await.0, CommandType::Decommissioned);
        cluster.commit(out, 5).await;
        assert_eq!((last_holders(&cluster, 3), last_holders(&cluster, 5)), ([out].into(), [out].into()));
        assert!(last_holders(&cluster, 4).is_empty());

        let silence = options().worker_timeout.unwrap();
        tokio::time::advance(silence).await;
        assert_eq!(last_holders(&cluster, 1), [out].into());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(last_holders(&cluster, 1).is_empty() && !cluster.master.is_worker_alive(out));
        assert_eq!(cluster.beat(out, Heartbeat::default()).await.0, CommandType::Decommissioned);
        assert_eq!(last_holders(&cluster, 1), [out].into(), "heard of again");

        cluster.master.enable("w1", None);
        let attempt = cluster.master.begin_registration(out, Registration::default()).unwrap();
        assert_eq!(last_holders(&cluster, 1), [out].into(), "also while it comes back");
        cluster.master.list_blocks(&attempt, &listed("MEM", [1])).await.unwrap();
        cluster.master.finish_registration(attempt).await.unwrap();
        assert_eq!(cluster.holders(1), [out].into());
        cluster.master.deregister(out).unwrap();
        assert!(last_holders(&cluster, 1).is_empty());
    }
}

#[tokio::test]
async fn a_worker_out_of_service_persists_what_nobody_else_has_more_of() {
    let cluster = TestCluster::new();
    cluster.tree.add([1, 2]);
    let out = cluster.register("w1", [1, 2]).await;
    let active = cluster.register("w2", [2]).await;
    for worker in [out, active] {
        cluster.master.mark_persists(worker);
    }
    cluster.master.decommission("w1", None, false).unwrap();
    let chosen = |blocks: &[i64]| cluster.master.choose_worker_for_persist(blocks.iter().copied());
    // In turn: whoever begins.
    for _ in 0..4 {
        assert_eq!((chosen(&[1]), chosen(&[1, 2])), (Some(out), Some(out)));
        assert_eq!((chosen(&[2]), chosen(&[]), chosen(&[7])), (Some(active), Some(active), Some(active)));
    }
    cluster.master.deregister(active).unwrap();
    assert_eq!((chosen(&[2]), chosen(&[])), (Some(out), Some(out)), "better than nobody");
}

#[tokio::test]
async fn a_decommissioned_worker_is_not_used_and_may_return() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let id = cluster.register("w1", [1]).await;
    cluster.master.decommission("w1", Some(30000), true).unwrap();
    assert!(cluster.holders(1).is_empty() && cluster.master.worker_infos().is_empty());
    assert_eq!(cluster.master.summary().decommissioned_worker_num(), 1);
    assert_eq!(cluster.master.worker_reports()[0].info.state(), "Decommissioned");
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Decommissioned);

    assert_eq!(cluster.register("w1", [1]).await, id);
    assert_eq!(cluster.holders(1), [id].into());
}

#[tokio::test]
async fn a_disabled_worker_is_refused_until_enabled() {
    let cluster = TestCluster::new();
    let id = cluster.register("w1", []).await;
    cluster.master.decommission("w1", None, false).unwrap();
    assert_eq!(cluster.master.worker_reports()[0].info.state(), "Disabled");
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Decommissioned);
    let error = cluster.master.begin_registration(id, Registration::default()).err().unwrap();
    assert_eq!(error.kind, ErrorKind::FailedPrecondition);
    assert!(error.message.contains("enableWorker"), "{error}");

    cluster.master.enable("w1", Some(30000));
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Register, "called back");
    cluster.register("w1", []).await;
    assert!(cluster.master.is_worker_live(id));
    cluster.master.enable("w1", None);
    assert!(cluster.master.is_worker_live(id), "a repeated call took a live worker away");
}

#[tokio::test]
async fn a_disabled_worker_stays_refused_when_it_was_forgotten() {
    let cluster = TestCluster::new();
    let id = cluster.register("w1", []).await;
    cluster.master.decommission("w1", None, false).unwrap();
    cluster.master.deregister(id).unwrap();
    let again = cluster.id("w1");
    assert!(cluster.master.begin_registration(again, Registration::default()).is_err());
    cluster.master.enable("w1", None);
    assert!(cluster.master.begin_registration(again, Registration::default()).is_ok());
}

#[tokio::test]
async fn a_registration_under_way_does_not_undo_a_decommission() {
    for may_return in [true, false] {
        let cluster = TestCluster::new();
        let id = cluster.register("w1", []).await;
        let attempt = cluster.master.begin_registration(id, Registration::default()).unwrap();
        cluster.master.decommission("w1", None, may_return).unwrap();
        let error = cluster.master.finish_registration(attempt).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::FailedPrecondition);
        assert!(!cluster.master.is_worker_live(id));
    }
}

#[tokio::test]
async fn only_the_worker_that_is_meant() {
    let cluster = TestCluster::new();
    let id = cluster.register("w1", []).await;
    for (host, port) in [("w2", None), ("w1", Some(1))] {
        let error = cluster.master.decommission(host, port, true).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(error.message.contains(host), "{error}");
    }
    assert!(cluster.master.is_worker_live(id));
}

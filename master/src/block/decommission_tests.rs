use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::CommandType;

use super::super::Heartbeat;
use super::super::Registration;
use super::super::test_cluster::TestCluster;

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

use alluxio_proto::grpc::{CommandType, Metric, block::BlockHeartbeatPOptions};
use alluxio_telemetry::metrics::{Metrics, key};
use tonic::Code;

use super::super::BlockOptions;
use super::super::options::LeaseOptions;
use super::super::test_cluster::{TestCluster, address, listed, options};
use super::*;

fn asked<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(alluxio_rpc::Caller::default());
    request
}

fn service(cluster: &TestCluster) -> (BlockWorkerService, Metrics) {
    let metrics = Metrics::master();
    cluster.master.register_metrics(&metrics);
    let sums = Arc::new(ClusterMetrics::new(metrics.clone()));
    (BlockWorkerService::new(Arc::clone(&cluster.master), sums, |_| false), metrics)
}

/// The calls of a Java worker in their order.
#[tokio::test]
async fn a_worker_comes_reports_and_commits() {
    let lease = Some(LeaseOptions { count: 1, ttl: std::time::Duration::from_secs(60) });
    let cluster = TestCluster::starting(BlockOptions { lease, ..options() });
    cluster.master.start_serving();
    cluster.tree.lengths.lock().insert(1, None);
    let (service, metrics) = service(&cluster);
    let who = GetWorkerIdPRequest { worker_net_address: Some(address("w1")), options: None };
    let worker_id = service.get_worker_id(asked(who)).await.unwrap().into_inner().worker_id;

    let register = || {
        asked(RegisterWorkerPRequest {
            worker_id,
            storage_tiers: vec!["MEM".to_owned()],
            total_bytes_on_tiers: [("MEM".to_owned(), 100)].into(),
            current_blocks: listed("MEM", []),
            ..Default::default()
        })
    };
    assert_eq!(service.register_worker(register()).await.unwrap_err().code(), Code::Unavailable);
    let lease = asked(GetRegisterLeasePRequest { worker_id, block_count: Some(0) });
    let lease = service.request_register_lease(lease).await.unwrap().into_inner();
    assert_eq!((lease.worker_id, lease.allowed), (worker_id, Some(true)));
    assert!((50_000..=60_000).contains(&(lease.expiry_ms() - now_ms())));
    service.register_worker(register()).await.unwrap();

    let commit = |worker_id, block_id| {
        asked(CommitBlockPRequest {
            worker_id,
            block_id,
            length: Some(5),
            tier_alias: Some("MEM".to_owned()),
            medium_type: Some("MEM".to_owned()),
            used_bytes_on_tier: Some(5),
            options: None,
        })
    };
    service.commit_block(commit(worker_id, Some(1))).await.unwrap();
    assert_eq!(cluster.holders(1), [worker_id.unwrap()].into());
    let error = service.commit_block(commit(Some(5), Some(1))).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::NotFound, "No worker with workerId 5 is found."));
    let error = service.commit_block(commit(worker_id, None)).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::InvalidArgument, "The request lacks blockId."));

    let read = Metric { name: Some("BytesReadRemote".to_owned()), value: Some(3.0), ..Default::default() };
    let heartbeat = |worker_id| {
        let options = Some(BlockHeartbeatPOptions { metrics: vec![read.clone()], ..Default::default() });
        asked(BlockHeartbeatPRequest { worker_id, options, ..Default::default() })
    };
    let answer = service.block_heartbeat(heartbeat(worker_id)).await.unwrap().into_inner();
    assert_eq!(answer.command.unwrap().command_type(), CommandType::Nothing);
    let answer = service.block_heartbeat(heartbeat(Some(5))).await.unwrap().into_inner();
    assert_eq!(answer.command.unwrap().command_type(), CommandType::Register);
    assert_eq!(metrics.counter(key::CLUSTER_BYTES_READ_REMOTE).get(), 3, "the unknown one does not count");

    let text = metrics.prometheus_text().unwrap();
    for line in ["Cluster_Workers 1", "Cluster_CapacityTotal 100", "Master_BlockReplicaCount 1"] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[tokio::test]
async fn blocks_in_the_under_storage_get_their_length() {
    let cluster = TestCluster::new();
    cluster.tree.lengths.lock().insert(1, None);
    let (service, _) = service(&cluster);
    let commit = |block_id, length| {
        asked(CommitBlockInUfsPRequest { block_id: Some(block_id), length, options: None })
    };
    service.commit_block_in_ufs(commit(1, Some(9))).await.unwrap();
    assert_eq!(cluster.tree.lengths.lock()[&1], Some(9));
    let error = service.commit_block_in_ufs(commit(2, Some(9))).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert!(service.commit_block_in_ufs(commit(1, None)).await.is_err());
}

#[tokio::test]
async fn every_call_needs_a_session() {
    let cluster = TestCluster::new();
    let (service, _) = service(&cluster);
    let bare = Request::new(GetWorkerIdPRequest { worker_net_address: Some(address("w1")), options: None });
    assert!(service.get_worker_id(bare).await.is_err());
    assert!(service.block_heartbeat(Request::new(BlockHeartbeatPRequest::default())).await.is_err());
}

//! What a worker says to its master.

use std::sync::{Arc, atomic::Ordering};

use alluxio_client::{Cluster, WorkerMasterClient};
use alluxio_conf::Configuration;
use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::{
    WorkerNetAddress,
    block::{
        BlockHeartbeatPRequest, BlockIdList, CommitBlockPRequest, LocationBlockIdListEntry,
        RegisterWorkerPRequest, block_master_worker_service_server::BlockMasterWorkerServiceServer,
    },
};
use alluxio_rpc::{ServiceType, version_of};
use futures::stream;

use crate::{
    master::{FakeMaster, Seen},
    rig::{Server, conf, serve},
};

async fn rig(master: FakeMaster) -> (Server, WorkerMasterClient, Arc<Seen>) {
    let seen = Arc::clone(&master.seen);
    let service = ServiceType::BlockMasterWorkerService;
    let server = serve(&Configuration::defaults(), |server| {
        server.service(service, version_of(service), BlockMasterWorkerServiceServer::new(master))
    })
    .await;
    let conf = conf(&[("alluxio.master.rpc.addresses", &server.addr.to_string())]);
    let client = WorkerMasterClient::new(&Cluster::without_defaults(&conf).unwrap());
    (server, client, seen)
}

fn batch(blocks: i64) -> Vec<LocationBlockIdListEntry> {
    vec![LocationBlockIdListEntry { key: None, value: Some(BlockIdList { block_id: (0..blocks).collect() }) }]
}

fn first() -> RegisterWorkerPRequest {
    RegisterWorkerPRequest {
        worker_id: Some(42),
        current_blocks: batch(10),
        ..RegisterWorkerPRequest::default()
    }
}

#[tokio::test]
async fn every_batch_is_sent_and_acknowledged() {
    let (_server, client, seen) = rig(FakeMaster::default()).await;
    assert_eq!(client.get_worker_id(WorkerNetAddress::default()).await.unwrap(), 42);
    client.register(first(), stream::iter((0..20).map(|_| batch(1_000)))).await.unwrap();
    assert_eq!(seen.batches.load(Ordering::SeqCst), 21);
    assert_eq!(seen.blocks.load(Ordering::SeqCst), 20_010);
}

#[tokio::test]
async fn a_registration_that_the_master_breaks_off_failed() {
    let (_server, client, seen) = rig(FakeMaster { gives_up_after: Some(3), ..FakeMaster::default() }).await;
    let error = client.register(first(), stream::iter((0..20).map(|_| batch(1)))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(seen.batches.load(Ordering::SeqCst) <= 5, "no more than two batches are out");
}

#[tokio::test]
async fn a_commit_is_tried_again_and_a_heartbeat_is_not() {
    let (_server, client, seen) = rig(FakeMaster { failing_commits: 2, ..FakeMaster::default() }).await;
    client.commit_block(CommitBlockPRequest::default()).await.unwrap();
    assert_eq!(seen.commits.load(Ordering::SeqCst), 3);

    let error = client.block_heartbeat(BlockHeartbeatPRequest::default()).await.unwrap_err();
    assert_eq!((error.kind, &*error.message), (ErrorKind::Unavailable, "not now"));
    assert_eq!(seen.batches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_only_our_masters_answer_is_an_error_elsewhere() {
    let (_server, client, _seen) = rig(FakeMaster::default()).await;
    let error = client.may_evict(42, vec![1], false).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::FailedPrecondition, "{error}");
}

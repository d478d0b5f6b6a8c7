//! Short circuit.

use super::{
    Rig, block,
    cancel::{RawCall, frame},
    content, until,
};
use alluxio_proto::grpc::block::{CreateLocalBlockRequest, CreateLocalBlockResponse};
use prost::Message;
use tonic::Code;

#[tokio::test]
async fn a_client_writes_the_file_itself() {
    let rig = Rig::new(10_000).await;
    let id = block(1, 0);
    let (requests, mut replies) = rig.client.create_local(id, 1000).await;
    let path = replies.message().await.unwrap().unwrap().path.unwrap();
    assert!(path.contains("/alluxioworker/.tmp_blocks/"), "{path}");
    std::fs::write(&path, content(3000)).unwrap();
    let more = CreateLocalBlockRequest {
        block_id: Some(id),
        only_reserve_space: Some(true),
        space_to_reserve: Some(2000),
        ..Default::default()
    };
    requests.send(more).await.unwrap();
    assert_eq!(replies.message().await.unwrap().unwrap().path, None);
    drop(requests);
    assert!(replies.message().await.unwrap().is_none());
    assert_eq!(rig.master.mind.lock().lengths[&id], 3000);
    assert_eq!(rig.worker.core.store.usage().used(), 3000);

    let (requests, mut replies) = rig.client.open_local(id).await.unwrap();
    let path = replies.message().await.unwrap().unwrap().path.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), content(3000));
    // While it is open the file stays, even when the block is removed.
    rig.worker.core.store.remove(id).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(std::path::Path::new(&path).exists());
    drop(requests);
    assert!(replies.message().await.unwrap().is_none());
    until("the file is deleted", || !std::path::Path::new(&path).exists()).await;
}

#[tokio::test]
async fn a_client_that_wrote_more_than_reserved_is_charged_for_it() {
    let rig = Rig::new(10_000).await;
    let (requests, mut replies) = rig.client.create_local(block(1, 0), 10).await;
    let path = replies.message().await.unwrap().unwrap().path.unwrap();
    std::fs::write(&path, content(4000)).unwrap();
    drop(requests);
    assert!(replies.message().await.unwrap().is_none());
    assert_eq!(rig.worker.core.store.usage().used(), 4000);

    let (requests, mut replies) = rig.client.create_local(block(2, 0), 10).await;
    let path = replies.message().await.unwrap().unwrap().path.unwrap();
    std::fs::write(&path, content(11_000)).unwrap();
    drop(requests);
    assert_eq!(replies.message().await.unwrap_err().code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn a_client_that_resets_gives_the_block_up() {
    let rig = Rig::new(10_000).await;
    let first = CreateLocalBlockRequest {
        block_id: Some(block(1, 0)),
        space_to_reserve: Some(1000),
        ..Default::default()
    };
    let mut call = RawCall::start(&rig, "CreateLocalBlock", vec![frame(&first)]).await;
    let reply = call.replies.data().await.unwrap().unwrap();
    let path = CreateLocalBlockResponse::decode(&reply[5..]).unwrap().path.unwrap();
    std::fs::write(&path, content(500)).unwrap();
    call.cancel();
    until("the file is gone", || !std::path::Path::new(&path).exists()).await;
    until("the room is free again", || rig.worker.core.store.usage().used() == 0).await;
    assert_eq!(rig.master.mind.lock().commits, 0);
}

#[tokio::test]
async fn an_unknown_block_sends_the_client_to_a_stream() {
    let rig = Rig::new(10_000).await;
    assert_eq!(rig.client.open_local(block(9, 0)).await.err().unwrap().code(), Code::NotFound);
}

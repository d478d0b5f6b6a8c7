//! Short circuit: blocks as files.

use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::block::CreateLocalBlockRequest;

use crate::{
    rig::WorkerRig,
    worker::{BLOCK, Event, TOO_MUCH, block_data},
};

fn create(block_id: i64, reserve: i64) -> CreateLocalBlockRequest {
    CreateLocalBlockRequest {
        block_id: Some(block_id),
        space_to_reserve: Some(reserve),
        ..CreateLocalBlockRequest::default()
    }
}

#[tokio::test]
async fn a_block_is_pinned_as_long_as_its_file_is_open() {
    let mut rig = WorkerRig::start(&[("alluxio.user.local.reader.chunk.size.bytes", "1000")]).await;
    let mut reader = rig.client.open_local_block(BLOCK, false, 500, 2_000).await.unwrap();
    assert_eq!(rig.event().await, Event::Pinned);
    let mut data = Vec::new();
    while let Some(chunk) = reader.next().await.unwrap() {
        assert!(chunk.len() <= 1000);
        data.extend_from_slice(&chunk);
    }
    assert_eq!(data, block_data()[500..2_500]);
    assert!(rig.events.try_recv().is_err(), "still pinned");
    drop(reader);
    assert_eq!(rig.event().await, Event::Unpinned);
}

#[tokio::test]
async fn a_block_that_is_not_there_is_not_found() {
    let rig = WorkerRig::start(&[]).await;
    let error = rig.client.open_local_block(12_345, false, 0, 1).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn space_is_asked_for_as_it_is_needed() {
    let mut rig = WorkerRig::start(&[("alluxio.user.file.reserved.bytes", "100")]).await;
    let mut writer = rig.client.create_local_block(create(1, 10)).await.unwrap();
    writer.write("ten bytes.".into()).await.unwrap();
    assert!(rig.events.try_recv().is_err(), "they were reserved from the start");
    writer.write("more".into()).await.unwrap();
    assert_eq!(rig.event().await, Event::Reserved(100));
    writer.write(vec![b'x'; 500].into()).await.unwrap();
    assert_eq!(rig.event().await, Event::Reserved(404));
    writer.close().await.unwrap();
    let Event::Committed(data) = rig.event().await else { panic!() };
    assert_eq!((data.len(), &data[..14]), (514, &b"ten bytes.more"[..]));
}

#[tokio::test]
async fn a_dropped_local_write_is_thrown_away() {
    let mut rig = WorkerRig::start(&[]).await;
    let mut writer = rig.client.create_local_block(create(1, 100)).await.unwrap();
    writer.write("x".into()).await.unwrap();
    drop(writer);
    assert_eq!(rig.event().await, Event::Aborted);
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_thrown_away() {
    let mut rig = WorkerRig::start(&[]).await;
    // In the way of the worker's file.
    std::fs::create_dir(rig.dir.path().join("tmp-1")).unwrap();
    let error = rig.client.create_local_block(create(1, 100)).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::FailedPrecondition, "{error}");
    assert_eq!(rig.event().await, Event::Aborted);
}

#[tokio::test]
async fn a_full_worker_says_so() {
    let rig = WorkerRig::start(&[]).await;
    let error = rig.client.create_local_block(create(TOO_MUCH, 100)).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::ResourceExhausted);
}

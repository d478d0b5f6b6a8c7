//! Block streams.

use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::block::{CacheRequest, LoadRequest, ReadRequest, WriteRequestCommand};
use bytes::Bytes;

use crate::{
    rig::{WorkerRig, client, conf},
    worker::{BLOCK, BLOCK_LENGTH, Event, SILENT, TOO_MUCH, block_data},
};

fn read(block_id: i64, offset: i64, length: usize, chunk_size: i64) -> ReadRequest {
    ReadRequest {
        block_id: Some(block_id),
        offset: Some(offset),
        length: Some(length as i64),
        chunk_size: Some(chunk_size),
        ..ReadRequest::default()
    }
}

fn write(id: i64) -> WriteRequestCommand {
    WriteRequestCommand { id: Some(id), ..WriteRequestCommand::default() }
}

#[tokio::test]
async fn a_read_acknowledges_what_it_got() {
    let mut rig = WorkerRig::start(&[]).await;
    let mut reader = rig.client.read_block(read(BLOCK, 0, BLOCK_LENGTH, 700)).await.unwrap();
    let mut data = Vec::new();
    // The worker stops at 2,000 unacknowledged bytes, so this ends only if acknowledgements come.
    while let Some(chunk) = reader.next().await.unwrap() {
        data.extend_from_slice(&chunk);
    }
    assert_eq!(data, block_data());
    assert_eq!(rig.event().await, Event::ReadEnded(BLOCK_LENGTH as i64));
}

#[tokio::test]
async fn a_range_ends_where_it_should() {
    let rig = WorkerRig::start(&[]).await;
    let mut reader = rig.client.read_block(read(BLOCK, 1_000, 1_500, 4_096)).await.unwrap();
    let chunk = reader.next().await.unwrap().unwrap();
    assert_eq!(chunk, block_data()[1_000..2_500]);
    assert_eq!(reader.position(), 2_500);
    assert_eq!(reader.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_dropped_read_ends_at_the_worker() {
    let mut rig = WorkerRig::start(&[]).await;
    let mut reader = rig.client.read_block(read(BLOCK, 0, BLOCK_LENGTH, 700)).await.unwrap();
    reader.next().await.unwrap();
    drop(reader);
    assert!(matches!(rig.event().await, Event::ReadEnded(_)));
}

#[tokio::test]
async fn a_read_of_what_is_not_there_says_so() {
    let rig = WorkerRig::start(&[]).await;
    let mut reader = rig.client.read_block(read(12_345, 0, 10, 700)).await.unwrap();
    let error = reader.next().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(error.message, "BlockMeta not found for blockId 12345");
}

#[tokio::test]
async fn a_silent_worker_is_not_waited_for_for_ever() {
    let rig = WorkerRig::start(&[("alluxio.user.streaming.data.read.timeout", "200ms")]).await;
    let mut reader = rig.client.read_block(read(SILENT, 0, 10, 700)).await.unwrap();
    let error = reader.next().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::DeadlineExceeded, "{error}");
}

#[tokio::test]
async fn a_closed_write_is_committed() {
    let mut rig = WorkerRig::start(&[]).await;
    let mut writer = rig.client.write_block(write(1)).await.unwrap();
    let data = Bytes::from(vec![42; 3 << 20]);
    writer.write(data.clone()).await.unwrap();
    writer.flush().await.unwrap();
    writer.write("the rest".into()).await.unwrap();
    assert_eq!(writer.close().await.unwrap(), None);
    let Event::Committed(committed) = rig.event().await else { panic!() };
    assert_eq!(committed, [&data[..], b"the rest"].concat());
}

#[tokio::test]
async fn a_file_of_the_under_storage_may_have_a_hash() {
    let rig = WorkerRig::start(&[]).await;
    let mut writer = rig.client.write_block(write(-1)).await.unwrap();
    writer.write("x".into()).await.unwrap();
    assert_eq!(writer.close().await.unwrap(), Some("hash".into()));
}

#[tokio::test]
async fn an_empty_write_is_committed_too() {
    let mut rig = WorkerRig::start(&[]).await;
    let mut writer = rig.client.write_block(write(1)).await.unwrap();
    writer.flush().await.unwrap();
    writer.close().await.unwrap();
    assert_eq!(rig.event().await, Event::Committed(Vec::new()));
}

/// To a worker the end of the stream means "commit", so giving up must never look like it.
#[tokio::test]
async fn a_dropped_write_is_thrown_away() {
    for sent in [0, 1, 100, 5 << 20] {
        let mut rig = WorkerRig::start(&[]).await;
        let mut writer = rig.client.write_block(write(1)).await.unwrap();
        writer.write(vec![1; sent].into()).await.unwrap();
        if sent == 1 {
            writer.flush().await.unwrap();
        }
        drop(writer);
        // Nothing at all may have reached the worker before the end of the stream.
        let next = tokio::time::timeout(std::time::Duration::from_secs(2), rig.events.recv()).await;
        assert!(matches!(next, Ok(Some(Event::Aborted)) | Err(_)), "{sent} bytes: {next:?}");
    }
}

#[tokio::test]
async fn a_refusal_of_the_worker_is_reported() {
    let rig = WorkerRig::start(&[]).await;
    let mut writer = rig.client.write_block(write(TOO_MUCH)).await.unwrap();
    let error = loop {
        if let Err(error) = writer.write(vec![1; 1 << 20].into()).await {
            break error;
        }
    };
    assert_eq!(error.kind, ErrorKind::ResourceExhausted, "{error}");

    let mut writer = rig.client.write_block(write(TOO_MUCH)).await.unwrap();
    writer.write("x".into()).await.unwrap();
    assert_eq!(writer.close().await.unwrap_err().kind, ErrorKind::ResourceExhausted);
}

#[tokio::test]
async fn a_worker_that_is_not_there_is_noticed_before_anything_is_sent() {
    let conf = conf(&[]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let error = client(&conf, addr).write_block(write(1)).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.message.contains(&addr.to_string()), "{error}");
}

/// A worker that takes a call and never answers, such as one whose disk hangs.
#[tokio::test]
async fn a_call_that_gets_no_answer_ends() {
    let rig = WorkerRig::start(&[("alluxio.user.rpc.retry.max.duration", "200ms")]).await;
    let block = CacheRequest { block_id: Some(BLOCK), ..Default::default() };
    rig.client.cache(block).await.unwrap();
    let silent = CacheRequest { block_id: Some(SILENT), ..Default::default() };
    let errors = [
        rig.client.cache(silent).await.unwrap_err(),
        rig.client.load(LoadRequest::default()).await.unwrap_err(),
        rig.client.remove_block(BLOCK).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind, ErrorKind::DeadlineExceeded, "{error}");
        assert!(error.message.contains(rig.client.address()), "{error}");
    }
}

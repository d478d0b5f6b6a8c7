//! ReadBlock of blocks that the worker holds.

use super::{Rig, block, client::read_request, content, until};
use alluxio_proto::{dataserver::OpenUfsBlockOptions, grpc::block::ReadRequest};
use std::time::Duration;
use tonic::Code;

const MB: usize = 1 << 20;

#[tokio::test]
async fn ranges_come_back_in_chunks_as_asked() {
    let rig = Rig::new(64 << 20).await;
    let (id, data) = (block(1, 0), content(5 * MB / 2));
    rig.client.write_block(id, &data).await.unwrap();
    let chunks = rig.client.read_chunks(read_request(id, 0, data.len() as i64)).await.unwrap();
    assert_eq!(chunks.iter().map(|c| c.len()).collect::<Vec<_>>(), vec![MB, MB, MB / 2]);
    assert_eq!(chunks.concat(), data);
    assert_eq!(rig.client.read(read_request(id, 1000, 77)).await.unwrap(), data[1000..1077]);
    // Beyond the end: what there is. At the end: one empty chunk.
    assert_eq!(rig.client.read(read_request(id, 2_621_430, 9999)).await.unwrap(), data[2_621_430..]);
    let at_end = rig.client.read_chunks(read_request(id, data.len() as i64, 10)).await.unwrap();
    assert_eq!(at_end.iter().map(|c| c.len()).collect::<Vec<_>>(), vec![0]);
    // The server's limit of a chunk is 2 MB.
    let large = ReadRequest { chunk_size: Some(64 << 20), ..read_request(id, 0, data.len() as i64) };
    let chunks = rig.client.read_chunks(large).await.unwrap();
    assert_eq!(chunks.iter().map(|c| c.len()).collect::<Vec<_>>(), vec![2 * MB, MB / 2]);
}

#[tokio::test]
async fn bad_requests_are_refused_at_once() {
    let rig = Rig::new(8 << 20).await;
    let id = block(1, 0);
    rig.client.write_block(id, b"data").await.unwrap();
    let code = async |request| rig.client.read(request).await.unwrap_err().code();
    assert_eq!(code(read_request(id, 0, 0)).await, Code::InvalidArgument);
    assert_eq!(
        code(ReadRequest { chunk_size: Some(0), ..read_request(id, 0, 4) }).await,
        Code::InvalidArgument
    );
    assert_eq!(code(read_request(id, -1, 4)).await, Code::InvalidArgument);
    assert_eq!(code(read_request(id, 5, 1)).await, Code::OutOfRange);
    let error = rig.client.read(read_request(12345, 0, 4)).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::NotFound, "BlockMeta not found for blockId 12345"));
}

#[tokio::test]
async fn a_client_that_stops_reading_holds_little_and_is_dropped() {
    let rig = Rig::with(64 << 20, &[], |settings| settings.stalled_reader = Duration::from_millis(300)).await;
    let (id, data) = (block(1, 0), content(32 * MB));
    rig.client.write_block(id, &data).await.unwrap();
    let mut stalled = rig.client.reading(read_request(id, 0, data.len() as i64)).await.unwrap();
    stalled.next().await.unwrap();
    // It is dropped: the reader's place and the block are free again.
    until("the stalled reader is dropped", || rig.worker.core.admission.active_readers() == 0).await;
    rig.worker.core.store.remove(id).unwrap();
    until("the block is deleted", || rig.worker.core.store.usage().blocks == 0).await;
    // What it then finds is the rest of the window, and an error instead of a good end.
    let mut received = 0;
    let end = loop {
        match stalled.next().await {
            Ok(Some(chunk)) => received += chunk.len(),
            Ok(None) => break None,
            Err(status) => break Some(status.code()),
        }
    };
    assert_eq!(end, Some(Code::DeadlineExceeded));
    assert!(received < 16 * MB, "{received} bytes were on the way to a client that read nothing");
}

#[tokio::test]
async fn a_slow_client_is_not_dropped() {
    let rig = Rig::with(64 << 20, &[], |settings| settings.stalled_reader = Duration::from_millis(500)).await;
    let (id, data) = (block(1, 0), content(12 * MB));
    rig.client.write_block(id, &data).await.unwrap();
    let mut slow = rig.client.reading(read_request(id, 0, data.len() as i64)).await.unwrap();
    let mut received = Vec::new();
    while let Some(chunk) = slow.next().await.unwrap() {
        received.extend_from_slice(&chunk);
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    assert!(received == data);
}

#[tokio::test]
async fn a_client_that_has_enough_half_closes() {
    let rig = Rig::new(64 << 20).await;
    let id = block(1, 0);
    rig.client.write_block(id, &content(32 * MB)).await.unwrap();
    let mut reading = rig.client.reading(read_request(id, 0, 32 << 20)).await.unwrap();
    reading.next().await.unwrap();
    let super::client::Reading { requests, mut replies, .. } = reading;
    drop(requests);
    while replies.message().await.unwrap().is_some() {}
    until("the reader is gone", || rig.worker.core.admission.active_readers() == 0).await;
}

#[tokio::test]
async fn readers_are_bounded() {
    let rig = Rig::with(64 << 20, &[("alluxio.worker.network.block.reader.threads.max", "2")], |_| {}).await;
    let id = block(1, 0);
    rig.client.write_block(id, &content(32 * MB)).await.unwrap();
    let ask = || rig.client.reading(read_request(id, 0, 32 << 20));
    let (_one, _two) = (ask().await.unwrap(), ask().await.unwrap());
    assert_eq!(ask().await.err().unwrap().code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn a_block_with_a_reader_is_not_evicted() {
    let rig = Rig::new(20 << 20).await;
    let id = block(1, 0);
    let data = content(16 * MB);
    rig.client.write_block(id, &data).await.unwrap();
    let mut reading = rig.client.reading(read_request(id, 0, 16 << 20)).await.unwrap();
    let mut received = reading.next().await.unwrap().unwrap().to_vec();
    let error = rig.client.write_block(block(2, 0), &content(16 * MB)).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    while let Some(chunk) = reading.next().await.unwrap() {
        received.extend_from_slice(&chunk);
    }
    assert!(received == data);
    until("the reader is gone", || rig.worker.core.admission.active_readers() == 0).await;
    rig.client.write_block(block(2, 0), &data).await.unwrap();
}

/// As a Java client asks for what is only on a worker that it does not go to.
#[tokio::test]
async fn a_block_of_a_file_to_be_persisted_is_passed_on_from_the_worker_that_has_it() {
    let (rig, other) = (Rig::new(1 << 20).await, Rig::new(1 << 20).await);
    let data = content(100_000);
    other.client.write_block(block(1, 0), &data).await.unwrap();
    {
        let mut mind = rig.master.mind.lock();
        mind.peers.insert(block(1, 0), other.worker.rpc_addr().port());
        mind.lengths.insert(block(1, 0), data.len() as i64);
    }
    let asked = |offset, length| {
        let mut request = read_request(block(1, 0), offset, length);
        request.chunk_size = Some(4096);
        request.open_ufs_block_options =
            Some(OpenUfsBlockOptions { block_in_ufs_tier: Some(true), ..Default::default() });
        request
    };
    assert!(rig.client.read(asked(0, 100_000)).await.unwrap() == data);
    assert!(rig.client.read(asked(7, 10_000)).await.unwrap() == data[7..10_007]);
    assert!(rig.client.read(asked(99_999, 10)).await.unwrap() == data[99_999..]);
    rig.master.mind.lock().peers_in_containers = true;
    assert!(rig.client.read(asked(0, 100_000)).await.unwrap() == data, "its node's address is only its name");
    assert!(!rig.worker.core.store.holds(block(1, 0)));
    let plain = rig.client.read(read_request(block(1, 0), 0, 1)).await.unwrap_err();
    assert_eq!(plain.code(), tonic::Code::NotFound);
    rig.master.mind.lock().peers.clear();
    assert_eq!(rig.client.read(asked(0, 1)).await.unwrap_err().code(), tonic::Code::NotFound);
}

//! Reads from the under storage, and caching on the way.

use super::{
    Rig, block,
    client::{read_request, under_options},
    content, until,
};
use alluxio_proto::grpc::block::{
    AsyncCacheRequest, Block, CacheRequest, LoadRequest, ReadRequest, TaskStatus, UfsReadOptions,
};
use tonic::Code;

const MB: usize = 1 << 20;

fn cold(rig: &Rig, id: i64, file: &str, in_file: i64, length: i64, range: (i64, i64)) -> ReadRequest {
    let options = under_options(&rig.under(file), in_file, length);
    ReadRequest { open_ufs_block_options: Some(options), ..read_request(id, range.0, range.1) }
}

#[tokio::test]
async fn a_whole_block_read_in_order_is_kept() {
    let rig = Rig::new(64 << 20).await;
    let data = content(5 * MB);
    std::fs::write(rig.under("f"), &data).unwrap();
    // The second block of a file with blocks of 2 MB.
    let id = block(1, 1);
    let request = cold(&rig, id, "f", 2 << 20, 2 << 20, (0, 2 << 20));
    let read = rig.client.read(request.clone()).await.unwrap();
    assert!(read == data[2 * MB..4 * MB]);
    assert_eq!(rig.master.mind.lock().lengths[&id], 2 << 20, "told to the master before the stream ended");
    std::fs::remove_file(rig.under("f")).unwrap();
    assert!(rig.client.read(request).await.unwrap() == data[2 * MB..4 * MB], "from the cache");
}

#[tokio::test]
async fn parts_and_no_cache_are_only_passed_through() {
    let rig = Rig::new(64 << 20).await;
    let data = content(2 * MB);
    std::fs::write(rig.under("f"), &data).unwrap();
    let id = block(1, 0);
    let part = cold(&rig, id, "f", 0, 2 << 20, (MB as i64, 100));
    assert_eq!(rig.client.read(part).await.unwrap(), data[MB..MB + 100]);
    let mut whole = cold(&rig, id, "f", 0, 2 << 20, (0, 2 << 20));
    whole.open_ufs_block_options.as_mut().unwrap().no_cache = Some(true);
    assert!(rig.client.read(whole).await.unwrap() == data);
    assert_eq!(rig.master.mind.lock().commits, 0);
    assert_eq!(rig.worker.core.store.usage().used(), 0);
}

#[tokio::test]
async fn a_full_store_still_reads() {
    let rig = Rig::new(100).await;
    let data = content(2 * MB);
    std::fs::write(rig.under("f"), &data).unwrap();
    let whole = cold(&rig, block(1, 0), "f", 0, 2 << 20, (0, 2 << 20));
    assert!(rig.client.read(whole).await.unwrap() == data);
}

#[tokio::test]
async fn missing_files_and_mounts_have_their_codes() {
    let rig = Rig::new(64 << 20).await;
    let missing = cold(&rig, block(1, 0), "nope", 0, 100, (0, 100));
    assert_eq!(rig.client.read(missing).await.unwrap_err().code(), Code::NotFound);
    std::fs::write(rig.under("f"), b"x").unwrap();
    let mut mount = cold(&rig, block(1, 0), "f", 0, 1, (0, 1));
    mount.open_ufs_block_options.as_mut().unwrap().mount_id = Some(77);
    assert_eq!(rig.client.read(mount).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_file_that_became_shorter_is_not_kept() {
    let rig = Rig::new(64 << 20).await;
    std::fs::write(rig.under("f"), content(1000)).unwrap();
    let request = cold(&rig, block(1, 0), "f", 0, 2000, (0, 2000));
    assert_eq!(rig.client.read(request).await.unwrap(), content(1000));
    until("nothing is kept", || rig.worker.core.store.usage().used() == 0).await;
    assert_eq!(rig.master.mind.lock().commits, 0);
}

#[tokio::test]
async fn blocks_are_cached_on_request() {
    let rig = Rig::new(64 << 20).await;
    let data = content(MB);
    std::fs::write(rig.under("f"), &data).unwrap();
    let options = under_options(&rig.under("f"), 0, MB as i64);
    let request = |id: i64, is_async: bool| CacheRequest {
        block_id: Some(id),
        source_host: Some("127.0.0.1".into()),
        source_port: Some(i32::from(rig.worker.rpc_addr().port())),
        open_ufs_block_options: Some(options.clone()),
        length: Some(MB as i64),
        r#async: Some(is_async),
    };
    rig.client.stub().cache(request(block(1, 0), false)).await.unwrap();
    assert_eq!(rig.worker.core.store.length_of(block(1, 0)), Some(MB as u64));
    rig.client.stub().cache(request(block(2, 0), true)).await.unwrap();
    let old = AsyncCacheRequest {
        block_id: Some(block(3, 0)),
        open_ufs_block_options: Some(options.clone()),
        length: Some(MB as i64),
        ..Default::default()
    };
    rig.client.stub().async_cache(old).await.unwrap();
    until("both are cached", || rig.master.mind.lock().commits == 3).await;
    // A file shorter than the block is an error, and nothing is kept.
    let wrong = CacheRequest { length: Some(2 << 20), ..request(block(4, 0), false) };
    assert!(rig.client.stub().cache(wrong).await.is_err());
    until("nothing is kept", || rig.worker.core.store.usage().used() == 3 << 20).await;
}

#[tokio::test]
async fn a_block_is_cached_from_another_worker() {
    let (source, sink) = (Rig::new(64 << 20).await, Rig::new(64 << 20).await);
    let (id, data) = (block(1, 0), content(5 * MB));
    source.client.write_block(id, &data).await.unwrap();
    let request = CacheRequest {
        block_id: Some(id),
        source_host: Some("127.0.0.1".into()),
        source_port: Some(i32::from(source.worker.rpc_addr().port())),
        length: Some(data.len() as i64),
        ..Default::default()
    };
    sink.client.stub().cache(request).await.unwrap();
    assert!(sink.client.read(read_request(id, 0, data.len() as i64)).await.unwrap() == data);
}

#[tokio::test]
async fn load_answers_for_each_block() {
    let rig = Rig::new(64 << 20).await;
    std::fs::write(rig.under("f"), content(300)).unwrap();
    let piece = |sequence: i64, file: &str, offset: i64, length: i64| Block {
        block_id: block(1, sequence),
        length,
        ufs_path: Some(rig.under(file).display().to_string()),
        offset_in_file: Some(offset),
        mount_id: Some(1),
    };
    let options = UfsReadOptions { tag: "t".into(), position_short: false, bandwidth: None, user: None };
    let blocks = vec![piece(0, "f", 0, 100), piece(1, "f", 100, 100), piece(2, "missing", 0, 100)];
    let answer =
        rig.client.stub().load(LoadRequest { blocks, options: options.clone() }).await.unwrap().into_inner();
    assert_eq!(answer.status(), TaskStatus::PartialFailure);
    assert_eq!(answer.block_status.len(), 1);
    assert_eq!(answer.block_status[0].code, Code::NotFound as i32);
    assert_eq!(rig.worker.core.store.length_of(block(1, 1)), Some(100));
    let good = LoadRequest { blocks: vec![piece(2, "f", 200, 100)], options };
    assert_eq!(rig.client.stub().load(good).await.unwrap().into_inner().status(), TaskStatus::Success);
}

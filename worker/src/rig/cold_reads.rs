//! Reads from the under storage, and caching on the way.

use super::{
    Rig, block,
    client::{Reading, read_request, under_options},
    content, until,
};
use alluxio_fs::ids;
use alluxio_proto::grpc::block::{
    AsyncCacheRequest, Block, CacheRequest, LoadRequest, ReadRequest, TaskStatus, UfsReadOptions,
};
use std::{os::unix::fs::FileExt, path::Path, time::UNIX_EPOCH};
use tonic::Code;

const MB: usize = 1 << 20;
/// Much more than is fetched ahead of a reader.
const LARGE: usize = 48 << 20;

fn cold(rig: &Rig, id: i64, file: &str, in_file: i64, length: i64, range: (i64, i64)) -> ReadRequest {
    known(rig, id);
    let options = under_options(&rig.under(file), in_file, length);
    ReadRequest { open_ufs_block_options: Some(options), ..read_request(id, range.0, range.1) }
}

fn modified(path: &Path) -> u128 {
    std::fs::metadata(path).unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

/// The master has the file of a block.
fn known(rig: &Rig, block: i64) {
    rig.master.mind.lock().files.entry(ids::file_id_of_block(block)).or_default();
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
    let shown = rig.worker.core.metrics.registry.prometheus_text().unwrap();
    let opened = shown.lines().find(|line| line.contains("_Open_UFS") && line.contains("_count "));
    assert!(opened.is_some_and(|line| line.ends_with(" 1")), "opened once: {opened:?}");
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
async fn blocks_are_of_the_version_that_the_master_knows() {
    let rig = Rig::new(64 << 20).await;
    let old = content(2000);
    std::fs::write(rig.under("f"), &old).unwrap();
    let fingerprint = || {
        let hash = format!("(len:2000,_modtime:{})", modified(&rig.under("f")));
        Some(format!("TYPE|FILE UFS|local OWNER|_ GROUP|_ MODE|420 CONTENT_HASH|{hash} "))
    };
    let file = ids::file_id(1);
    let first = cold(&rig, block(1, 0), "f", 0, 1000, (0, 1000));
    let second = cold(&rig, block(1, 1), "f", 1000, 1000, (0, 1000));
    rig.master.mind.lock().files.get_mut(&file).unwrap().ufs_fingerprint = fingerprint();
    assert_eq!(rig.client.read(first.clone()).await.unwrap(), old[..1000]);

    // Another file of the same length, in its place.
    let before = modified(&rig.under("f"));
    until("it is of another time", || {
        std::fs::write(rig.under("g"), vec![7; 2000]).unwrap();
        std::fs::rename(rig.under("g"), rig.under("f")).unwrap();
        modified(&rig.under("f")) != before
    })
    .await;
    let changed = rig.client.read(second.clone()).await.unwrap_err();
    assert_eq!(changed.code(), Code::OutOfRange);
    assert!(changed.message().contains("was changed in the under storage"), "{changed}");
    let asked = CacheRequest {
        block_id: second.block_id,
        open_ufs_block_options: second.open_ufs_block_options.clone(),
        length: Some(1000),
        ..Default::default()
    };
    assert!(rig.client.stub().cache(asked).await.is_err());
    assert_eq!(rig.worker.core.store.length_of(block(1, 1)), None);

    // The master has looked at it: the blocks are of the new one.
    rig.master.mind.lock().files.get_mut(&file).unwrap().ufs_fingerprint = fingerprint();
    assert_eq!(rig.client.read(second.clone()).await.unwrap(), vec![7; 1000]);
    // It has replaced the file by another one: whoever still reads the old one is told.
    rig.master.mind.lock().files.remove(&ids::file_id(2));
    let gone = ReadRequest { block_id: Some(block(2, 0)), ..first };
    assert_eq!(rig.client.read(gone).await.unwrap_err().code(), Code::OutOfRange);
}

#[tokio::test]
async fn nobody_waits_again_and_again_for_a_version_that_is_not_told() {
    let rig = Rig::new(64 << 20).await;
    let data = content(4000);
    std::fs::write(rig.under("f"), &data).unwrap();
    let read = async |container: i64, number: i64| {
        let request = cold(&rig, block(container, number), "f", number * 1000, 1000, (0, 1000));
        let from = number as usize * 1000;
        assert_eq!(rig.client.read(request).await.unwrap(), data[from..from + 1000]);
    };
    // Of one that was never compared the master knows nothing.
    read(1, 0).await;
    read(1, 1).await;
    assert_eq!(rig.master.mind.lock().questions, 1);
    // It is frozen.
    rig.master.mind.lock().hang_questions = true;
    let began = std::time::Instant::now();
    for number in 0..4 {
        read(2, number).await;
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(rig.master.mind.lock().questions, 2);
}

#[tokio::test]
async fn a_file_written_over_while_it_is_read_is_an_error() {
    let rig = Rig::new(64 << 20).await;
    std::fs::write(rig.under("f"), vec![1; LARGE]).unwrap();
    let length = LARGE as i64;
    let mut whole = cold(&rig, block(1, 0), "f", 0, length, (0, length));
    whole.chunk_size = Some(4096);
    let mut reading = rig.client.reading(whole).await.unwrap();
    assert!(reading.next().await.unwrap().unwrap().iter().all(|byte| *byte == 1));
    // In place: the same file for who has it open.
    let (file, before) =
        (std::fs::File::options().write(true).open(rig.under("f")).unwrap(), modified(&rig.under("f")));
    until("it is of another time", || {
        file.write_all_at(&vec![2; LARGE], 0).unwrap();
        modified(&rig.under("f")) != before
    })
    .await;
    let error = loop {
        match reading.next().await {
            Ok(Some(chunk)) => assert!(chunk.iter().all(|byte| *byte == 1)),
            Ok(None) => panic!("it was read to its end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::OutOfRange, "{error}");
    assert_eq!(rig.worker.core.store.length_of(block(1, 0)), None);
}

/// A file of one block that is larger than what is fetched ahead of a reader, and a read of it that was begun.
async fn begun(rig: &Rig) -> (Vec<u8>, ReadRequest, Reading) {
    let data = content(LARGE);
    std::fs::write(rig.under("f"), &data).unwrap();
    let whole = cold(rig, block(1, 0), "f", 0, LARGE as i64, (0, LARGE as i64));
    let mut reading = rig.client.reading(whole.clone()).await.unwrap();
    let first = reading.next().await.unwrap().unwrap();
    assert!(first == data[..first.len()]);
    (data, whole, reading)
}

async fn read_from_under(rig: &Rig) -> i64 {
    rig.worker.core.mounts.get(1).await.unwrap().bytes.read.total()
}

#[tokio::test]
async fn readers_of_a_block_share_one_fetch_of_it() {
    let rig = Rig::new(64 << 20).await;
    let (data, whole, mut slow) = begun(&rig).await;
    let part = cold(&rig, block(1, 0), "f", 0, LARGE as i64, (100, 1000));
    let (one, other, some) =
        tokio::join!(rig.client.read(whole.clone()), rig.client.read(whole), rig.client.read(part));
    assert!(one.unwrap() == data && other.unwrap() == data);
    assert_eq!(some.unwrap(), data[100..1100]);
    let mut rest = 0;
    while let Some(chunk) = slow.next().await.unwrap() {
        rest += chunk.len();
    }
    assert!(rest > 0 && rest < LARGE, "{rest}");
    assert_eq!(read_from_under(&rig).await, LARGE as i64);
    assert_eq!(rig.master.mind.lock().commits, 1);
}

#[tokio::test]
async fn a_request_to_cache_goes_with_a_read_that_runs() {
    let rig = Rig::new(64 << 20).await;
    let (_, whole, _slow) = begun(&rig).await;
    let asked = CacheRequest {
        block_id: whole.block_id,
        open_ufs_block_options: whole.open_ufs_block_options,
        length: Some(LARGE as i64),
        ..Default::default()
    };
    rig.client.stub().cache(asked).await.unwrap();
    assert_eq!(rig.worker.core.store.length_of(block(1, 0)), Some(LARGE as u64));
    assert_eq!(read_from_under(&rig).await, LARGE as i64);
}

#[tokio::test]
async fn a_fetch_ends_with_its_last_reader() {
    let rig = Rig::new(64 << 20).await;
    let (data, whole, slow) = begun(&rig).await;
    drop(slow);
    until("nothing is kept", || rig.worker.core.store.usage().used() == 0).await;
    let fetched = read_from_under(&rig).await;
    assert!(fetched < LARGE as i64, "{fetched} bytes were fetched for a reader that left at once");
    assert!(rig.client.read(whole).await.unwrap() == data);
    assert_eq!(rig.worker.core.store.length_of(block(1, 0)), Some(LARGE as u64));
}

#[tokio::test]
async fn a_store_that_fails_while_it_is_fetched_fails_all_readers() {
    let rig = Rig::new(64 << 20).await;
    let (_, whole, mut slow) = begun(&rig).await;
    // Shorter than what the readers were told.
    std::fs::File::options().write(true).open(rig.under("f")).unwrap().set_len(20 << 20).unwrap();
    let other = rig.client.read(whole);
    let rest = async {
        let mut read = 0;
        loop {
            match slow.next().await {
                Ok(Some(chunk)) => read += chunk.len(),
                Ok(None) => return Ok(read),
                Err(error) => return Err(error),
            }
        }
    };
    let (other, rest) = tokio::join!(other, rest);
    assert!(other.is_err() || other.unwrap().len() < LARGE);
    assert!(rest.is_err() || rest.unwrap() < LARGE);
    until("nothing is kept", || rig.worker.core.store.usage().used() == 0).await;
    assert_eq!(rig.master.mind.lock().commits, 0);
}

#[tokio::test]
async fn blocks_are_cached_on_request() {
    let rig = Rig::new(64 << 20).await;
    (1..5).for_each(|container| known(&rig, block(container, 0)));
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
    known(&rig, block(1, 0));
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

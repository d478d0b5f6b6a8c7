//! Out of service.

use super::{
    PATIENCE, Rig, block,
    client::{block_command, chunk, read_request, under_options},
    commits_and_registration::command,
    leaving::file,
    until,
    web_port::http,
};
use alluxio_fs::ids;
use alluxio_proto::grpc::{CommandType, block::CacheRequest};
use serde_json::Value;
use std::time::Duration;

/// For longer than any test.
fn take_out(rig: &Rig) {
    for _ in 0..2000 {
        rig.master.order(command(CommandType::Decommissioned, vec![]));
    }
}

async fn unpersisted(rig: &Rig) -> Value {
    let (_, role) = http(&rig.worker, "GET", "/role").await;
    serde_json::from_str::<Value>(&role).unwrap()["unpersistedFiles"].clone()
}

async fn until_unpersisted(rig: &Rig, count: Option<u64>) {
    let waiting = async {
        while unpersisted(rig).await.as_u64() != count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("the count does not come");
}

#[tokio::test]
async fn what_is_only_here_is_persisted_and_counted() {
    let rig = Rig::new(1 << 20).await;
    for container in 1..=5 {
        rig.client.write_block(block(container, 0), b"x").await.unwrap();
    }
    {
        let mut mind = rig.master.mind.lock();
        mind.not_persisted.extend([block(1, 0), block(4, 0)]);
        // To be persisted already; pinned; one whose writer has not completed it.
        mind.keep.extend([block(2, 0), block(3, 0)]);
        for (container, state) in
            [(1, "NOT_PERSISTED"), (2, "TO_BE_PERSISTED"), (3, "PERSISTED"), (4, "NOT_PERSISTED")]
        {
            mind.files.insert(ids::file_id(container), file(container, state));
        }
        mind.files.get_mut(&ids::file_id(4)).unwrap().completed = Some(false);
    }
    assert!(unpersisted(&rig).await.is_null(), "it serves");
    take_out(&rig);
    until("both are asked for", || rig.master.mind.lock().scheduled == ["/f1", "/f2"]).await;
    until_unpersisted(&rig, Some(3)).await;
    // The writer ends, and is heard of although the file was looked at before.
    rig.master.mind.lock().files.get_mut(&ids::file_id(4)).unwrap().completed = Some(true);
    until("so is it", || rig.master.mind.lock().scheduled == ["/f1", "/f2", "/f4"]).await;
    for (container, left) in [(1, 2), (2, 1), (4, 0)] {
        {
            let mut mind = rig.master.mind.lock();
            mind.not_persisted.remove(&block(container, 0));
            mind.keep.remove(&block(container, 0));
        }
        until_unpersisted(&rig, Some(left)).await;
    }
    assert_eq!(rig.master.mind.lock().scheduled.len(), 3, "each once");
    assert_eq!(rig.client.read(read_request(block(1, 0), 0, 1)).await.unwrap(), b"x");
    rig.master.mind.lock().orders.clear();
    until_unpersisted(&rig, None).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_persisted_stays_counted() {
    let rig = Rig::new(1 << 20).await;
    rig.client.write_block(block(1, 0), b"x").await.unwrap();
    {
        let mut mind = rig.master.mind.lock();
        mind.not_persisted.insert(block(1, 0));
        mind.files.insert(ids::file_id(1), file(1, "NOT_PERSISTED"));
        mind.not_schedulable.insert("/f1".into());
    }
    take_out(&rig);
    until_unpersisted(&rig, Some(1)).await;
    assert!(rig.master.mind.lock().scheduled.is_empty());
}

#[tokio::test]
async fn nothing_is_cached_meanwhile() {
    let rig = Rig::new(1 << 20).await;
    std::fs::write(rig.under("f"), b"abc").unwrap();
    take_out(&rig);
    until("it is out of service", || rig.worker.core.admission.takes_blocks().is_err()).await;
    rig.master.mind.lock().files.entry(ids::file_id(1)).or_default();
    let under = under_options(&rig.under("f"), 0, 3);
    let mut read = read_request(block(1, 0), 0, 3);
    read.open_ufs_block_options = Some(under.clone());
    assert_eq!(rig.client.read(read).await.unwrap(), b"abc");
    let cache = CacheRequest {
        block_id: Some(block(1, 0)),
        length: Some(3),
        open_ufs_block_options: Some(under),
        ..CacheRequest::default()
    };
    assert_eq!(rig.client.stub().cache(cache).await.unwrap_err().code(), tonic::Code::Unavailable);
    assert!(!rig.worker.core.store.holds(block(1, 0)));
}

/// Its block is not here yet, and then it is: a count without it is none.
#[tokio::test]
async fn nothing_is_counted_while_a_block_is_being_written() {
    let rig = Rig::new(1 << 20).await;
    rig.client.write_block(block(2, 0), b"x").await.unwrap();
    let writing = rig.client.writing(block_command(block(1, 0), 3)).await.unwrap();
    writing.requests.send(chunk(b"abc")).await.unwrap();
    until("it is being written", || rig.worker.core.admission.active_writers() == 1).await;
    {
        let mut mind = rig.master.mind.lock();
        for container in [1, 2] {
            mind.not_persisted.insert(block(container, 0));
            mind.files.insert(ids::file_id(container), file(container, "NOT_PERSISTED"));
            mind.not_schedulable.insert(format!("/f{container}"));
        }
    }
    take_out(&rig);
    let looks = || rig.master.mind.lock().looks;
    let before = looks();
    until("it was looked twice", || looks() > before + 1).await;
    assert!(unpersisted(&rig).await.is_null());
    writing.finish().await.unwrap();
    let told = async {
        loop {
            match unpersisted(&rig).await.as_u64() {
                None => tokio::time::sleep(Duration::from_millis(1)).await,
                Some(count) => break count,
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, told).await.unwrap(), 2);
}

/// Which does not say what is persisted.
#[tokio::test]
async fn a_master_of_the_original_is_not_asked_for_anything() {
    let rig = Rig::new(1 << 20).await;
    rig.client.write_block(block(1, 0), b"x").await.unwrap();
    rig.master.mind.lock().original = true;
    take_out(&rig);
    until("it was asked", || rig.master.mind.lock().unknown_questions > 0).await;
    assert!(unpersisted(&rig).await.is_null());
    assert!(rig.master.mind.lock().scheduled.is_empty());
}

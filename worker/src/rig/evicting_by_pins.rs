//! Eviction in the cluster of a master of the original.

use super::{PATIENCE, Rig, block, client::block_command, content, until};
use crate::store::EvictionGate;
use alluxio_fs::ids::file_id_of_block;
use alluxio_proto::grpc::{
    block::{FreeWorkerRequest, WriteRequestCommand},
    file::FileInfo,
};
use std::time::Duration;
use tonic::Code;

const MB: usize = 1 << 20;

/// A worker with room for so many blocks of 1 MB. The list of pinned files is held back.
async fn rig(blocks: usize) -> Rig {
    let rig = Rig::new((blocks * MB) as u64).await;
    let mut mind = rig.master.mind.lock();
    (mind.original, mind.hide_pins) = (true, true);
    // A new registration, which has no list yet.
    mind.workers.clear();
    drop(mind);
    until("it registered again", || rig.worker.registered.current().is_some_and(|now| now.turn == 2)).await;
    rig
}

fn has(rig: &Rig, container: i64) -> bool {
    rig.worker.core.store.length_of(block(container, 0)).is_some()
}

async fn write(rig: &Rig, container: i64) -> Result<(), tonic::Status> {
    rig.client.write_block(block(container, 0), &content(MB)).await.map(drop)
}

/// The list of pinned files comes, and the worker has it.
async fn pin(rig: &Rig, containers: &[i64]) {
    let blocks: Vec<i64> = containers.iter().map(|container| block(*container, 0)).collect();
    {
        let mut mind = rig.master.mind.lock();
        mind.pinned = blocks.iter().map(|block| file_id_of_block(*block)).collect();
        mind.hide_pins = false;
    }
    let gate = &rig.worker.core.gate;
    let known = async {
        while !gate.may_evict(&blocks).await.is_ok_and(|verdict| verdict.evictable.is_empty()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, known).await.unwrap();
}

#[tokio::test]
async fn the_coldest_blocks_go_that_are_not_pinned() {
    let rig = rig(3).await;
    for container in 1..=3 {
        write(&rig, container).await.unwrap();
    }
    let error = write(&rig, 4).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "nothing goes before the list has come: {error}");

    pin(&rig, &[1]).await;
    for container in 4..=9 {
        write(&rig, container).await.unwrap();
    }
    assert_eq!((1..=9).filter(|n| has(&rig, *n)).collect::<Vec<_>>(), [1, 8, 9]);
    assert_eq!(rig.master.mind.lock().unknown_questions, 1, "asked once in a registration");

    // Another master, which is ours, has its say.
    {
        let mut mind = rig.master.mind.lock();
        mind.original = false;
        mind.keep.insert(block(8, 0));
        mind.workers.clear();
    }
    until("it registered again", || rig.worker.registered.current().is_some_and(|now| now.turn == 3)).await;
    write(&rig, 10).await.unwrap();
    assert!(has(&rig, 8) && !has(&rig, 9));
}

#[tokio::test]
async fn what_is_written_to_be_persisted_stays_until_it_is() {
    let rig = rig(2).await;
    pin(&rig, &[7]).await;
    let guarded = WriteRequestCommand { pin_on_create: Some(true), ..block_command(block(1, 0), MB as i64) };
    let file = file_id_of_block(block(1, 0));
    let info = |state: &str| FileInfo { persistence_state: Some(state.into()), ..FileInfo::default() };
    rig.master.mind.lock().files.insert(file, info("NOT_PERSISTED"));
    rig.client.write(guarded, &content(MB)).await.unwrap();
    write(&rig, 2).await.unwrap();
    write(&rig, 3).await.unwrap();
    assert!(has(&rig, 1) && !has(&rig, 2));
    rig.master.mind.lock().files.insert(file, info("PERSISTED"));
    write(&rig, 4).await.unwrap();
    assert!(!has(&rig, 1) && has(&rig, 3));
}

#[tokio::test]
async fn freeing_a_worker_asks_what_is_persisted() {
    let rig = rig(3).await;
    for container in 1..=3 {
        write(&rig, container).await.unwrap();
    }
    for (container, state) in [(1, "PERSISTED"), (2, "NOT_PERSISTED"), (3, "PERSISTED")] {
        let info = FileInfo { persistence_state: Some(state.into()), ..FileInfo::default() };
        rig.master.mind.lock().files.insert(file_id_of_block(block(container, 0)), info);
    }
    pin(&rig, &[3]).await;
    let error = rig.client.stub().free_worker(FreeWorkerRequest {}).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert!(!has(&rig, 1) && has(&rig, 2) && has(&rig, 3), "2 is only here, 3 is pinned");
}

#[tokio::test]
async fn a_worker_that_leaves_does_not_wait_for_what_such_a_master_cannot_say() {
    let rig = rig(1).await;
    write(&rig, 1).await.unwrap();
    let patience = rig.worker.core.settings.silent_master;
    let (worker, _home) = rig.into_worker();
    tokio::time::timeout(patience, worker.shutdown()).await.expect("it left at once");
}

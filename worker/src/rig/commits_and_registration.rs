//! Commit, registration and eviction at the same time; masters that restart, lose and order things.

use super::{
    PATIENCE, Rig, block,
    client::{file_command, read_request, under_options},
    content, until,
};
use alluxio_fs::ids;
use alluxio_proto::grpc::{Command, CommandType, block::ReadRequest, file::FileInfo};
use std::time::Duration;

pub fn command(kind: CommandType, data: Vec<i64>) -> Command {
    Command { command_type: Some(kind.into()), data }
}

async fn master_knows(rig: &Rig, containers: impl IntoIterator<Item = i64>) {
    let expected = containers.into_iter().map(|container| block(container, 0)).collect();
    until("the master knows exactly what is held", || rig.master.blocks() == expected).await;
}

#[tokio::test]
async fn all_blocks_are_registered_in_bounded_batches() {
    let rig = Rig::with(1 << 20, &[("alluxio.worker.register.stream.batch.size", "3")], |_| {}).await;
    for container in 1..=10 {
        rig.client.write_block(block(container, 0), b"x").await.unwrap();
    }
    rig.master.mind.lock().batches.clear();
    rig.master.forget_workers();
    master_knows(&rig, 1..=10).await;
    let mind = rig.master.mind.lock();
    assert_eq!(mind.batches, vec![3, 3, 3, 1]);
    assert!(mind.batch_unanswered_most <= 2, "{}", mind.batch_unanswered_most);
}

#[tokio::test]
async fn all_blocks_are_registered_at_once_where_batches_are_turned_off() {
    let off = ("alluxio.worker.register.stream.enabled", "false");
    let rig = Rig::with(1 << 20, &[off, ("alluxio.worker.register.stream.batch.size", "3")], |_| {}).await;
    for container in 1..=10 {
        rig.client.write_block(block(container, 0), b"x").await.unwrap();
    }
    rig.master.forget_workers();
    master_knows(&rig, 1..=10).await;
    let mind = rig.master.mind.lock();
    assert_eq!(mind.at_once, [0, 10]);
    assert!(mind.batches.is_empty());
}

#[tokio::test]
async fn a_block_committed_while_a_registration_streams_is_not_lost() {
    let rig = Rig::with(1 << 20, &[("alluxio.worker.register.stream.batch.size", "1")], |_| {}).await;
    for container in 1..=4 {
        rig.client.write_block(block(container, 0), b"x").await.unwrap();
    }
    // The master forgets the worker and then takes the batches one by one.
    let held: Vec<_> = {
        let permits = rig.master.batch_permits.clone();
        permits.forget_permits(1 << 20);
        vec![permits]
    };
    rig.master.order(command(CommandType::Register, vec![]));
    let before = rig.master.mind.lock().batches.len();
    held[0].add_permits(2);
    until("the registration has begun", || rig.master.mind.lock().batches.len() == before + 2).await;
    // A commit by the old id arrives while the list is on its way; so does a removal.
    let client = rig.client.clone();
    let write = tokio::spawn(async move { client.write_block(block(9, 0), b"new").await });
    rig.worker.core.store.remove(block(1, 0)).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    held[0].add_permits(1 << 10);
    tokio::time::timeout(PATIENCE, write).await.unwrap().unwrap().unwrap();
    until("the second registration is done", || rig.master.mind.lock().registrations == 2).await;
    rig.master.mind.lock().workers.retain(|id, _| *id == rig.worker.registered.id().unwrap());
    master_knows(&rig, [2, 3, 4, 9]).await;
}

#[tokio::test]
async fn a_commit_waits_for_a_master_that_restarts() {
    let rig = Rig::new(1 << 20).await;
    rig.master.mind.lock().refuse_commits = 3;
    rig.client.write_block(block(1, 0), b"x").await.unwrap();
    assert_eq!(rig.master.mind.lock().commits, 1);
    // And for one that does not know the worker's id: it registers again and tells the same block.
    let registrations = rig.master.mind.lock().registrations;
    rig.master.mind.lock().files.insert(ids::file_id(2), FileInfo::default());
    rig.master.forget_workers();
    rig.client.write_block(block(2, 0), b"xy").await.unwrap();
    assert!(rig.master.mind.lock().registrations > registrations);
    assert_eq!(rig.master.mind.lock().lengths[&block(2, 0)], 2);
    master_knows(&rig, [1, 2]).await;
}

#[tokio::test]
async fn a_block_is_not_evicted_before_its_commit_is_answered() {
    let rig = Rig::new(1000).await;
    rig.master.mind.lock().refuse_commits = 8;
    let client = rig.client.clone();
    let first = tokio::spawn(async move { client.write_block(block(1, 0), &content(900)).await });
    until("it is on the disk", || rig.worker.core.store.length_of(block(1, 0)).is_some()).await;
    let second = rig.client.write_block(block(2, 0), &content(900)).await;
    assert_eq!(second.unwrap_err().code(), tonic::Code::ResourceExhausted);
    first.await.unwrap().unwrap();
    assert_eq!(rig.worker.core.store.length_of(block(1, 0)), Some(900));
}

#[tokio::test]
async fn a_commit_that_is_refused_for_good_leaves_no_block() {
    let rig = Rig::with(1 << 20, &[], |settings| settings.master_patience = Duration::from_millis(300)).await;
    rig.master.mind.lock().refuse_commits = usize::MAX;
    let error = rig.client.write_block(block(1, 0), b"x").await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::Unavailable);
    until("the block is gone", || rig.worker.core.store.usage().used() == 0).await;
    assert!(rig.master.blocks().is_empty());
}

#[tokio::test]
async fn lost_heartbeats_lose_no_change() {
    let rig = Rig::new(1 << 20).await;
    for container in 1..=3 {
        rig.client.write_block(block(container, 0), b"x").await.unwrap();
    }
    rig.master.mind.lock().lose_heartbeats = 5;
    rig.worker.core.store.remove(block(1, 0)).unwrap();
    tokio::time::sleep(Duration::from_millis(120)).await;
    rig.worker.core.store.remove(block(2, 0)).unwrap();
    master_knows(&rig, [3]).await;
}

#[tokio::test]
async fn ordered_blocks_are_freed_and_known_ones_not_kept() {
    let rig = Rig::new(1 << 20).await;
    rig.client.write_block(block(1, 0), b"x").await.unwrap();
    rig.client.write_block(block(2, 0), b"x").await.unwrap();
    rig.master.order(command(CommandType::Free, vec![block(1, 0), block(77, 0)]));
    master_knows(&rig, [2]).await;
    until("its file is gone", || !rig.blocks().join(block(1, 0).to_string()).exists()).await;

    // After a restart the worker does not know whether this master ever knew the block: it is kept for a
    // while, and offered to the next master.
    let rig = rig.restart_worker().await;
    rig.master.mind.lock().workers.retain(|id, _| *id == rig.worker.registered.id().unwrap());
    rig.master.order(command(CommandType::Free, vec![block(2, 0)]));
    master_knows(&rig, []).await;
    rig.master.forget_workers();
    master_knows(&rig, [2]).await;
}

#[tokio::test]
async fn a_decommissioned_worker_reads_but_does_not_write() {
    let rig = Rig::new(1 << 20).await;
    rig.client.write_block(block(1, 0), b"x").await.unwrap();
    for _ in 0..200 {
        rig.master.order(command(CommandType::Decommissioned, vec![]));
    }
    let admission = &rig.worker.core.admission;
    until("writes are refused", || admission.write().is_err()).await;
    let error = rig.client.write_block(block(2, 0), b"x").await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::Unavailable);
    assert_eq!(rig.client.read(super::client::read_request(block(1, 0), 0, 1)).await.unwrap(), b"x");
}

#[tokio::test]
async fn a_lost_folder_is_reported() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), "").unwrap();
    let broken = home.path().join("file").display().to_string();
    let tiers = [
        ("alluxio.worker.tieredstore.levels", "2"),
        ("alluxio.worker.tieredstore.level1.dirs.path", broken.as_str()),
        ("alluxio.worker.tieredstore.level1.dirs.quota", "1MB"),
    ];
    let rig = Rig::with(10_000, &tiers, |_| {}).await;
    assert_eq!(rig.master.mind.lock().lost_storage, vec![broken]);
}

#[tokio::test]
async fn a_block_of_a_deleted_file_costs_no_registration() {
    let rig = Rig::new(1 << 20).await;
    let registrations = rig.master.mind.lock().registrations;
    rig.master.mind.lock().deleted.insert(block(1, 0));
    let error = rig.client.write_block(block(1, 0), b"x").await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::NotFound);
    until("it is dropped", || rig.worker.core.store.length_of(block(1, 0)).is_none()).await;
    rig.client.write_block(block(2, 0), b"x").await.unwrap();
    assert_eq!(rig.master.mind.lock().registrations, registrations);
}

#[tokio::test]
async fn what_was_read_and_written_is_counted_for_the_cluster() {
    let rig = Rig::new(1 << 20).await;
    rig.client.write_block(block(1, 0), &content(1000)).await.unwrap();
    rig.client.read(super::client::read_request(block(1, 0), 0, 600)).await.unwrap();
    let counted = |name: &str| rig.master.mind.lock().counted.get(name).copied().unwrap_or_default();
    until("the master has the sums", || {
        counted("BytesWrittenRemote") == 1000.0 && counted("BytesReadRemote") == 600.0
    })
    .await;
    assert_eq!(counted("BytesReadCache"), 600.0);
    assert_eq!(counted("BytesReadPerUfs"), 0.0);
}

#[tokio::test]
async fn bytes_are_counted_for_the_under_storage_they_come_from_and_go_to() {
    let rig = Rig::new(1 << 20).await;
    std::fs::write(rig.under("f"), content(1000)).unwrap();
    rig.master.mind.lock().files.insert(ids::file_id(1), FileInfo::default());
    let options = Some(under_options(&rig.under("f"), 0, 1000));
    let cold = ReadRequest { open_ufs_block_options: options, ..read_request(block(1, 0), 0, 1000) };
    rig.client.read(cold).await.unwrap();
    rig.client.write(file_command(&rig.under("g")), &content(300)).await.unwrap();
    let counted = |name: &str| rig.master.mind.lock().counted.get(name).copied().unwrap_or_default();
    until("the master has heard of it", || {
        counted("BytesReadPerUfs") == 1000.0 && counted("BytesWrittenPerUfs") == 300.0
    })
    .await;
    let shown = rig.worker.core.metrics.registry.prometheus_text().unwrap();
    let tag = alluxio_telemetry::metrics::escape_tag(&rig.under("").display().to_string());
    assert!(
        shown.contains(&format!("Worker.BytesReadPerUfs.UFS:{}", tag.trim_end_matches("%2F"))),
        "{shown}"
    );
}

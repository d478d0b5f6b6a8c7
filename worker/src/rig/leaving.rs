//! SIGTERM's way.

use super::{
    Rig, block,
    client::{block_command, chunk, read_request},
    content, until,
};
use alluxio_fs::ids;
use alluxio_proto::grpc::file::FileInfo;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tonic::Code;

pub fn file(container: i64, state: &str) -> FileInfo {
    FileInfo {
        file_id: Some(ids::file_id(container)),
        path: Some(format!("/f{container}")),
        completed: Some(true),
        persistence_state: Some(state.into()),
        ..Default::default()
    }
}

#[tokio::test]
async fn what_is_only_here_is_persisted_first() {
    let rig = Rig::new(1 << 20).await;
    for container in 1..=2 {
        rig.client.write_block(block(container, 0), b"x").await.unwrap();
    }
    let id = rig.worker.registered.id().unwrap();
    {
        let mut mind = rig.master.mind.lock();
        mind.not_persisted.insert(block(1, 0));
        mind.files.insert(ids::file_id(1), file(1, "NOT_PERSISTED"));
    }
    let (master, client) = (rig.master.clone(), rig.client.clone());
    let Rig { worker, .. } = rig;
    let leaving = tokio::spawn(worker.shutdown());
    until("it is scheduled", || master.mind.lock().scheduled == ["/f1"]).await;
    // Meanwhile: no new blocks, but reads.
    assert_eq!(client.write_block(block(3, 0), b"x").await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(client.read(read_request(block(2, 0), 0, 1)).await.unwrap(), b"x");
    assert!(!leaving.is_finished());
    master.mind.lock().files.insert(ids::file_id(1), file(1, "PERSISTED"));
    leaving.await.unwrap();
    assert_eq!(master.mind.lock().deregistered, vec![id]);
}

#[tokio::test]
async fn a_stream_may_end_and_its_block_counts() {
    let rig = Rig::new(1 << 20).await;
    let writing = rig.client.writing(block_command(block(1, 0), 10)).await.unwrap();
    writing.requests.send(chunk(b"he")).await.unwrap();
    until("it writes", || rig.worker.core.admission.active_writers() == 1).await;
    let master = rig.master.clone();
    let admission = rig.worker.core.admission.clone();
    let (worker, _home) = rig.into_worker();
    let leaving = tokio::spawn(worker.shutdown());
    until("it leaves", || admission.is_leaving()).await;
    writing.requests.send(chunk(b"llo")).await.unwrap();
    writing.finish().await.unwrap();
    leaving.await.unwrap();
    assert_eq!(master.mind.lock().lengths[&block(1, 0)], 5);
}

#[tokio::test]
async fn leaving_is_bounded() {
    let rig = Rig::with(8 << 20, &[("alluxio.worker.shutdown.persist.timeout", "1s")], |_| {}).await;
    rig.client.write_block(block(1, 0), &content(5 << 20)).await.unwrap();
    {
        let mut mind = rig.master.mind.lock();
        mind.not_persisted.insert(block(1, 0));
        mind.files.insert(ids::file_id(1), file(1, "TO_BE_PERSISTED"));
    }
    // A reader that never ends does not hold the worker.
    let _stalled = rig.client.reading(read_request(block(1, 0), 0, 5 << 20)).await.unwrap();
    let begun = Instant::now();
    let (worker, _home) = rig.into_worker();
    worker.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

/// A client may keep a stream open after it got everything.
#[tokio::test]
async fn an_answered_stream_does_not_hold_up_the_end() {
    let rig =
        Rig::with(8 << 20, &[("alluxio.network.connection.server.shutdown.timeout", "60s")], |_| {}).await;
    let data = content(1 << 20);
    rig.client.write_block(block(1, 0), &data).await.unwrap();
    let mut open = rig.client.reading(read_request(block(1, 0), 0, 1 << 20)).await.unwrap();
    let mut received = Vec::new();
    while let Some(chunk) = open.next().await.unwrap() {
        received.extend_from_slice(&chunk);
    }
    assert!(received == data);
    let begun = Instant::now();
    let (worker, _home) = rig.into_worker();
    worker.shutdown().await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    drop(open);
}

/// What asks the leader again and again ends in the midst of a question.
#[tokio::test]
async fn a_silent_master_is_not_waited_for() {
    let rig = Rig::new(1 << 20).await;
    let master = rig.master.clone();
    master.mind.lock().hang_heartbeats = true;
    until("all of them wait", || master.mind.lock().unanswered.len() == 3).await;
    let (mut worker, _home) = rig.into_worker();
    worker.stops.masters.cancel();
    for task in std::mem::take(&mut worker.tasks.masters) {
        timeout(Duration::from_secs(5), task).await.expect("a task waits for the master").unwrap();
    }
    worker.kill().await;
}

#[tokio::test]
async fn one_file_that_cannot_be_persisted_does_not_keep_the_others_from_it() {
    let rig = Rig::new(1 << 20).await;
    for container in 1..=2 {
        rig.client.write_block(block(container, 0), b"x").await.unwrap();
    }
    {
        let mut mind = rig.master.mind.lock();
        for container in 1..=2 {
            mind.not_persisted.insert(block(container, 0));
            mind.files.insert(ids::file_id(container), file(container, "NOT_PERSISTED"));
        }
        mind.not_schedulable.insert("/f1".into());
        // And a master that is away for a moment.
        mind.lose_questions = 2;
    }
    let master = rig.master.clone();
    let (worker, _home) = rig.into_worker();
    let leaving = tokio::spawn(worker.shutdown());
    until("the other one is scheduled", || master.mind.lock().scheduled == ["/f2"]).await;
    assert!(!leaving.is_finished());
    master.mind.lock().files.insert(ids::file_id(2), file(2, "PERSISTED"));
    leaving.await.unwrap();
}

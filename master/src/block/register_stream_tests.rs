use std::cell::Cell;
use std::time::{Duration, Instant};

use alluxio_proto::grpc::block::RegisterWorkerPOptions;
use alluxio_proto::grpc::{BuildVersion, ConfigProperty};
use tonic::Code;

use super::super::slots::CHUNK;
use super::super::test_cluster::{TestCluster, listed};
use super::*;

fn first(worker: i64, ids: impl IntoIterator<Item = i64>) -> RegisterWorkerPRequest {
    RegisterWorkerPRequest {
        storage_tiers: vec!["MEM".to_owned()],
        total_bytes_on_tiers: [("MEM".to_owned(), 100)].into(),
        ..next(worker, ids)
    }
}

fn next(worker: i64, ids: impl IntoIterator<Item = i64>) -> RegisterWorkerPRequest {
    RegisterWorkerPRequest {
        worker_id: Some(worker),
        current_blocks: listed("MEM", ids),
        ..Default::default()
    }
}

async fn answers(
    cluster: &TestCluster,
    requests: Vec<Result<RegisterWorkerPRequest, Status>>,
) -> Vec<Result<RegisterWorkerPResponse, Status>> {
    register_stream(Arc::clone(&cluster.master), stream::iter(requests), |_| true).collect().await
}

#[tokio::test]
async fn every_message_has_one_answer() {
    let cluster = TestCluster::new();
    cluster.tree.add(0..30);
    let id = cluster.id("w1");
    let requests = vec![Ok(first(id, 0..10)), Ok(next(id, 10..20)), Ok(next(id, 20..30))];
    let answers = answers(&cluster, requests).await;
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(cluster.holders(29), [id].into());
    assert_eq!(cluster.master.capacity().total, 100);
}

#[tokio::test]
async fn a_broken_stream_leaves_nothing() {
    let cluster = TestCluster::new();
    cluster.tree.add(0..10);
    let id = cluster.id("w1");
    let requests = vec![Ok(first(id, 0..10)), Err(Status::cancelled("gone"))];
    let answers = answers(&cluster, requests).await;
    assert_eq!(answers.last().unwrap().as_ref().unwrap_err().code(), Code::Cancelled);
    assert!(!cluster.master.is_worker_live(id));
    assert!(cluster.master.has_retired_slots());
}

#[tokio::test]
async fn the_first_message_names_the_tiers() {
    let cluster = TestCluster::new();
    let id = cluster.id("w1");
    for requests in [vec![Ok(next(id, [1]))], vec![]] {
        let answers = answers(&cluster, requests).await;
        assert_eq!(answers[0].as_ref().unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(answers.len(), 1);
    }
    let answers = answers(&cluster, vec![Ok(first(id ^ 1, [1]))]).await;
    assert_eq!(answers[0].as_ref().unwrap_err().code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_silent_worker_is_given_up() {
    let cluster = TestCluster::new();
    let id = cluster.id("w1");
    let requests = stream::iter([Ok(first(id, []))]).chain(stream::pending());
    let answers: Vec<_> =
        register_stream(Arc::clone(&cluster.master), Box::pin(requests), |_| true).collect().await;
    assert_eq!(answers[1].as_ref().unwrap_err().code(), Code::DeadlineExceeded);
    assert!(!cluster.master.is_worker_live(id));
}

#[test]
fn what_a_worker_says_of_itself_is_taken_over() {
    let property = |name: &str| ConfigProperty {
        name: Some(name.to_owned()),
        value: Some("v".to_owned()),
        source: None,
    };
    let options = RegisterWorkerPOptions {
        configs: vec![property("kept"), property("not")],
        build_version: Some(BuildVersion { version: Some("2.9.4".to_owned()), revision: None }),
        num_v_cpu: Some(8),
    };
    let mut message = RegisterWorkerPRequest { options: Some(options), ..first(1, []) };
    let taken = registration_of(&mut message, |name| name == "kept");
    assert_eq!(taken.configuration, [("kept".to_owned(), "v".to_owned())].into());
    assert_eq!((taken.version.version(), taken.vcpus), ("2.9.4", Some(8)));
    assert_eq!(taken.capacity, [("MEM".to_owned(), 100)].into());
}

/// A million blocks: other work goes on meanwhile, since no step is longer than a chunk, and what is kept
/// is the table alone.
#[tokio::test]
async fn a_million_blocks_register_in_small_steps() {
    const MESSAGES: i64 = 10;
    const PER_MESSAGE: i64 = 100_000;
    let cluster = TestCluster::new();
    cluster.tree.add(0..MESSAGES * PER_MESSAGE);
    let id = cluster.id("w1");
    let steps = Cell::new(0u64);
    let ticker = async {
        loop {
            tokio::task::yield_now().await;
            steps.set(steps.get() + 1);
        }
    };
    // Made one at a time, as they would be read from the network.
    let message = move |at: i64| {
        let ids = at * PER_MESSAGE..(at + 1) * PER_MESSAGE;
        Ok(if at == 0 { first(id, ids) } else { next(id, ids) })
    };
    let requests = stream::iter((0..MESSAGES).map(message));
    let registering = register_stream(Arc::clone(&cluster.master), requests, |_| true);
    let answered = tokio::select! {
        biased;
        () = ticker => Vec::new(),
        answered = registering.collect::<Vec<_>>() => answered,
    };
    assert_eq!(answered.len() as i64, MESSAGES);
    assert_eq!(cluster.master.located_block_count(), MESSAGES * PER_MESSAGE);
    let chunks = (MESSAGES * PER_MESSAGE) as u64 / CHUNK as u64;
    assert!(steps.get() >= chunks, "{} steps of other work for {chunks} chunks", steps.get());

    // Losing all of it touches no block.
    let before = Instant::now();
    cluster.master.deregister(id).unwrap();
    assert!(before.elapsed() < Duration::from_millis(5));
    assert!(cluster.holders(77).is_empty());
}

use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::CommandType;

use super::super::sweep::Pass;
use super::super::test_cluster::{TestCluster, address, listed, options};
use super::super::{BlockOptions, Heartbeat};
use super::*;

#[tokio::test]
async fn a_worker_counts_once_its_list_is_complete() {
    let cluster = TestCluster::new();
    cluster.tree.add([1, 2]);
    let id = cluster.id("w1");
    assert!(!cluster.master.is_worker_live(id));
    let attempt = cluster.master.begin_registration(id, Registration::default()).unwrap();
    cluster.master.list_blocks(&attempt, &listed("MEM", [1])).await.unwrap();
    assert!(cluster.holders(1).is_empty());
    cluster.master.list_blocks(&attempt, &listed("SSD", [2])).await.unwrap();
    cluster.master.finish_registration(attempt).await.unwrap();
    assert!(cluster.master.is_worker_live(id));
    assert_eq!(cluster.holders(1), [id].into());
    let location = &cluster.master.locations(2)[0];
    assert_eq!((location.tier_alias(), location.medium_type()), ("SSD", "SSD"));
    assert_eq!(location.worker_address, Some(address("w1")));
    assert_eq!(cluster.master.worker_reports()[0].block_count, 2);
}

#[tokio::test]
async fn a_new_list_replaces_the_old_one_only_when_complete() {
    let cluster = TestCluster::new();
    cluster.tree.add([1, 2]);
    let id = cluster.register("w1", [1]).await;
    let attempt = cluster.master.begin_registration(id, Registration::default()).unwrap();
    cluster.master.list_blocks(&attempt, &listed("MEM", [2])).await.unwrap();
    assert_eq!(cluster.holders(1), [id].into(), "still there");
    drop(attempt);
    assert!(cluster.holders(2).is_empty(), "the stream broke: nothing of it stays");
    assert_eq!(cluster.holders(1), [id].into());

    cluster.register("w1", [2]).await;
    assert!(cluster.holders(1).is_empty());
    assert_eq!(cluster.holders(2), [id].into());
    cluster.master.sweep(Pass::default()).await;
    assert_eq!(cluster.master.table.copy_count(), 1, "stale copies are reaped");
}

/// The worker takes its list, commits a block, and only then does the list arrive.
#[tokio::test]
async fn a_commit_before_the_list_arrives_survives() {
    let cluster = TestCluster::new();
    cluster.tree.add([1, 2]);
    let id = cluster.register("w1", []).await;
    assert_eq!(cluster.id("w1"), id);
    cluster.commit(id, 1).await;
    let attempt = cluster.master.begin_registration(id, Registration::default()).unwrap();
    cluster.master.list_blocks(&attempt, &listed("MEM", [2])).await.unwrap();
    cluster.master.finish_registration(attempt).await.unwrap();
    assert_eq!(cluster.holders(1), [id].into());
}

#[tokio::test]
async fn commits_and_evictions_during_a_registration_survive() {
    let cluster = TestCluster::new();
    cluster.tree.add(1..=4);
    let id = cluster.register("w1", [1]).await;
    let attempt = cluster.master.begin_registration(id, Registration::default()).unwrap();
    cluster.commit(id, 3).await;
    let removed = Heartbeat { removed: vec![1], ..Default::default() };
    cluster.beat(id, removed).await;
    assert_eq!(cluster.holders(3), [id].into(), "at once, not only at the end");
    // The list was taken before all that.
    cluster.master.list_blocks(&attempt, &listed("MEM", [1, 2])).await.unwrap();
    cluster.master.finish_registration(attempt).await.unwrap();
    assert!(cluster.holders(1).is_empty());
    assert_eq!(cluster.holders(2), [id].into());
    assert_eq!(cluster.holders(3), [id].into());
}

/// A commit of the worker's very first moments, when the master knows its id and nothing else.
#[tokio::test]
async fn a_commit_before_the_first_registration_survives_a_broken_one() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let id = cluster.id("w1");
    cluster.commit(id, 1).await;
    drop(cluster.master.begin_registration(id, Registration::default()).unwrap());
    // It tries again with the list it has.
    let attempt = cluster.master.begin_registration(id, Registration::default()).unwrap();
    cluster.master.finish_registration(attempt).await.unwrap();
    assert_eq!(cluster.holders(1), [id].into());
}

#[tokio::test]
async fn a_deleted_block_does_not_come_back_with_the_notes() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let id = cluster.register("w1", []).await;
    assert_eq!(cluster.id("w1"), id);
    cluster.commit(id, 1).await;
    let attempt = cluster.master.begin_registration(id, Registration::default()).unwrap();
    cluster.tree.forget(1);
    cluster.master.remove_blocks(&[1]);
    cluster.master.finish_registration(attempt).await.unwrap();
    assert!(cluster.only_to_drop(1));
    assert_eq!(cluster.beat(id, Heartbeat::default()).await, (CommandType::Free, vec![1]));
}

#[tokio::test]
async fn the_newest_registration_wins() {
    let cluster = TestCluster::new();
    cluster.tree.add([1, 2]);
    let id = cluster.id("w1");
    let first = cluster.master.begin_registration(id, Registration::default()).unwrap();
    let second = cluster.master.begin_registration(id, Registration::default()).unwrap();
    let error = cluster.master.list_blocks(&first, &listed("MEM", [1])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Aborted);
    assert_eq!(cluster.master.finish_registration(first).await.unwrap_err().kind, ErrorKind::Aborted);
    cluster.master.list_blocks(&second, &listed("MEM", [2])).await.unwrap();
    cluster.master.finish_registration(second).await.unwrap();
    assert_eq!(cluster.holders(2), [id].into());
}

#[tokio::test]
async fn a_new_id_at_the_same_address_replaces_the_old_worker() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let old = cluster.register("w1", [1]).await;
    let pending = cluster.master.begin_registration(old, Registration::default()).unwrap();
    cluster.master.adopt_worker_id(77, address("w1")).unwrap();
    assert!(cluster.holders(1).is_empty());
    assert!(cluster.master.finish_registration(pending).await.is_err());
    assert!(cluster.master.begin_registration(old, Registration::default()).is_err());
    assert_eq!(cluster.beat(old, Heartbeat::default()).await.0, CommandType::Register);
    assert_eq!(cluster.register("w1", [1]).await, 77);
    assert_eq!(cluster.holders(1), [77].into());
    assert_eq!(cluster.master.worker_reports().len(), 1);
}

#[tokio::test]
async fn registering_needs_an_id_and_a_lease() {
    let lease = super::super::options::LeaseOptions { count: 1, ttl: std::time::Duration::from_secs(60) };
    let cluster = TestCluster::starting(BlockOptions { lease: Some(lease), ..options() });
    let begin = |id| cluster.master.begin_registration(id, Registration::default());
    let error = begin(5).err().unwrap();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::NotFound, "No worker with workerId 5 is found.")
    );

    let (first, second) = (cluster.id("w1"), cluster.id("w2"));
    assert_eq!(begin(first).err().unwrap().kind, ErrorKind::Unavailable);
    assert!(cluster.master.request_lease(first).is_some());
    assert!(cluster.master.request_lease(second).is_none());
    let attempt = begin(first).unwrap();
    cluster.master.finish_registration(attempt).await.unwrap();
    assert!(cluster.master.request_lease(second).is_some(), "the first one is done");
}

/// Committed, evicted and listed again without it, all before the first registration completes.
#[tokio::test]
async fn what_happened_before_the_worker_asked_again_is_in_its_list() {
    let cluster = TestCluster::new();
    cluster.tree.add([1]);
    let id = cluster.id("w1");
    cluster.commit(id, 1).await;
    cluster.register("w1", []).await;
    assert!(cluster.holders(1).is_empty());
}

/// A worker commits blocks while it registers again and again, on threads of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_commit_is_lost_between_registrations() {
    const BLOCKS: i64 = 3_000;
    let cluster = Arc::new(TestCluster::new());
    cluster.tree.add(0..BLOCKS);
    // What the worker has on its disks: it commits what lies there.
    let stored = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let id = cluster.register("w1", []).await;
    let committing = {
        let (cluster, stored) = (Arc::clone(&cluster), Arc::clone(&stored));
        tokio::spawn(async move {
            for block in 0..BLOCKS {
                stored.lock().push(block);
                cluster.commit(id, block).await;
            }
        })
    };
    let mut rounds = 0;
    while !committing.is_finished() || rounds < 20 {
        assert_eq!(cluster.id("w1"), id);
        let list = stored.lock().clone();
        let attempt = cluster.master.begin_registration(id, Registration::default()).unwrap();
        cluster.master.list_blocks(&attempt, &listed("MEM", list)).await.unwrap();
        if rounds % 3 == 0 {
            drop(attempt);
        } else {
            cluster.master.finish_registration(attempt).await.unwrap();
        }
        if rounds % 5 == 0 {
            cluster.master.sweep(Pass { requeue: true, integrity: true }).await;
        }
        rounds += 1;
    }
    committing.await.unwrap();
    let missing: Vec<i64> = (0..BLOCKS).filter(|block| cluster.holders(*block).is_empty()).collect();
    assert!(
        missing.is_empty(),
        "{} of {BLOCKS} after {rounds} rounds, first {:?}",
        missing.len(),
        missing[0]
    );
    assert_eq!(cluster.master.worker_reports()[0].block_count, BLOCKS);
}

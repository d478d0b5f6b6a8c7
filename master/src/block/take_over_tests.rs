use std::sync::Arc;

use super::super::test_cluster::{TestCluster, address, options};
use super::super::{BlockOptions, Understudy};
use super::*;

const WAIT: Duration = Duration::from_secs(30);

/// A standby that will wait long for workers it does not know.
fn standby() -> TestCluster {
    TestCluster::starting(BlockOptions { connect_wait: WAIT, ..options() })
}

/// A worker that reports, with these blocks.
async fn reporting(cluster: &TestCluster, host: &str, ids: &[i64]) -> i64 {
    let id = cluster.register(host, ids.iter().copied()).await;
    cluster.master.reports_begin(id, Reports { registration: 1, sequence: 0 }).unwrap();
    id
}

/// What a worker that serves, and has nothing new, reports.
fn of(sequence: u64, turn: u64) -> Report {
    let place = Reports { registration: 1, sequence };
    Report { place, turn: Some(turn), decommissioned: false, changes: Heartbeat::default() }
}

async fn report(cluster: &TestCluster, id: i64, sequence: u64, turn: u64) -> bool {
    cluster.master.report(id, of(sequence, turn)).await.unwrap()
}

fn told(hosts: &[&str]) -> Option<Vec<Endpoint>> {
    Some(hosts.iter().map(|host| Endpoint::of(&address(host))).collect())
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_does_not_wait_for_who_has_reported_since() {
    let cluster = standby();
    let master = &cluster.master;
    let (one, other) = (reporting(&cluster, "w1", &[1]).await, reporting(&cluster, "w2", &[2]).await);
    assert!(report(&cluster, one, 1, 0).await);
    master.take_over();
    // Made before the former leader's end: blocks may be missing that it was told of.
    assert!(report(&cluster, one, 2, 0).await && report(&cluster, other, 1, 1).await);
    master.wait_for(told(&["w1", "w2"]));
    master.start_serving();
    assert!(report(&cluster, one, 3, 0).await);
    assert!(master.safe_mode());
    assert!(report(&cluster, one, 4, 1).await);
    assert!(!master.safe_mode());
    assert_eq!(cluster.holders(1), [one].into());
}

#[tokio::test(start_paused = true)]
async fn a_known_worker_that_has_died_is_waited_for_shortly() {
    let cluster = standby();
    reporting(&cluster, "w1", &[1]).await;
    cluster.master.take_over();
    cluster.master.wait_for(told(&["w1"]));
    cluster.master.start_serving();
    assert!(cluster.master.safe_mode());
    tokio::time::advance(SHORTLY).await;
    assert!(!cluster.master.safe_mode());
}

#[tokio::test(start_paused = true)]
async fn others_are_waited_for_as_ever() {
    for (silent, hosts) in [(Duration::ZERO, &["w1", "java"][..]), (LATELY, &["w1"])] {
        let cluster = standby();
        let id = reporting(&cluster, "w1", &[1]).await;
        tokio::time::advance(silent).await;
        cluster.master.take_over();
        cluster.master.wait_for(told(hosts));
        cluster.master.start_serving();
        tokio::time::advance(SHORTLY).await;
        assert!(cluster.master.safe_mode(), "{hosts:?}");
        match silent.is_zero() {
            true => drop(cluster.register("java", []).await),
            // Nobody knows what it has told to others meanwhile. A heartbeat has what is new.
            false => drop(cluster.beat(id, Heartbeat::default()).await),
        }
        assert!(!cluster.master.safe_mode());
    }
    // What the former leader had is not known.
    let cluster = standby();
    let id = reporting(&cluster, "w1", &[1]).await;
    cluster.master.take_over();
    assert!(report(&cluster, id, 1, 1).await);
    cluster.master.wait_for(None);
    cluster.master.start_serving();
    tokio::time::advance(WAIT - Duration::from_millis(1)).await;
    assert!(cluster.master.safe_mode());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!cluster.master.safe_mode());
}

#[tokio::test(start_paused = true)]
async fn a_part_of_what_there_is_to_tell_ends_no_safe_mode() {
    let cluster = standby();
    let id = reporting(&cluster, "w1", &[1]).await;
    cluster.master.take_over();
    cluster.master.wait_for(told(&["w1"]));
    cluster.master.start_serving();
    assert!(cluster.master.report(id, Report { turn: None, ..of(1, 1) }).await.unwrap());
    assert!(cluster.master.safe_mode());
    assert!(report(&cluster, id, 2, 1).await);
    assert!(!cluster.master.safe_mode());
}

#[tokio::test(start_paused = true)]
async fn who_was_taken_out_of_service_stays_out_under_the_next_leader() {
    let cluster = standby();
    let id = reporting(&cluster, "w1", &[1]).await;
    let out = |sequence| Report { decommissioned: true, ..of(sequence, 0) };
    let master = &cluster.master;
    assert!(master.report(id, out(1)).await.unwrap(), "it need not register");
    assert!(!master.is_worker_live(id) && cluster.holders(1).is_empty());
    // Put back in service: what it told meanwhile was not taken.
    assert!(!report(&cluster, id, 2, 0).await);
    reporting(&cluster, "w1", &[1, 2]).await;
    assert_eq!(cluster.holders(2), [id].into());

    assert!(master.report(id, out(1)).await.unwrap());
    master.take_over();
    master.wait_for(told(&[]));
    master.start_serving();
    assert!(!master.safe_mode(), "it is waited for");
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Decommissioned);
    // From here on this master decides.
    assert!(report(&cluster, id, 2, 1).await);
    assert!(!master.is_worker_live(id));
    master.enable("w1", None);
    assert_eq!(cluster.beat(id, Heartbeat::default()).await.0, CommandType::Register, "called back");
}

#[tokio::test]
async fn before_it_has_a_tree_nothing_is_judged() {
    let understudy = Understudy::new(options());
    let blocks = understudy.blocks().clone();
    assert!(blocks.lengths.block_known(7), "in doubt");
    assert!(blocks.unknown_of(&[7]).await.is_empty());
    assert!(blocks.commits.commit_block(7, 1).await.is_err());
    let tree = TestCluster::new().tree;
    tree.add([1]);
    let leading = understudy.with_tree(tree);
    assert!(Arc::ptr_eq(&leading, &blocks));
    assert!(leading.lengths.block_known(1));
    assert_eq!(leading.unknown_of(&[1, 7]).await, [7]);
}

use std::collections::BTreeMap;

use alluxio_proto::grpc::block::BlockHeartbeatPRequest;
use futures::{FutureExt, stream};
use tonic::Code;

use super::super::options::{BlockOptions, LeaseOptions};
use super::super::test_cluster::{TestCluster, address, listed, options};
use super::super::worker::Endpoint;
use super::*;

const CLUSTER: &str = "cluster-1";
const ID: i64 = 77;
const HOLD: Duration = Duration::from_secs(1);

/// A standby with a worker of the id [`ID`] on w1.
struct Rig {
    cluster: TestCluster,
    desk: ReportDesk,
    service: WorkerReportsService,
}

impl Rig {
    fn new() -> Self {
        Self::with(options())
    }

    fn with(options: BlockOptions) -> Self {
        let cluster = TestCluster::starting(options);
        let desk = ReportDesk::default();
        desk.open(CLUSTER, cluster.master.clone());
        Self { cluster, service: WorkerReportsService::new(desk.clone(), |_| true), desk }
    }

    async fn register(&self, registration: u64, parts: &[&[i64]]) -> Result<(), Status> {
        self.register_with(CLUSTER, registration, parts).await
    }

    async fn register_with(&self, cluster: &str, registration: u64, parts: &[&[i64]]) -> Result<(), Status> {
        let part = |ids: &&[i64]| {
            let current_blocks = listed("MEM", ids.iter().copied());
            let part = Some(RegisterWorkerPRequest { current_blocks, ..Default::default() });
            ReportRegistration { part, ..Default::default() }
        };
        let mut messages: Vec<ReportRegistration> = parts.iter().map(part).collect();
        messages[0].cluster_id = Some(cluster.to_owned());
        messages[0].address = Some(address("w1"));
        messages[0].registration = Some(registration);
        let first = messages[0].part.as_mut().unwrap();
        first.worker_id = Some(ID);
        first.total_bytes_on_tiers = BTreeMap::from([("MEM".to_owned(), 1_000)]);
        let messages = stream::iter(messages.into_iter().map(Ok));
        self.desk.attend(|blocks| self.service.list(blocks, messages)).await.map(drop)
    }

    async fn report(&self, place: (u64, u64), turn: u64, report: BlockHeartbeatPRequest) -> ReportResponse {
        let request = ReportRequest {
            registration: Some(place.0),
            sequence: Some(place.1),
            report: Some(BlockHeartbeatPRequest { worker_id: Some(ID), ..report }),
            turn: Some(turn),
            hold_ms: Some(HOLD.as_millis() as u64),
            decommissioned: None,
        };
        self.service.report(Request::new(request)).await.unwrap().into_inner()
    }

    fn holds(&self, block: i64) -> bool {
        self.cluster.holders(block).contains(&ID)
    }
}

fn added(ids: &[i64]) -> BlockHeartbeatPRequest {
    BlockHeartbeatPRequest { added_blocks: listed("MEM", ids.iter().copied()), ..Default::default() }
}

fn removed(ids: &[i64]) -> BlockHeartbeatPRequest {
    BlockHeartbeatPRequest { removed_block_ids: ids.to_vec(), ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn a_standby_has_what_a_worker_lists_and_what_changes() {
    let rig = Rig::new();
    rig.register(5, &[&[1, 2], &[3]]).await.unwrap();
    assert_eq!(rig.desk.reported(), Some((1, 3)));
    assert!(rig.report((5, 1), 0, removed(&[2])).await.known());
    assert!(rig.report((5, 2), 0, added(&[4])).await.known());
    let master = &rig.cluster.master;
    assert_eq!([1, 2, 3, 4].map(|id| rig.holds(id)), [true, false, true, true]);
    assert_eq!(master.capacity().total, 1_000);
    assert!(master.is_worker_live(ID), "by the id that the leader gave");
    // Its tree knows none of these blocks: it is behind, or they are of deleted files. That is not its business.
    assert_eq!(master.table.freeing_count(), 0);
    // The leader that it becomes knows it.
    master.take_over();
    master.start_serving();
    let answer = master.heartbeat(ID, Heartbeat::default()).await.unwrap();
    assert_eq!(answer.command_type(), alluxio_proto::grpc::CommandType::Nothing);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_in_doubt_registers_again() {
    let rig = Rig::new();
    assert!(!rig.report((5, 1), 0, added(&[1])).await.known(), "an id that nobody has");
    let error = rig.register_with("another", 5, &[&[1]]).await.unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
    assert!(error.message().contains("another") && error.message().contains(CLUSTER), "{error}");

    rig.register(5, &[&[1]]).await.unwrap();
    assert!(rig.report((5, 3), 0, added(&[2])).await.known());
    assert!(!rig.report((5, 2), 0, removed(&[2])).await.known(), "overtaken");
    assert!(!rig.report((4, 9), 0, removed(&[2])).await.known(), "of a former process of the worker");
    assert!(rig.holds(2));
    rig.register(6, &[&[7]]).await.unwrap();
    assert!(!rig.report((5, 4), 0, added(&[1])).await.known());
    assert_eq!([1, 2, 7].map(|id| rig.holds(id)), [false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_held_back_until_there_is_news() {
    let rig = Rig::new();
    rig.register(5, &[&[1]]).await.unwrap();
    let begun = tokio::time::Instant::now();
    let answer = rig.report((5, 1), 0, added(&[])).await;
    assert_eq!((begun.elapsed(), answer.turn(), answer.leads()), (HOLD, 0, false));

    let mut held = Box::pin(rig.report((5, 2), 0, added(&[2])));
    assert!((&mut held).now_or_never().is_none());
    assert!(rig.holds(2), "it is taken before it is answered");
    rig.cluster.master.take_over();
    assert_eq!(held.await.turn(), 1);
    assert_eq!(begun.elapsed(), HOLD, "at once");
    let mut held = Box::pin(rig.report((5, 3), 1, added(&[])));
    assert!((&mut held).now_or_never().is_none(), "it knows of the turn");
    rig.cluster.master.start_serving();
    assert!(held.await.leads());
    assert!(rig.report((5, 4), 1, added(&[])).await.leads());
    assert_eq!(begun.elapsed(), HOLD, "a leader holds nothing back");
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_block_master_is_left_at_a_closed_desk() {
    let rig = Rig::new();
    rig.register(5, &[&[1]]).await.unwrap();
    let request = ReportRequest {
        registration: Some(5),
        sequence: Some(1),
        report: Some(BlockHeartbeatPRequest { worker_id: Some(ID), ..Default::default() }),
        turn: Some(0),
        hold_ms: Some(10_000),
        decommissioned: None,
    };
    let mut held = Box::pin(rig.service.report(Request::new(request)));
    assert!((&mut held).now_or_never().is_none());
    rig.desk.close();
    assert_eq!(held.await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(Arc::strong_count(&rig.cluster.master), 1);
    assert_eq!(rig.register(6, &[&[1]]).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(rig.desk.reported(), None);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_leaves_is_gone_unless_it_is_back() {
    let rig = Rig::new();
    rig.register(5, &[&[1]]).await.unwrap();
    rig.register(6, &[&[1]]).await.unwrap();
    let leave = async |registration| {
        let request = LeaveRequest { worker_id: Some(ID), registration: Some(registration) };
        rig.service.leave(Request::new(request)).await
    };
    leave(5).await.unwrap();
    assert!(rig.holds(1), "that was before");
    leave(6).await.unwrap();
    assert!(!rig.holds(1) && !rig.cluster.master.is_worker_live(ID));
    assert_eq!(leave(6).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_decommissioned_worker_does_not_come_back_by_its_reports() {
    let rig = Rig::new();
    rig.register(5, &[&[1]]).await.unwrap();
    rig.cluster.master.start_serving();
    rig.cluster.master.decommission("w1", None, true).unwrap();
    assert!(rig.report((5, 1), 0, added(&[2])).await.known(), "it need not register");
    assert!(!rig.cluster.master.is_worker_live(ID) && !rig.holds(2));
}

#[tokio::test(start_paused = true)]
async fn who_must_wait_for_its_turn_keeps_what_it_has_told() {
    let ttl = Duration::from_secs(60);
    let lease = Some(LeaseOptions { count: 1, ttl });
    let rig = Rig::with(BlockOptions { lease, ..options() });
    let master = &rig.cluster.master;
    // This master leads and has given the worker an id of its own.
    let own = rig.cluster.id("w1");
    master.request_lease(own).unwrap();
    rig.cluster.register("w1", [1]).await;
    // Another one registers at present, and never comes to its end.
    let other = rig.cluster.id("w2");
    master.request_lease(other).unwrap();
    assert_eq!(rig.register(5, &[&[1]]).await.unwrap_err().code(), Code::Unavailable);
    assert!(master.is_worker_live(own), "its blocks are gone, and no list follows");
    assert_eq!(rig.cluster.holders(1), [own].into());

    // Its turn has run out.
    tokio::time::advance(ttl).await;
    rig.register(5, &[&[1]]).await.unwrap();
    assert!(rig.holds(1) && !master.is_worker_live(own));
    let late = master.begin_registration(other, Default::default()).err().expect("its turn is over");
    assert!(late.message.contains("register lease"), "{late}");
}

#[tokio::test(start_paused = true)]
async fn a_list_from_before_the_election_does_not_end_safe_mode() {
    let rig = Rig::with(BlockOptions { connect_wait: Duration::from_secs(30), ..options() });
    let master = &rig.cluster.master;
    master.take_over();
    master.wait_for(Some(vec![Endpoint::of(&address("w1"))]));
    master.start_serving();
    // It was taken before, and comes now.
    rig.register(5, &[&[1]]).await.unwrap();
    assert!(master.safe_mode());
    let answer = rig.report((5, 1), 0, added(&[2])).await;
    assert!(master.safe_mode(), "this one may be from before, too");
    rig.report((5, 2), answer.turn(), added(&[])).await;
    assert!(!master.safe_mode());
    assert!(rig.holds(1) && rig.holds(2));
}

//! Three masters, clients at work, and one fault: what the clients were told is what one file system would have told
//! them, they go on, and all masters end with the same tree.

use std::time::{Duration, Instant};

use alluxio_tests::{
    Cluster,
    ha::{Fault, Rig},
    links::Traffic,
    masters::{LIMIT, SESSION},
    shared_folder::{Act, Call},
    waiting::wait_until,
};
use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use tokio::{task::block_in_place, time::sleep};

const ANSWERS: usize = 60;
/// Long enough for the others to take over.
const LONG: Duration = Duration::from_secs(3 * SESSION.as_secs());

/// What the clients do while the fault is there.
#[derive(Clone, Copy, PartialEq)]
enum Meanwhile {
    /// They are answered as ever, by whom it may be.
    GoOn,
    /// Another master takes over.
    Follow,
    /// Nothing is demanded of them.
    Wait,
}

/// The fault that `fault` makes of the leader's number, for that long.
async fn alone(fault: impl FnOnce(usize) -> Fault, long: Duration, meanwhile: Meanwhile) -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(1))?;
    happens(&mut rig, fault, long, meanwhile).await?;
    block_in_place(|| rig.finish())
}

async fn happens(
    rig: &mut Rig,
    fault: impl FnOnce(usize) -> Fault,
    long: Duration,
    meanwhile: Meanwhile,
) -> Result<()> {
    let began = Instant::now();
    let mut workload = rig.workload("/alone", 1)?;
    workload.goes_on(ANSWERS, LIMIT).await?;
    let leader = block_in_place(|| rig.masters()?.wait_for_leader())?;
    let fault = fault(leader);
    block_in_place(|| rig.begin(fault))?;
    match meanwhile {
        Meanwhile::GoOn => {
            workload.goes_on(ANSWERS, LIMIT).await.with_context(|| format!("during {fault:?}"))?
        }
        Meanwhile::Follow => {
            follows(rig, leader).with_context(|| format!("during {fault:?}"))?;
            workload.goes_on(ANSWERS, LIMIT).await.with_context(|| format!("during {fault:?}"))?;
        }
        Meanwhile::Wait => {}
    }
    sleep(long).await;
    block_in_place(|| rig.end(fault))?;
    workload.goes_on(ANSWERS, LIMIT).await.with_context(|| format!("after {fault:?}"))?;
    let worked = began.elapsed();
    let summary = workload.finish().await?;
    let checked = began.elapsed() - worked;
    ensure!(summary.calls >= 2 * ANSWERS, "{summary:?}");
    block_in_place(|| rig.agree())?;
    eprintln!(
        "{fault:?}: {summary:?}; {worked:.1?} at work, checked in {checked:.1?}, all in {:.1?}",
        began.elapsed()
    );
    Ok(())
}

/// Waits until another master leads.
fn follows(rig: &mut Rig, leader: usize) -> Result<()> {
    let masters = rig.masters()?;
    let other = || Ok(masters.leader().is_some_and(|other| other != leader));
    block_in_place(|| wait_until(LIMIT, "another master leads", other))
}

const NOT: Duration = Duration::ZERO;

/// Another master than this one.
fn beside(leader: usize) -> usize {
    (leader + 1) % 3
}

macro_rules! faults {
    ($($name:ident: $fault:expr, $long:expr, $meanwhile:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() -> Result<()> {
            alone($fault, $long, Meanwhile::$meanwhile).await
        }
    )*};
}

faults! {
    the_leader_is_killed: Fault::Kill, NOT, Follow;
    the_leader_is_killed_and_started_at_once: Fault::Kill, NOT, Wait;
    a_standby_is_killed: |leader| Fault::Kill(beside(leader)), NOT, GoOn;
    the_leader_is_told_to_end: Fault::Stop, NOT, Follow;
    the_leader_sleeps_and_wakes: Fault::Pause, LONG, Follow;
    the_leader_nods: Fault::Pause, SESSION / 3, Wait;
    the_leader_is_cut_off_from_zookeeper: |leader| Fault::FromZooKeeper(leader, Traffic::Silent), LONG, Follow;
    zookeeper_refuses_the_leader: |leader| Fault::FromZooKeeper(leader, Traffic::Refused), LONG, Follow;
    the_leader_is_cut_off_from_clients: |leader| Fault::FromClients(leader, Traffic::Silent), SESSION, Wait;
    connections_to_the_leader_are_reset: |leader| Fault::FromClients(leader, Traffic::Refused), SESSION, Wait;
    the_leader_is_cut_off_from_its_journal: Fault::FromJournal, NOT, Follow;
    the_leaders_journal_is_slow: |leader| Fault::SlowJournal(leader, Duration::from_millis(100)), SESSION, GoOn;
    the_leaders_journal_fails: Fault::FailingJournal, SESSION / 2, Wait;
    a_sync_fails: Fault::FailingSync, SESSION / 2, Wait;
    the_leaders_disk_is_full: Fault::FullJournal, SESSION / 2, Wait;
    zookeeper_stops_and_comes_back: |_| Fault::ZooKeeper, LONG, Wait;
    the_leaders_nodes_are_deleted: |_| Fault::Nodes, NOT, Follow;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_zookeeper_server_is_killed() -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(3))?;
    let server = block_in_place(|| rig.masters()?.zookeeper.leader())?;
    happens(&mut rig, |_| Fault::ZooKeeperServer(server), NOT, Meanwhile::GoOn).await?;
    block_in_place(|| rig.finish())
}

/// The leader has closed a segment, because a sync failed, and is stopped when it is about to open the next one: its
/// call arrives when another one leads.
#[tokio::test(flavor = "multi_thread")]
async fn the_leader_sleeps_between_two_segments() -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(1))?;
    let mut workload = rig.workload("/segments", 1)?;
    workload.goes_on(ANSWERS, LIMIT).await?;
    let leader = block_in_place(|| rig.masters()?.wait_for_leader())?;
    let journal = rig.journal_of(leader)?;
    journal.set_all(&[(&[Call::Create], Act::Hold), (&[Call::Sync], Act::Fail(Errno::EIO))]);
    block_in_place(|| wait_until(LIMIT, "a segment is to be opened", || Ok(journal.held() > 0)))?;
    rig.begin(Fault::Pause(leader))?;
    follows(&mut rig, leader)?;
    workload.goes_on(ANSWERS, LIMIT).await?;
    rig.journal_of(leader)?.heal();
    rig.end(Fault::Pause(leader))?;
    workload.goes_on(ANSWERS, LIMIT).await?;
    workload.finish().await?;
    block_in_place(|| {
        rig.agree()?;
        rig.finish()
    })
}

/// Each of the masters leads once, and has the tree of those before it.
#[tokio::test(flavor = "multi_thread")]
async fn masters_take_turns() -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(1))?;
    let mut workload = rig.workload("/turns", 1)?;
    workload.goes_on(ANSWERS, LIMIT).await?;
    workload.finish().await?;
    block_in_place(|| rig.take_turns())?;
    block_in_place(|| rig.finish())
}

/// Without ZooKeeper there is one master for a folder.
#[test]
fn a_second_master_without_zookeeper_is_refused() -> Result<()> {
    let cluster = Cluster::plan().workers(0).start()?;
    let (rpc, web) = (alluxio_tests::ports::free_port()?, alluxio_tests::ports::free_port()?);
    let ended = cluster.master_that_ends(&[
        &format!("-Dalluxio.master.rpc.port={rpc}"),
        &format!("-Dalluxio.master.web.port={web}"),
    ])?;
    ensure!(
        ended.code != 0 && ended.output.contains("in use by process"),
        "{}: {}",
        ended.code,
        ended.output
    );
    cluster.finish()
}

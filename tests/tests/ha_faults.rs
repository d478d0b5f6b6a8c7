//! Three masters, clients at work, and one fault: what the clients were told is what one file system would have told
//! them, they go on, and all masters end with the same tree.

use std::time::Duration;

use alluxio_tests::{
    Cluster,
    ha::{ANSWERS, Fault, Meanwhile, Rig},
    links::Traffic,
    masters::{LIMIT, SESSION},
    shared_folder::{Act, Call},
    waiting::wait_until,
};
use anyhow::{Result, ensure};
use nix::errno::Errno;
use tokio::task::block_in_place;

/// The fault that `fault` makes of the leader's number, for that long.
async fn alone(fault: impl FnOnce(usize) -> Fault, long: Duration, meanwhile: Meanwhile) -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(1))?;
    rig.happens(fault, long, meanwhile).await?;
    block_in_place(|| rig.finish())
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
    the_leader_sleeps_and_wakes: Fault::Pause, NOT, Follow;
    the_leader_nods: Fault::Pause, SESSION / 3, Wait;
    the_leader_is_cut_off_from_zookeeper: |leader| Fault::FromZooKeeper(leader, Traffic::Silent), NOT, Follow;
    the_leader_is_cut_off_from_clients: |leader| Fault::FromClients(leader, Traffic::Silent), SESSION, Wait;
    connections_to_the_leader_are_reset: |leader| Fault::FromClients(leader, Traffic::Refused), SESSION, Wait;
    the_leader_is_cut_off_from_its_journal: Fault::FromJournal, NOT, Follow;
    the_leaders_journal_is_slow: |leader| Fault::SlowJournal(leader, Duration::from_millis(100)), SESSION, GoOn;
    the_leaders_journal_fails: Fault::FailingJournal, SESSION / 2, Wait;
    a_sync_fails: Fault::FailingSync, SESSION / 2, Wait;
    the_leaders_disk_is_full: Fault::FullJournal, SESSION / 2, Wait;
    the_leaders_nodes_are_deleted: |_| Fault::Nodes, NOT, Follow;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_zookeeper_server_is_killed() -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(3))?;
    let server = block_in_place(|| rig.masters()?.zookeeper.leader())?;
    rig.happens(|_| Fault::ZooKeeperServer(server), NOT, Meanwhile::GoOn).await?;
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
    rig.follows(leader)?;
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

//! Three masters, clients at work, and one fault: what the clients were told is what one file system would have told
//! them, they go on, and all masters end with the same tree.

use std::time::Duration;

use alluxio_tests::{
    Cluster,
    ha::{
        ANSWERS, Fault,
        Meanwhile::{self, Follow, GoOn, Wait},
        Rig,
    },
    links::Traffic,
    masters::{LIMIT, SESSION},
    shared_folder::{Act, Call},
    waiting::wait_until,
};
use anyhow::{Result, ensure};
use nix::errno::Errno;
use tokio::task::block_in_place;

/// What happens to the leader, how long, and what clients are to notice.
type Happening = (fn(usize) -> Fault, Duration, Meanwhile);

/// One fault after the other, each alone. The masters stay the same ones: to start them takes longer than most faults.
async fn one_by_one(faults: &[Happening]) -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(1))?;
    for (fault, long, meanwhile) in faults {
        rig.happens(fault, *long, *meanwhile).await?;
    }
    block_in_place(|| rig.finish())
}

const NOT: Duration = Duration::ZERO;

/// Another master than this one.
fn beside(leader: usize) -> usize {
    (leader + 1) % 3
}

#[tokio::test(flavor = "multi_thread")]
async fn masters_die_and_leave() -> Result<()> {
    one_by_one(&[
        (|leader| Fault::Kill(beside(leader)), NOT, GoOn),
        (Fault::Kill, NOT, Follow),
        // Started at once.
        (Fault::Kill, NOT, Wait),
        (Fault::Stop, NOT, Follow),
        (|_| Fault::Nodes, NOT, Follow),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_sleep_and_wake() -> Result<()> {
    one_by_one(&[(Fault::Pause, SESSION / 3, Wait), (Fault::Pause, NOT, Follow)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_are_cut_off() -> Result<()> {
    one_by_one(&[
        (|leader| Fault::FromClients(leader, Traffic::Silent), SESSION, Wait),
        (|leader| Fault::FromClients(leader, Traffic::Refused), SESSION, Wait),
        (|leader| Fault::FromZooKeeper(leader, Traffic::Silent), NOT, Follow),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journals_mount_is_ill() -> Result<()> {
    one_by_one(&[
        (|leader| Fault::SlowJournal(leader, Duration::from_millis(100)), SESSION, GoOn),
        (Fault::FailingSync, SESSION / 2, Wait),
        (Fault::FullJournal, SESSION / 2, Wait),
        (Fault::FailingJournal, SESSION / 2, Wait),
        (Fault::FromJournal, NOT, Follow),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_zookeeper_server_is_killed() -> Result<()> {
    let mut rig = block_in_place(|| Rig::start(3))?;
    let server = block_in_place(|| rig.masters()?.zookeeper.leader())?;
    rig.happens(|_| Fault::ZooKeeperServer(server), NOT, GoOn).await?;
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

//! Who may stand for election: what a dead master left is cleared up, and who does not belong there is refused.

use std::{fs, path::Path, sync::Arc, time::Duration};

use alluxio_conf::Configuration;
use alluxio_election::{
    Election, Leadership, Life, MasterAddress, ZooKeeper, candidates, forget_cluster, remove_cluster,
};
use alluxio_fs::{ErrorKind, FsError};
use alluxio_tests::{Cluster, waiting::wait_until, zookeeper::Ensemble};
use anyhow::{Context, Result, anyhow, ensure};
use tokio::{
    runtime::{Builder, Runtime},
    time::{Instant, timeout},
};
use uuid::Uuid;
use zookeeper_client::{Acls, Client, CreateMode};

pub(crate) const LIMIT: Duration = Duration::from_secs(40);
/// Much less than a session here.
pub(crate) const SOON: Duration = Duration::from_secs(4);
pub(crate) const SESSION: &str = "10s";

/// Settings of one master; what it keeps for the next process lies in `folder`.
pub(crate) fn conf(zookeeper: &Ensemble, session: &str, folder: &Path) -> Result<Configuration> {
    Ok(Configuration::defaults().with(&[
        ("alluxio.zookeeper.address", &*zookeeper.address()),
        ("alluxio.zookeeper.session.timeout", session),
        ("alluxio.master.metastore.dir", &*folder.display().to_string()),
    ])?)
}

fn master(port: u16) -> MasterAddress {
    MasterAddress { host: "127.0.0.1".to_owned(), port }
}

pub(crate) fn stand(conf: &Configuration, port: u16, cluster: Uuid) -> Result<Election> {
    let life = Life::begin(conf, &master(port))?;
    Ok(Election::start(conf, master(port), cluster, Arc::new(life))?)
}

pub(crate) async fn elected(election: &mut Election) -> Result<Leadership> {
    Ok(timeout(LIMIT, election.elected()).await.context("nobody was elected")??)
}

pub(crate) async fn refused(election: &mut Election) -> Result<FsError> {
    let outcome = timeout(LIMIT, election.elected()).await.context("it is not refused")?;
    let error = outcome.err().ok_or_else(|| anyhow!("it was elected"))?;
    ensure!(error.kind == ErrorKind::FailedPrecondition, "{error}");
    Ok(error)
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread().enable_all().build()?)
}

/// A leader and the next one, of which the leader dies as by kill -9. Returns the other one.
fn leader_dies(conf: &Configuration, standby: &Configuration, living: &Runtime) -> Result<Election> {
    let dying = runtime()?;
    let first = dying.block_on(async {
        let mut election = stand(conf, 1, Uuid::nil())?;
        let leadership = elected(&mut election).await?;
        leadership.announce().await.map_err(|lost| anyhow!("{lost}"))?;
        anyhow::Ok((election, leadership))
    })?;
    let two = living.block_on(async { stand(standby, 2, Uuid::nil()) })?;
    let address = standby.by_name("alluxio.zookeeper.address").context("no ZooKeeper")?;
    living.block_on(async {
        let hand = Client::connect(&address).await?;
        let both = async {
            while hand.list_children("/alluxio/election").await?.len() < 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(())
        };
        timeout(LIMIT, both).await?
    })?;
    // Nothing of it says good-bye.
    std::mem::forget(first);
    dying.shutdown_background();
    Ok(two)
}

/// The lock of the dead one is free when its last task is gone.
fn restarted(conf: &Configuration) -> Result<Arc<Life>> {
    let mut life = None;
    wait_until(LIMIT, "the dead master's lock is free", || {
        life = Life::begin(conf, &master(1)).ok();
        Ok(life.is_some())
    })?;
    Ok(Arc::new(life.context("no lock")?))
}

#[test]
fn a_restarted_master_ends_the_session_of_its_dead_process() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let (here, there) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let own = conf(&zookeeper, SESSION, here.path())?;
    let living = runtime()?;
    let mut two = leader_dies(&own, &conf(&zookeeper, SESSION, there.path())?, &living)?;
    let life = restarted(&own)?;
    ensure!(life.former_is_dead(), "no proof");
    living.block_on(async {
        let began = Instant::now();
        let one = Election::start(&own, master(1), Uuid::nil(), life)?;
        let second =
            timeout(SOON, two.elected()).await.context("it waits for the dead leader's session")??;
        eprintln!("the next one leads {:?} after the restart", began.elapsed());
        second.announce().await.map_err(|lost| anyhow!("{lost}"))?;
        let hand = Client::connect(&zookeeper.address()).await?;
        ensure!(hand.list_children("/alluxio/leader").await? == ["127.0.0.1:2"], "the dead leader is shown");
        one.stop().await;
        two.stop().await;
        anyhow::Ok(())
    })?;
    zookeeper.finish()
}

#[test]
fn without_a_proof_the_session_is_waited_for() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let (here, there) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let own = conf(&zookeeper, SESSION, here.path())?;
    let living = runtime()?;
    let mut two = leader_dies(&own, &conf(&zookeeper, SESSION, there.path())?, &living)?;
    drop(restarted(&own)?);
    // As if the folder had come here from another machine.
    let file = here.path().join("master-127.0.0.1_1.lock");
    fs::write(&file, fs::read_to_string(&file)?.replace("boot=", "boot=0"))?;
    let life = restarted(&own)?;
    ensure!(!life.former_is_dead(), "that proves nothing");
    living.block_on(async {
        let one = Election::start(&own, master(1), Uuid::nil(), life)?;
        ensure!(timeout(SOON, two.elected()).await.is_err(), "a session was ended that may have lived");
        elected(&mut two).await?;
        one.stop().await;
        two.stop().await;
        anyhow::Ok(())
    })?;
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_live_master_with_the_same_address_is_refused() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let (here, there) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let own = conf(&zookeeper, "2s", here.path())?;
    let mut one = stand(&own, 1, Uuid::nil())?;
    let first = elected(&mut one).await?;
    let error = Life::begin(&own, &master(1)).err().context("two hold one lock")?;
    ensure!(error.message.contains("127.0.0.1:1 runs on this host"), "{error}");

    // On another host there is another folder.
    let mut two = stand(&conf(&zookeeper, "2s", there.path())?, 1, Uuid::nil())?;
    let error = refused(&mut two).await?;
    ensure!(error.message.contains("Another master with the address 127.0.0.1:1"), "{error}");
    ensure!(first.lease().is_valid(), "the first one has lost its lease to that");
    let hand = Client::connect(&zookeeper.address()).await?;
    ensure!(hand.list_children("/alluxio/election").await?.len() == 1, "the refused one has left a node");
    one.stop().await;
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_is_of_one_cluster() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let folder = tempfile::tempdir()?;
    let conf = conf(&zookeeper, SESSION, folder.path())?;
    let (ours, others) = (Uuid::new_v4(), Uuid::new_v4());
    let mut one = stand(&conf, 1, ours)?;
    elected(&mut one).await?;
    let mut two = stand(&conf, 2, others)?;
    let error = refused(&mut two).await?;
    for told in [&ours.to_string(), &others.to_string(), "/alluxio/election_cluster_id", "delete that node"] {
        ensure!(error.message.contains(told), "{told} is not told: {error}");
    }
    let told = ZooKeeper::of(&conf)?;
    let error = forget_cluster(&told).await.err().context("forgotten while a master stands")?;
    ensure!(error.message.contains("stop them"), "{error}");

    let rig = Cluster::plan()
        .set("alluxio.zookeeper.enabled", "true")
        .set("alluxio.zookeeper.address", &zookeeper.address())
        .prepare()?;
    let done = rig.alluxio(&["formatJournal"])?;
    ensure!(done.code != 0 && done.output.contains("stop them"), "{}", done.output);

    // It outlives the masters, and goes with their journal.
    one.stop().await;
    refused(&mut stand(&conf, 2, others)?).await?;
    rig.format()?;
    rig.finish()?;
    let mut two = stand(&conf, 2, others)?;
    elected(&mut two).await?;
    two.stop().await;
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn masters_of_the_original_are_recognised() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let folder = tempfile::tempdir()?;
    let conf = conf(&zookeeper, SESSION, folder.path())?;
    let hand = Client::connect(&zookeeper.address()).await?;
    let folders = CreateMode::Persistent.with_acls(Acls::anyone_all());
    hand.mkdir("/alluxio/election", &folders).await?;
    // As Curator names it; `long_java_masters` does the same with real ones.
    let path = format!("/alluxio/election/_c_{}-lock-", Uuid::new_v4());
    let options = CreateMode::EphemeralSequential.with_acls(Acls::anyone_all());
    hand.create(&path, b"java-host:19998", &options).await?;
    let error = refused(&mut stand(&conf, 1, Uuid::nil())?).await?;
    for told in ["java-host:19998", "fsadmin backup", "alluxio.master.journal.init.from.backup"] {
        ensure!(error.message.contains(told), "{told} is not told: {error}");
    }
    ensure!(hand.list_children("/alluxio/election").await?.len() == 1, "it has stood");
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_removed_leaves_nothing_of_its_own() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let folder = tempfile::tempdir()?;
    let conf = conf(&zookeeper, SESSION, folder.path())?.with(&[
        ("alluxio.zookeeper.election.path", "/alluxio/ns/a/election"),
        ("alluxio.zookeeper.leader.path", "/alluxio/ns/a/leader"),
        ("alluxio.master.replaces.namesake", "true"),
    ])?;
    let told = ZooKeeper::of(&conf)?;
    let mut one = stand(&conf, 1, Uuid::new_v4())?;
    let leadership = elected(&mut one).await?;
    let error = remove_cluster(&told).await.err().context("removed while a master stands")?;
    ensure!(error.message.contains("stop them"), "{error}");
    ensure!(candidates(&told).await? == ["127.0.0.1:1"]);
    drop(leadership);
    one.stop().await;
    ensure!(candidates(&told).await?.is_empty());
    let hand = Client::connect(&zookeeper.address()).await?;
    let folders = CreateMode::Persistent.with_acls(Acls::anyone_all());
    hand.mkdir("/alluxio/ns/b", &folders).await?;
    remove_cluster(&told).await?;
    ensure!(hand.list_children("/alluxio/ns").await? == ["b"], "something is left");
    // Nothing is there any more, and that is no failure.
    remove_cluster(&told).await?;
    zookeeper.finish()
}

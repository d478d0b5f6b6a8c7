//! Two processes with one address, as pods have it where a node is cut off from Kubernetes: which of them stands.

use std::{path::Path, time::Duration};

use alluxio_conf::Configuration;
use alluxio_tests::zookeeper::Ensemble;
use anyhow::{Context, Result, anyhow, ensure};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;
use zookeeper_client::{Acl, Acls, AuthId, Client, CreateMode, Error, Permission};

use crate::candidates::{LIMIT, SESSION, SOON, conf, elected, refused, stand};

const QUEUE: &str = "/alluxio/election";

/// As in pods: the same address, and a fresh folder for each.
fn pod(zookeeper: &Ensemble, session: &str, folder: &Path) -> Result<Configuration> {
    Ok(conf(zookeeper, session, folder)?.with(&[("alluxio.master.replaces.namesake", "true")])?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_takes_the_place_of_one_that_lives_on_a_node_that_is_cut_off() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
    let [first, second, third] = folders.each_ref().map(|folder| pod(&zookeeper, SESSION, folder.path()));
    let (first, second, third) = (first?, second?, third?);
    let other_folder = tempfile::tempdir()?;

    // One that leads: the next in the queue does when its lease has ended, long before its session does.
    let mut one = stand(&first, 1, Uuid::nil())?;
    let led = elected(&mut one).await?;
    timeout(LIMIT, led.announce()).await?.map_err(|lost| anyhow!("{lost}"))?;
    let mut other = stand(&pod(&zookeeper, SESSION, other_folder.path())?, 2, Uuid::nil())?;
    let hand = Client::connect(&zookeeper.address()).await?;
    wait_for(&hand, "both stand", |queue| queue.len() == 2).await?;
    let began = Instant::now();
    let mut two = stand(&second, 1, Uuid::nil())?;
    let others = elected(&mut other).await?;
    ensure!(!led.lease().is_valid(), "two lead");
    ensure!(began.elapsed() < SOON, "its session was waited for: {:?}", began.elapsed());
    drop(led);
    let error = refused(&mut one).await?;
    ensure!(error.message.contains("started in place of this one"), "{error}");
    one.stop().await;
    // kubelet starts it again and again.
    let mut again = stand(&first, 1, Uuid::nil())?;
    let error = refused(&mut again).await?;
    ensure!(error.message.contains("started in place of this one"), "{error}");
    again.stop().await;

    // One that stands by goes, too, and never leads; the leader is not touched.
    let before = hand.list_children(QUEUE).await?;
    let mut three = stand(&third, 1, Uuid::nil())?;
    wait_for(&hand, "the one before goes", |queue| {
        queue.len() == 2 && queue.iter().any(|name| !before.contains(name))
    })
    .await?;
    ensure!(others.lease().is_valid(), "the leader has lost its lease to that");
    drop(others);
    other.stop().await;
    let led = elected(&mut three).await?;
    let error = refused(&mut two).await?;
    ensure!(error.message.contains("started in place of this one"), "{error}");
    two.stop().await;
    drop(led);
    three.stop().await;
    // The one that counts may be started again; and where it is gone, the one before it.
    for conf in [&third, &first] {
        let mut again = stand(conf, 1, Uuid::nil())?;
        elected(&mut again).await?;
        again.stop().await;
    }
    zookeeper.finish()
}

/// The later pod is away for a while, as one that waits for its journal or is started again. The former one stands for as long, and must not keep it out.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_comes_back_takes_its_place_from_the_former_one() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let [first, second] = folders.each_ref().map(|folder| pod(&zookeeper, SESSION, folder.path()));
    let (first, second) = (first?, second?);
    for conf in [&first, &second] {
        let mut one = stand(conf, 1, Uuid::nil())?;
        elected(&mut one).await?;
        one.stop().await;
    }
    let mut former = stand(&first, 1, Uuid::nil())?;
    let led = elected(&mut former).await?;
    timeout(LIMIT, led.announce()).await?.map_err(|lost| anyhow!("{lost}"))?;
    let mut later = stand(&second, 1, Uuid::nil())?;
    timeout(SOON, led.lost()).await.context("the former one leads on")?;
    drop(led);
    let leads = elected(&mut later).await?;
    let error = refused(&mut former).await?;
    ensure!(error.message.contains("started in place of this one"), "{error}");
    former.stop().await;
    ensure!(leads.lease().is_valid(), "the one that counts has lost its lease to that");
    drop(leads);
    later.stop().await;
    zookeeper.finish()
}

/// The later one stood in the moment in which the former one saw that nobody did.
#[tokio::test(flavor = "multi_thread")]
async fn a_former_one_that_finds_the_later_one_before_it_goes() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
    let of = |folder: usize| pod(&zookeeper, SESSION, folders[folder].path());
    for folder in [0, 1] {
        let mut one = stand(&of(folder)?, 1, Uuid::nil())?;
        elected(&mut one).await?;
        one.stop().await;
    }
    let mut other = stand(&of(2)?, 2, Uuid::nil())?;
    let led = elected(&mut other).await?;
    let hand = Client::connect(&zookeeper.address()).await?;
    let mut former = stand(&of(0)?, 1, Uuid::nil())?;
    wait_for(&hand, "both stand", |queue| queue.len() == 2).await?;
    let options = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    let later = format!("{QUEUE}/_c_{}-lock-0000000000", Uuid::new_v4());
    hand.create(&later, b"127.0.0.1:1", &options).await?;
    let error = refused(&mut former).await?;
    ensure!(error.message.contains("started in place of this one"), "{error}");
    ensure!(hand.check_stat(&later).await?.is_some(), "it has told the later one to go");
    former.stop().await;
    drop(led);
    other.stop().await;
    zookeeper.finish()
}

/// A leader that is not shown yet has no node that could tell it to go: it replays its journal, and is asked again until it is shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_is_told_to_go_until_it_does() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
    let session = Duration::from_secs(2);
    let of = |folder: usize| pod(&zookeeper, "2s", folders[folder].path());
    let hand = Client::connect(&zookeeper.address()).await?;

    let mut former = stand(&of(0)?, 1, Uuid::nil())?;
    let led = elected(&mut former).await?;
    // The one just before the later pod does nothing that it could hear of.
    let mut next = stand(&of(1)?, 2, Uuid::nil())?;
    wait_for(&hand, "the next one stands", |queue| queue.len() == 2).await?;
    let silent = stand(&of(2)?, 3, Uuid::nil())?;
    wait_for(&hand, "all stand", |queue| queue.len() == 3).await?;
    let later = stand(&of(3)?, 1, Uuid::nil())?;
    wait_for(&hand, "the later one stands", |queue| queue.len() == 4).await?;
    // So long it replays: it has been told twice by then.
    sleep(session * 4).await;
    timeout(LIMIT, led.announce()).await?.map_err(|lost| anyhow!("{lost}"))?;
    timeout(session * 3, led.lost()).await.context("it is told no more")?;
    drop(led);
    elected(&mut next).await?;
    let error = refused(&mut former).await?;
    ensure!(error.message.contains("started in place of this one"), "{error}");
    for one in [former, next, silent, later] {
        one.stop().await;
    }
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_not_be_told_is_told_again() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
    let of = |folder: usize| pod(&zookeeper, SESSION, folders[folder].path());
    let hand = Client::connect(&zookeeper.address()).await?;
    let mut masters = Vec::new();
    for (folder, port) in [(0, 2), (1, 1), (2, 3)] {
        masters.push(stand(&of(folder)?, port, Uuid::nil())?);
        wait_for(&hand, "one more stands", |queue| queue.len() == folder + 1).await?;
    }
    let before = hand.list_children(QUEUE).await?;
    // Nothing can be deleted in the queue for a while.
    let may = Permission::READ | Permission::WRITE | Permission::CREATE | Permission::ADMIN;
    hand.set_acl(QUEUE, &[Acl::new(may, AuthId::anyone())], None).await?;
    masters.push(stand(&of(3)?, 1, Uuid::nil())?);
    wait_for(&hand, "the later one stands", |queue| queue.len() == 4).await?;
    sleep(Duration::from_secs(1)).await;
    ensure!(hand.list_children(QUEUE).await?.len() == 4, "it was told");
    hand.set_acl(QUEUE, &Acls::anyone_all(), None).await?;
    let goes = wait_for(&hand, "the former one goes", |queue| {
        before.iter().filter(|name| queue.contains(name)).count() == 2
    });
    timeout(SOON, goes).await.context("it is not told again at once")??;
    let error = refused(&mut masters[1]).await?;
    ensure!(error.message.contains("started in place of this one"), "{error}");
    for one in masters {
        one.stop().await;
    }
    zookeeper.finish()
}

/// It does not know how its last renewal ended, and must not take what the other one has written for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_knows_no_version_sees_that_it_was_told() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let folder = tempfile::tempdir()?;
    let hand = Client::connect(&zookeeper.address()).await?;
    let mut one = stand(&pod(&zookeeper, SESSION, folder.path())?, 1, Uuid::nil())?;
    let led = elected(&mut one).await?;
    timeout(LIMIT, led.announce()).await?.map_err(|lost| anyhow!("{lost}"))?;
    let leader = "/alluxio/leader/127.0.0.1:1";
    hand.set_acl(leader, &[Acl::new(Permission::READ | Permission::ADMIN, AuthId::anyone())], None).await?;
    // A sixth of the session is between two renewals; nine tenths are the lease.
    sleep(Duration::from_secs(4)).await;
    ensure!(led.lease().is_valid(), "too late");
    hand.set_acl(leader, &Acls::anyone_all(), None).await?;
    hand.set_data(leader, b"", None).await?;
    timeout(SOON, led.lost()).await.context("it leads on")?;
    drop(led);
    elected(&mut one).await?;
    one.stop().await;
    zookeeper.finish()
}

async fn wait_for(hand: &Client, what: &str, holds: impl Fn(&[String]) -> bool) -> Result<()> {
    let waited = async {
        loop {
            match hand.list_children(QUEUE).await {
                Ok(queue) if holds(&queue) => return anyhow::Ok(()),
                // The first one makes the folder.
                Ok(_) | Err(Error::NoNode) => sleep(Duration::from_millis(20)).await,
                Err(error) => return Err(error.into()),
            }
        }
    };
    timeout(LIMIT, waited).await.with_context(|| what.to_owned())?
}

//! Candidates of ours against a real ZooKeeper, and what goes wrong on the way.

use std::{sync::Arc, time::Duration};

use alluxio_conf::Configuration;
use alluxio_election::{Election, Inquiry, Leadership, Lease, Life, Lost, MasterAddress, ZooKeeper};
use alluxio_tests::{
    Cluster,
    java::{JavaClient, Locality},
    zookeeper::Ensemble,
};
use anyhow::{Context, Result, ensure};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;
use zookeeper_client::Client;

const LIMIT: Duration = Duration::from_secs(40);
const SOON: Duration = Duration::from_secs(2);

fn conf(zookeeper: &Ensemble, session: &str, settings: &[(&str, &str)]) -> Result<Configuration> {
    let address = zookeeper.address();
    let own = [("alluxio.zookeeper.address", &*address), ("alluxio.zookeeper.session.timeout", session)];
    Ok(Configuration::defaults().with(&own)?.with(settings)?)
}

fn master(port: u16) -> MasterAddress {
    MasterAddress { host: "127.0.0.1".to_owned(), port }
}

/// Stands for election as one of a cluster, with nothing kept for the next process.
fn stand(conf: &Configuration, address: MasterAddress) -> Result<Election> {
    let conf = conf.with(&[("alluxio.master.metastore.dir", "/dev/null/none")])?;
    let life = Life::begin(&conf, &address)?;
    Ok(Election::start(&conf, address, Uuid::nil(), Arc::new(life))?)
}

async fn elected(election: &mut Election) -> Result<Leadership> {
    let leadership = timeout(LIMIT, election.elected()).await.context("nobody was elected")??;
    ensure!(leadership.lease().is_valid(), "elected without a lease");
    Ok(leadership)
}

async fn lost(leadership: &Leadership) -> Result<Lost> {
    let lost = timeout(LIMIT, leadership.lost()).await.context("the leadership is not lost")?;
    ensure!(!leadership.lease().is_valid(), "a lost leadership has a lease");
    Ok(lost)
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) -> Result<()> {
    let waited = async {
        while !condition() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, waited).await.with_context(|| format!("not in time: {what}"))
}

/// Fails as soon as both leases are valid.
async fn never_both(leases: [Arc<Lease>; 2]) -> Result<()> {
    loop {
        ensure!(!(leases[0].is_valid() && leases[1].is_valid()), "two leases are valid");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leadership_goes_round_and_clients_find_it() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let conf = conf(&zookeeper, "4s", &[])?;
    let mut one = stand(&conf, master(1))?;
    let first = elected(&mut one).await?;
    let mut two = stand(&conf, master(2))?;
    let asked = Inquiry::new(ZooKeeper::of(&conf)?);
    until_masters(&asked, &["127.0.0.1:1", "127.0.0.1:2"]).await?;
    first.announce().await.map_err(|lost| anyhow::anyhow!("{lost}"))?;
    ensure!(asked.leader().await? == master(1), "another leader is shown");
    ensure!(timeout(SOON, two.elected()).await.is_err(), "two were elected");

    shapes(&zookeeper).await?;
    java_finds(&zookeeper)?;

    // It hands over at once, and is told.
    let began = Instant::now();
    one.stop().await;
    let second = timeout(SOON, two.elected()).await.context("the hand-over took long")??;
    eprintln!("hand-over: {:?}", began.elapsed());
    ensure!(lost(&first).await? == Lost::Resigned, "another reason");
    second.announce().await.map_err(|lost| anyhow::anyhow!("{lost}"))?;
    ensure!(asked.leader().await? == master(2), "the former leader is shown");

    // Who resigns stands again behind the others.
    let mut three = stand(&conf, master(3))?;
    until_masters(&asked, &["127.0.0.1:2", "127.0.0.1:3"]).await?;
    let lease = second.lease();
    drop(second);
    let third = timeout(SOON, three.elected()).await.context("nobody follows one who resigns")??;
    ensure!(!lease.is_valid() && third.lease().is_valid(), "the wrong lease is valid");
    until_masters(&asked, &["127.0.0.1:3", "127.0.0.1:2"]).await?;
    drop(third);
    timeout(SOON, two.elected()).await.context("it does not stand again")??;
    two.stop().await;
    three.stop().await;
    zookeeper.finish()
}

async fn until_masters(asked: &Inquiry, masters: &[&str]) -> Result<()> {
    let found = async {
        loop {
            let listed = asked.masters().await.unwrap_or_default();
            if listed.iter().map(ToString::to_string).eq(masters.iter().copied()) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, found).await.with_context(|| format!("{masters:?} do not stand"))
}

/// Names, data and owners as the original's masters leave them.
async fn shapes(zookeeper: &Ensemble) -> Result<()> {
    let client = Client::connect(&zookeeper.address()).await?;
    let names = client.list_children("/alluxio/election").await?;
    let shape = regex::Regex::new("^_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-lock-[0-9]{10}$")?;
    ensure!(names.len() == 2 && names.iter().all(|name| shape.is_match(name)), "{names:?}");
    let first =
        names.iter().min_by_key(|name| name[name.len() - 10..].to_owned()).context("nobody stands")?;
    let (data, candidate) = client.get_data(&format!("/alluxio/election/{first}")).await?;
    ensure!(data == b"127.0.0.1:1", "{data:?}");
    ensure!(client.list_children("/alluxio/leader").await? == ["127.0.0.1:1"], "another leader node");
    let (data, leader) = client.get_data("/alluxio/leader/127.0.0.1:1").await?;
    ensure!(data == b"127.0.0.1", "{data:?}");
    ensure!(
        leader.ephemeral_owner == candidate.ephemeral_owner && leader.ephemeral_owner != 0,
        "two sessions"
    );
    for parent in ["/alluxio", "/alluxio/election", "/alluxio/leader"] {
        let (data, stat) = client.get_data(parent).await?;
        ensure!(data.is_empty() && stat.ephemeral_owner == 0, "{parent} is not an empty folder");
    }
    Ok(())
}

/// The unmodified client of the original, by its own shell.
fn java_finds(zookeeper: &Ensemble) -> Result<()> {
    let cluster = Cluster::plan().prepare()?;
    let mut client = JavaClient::new("2.9.6", Locality::Streams, &cluster)?;
    client.set("alluxio.zookeeper.enabled", "true");
    client.set("alluxio.zookeeper.address", &zookeeper.address());
    let done = client.run_main("alluxio.cli.fs.FileSystemShell", &["masterInfo"], LIMIT)?;
    ensure!(done.code == 0, "{}", done.output);
    let leader = done.output.lines().find(|line| line.starts_with("Current leader master:"));
    // As Java prints an address that it has not resolved.
    ensure!(
        leader.is_some_and(|line| line.contains(" 127.0.0.1/") && line.ends_with(":1")),
        "{}",
        done.output
    );
    let all = done.output.lines().find(|line| line.starts_with("All masters:"));
    // In the order in which ZooKeeper happens to list the candidates.
    let both = |line: &str| {
        let mut ports: Vec<_> =
            line.trim_end_matches(']').split(", ").filter_map(|master| master.rsplit(':').next()).collect();
        ports.sort_unstable();
        ports == ["1", "2"]
    };
    ensure!(all.is_some_and(both), "{}", done.output);
    cluster.finish()
}

#[test]
fn a_leader_that_dies_is_followed_after_its_session() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let conf = conf(&zookeeper, "2s", &[])?;
    // Its own runtime: when that is gone nothing of it says good-bye.
    let dying = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (election, first) = dying.block_on(async {
        let mut election = stand(&conf, master(1))?;
        let leadership = elected(&mut election).await?;
        leadership.announce().await.map_err(|lost| anyhow::anyhow!("{lost}"))?;
        anyhow::Ok((election, leadership))
    })?;
    // The clock of a lease goes on without its master.
    let lease = first.lease();
    std::mem::forget((election, first));
    let living = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    living.block_on(async {
        let mut two = stand(&conf, master(2))?;
        let asked = Inquiry::new(ZooKeeper::of(&conf)?);
        until_masters(&asked, &["127.0.0.1:1", "127.0.0.1:2"]).await?;
        dying.shutdown_background();
        let second = elected(&mut two).await?;
        ensure!(!lease.is_valid(), "the dead leader's lease outlived its session");
        second.announce().await.map_err(|lost| anyhow::anyhow!("{lost}"))?;
        ensure!(asked.leader().await? == master(2), "the dead leader is shown");
        two.stop().await;
        anyhow::Ok(())
    })?;
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_zookeeper_ends_the_lease_and_then_the_session() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let mut one = stand(&conf(&zookeeper, "8s", &[])?, master(1))?;
    let first = elected(&mut one).await?;
    first.announce().await.map_err(|lost| anyhow::anyhow!("{lost}"))?;
    let lease = first.lease();

    // The policy SESSION keeps the role. Without an answer the lease ends all the same, and comes back.
    zookeeper.pause(0)?;
    until("the lease ends", || !lease.is_valid()).await?;
    zookeeper.resume(0)?;
    until("the same lease is valid again", || lease.is_valid()).await?;
    ensure!(timeout(Duration::ZERO, first.lost()).await.is_err(), "the role was lost");
    first.announce().await.map_err(|lost| anyhow::anyhow!("{lost}"))?;

    // A stop that outlasts the session ends both.
    zookeeper.pause(0)?;
    until("the lease ends", || !lease.is_valid()).await?;
    ensure!(lost(&first).await? == Lost::SessionExpired, "another reason");
    zookeeper.resume(0)?;
    drop(first);
    let again = elected(&mut one).await?;
    ensure!(!lease.is_valid() && again.lease().is_valid(), "the wrong lease is valid");
    one.stop().await;
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_standard_steps_down_with_the_connection() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let policy = ("alluxio.zookeeper.leader.connection.error.policy", "STANDARD");
    let mut one = stand(&conf(&zookeeper, "8s", &[policy])?, master(1))?;
    let first = elected(&mut one).await?;
    zookeeper.pause(0)?;
    let began = Instant::now();
    ensure!(lost(&first).await? == Lost::Disconnected, "another reason");
    ensure!(began.elapsed() < Duration::from_millis(7200), "only its lease ended it");
    zookeeper.resume(0)?;
    ensure!(timeout(SOON, one.elected()).await.is_err(), "it stands before the master has let go");
    drop(first);
    elected(&mut one).await?;
    one.stop().await;
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_deleted_by_hand_end_the_leadership() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let conf = conf(&zookeeper, "10s", &[])?;
    let (mut one, mut two) = (stand(&conf, master(1))?, stand(&conf, master(2))?);
    let hand = Client::connect(&zookeeper.address()).await?;
    let (first, one_leads) = tokio::select! {
        first = one.elected() => (first?, true),
        first = two.elected() => (first?, false),
    };
    let (leader, other) = if one_leads { (&mut one, &mut two) } else { (&mut two, &mut one) };
    let asked = Inquiry::new(ZooKeeper::of(&conf)?);
    let both = if one_leads { [master(1), master(2)] } else { [master(2), master(1)] };
    until_masters(&asked, &[&both[0].to_string(), &both[1].to_string()]).await?;

    let mut names = hand.list_children("/alluxio/election").await?;
    names.sort_by_key(|name| name[name.len() - 10..].to_owned());
    hand.delete(&format!("/alluxio/election/{}", names[0]), None).await?;
    // By its watch, long before the next renewal.
    ensure!(timeout(SOON, lost(&first)).await?? == Lost::NodeGone, "another reason");
    let second = timeout(SOON, other.elected()).await.context("the other one does not follow")??;
    second.announce().await.map_err(|lost| anyhow::anyhow!("{lost}"))?;
    drop(first);

    let name = asked.leader().await?;
    hand.delete(&format!("/alluxio/leader/{name}"), None).await?;
    ensure!(timeout(SOON, lost(&second)).await?? == Lost::NodeGone, "another reason");
    timeout(SOON, leader.elected()).await.context("the first one does not stand again")??;
    one.stop().await;
    two.stop().await;
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ensemble_loses_a_server_and_then_all() -> Result<()> {
    let mut zookeeper = Ensemble::start(3)?;
    let conf = conf(&zookeeper, "10s", &[])?;
    let mut one = stand(&conf, master(1))?;
    let first = elected(&mut one).await?;
    first.announce().await.map_err(|lost| anyhow::anyhow!("{lost}"))?;
    let mut two = stand(&conf, master(2))?;

    let leader = zookeeper.leader()?;
    zookeeper.kill(leader)?;
    zookeeper.launch(leader)?;
    zookeeper.wait(leader)?;
    first.announce().await.map_err(|lost| anyhow::anyhow!("one server's death ended the role: {lost}"))?;

    for index in 0..3 {
        zookeeper.kill(index)?;
    }
    for index in 0..3 {
        zookeeper.launch(index)?;
    }
    for index in 0..3 {
        zookeeper.wait(index)?;
    }
    // Sessions are kept on the servers' disks. Whether this one was back in time is up to the machine; somebody
    // leads in any case, and never two.
    let lease = first.lease();
    let leads = async {
        tokio::select! {
            second = two.elected() => {
                let second = second?;
                timeout(Duration::from_secs(1), never_both([lease.clone(), second.lease()])).await.unwrap_or(Ok(()))?;
                ensure!(second.lease().is_valid() || lease.is_valid(), "nobody leads");
                Ok(())
            }
            result = until("the lease is valid again", || lease.is_valid()) => result,
        }
    };
    timeout(LIMIT, leads).await.context("nobody leads")??;
    one.stop().await;
    two.stop().await;
    zookeeper.finish()
}

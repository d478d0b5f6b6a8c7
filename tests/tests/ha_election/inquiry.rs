//! How clients ask a real ZooKeeper who leads.

use std::time::Duration;

use alluxio_conf::Configuration;
use alluxio_election::{Inquiry, MasterAddress, ZooKeeper};
use alluxio_fs::ErrorKind;
use alluxio_tests::zookeeper::Ensemble;
use anyhow::{Result, ensure};
use tokio::time::{Instant, sleep, timeout};
use zookeeper_client::{Acls, Client, CreateMode};

const LIMIT: Duration = Duration::from_secs(30);

fn inquiry(address: &str, settings: &[(&str, &str)]) -> Result<Inquiry> {
    let own = [
        ("alluxio.zookeeper.address", address),
        ("alluxio.zookeeper.leader.inquiry.retry", "3"),
        ("alluxio.zookeeper.connection.timeout", "4s"),
    ];
    let conf = Configuration::defaults().with(&own)?.with(settings)?;
    Ok(Inquiry::new(ZooKeeper::of(&conf)?))
}

async fn create(client: &Client, path: &str, data: &str, mode: CreateMode) -> Result<()> {
    let (parent, _) = path.rsplit_once('/').unwrap_or_default();
    client.mkdir(parent, &CreateMode::Persistent.with_acls(Acls::anyone_all())).await?;
    client.create(path, data.as_bytes(), &mode.with_acls(Acls::anyone_all())).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_node_leads_below_a_chroot() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let client = Client::connect(&zookeeper.address()).await?;
    client.create("/tenant", b"", &CreateMode::Persistent.with_acls(Acls::anyone_all())).await?;
    let asked = inquiry(&format!("{}/tenant", zookeeper.address()), &[])?;

    let began = Instant::now();
    let error = asked.leader().await.err().map(|error| (error.kind, error.message));
    let told = error.as_ref().is_some_and(|(_, text)| text.contains("has no node under /alluxio/leader"));
    ensure!(told && error.as_ref().is_some_and(|(kind, _)| *kind == ErrorKind::Unavailable), "{error:?}");
    ensure!(began.elapsed() >= Duration::from_secs(3), "it gave up after {:?}", began.elapsed());

    // Who already waits is told at once: of the folder, and of the node in it.
    let waiting = async { Ok::<_, anyhow::Error>((asked.leader().await?, Instant::now())) };
    let appearing = async {
        sleep(Duration::from_millis(300)).await;
        create(&client, "/tenant/alluxio/leader/m1:1", "10.0.0.1", CreateMode::Persistent).await?;
        Ok(Instant::now())
    };
    let ((leader, found), appeared) = tokio::try_join!(waiting, appearing)?;
    ensure!(leader.to_string() == "m1:1", "{leader}");
    ensure!(found.duration_since(appeared) < Duration::from_millis(900), "not told at once");

    create(&client, "/tenant/alluxio/leader/m0:2", "", CreateMode::Persistent).await?;
    ensure!(asked.leader().await?.to_string() == "m0:2", "an older node was taken");
    client.delete("/tenant/alluxio/leader/m0:2", None).await?;
    ensure!(asked.leader().await?.to_string() == "m1:1", "what is gone was taken");
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn masters_are_listed_in_the_order_of_the_election() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let client = Client::connect(&zookeeper.address()).await?;
    let asked = inquiry(&zookeeper.address(), &[("alluxio.zookeeper.election.path", "/a/election/")])?;
    ensure!(asked.masters().await.is_err(), "masters without an election");
    for (prefix, master) in [("f", "m2:2"), ("0", "m1:1"), ("a", "m2:2")] {
        let path = format!("/a/election/_c_{prefix}-lock-");
        create(&client, &path, master, CreateMode::EphemeralSequential).await?;
    }
    create(&client, "/a/election/other", "no master", CreateMode::Persistent).await?;
    let masters: Vec<_> = asked.masters().await?.iter().map(ToString::to_string).collect();
    ensure!(masters == ["m2:2", "m1:1"], "{masters:?}");
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ensemble_that_went_away_is_asked_again() -> Result<()> {
    let mut zookeeper = Ensemble::start(3)?;
    let client = Client::connect(&zookeeper.address()).await?;
    create(&client, "/alluxio/leader/m1:1", "", CreateMode::Persistent).await?;
    let asked = inquiry(&zookeeper.address(), &[])?;
    asked.leader().await?;

    let leader = zookeeper.leader()?;
    zookeeper.kill(leader)?;
    ensure!(timeout(LIMIT, asked.leader()).await??.to_string() == "m1:1", "another leader");
    // A server that is stopped takes connections and answers nothing.
    let living: Vec<usize> = (0..3).filter(|index| *index != leader).collect();
    for index in &living {
        zookeeper.pause(*index)?;
    }
    let kind = timeout(LIMIT, asked.leader()).await?.err().map(|error| error.kind);
    ensure!(kind == Some(ErrorKind::Unavailable), "{kind:?}");
    for index in &living {
        zookeeper.resume(*index)?;
    }
    zookeeper.launch(leader)?;
    zookeeper.wait(leader)?;
    let found = timeout(LIMIT, async {
        loop {
            match asked.leader().await {
                Ok(leader) => break leader,
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    });
    ensure!(found.await?.to_string() == "m1:1", "another leader");
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_another_leader_ends_the_waiting_for_one() -> Result<()> {
    const NODE: &str = "/alluxio/leader/m1:1";
    let a_while = Duration::from_secs(1);
    let mut zookeeper = Ensemble::start(1)?;
    let client = Client::connect(&zookeeper.address()).await?;
    create(&client, NODE, "", CreateMode::Persistent).await?;
    let asked = inquiry(&zookeeper.address(), &[])?;
    let first: MasterAddress = "m1:1".parse()?;
    let mut waiting = Box::pin(asked.another_than(&first));
    ensure!(timeout(a_while, &mut waiting).await.is_err(), "the one that was asked is another one");
    client.delete(NODE, None).await?;
    ensure!(timeout(a_while, &mut waiting).await.is_err(), "nobody is another one");
    create(&client, NODE, "", CreateMode::Persistent).await?;
    ensure!(timeout(a_while, &mut waiting).await.is_err(), "the same one is another one");
    // For longer than its session lasts.
    zookeeper.kill(0)?;
    ensure!(timeout(a_while * 6, &mut waiting).await.is_err(), "an outage is another one");
    zookeeper.launch(0)?;
    zookeeper.wait(0)?;
    ensure!(timeout(a_while, &mut waiting).await.is_err(), "the end of an outage is another one");
    let client = Client::connect(&zookeeper.address()).await?;
    create(&client, "/alluxio/leader/m2:2", "", CreateMode::Persistent).await?;
    timeout(LIMIT, waiting).await?;
    zookeeper.finish()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_logs_in_as_the_jaas_file_says() -> Result<()> {
    let zookeeper = Ensemble::start_for(1, "alluxio", "se cret")?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("jaas.conf");
    let jaas = |password: &str| {
        let module = "org.apache.zookeeper.server.auth.DigestLoginModule";
        let text = format!("Client {{ {module} required username=\"alluxio\" password=\"{password}\"; }};");
        std::fs::write(&file, text)
    };
    let file = file.display().to_string();
    let login = ("java.security.auth.login.config", file.as_str());
    let no_leader = |error: &str| error.contains("has no node under");

    jaas("se cret")?;
    let error = inquiry(&zookeeper.address(), &[login])?.leader().await.err();
    ensure!(error.as_ref().is_some_and(|error| no_leader(&error.message)), "{error:?}");
    for (password, settings) in [
        ("wrong", vec![login]),
        ("se cret", vec![login, ("alluxio.zookeeper.auth.enabled", "false")]),
        ("se cret", vec![]),
    ] {
        jaas(password)?;
        let error = timeout(LIMIT, inquiry(&zookeeper.address(), &settings)?.leader()).await?.err();
        let told = error.as_ref().is_some_and(|error| error.message.contains("refuses this login"));
        ensure!(told, "{password} {settings:?}: {error:?}");
    }
    zookeeper.finish()
}

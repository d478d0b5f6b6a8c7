//! Two masters of the original that elect a leader in ZooKeeper: our command and our worker follow it.

use std::{sync::Arc, time::Duration};

use alluxio_conf::Configuration;
use alluxio_election::{Election, Life, MasterAddress};
use alluxio_tests::{Cluster, waiting::wait_until, zookeeper::Ensemble};
use anyhow::{Context, Result, ensure};
use uuid::Uuid;

const SERVER: &str = "2.9.6";
/// The session's end, the original's take-over with its quiet wait, and a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

#[test]
fn the_leader_is_followed_after_its_death() -> Result<()> {
    let zookeeper = Ensemble::start(1)?;
    let mut cluster = Cluster::plan()
        .set("alluxio.zookeeper.enabled", "true")
        .set("alluxio.zookeeper.address", &zookeeper.address())
        .set("alluxio.zookeeper.session.timeout", "4s")
        .prepare()?;
    cluster.start_java_master(SERVER)?;
    let first = cluster.master_rpc_port();
    let (standby, second) = cluster.launch_java_master(SERVER, "standby")?;
    cluster.start_worker(0)?;
    wait_until(LIMIT, "both masters stand", || Ok(masters(&cluster)?.1.split(',').count() == 2))?;
    let (leader, all) = masters(&cluster)?;
    ensure!(leader == format!("127.0.0.1:{first}"), "{leader}");
    ensure!(all == format!("127.0.0.1:{first}, 127.0.0.1:{second}"), "{all}");
    ensure!(succeeds(&cluster, &["fs", "leader"])?.ends_with("\n127.0.0.1\n"), "no host name");

    ours_is_refused(&zookeeper, &[first, second])?;

    let file = cluster.folder().join("file");
    std::fs::write(&file, "kept\n")?;
    succeeds(&cluster, &["fs", "copyFromLocal", &file.display().to_string(), "/file"])?;

    cluster.kill_master()?;
    wait_until(
        LIMIT,
        "the other master leads",
        || Ok(masters(&cluster)?.0 == format!("127.0.0.1:{second}")),
    )?;
    // It is shown before it serves. Until then a command fails as one that may be tried again: the shell does so
    // for five seconds.
    wait_until(LIMIT, "the other master serves", || {
        let done = cluster.alluxio(&["fs", "ls", "/"])?;
        ensure!(
            done.code == 0 || done.output.starts_with("Cannot reach the Alluxio master"),
            "{}",
            done.output
        );
        Ok(done.code == 0)
    })?;
    // Without a host, with a host that is not one, and with the ensemble.
    let elected = format!("alluxio://zk@{}/", zookeeper.address());
    for root in ["/", "alluxio://anyhost:1/", &elected] {
        let listing = succeeds(&cluster, &["fs", "ls", root])?;
        ensure!(listing.contains("/file"), "{root}: {listing}");
    }
    // The worker has found it, too.
    wait_until(LIMIT, "the file is read through our worker", || {
        let done = cluster.alluxio(&["fs", "cat", "/file"])?;
        Ok(done.code == 0 && done.output.ends_with("kept\n"))
    })?;
    wait_until(LIMIT, "the worker is registered", || {
        Ok(succeeds(&cluster, &["fsadmin", "report", "summary"])?.contains("Live Workers: 1"))
    })?;
    standby.kill()?;
    zookeeper.finish()?;
    cluster.finish()
}

/// A master of ours does not join them.
#[tokio::main(flavor = "current_thread")]
async fn ours_is_refused(zookeeper: &Ensemble, masters: &[u16]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let conf = Configuration::defaults().with(&[
        ("alluxio.zookeeper.address", &*zookeeper.address()),
        ("alluxio.master.metastore.dir", &*folder.path().display().to_string()),
    ])?;
    let address = MasterAddress { host: "127.0.0.1".to_owned(), port: 1 };
    let life = Arc::new(Life::begin(&conf, &address)?);
    let mut election = Election::start(&conf, address, Uuid::nil(), life)?;
    let outcome = tokio::time::timeout(LIMIT, election.elected()).await.context("it waits")?;
    let refusal = outcome.err().context("it leads Java masters")?;
    for port in masters {
        ensure!(refusal.message.contains(&format!("127.0.0.1:{port}")), "{refusal}");
    }
    Ok(())
}

/// The leader and all masters, as `masterInfo` tells them.
fn masters(cluster: &Cluster) -> Result<(String, String)> {
    let text = succeeds(cluster, &["fs", "masterInfo"])?;
    let after = |head: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(head));
        found.map(str::to_owned).with_context(|| text.clone())
    };
    let all = after("All masters: [")?;
    Ok((after("Current leader master: ").unwrap_or_default(), all.trim_end_matches(']').to_owned()))
}

fn succeeds(cluster: &Cluster, command: &[&str]) -> Result<String> {
    let done = cluster.alluxio(command)?;
    ensure!(done.code == 0, "{command:?}: exit code {}\n{}", done.code, done.output);
    Ok(done.output)
}

//! The machine of the leader is lost: it says no more, and nobody says so. Clients that stay open go on with the next leader.

use std::time::Duration;

use alluxio_conf::{Configuration, Role};
use alluxio_tests::{
    Cluster,
    e2e::{Writer, promised},
    machines::{HUB, Machine, in_own_network},
    ports::free_port,
    process::{Process, our_binary},
    waiting::wait_until,
    web,
    zookeeper::Ensemble,
};
use anyhow::{Context, Result, ensure};

/// As the operator sets it.
const SESSION: Duration = Duration::from_secs(10);
/// ZooKeeper ends the session of who is silent, another master takes over, and clients notice both.
const PROMISE: Duration = Duration::from_secs(15);
const ROUNDS: usize = 3;
const LIMIT: Duration = Duration::from_secs(60);
/// An answer of a master's web port; who is lost gives none.
const ANSWER: Duration = Duration::from_secs(1);
/// So many writes are waited for around each loss.
const WRITES: usize = 30;

#[test]
fn clients_go_on_when_the_leaders_machine_is_lost() -> Result<()> {
    in_own_network(|| tokio::runtime::Runtime::new()?.block_on(writers_go_on()))
}

async fn writers_go_on() -> Result<()> {
    let zookeeper = Ensemble::start_at(HUB.parse()?, 1)?;
    let cluster = Cluster::plan()
        .workers(0)
        .set("alluxio.master.bind.host", "0.0.0.0")
        .set("alluxio.master.web.bind.host", "0.0.0.0")
        .set("alluxio.zookeeper.enabled", "true")
        .set("alluxio.zookeeper.address", &zookeeper.address())
        .set("alluxio.zookeeper.session.timeout", &format!("{}s", SESSION.as_secs()))
        // Masters tell it to clients.
        .set("alluxio.network.connection.health.check.timeout", "1s")
        .set("alluxio.user.network.rpc.keepalive.time", "10s")
        .set("alluxio.user.network.rpc.keepalive.timeout", "2200ms")
        .prepare()?;
    cluster.format()?;
    let mut masters = (1..=3).map(|number| Master::start(number, &cluster)).collect::<Result<Vec<_>>>()?;
    serving(&masters, None)?;

    let conf = Configuration::load(Role::Client, cluster.properties())?.conf;
    let settings = [
        ("alluxio.zookeeper.enabled".to_owned(), "true".to_owned()),
        ("alluxio.zookeeper.address".to_owned(), zookeeper.address()),
    ];
    let mut writers =
        [Writer::start(&conf, "/written").await?, Writer::start_java(&settings, &conf, "/written_by_java")?];
    for round in 0..ROUNDS {
        for writer in &mut writers {
            writer.goes_on(WRITES, LIMIT).await?;
        }
        let leader = serving(&masters, None)?;
        let from = writers.each_ref().map(|writer| writer.files() - 1);
        masters[leader].machine.lose()?;
        serving(&masters, Some(leader))?;
        for writer in &mut writers {
            writer.goes_on(WRITES, LIMIT).await?;
        }
        for (writer, from) in writers.iter().zip(from) {
            let what = format!("round {round}, {}: the largest gap between writes", writer.who());
            promised(&what, writer.largest_gap_since(from), PROMISE)?;
        }
        masters[leader].machine.find()?;
        masters[leader].stands_by()?;
    }
    for writer in writers {
        writer.finish().await?;
    }
    for master in masters {
        master.process.terminate(LIMIT)?;
    }
    zookeeper.finish()?;
    cluster.finish()
}

struct Master {
    machine: Machine,
    web: u16,
    process: Process,
}

impl Master {
    fn start(number: u8, cluster: &Cluster) -> Result<Master> {
        let machine = Machine::start(number)?;
        let (rpc, web) = (free_port()?, free_port()?);
        let own = |name: &str| cluster.folder().join(format!("{name}-{number}")).display().to_string();
        let mut command = our_binary("alluxio-master")?;
        command.args(cluster.properties()).args(
            [
                ("alluxio.master.hostname", machine.address.clone()),
                ("alluxio.master.rpc.port", rpc.to_string()),
                ("alluxio.master.web.port", web.to_string()),
                ("alluxio.master.metastore.dir", own("metastore")),
                ("alluxio.logs.dir", own("logs")),
            ]
            .map(|(key, value)| format!("-D{key}={value}")),
        );
        let log = cluster.folder().join(format!("master-{number}.out"));
        let process = Process::start(&format!("master {number}"), machine.command(&command), &log)?;
        Ok(Master { machine, web, process })
    }

    /// What it says of itself, if it is reached.
    fn role(&self) -> Option<serde_json::Value> {
        web::get_json_within(ANSWER, &self.machine.address, self.web, "/role").ok()
    }

    fn stands_by(&mut self) -> Result<()> {
        wait_until(LIMIT, "the master that was lost stands by", || {
            ensure!(self.process.ended()?.is_none(), "it has ended:\n{}", self.process.last_lines());
            Ok(self.role().is_some_and(|role| role["role"] == "STANDBY"))
        })
    }
}

/// Waits until one serves that is not `lost`.
fn serving(masters: &[Master], lost: Option<usize>) -> Result<usize> {
    let mut found = None;
    wait_until(LIMIT, "a master serves", || {
        found = masters.iter().enumerate().find_map(|(index, master)| {
            let serves = Some(index) != lost && master.role().is_some_and(|role| role["serving"] == true);
            serves.then_some(index)
        });
        Ok(found.is_some())
    })?;
    found.context("no master serves")
}

//! How long clients that are at work do without an answer when their leader goes: from the fault to the first write that
//! is acknowledged after the interruption, and to the first read of a file that only a worker's cache has.

mod group;
mod outage;
mod tree;

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use alluxio_client::Cluster;
use anyhow::{Context, Result, bail, ensure};
use tokio::{runtime::Runtime, time::sleep};

use self::{
    group::Group,
    outage::{Clients, Gone},
};
use crate::{arguments::Arguments, report::Report, system::Side};

/// For whatever has to come about between two rounds.
const LIMIT: Duration = Duration::from_secs(900);
const POLL: Duration = Duration::from_millis(50);
/// ZooKeeper's clock in this part; it ends a session at the next tick after its time.
const TICK: f64 = 0.5;

/// One of three.
const DATANODE: usize = 0;

/// How a leader goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Sigterm,
    /// kill -9, and the process is started again at once.
    Restart,
    /// kill -9; it is started again when the round is over.
    Death,
    /// The same, and with it a DataNode that has a copy of all that is written: all of them have one.
    DeathAndDataNode,
}

impl FromStr for Fault {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        match word {
            "sigterm" => Ok(Self::Sigterm),
            "restart" => Ok(Self::Restart),
            "death" => Ok(Self::Death),
            "datanode" => Ok(Self::DeathAndDataNode),
            _ => bail!("{word} is none of sigterm, restart, death, datanode"),
        }
    }
}

impl Fault {
    pub const ALL: [Fault; 4] = [Fault::Sigterm, Fault::Restart, Fault::Death, Fault::DeathAndDataNode];

    fn name(self) -> &'static str {
        match self {
            Fault::Sigterm => "SIGTERM",
            Fault::Restart => "kill -9, restarted in place",
            Fault::Death => "kill -9, not restarted",
            Fault::DeathAndDataNode => "kill -9 with a DataNode",
        }
    }

    /// The most seconds that ours should take. A lease of HDFS is given back when a DataNode has reported.
    fn aim(self, session: Duration, on_hdfs: bool) -> Option<f64> {
        let lease = |seconds: f64| if on_hdfs { seconds } else { 0.0 };
        Some(match self {
            Fault::Sigterm => 1.0,
            Fault::Restart => 3.0 + lease(3.0),
            Fault::Death => session.as_secs_f64() + TICK + 1.0 + lease(4.0),
            Fault::DeathAndDataNode => return None,
        })
    }
}

pub fn measure(runtime: &Runtime, side: Side, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let mut group = group::start(side, arguments)?;
    runtime.block_on(async {
        let clients = Clients::start(&group.configuration()?).await?;
        let on_hdfs = group.hdfs().is_some();
        for &fault in arguments.faults.iter().filter(|fault| on_hdfs || **fault != Fault::DeathAndDataNode) {
            let (mut writes, mut reads) = (Vec::new(), Vec::new());
            for round in 1..=arguments.rounds {
                let (write, read) = one(group.as_mut(), &clients, fault)
                    .await
                    .with_context(|| format!("{}, round {round}", fault.name()))?;
                eprintln!(
                    "{}, round {round}: {:.2} s, {:.2} s",
                    fault.name(),
                    write.as_secs_f64(),
                    read.as_secs_f64()
                );
                writes.push(write);
                reads.push(read);
            }
            let aim = fault.aim(group.session(), on_hdfs);
            for (what, mut times) in [("first write", writes), ("first cached read", reads)] {
                times.sort_unstable();
                for (name, share) in [("p50", 0.5), ("p95", 0.95)] {
                    let name = format!("{}: {what}, {name}", fault.name());
                    let value = percentile(&times, share);
                    match aim {
                        Some(aim) => report.add_with_aim(side, &name, value, "s", aim),
                        None => report.add(side, &name, value, "s"),
                    }
                }
            }
        }
        clients.finish().await
    })?;
    group.finish()
}

/// One leader goes; the times from then to the first write and the first read.
async fn one(group: &mut dyn Group, clients: &Clients, fault: Fault) -> Result<(Duration, Duration)> {
    let cluster = Cluster::without_defaults(&group.configuration()?)?;
    ready(group, &cluster, clients).await?;
    let leader = leader(group, &cluster).await?;
    let began = Instant::now();
    let ended = if fault == Fault::Sigterm {
        group.terminate(leader)?;
        None
    } else {
        group.kill(leader)?;
        Some(Instant::now())
    };
    match fault {
        Fault::Sigterm | Fault::Death => {}
        Fault::Restart => group.launch(leader)?,
        Fault::DeathAndDataNode => group.hdfs().context("there is no HDFS")?.stop_datanode(DATANODE)?,
    }
    let gone = Gone { leader: group.port(leader), began, ended };
    let outage = clients.outage(gone, LIMIT).await?;
    if fault != Fault::Restart {
        group.wait_for_end(leader)?;
        group.launch(leader)?;
    }
    if fault == Fault::DeathAndDataNode {
        group.hdfs().context("there is no HDFS")?.start_datanode(DATANODE)?;
    }
    Ok(outage)
}

/// Every master stands for election, and the clients are answered.
async fn ready(group: &mut dyn Group, cluster: &Cluster, clients: &Clients) -> Result<()> {
    let began = Instant::now();
    loop {
        group.check()?;
        let standing = cluster.masters().await.map_or(0, |masters| masters.len());
        if standing == group.count() && group.is_ready() {
            break;
        }
        ensure!(began.elapsed() < LIMIT, "{standing} of {} masters stand for election", group.count());
        sleep(POLL).await;
    }
    clients.are_answered(LIMIT).await
}

async fn leader(group: &dyn Group, cluster: &Cluster) -> Result<usize> {
    let port = cluster.leader().await?.port;
    (0..group.count()).find(|master| group.port(*master) == port).context("somebody else leads")
}

/// By nearest rank: the least value that `share` of all values do not exceed.
fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_rounds() {
        let times: Vec<Duration> = (1..=21).map(Duration::from_secs).collect();
        assert_eq!((percentile(&times, 0.5), percentile(&times, 0.95)), (11.0, 20.0));
        assert_eq!((percentile(&times[..20], 0.5), percentile(&times[..20], 0.95)), (10.0, 19.0));
        assert_eq!((percentile(&times[..1], 0.5), percentile(&times[..1], 0.95)), (1.0, 1.0));
    }
}

//! Masters under faults: every link of theirs can be cut, their processes be killed and stopped, their journal be slow
//! or failing, each for one master alone.
//!
//! ```text
//! clients, other masters ── link ──> master 0 ── link ──> each ZooKeeper server
//!                                       └── its own mount ──> the journal's folder
//! ```
//! A master tells the world an address of its own (127.0.1.1, 127.0.1.2, …), where its link listens.

mod fault;
mod sequence;

use std::{collections::BTreeSet, net::Ipv4Addr, path::Path, time::Duration};

use alluxio_conf::Configuration;
use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

pub use fault::Fault;
pub use sequence::Sequence;

use crate::{
    Cluster, Masters,
    history::{Clients, Workload},
    links::{Link, Traffic},
    masters::LIMIT,
    plan::Plan,
    ports::free_port,
    shared_folder::SharedFolder,
    zookeeper::Ensemble,
};

/// How long a mount remembers names and attributes: NFS begins with three seconds.
const REMEMBERED: Duration = Duration::from_secs(3);
const CLIENTS: usize = 6;
pub const COUNT: usize = 3;

/// Three masters of ours.
pub struct Rig {
    // In the order in which they must go: who uses the mounts before the mounts.
    masters: Option<Masters>,
    reach: Vec<Reach>,
    _mounts: TempDir,
}

/// What is between one master and the rest.
struct Reach {
    clients: Link,
    zookeeper: Vec<Link>,
    journal: SharedFolder,
}

impl Reach {
    fn new(masters: &Masters, master: usize, mount: &Path) -> Result<Reach> {
        let port = masters.rpc_port(master);
        let clients = Link::open((host(master), port).into(), (Ipv4Addr::LOCALHOST, port).into())?;
        let servers = masters.zookeeper.address();
        let zookeeper = servers
            .split(',')
            .map(|server| Link::open((Ipv4Addr::LOCALHOST, free_port()?).into(), server.parse()?));
        Ok(Reach {
            clients,
            zookeeper: zookeeper.collect::<Result<_>>()?,
            journal: SharedFolder::mount(masters.journal(), mount, REMEMBERED)?,
        })
    }

    fn heal(&self) {
        self.clients.heal();
        self.zookeeper.iter().for_each(Link::heal);
        self.journal.heal();
    }
}

/// The address that a master tells the world.
fn host(master: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, 1 + master as u8)
}

impl Rig {
    /// Three masters with this many ZooKeeper servers. The first one leads, the others stand by.
    pub fn start(servers: usize) -> Result<Rig> {
        Rig::start_with(servers, Cluster::plan().workers(0))
    }

    /// The same with these settings.
    pub fn start_with(servers: usize, plan: Plan) -> Result<Rig> {
        let masters = Masters::prepare_with(Ensemble::start(servers)?, COUNT, plan)?;
        let mounts = tempfile::Builder::new().prefix("alluxio-test-mounts-").tempdir()?;
        let reach = (0..COUNT).map(|master| Reach::new(&masters, master, &mounts.path().join(master.to_string())));
        let reach = reach.collect::<Result<_>>()?;
        let mut rig = Rig { masters: Some(masters), reach, _mounts: mounts };
        for master in 0..COUNT {
            rig.launch(master)?;
            if master == 0 {
                rig.masters()?.wait_for_leader()?;
            } else {
                rig.masters()?.wait_for_standby(master)?;
            }
        }
        Ok(rig)
    }

    pub fn masters(&mut self) -> Result<&mut Masters> {
        self.masters.as_mut().context("the masters are finished")
    }

    /// Takes back all that was done to links and journals.
    pub fn heal(&self) {
        self.reach.iter().for_each(Reach::heal);
    }

    /// Starts a master and does not wait.
    pub fn launch(&mut self, master: usize) -> Result<()> {
        let reach = &self.reach[master];
        let servers: Vec<String> = reach.zookeeper.iter().map(|link| link.at().to_string()).collect();
        let own = [
            format!("-Dalluxio.master.hostname={}", host(master)),
            format!("-Dalluxio.zookeeper.address={}", servers.join(",")),
            format!("-Dalluxio.master.journal.folder={}", reach.journal.path().display()),
        ];
        self.masters()?.launch_with(master, &own.each_ref().map(String::as_str))
    }

    /// The mount through which a master has the journal.
    pub fn journal_of(&self, master: usize) -> &SharedFolder {
        &self.reach[master].journal
    }

    fn zookeeper_of(&self, master: usize, traffic: Traffic) {
        self.reach[master].zookeeper.iter().for_each(|link| link.set(traffic));
    }

    fn clients_of(&self, master: usize, traffic: Traffic) {
        self.reach[master].clients.set(traffic);
    }

    /// Clients that follow the leader, and one that reads from each master whoever leads.
    pub fn workload(&mut self, root: &str, seed: u64) -> Result<Workload> {
        let masters = self.masters()?;
        let conf = masters.client_conf(&[])?;
        let of_masters = (0..COUNT).map(|master| of_master(masters, master)).collect::<Result<Vec<_>>>()?;
        let clients = Clients { conf: &conf, count: CLIENTS, of_masters: &of_masters, patience: LIMIT };
        Workload::start(root, seed, clients)
    }

    /// Lets one master after the other lead: each must come to the same tree.
    pub fn agree(&mut self) -> Result<()> {
        let first = self.masters()?.wait_for_leader()?;
        let tree = self.masters()?.tree_hash(first)?;
        let mut led = BTreeSet::from([first]);
        let mut leader = first;
        while led.len() < COUNT {
            self.masters()?.stop(leader)?;
            let next = self.masters()?.wait_for_leader()?;
            let same = self.masters()?.tree_hash(next)?;
            ensure!(same == tree, "master {first} had the tree {tree:?}, master {next} has {same:?}");
            // Behind the others in the election.
            self.launch(leader)?;
            self.masters()?.wait_for_standby(leader)?;
            led.insert(next);
            leader = next;
        }
        Ok(())
    }

    /// The end of a test that went well.
    pub fn finish(mut self) -> Result<()> {
        self.heal();
        // The masters first: they have the journal open.
        let masters = self.masters.take().context("they are finished")?;
        masters.finish()
    }
}

/// A client of one master, past its link.
fn of_master(masters: &Masters, master: usize) -> Result<Configuration> {
    let port = masters.rpc_port(master).to_string();
    masters.client_conf(&[("alluxio.zookeeper.enabled", "false"), ("alluxio.master.rpc.port", &port)])
}

impl Drop for Rig {
    /// A process that waits for its journal cannot even be killed.
    fn drop(&mut self) {
        self.heal();
    }
}

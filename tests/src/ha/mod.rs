//! Masters under faults: every link of theirs can be cut, their processes be killed and stopped, their journal be slow
//! or failing, each for one master alone.
//!
//! ```text
//! clients, worker, other masters ── link ──> master 0 ── link ──> each ZooKeeper server
//!                                       └── its own mount, or link ──> the journal's folder, or NameNode
//! ```
//! A master tells the world an address of its own (127.0.1.1, 127.0.1.2, …), where its link listens.

mod fault;
mod happening;
mod sequence;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use alluxio_conf::Configuration;
use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

pub use fault::Fault;
pub use happening::{ANSWERS, Meanwhile};
pub use sequence::Sequence;

use crate::{
    Cluster, Masters,
    hdfs::Hdfs,
    history::{Clients, Workload},
    links::{Link, Traffic},
    masters::LIMIT,
    plan::Plan,
    ports::free_port,
    shared_folder::SharedFolder,
    waiting::wait_until,
    zookeeper::Ensemble,
};

/// How long a mount remembers names and attributes: NFS begins with three seconds.
const REMEMBERED: Duration = Duration::from_secs(3);
const IN_HDFS: &str = "/journal";
const CLIENTS: usize = 6;
pub const COUNT: usize = 3;

/// Three masters of ours.
pub struct Rig {
    // In the order in which they must go: who uses the mounts before the mounts.
    masters: Option<Masters>,
    reach: Vec<Reach>,
    _mounts: TempDir,
    hdfs: Option<Hdfs>,
    /// So many faults alone: each has a folder of its own.
    happened: usize,
}

/// What is between one master and the rest.
struct Reach {
    clients: Link,
    zookeeper: Vec<Link>,
    journal: Journal,
}

/// The way to the journal.
enum Journal {
    Mount(SharedFolder),
    NameNode(Link),
}

impl Journal {
    fn heal(&self) {
        match self {
            Journal::Mount(folder) => folder.heal(),
            Journal::NameNode(link) => link.heal(),
        }
    }

    fn folder(&self) -> String {
        match self {
            Journal::Mount(folder) => folder.path().display().to_string(),
            Journal::NameNode(link) => format!("hdfs://{}{IN_HDFS}", link.at()),
        }
    }
}

impl Reach {
    fn new(masters: &Masters, master: usize, mount: &Path, hdfs: Option<&Hdfs>) -> Result<Reach> {
        let port = masters.rpc_port(master);
        let clients = Link::open((host(master), port).into(), (Ipv4Addr::LOCALHOST, port).into())?;
        let servers = masters.zookeeper.address();
        let zookeeper = servers.split(',').map(|server| link(server.parse::<SocketAddr>()?.port()));
        let journal = match hdfs {
            None => Journal::Mount(SharedFolder::mount(masters.journal(), mount, REMEMBERED)?),
            Some(hdfs) => Journal::NameNode(link(hdfs.port())?),
        };
        Ok(Reach { clients, zookeeper: zookeeper.collect::<Result<_>>()?, journal })
    }

    fn heal(&self) {
        self.clients.heal();
        self.zookeeper.iter().for_each(Link::heal);
        self.journal.heal();
    }
}

/// A link to a port of this machine.
fn link(port: u16) -> Result<Link> {
    Link::open((Ipv4Addr::LOCALHOST, free_port()?).into(), (Ipv4Addr::LOCALHOST, port).into())
}

/// The address that a master tells the world.
fn host(master: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, 1 + master as u8)
}

impl Rig {
    /// Three masters with this many ZooKeeper servers, and a worker. The first one leads, the others stand by.
    pub fn start(servers: usize) -> Result<Rig> {
        Rig::start_with(servers, Cluster::plan().workers(1))
    }

    /// The same with these settings.
    pub fn start_with(servers: usize, plan: Plan) -> Result<Rig> {
        Rig::begin_with(servers, plan, None)
    }

    /// With the journal on HDFS.
    pub fn start_on(hdfs: Hdfs) -> Result<Rig> {
        let folder = format!("{}{IN_HDFS}", hdfs.uri());
        let plan = Cluster::plan().workers(1).set("alluxio.master.journal.folder", &folder);
        Rig::begin_with(1, plan, Some(hdfs))
    }

    fn begin_with(servers: usize, plan: Plan, hdfs: Option<Hdfs>) -> Result<Rig> {
        let masters = Masters::prepare_with(Ensemble::start(servers)?, COUNT, plan)?;
        let mounts = tempfile::Builder::new().prefix("alluxio-test-mounts-").tempdir()?;
        let mount = |master: usize| mounts.path().join(master.to_string());
        let reach = (0..COUNT).map(|master| Reach::new(&masters, master, &mount(master), hdfs.as_ref()));
        let reach = reach.collect::<Result<_>>()?;
        let mut rig = Rig { masters: Some(masters), reach, _mounts: mounts, hdfs, happened: 0 };
        for master in 0..COUNT {
            rig.launch(master)?;
            if master == 0 {
                rig.masters()?.wait_for_leader()?;
            } else {
                rig.masters()?.wait_for_standby(master)?;
            }
        }
        let cluster = &mut rig.masters()?.cluster;
        (0..cluster.workers.len()).try_for_each(|worker| cluster.start_worker(worker))?;
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
            format!("-Dalluxio.master.journal.folder={}", reach.journal.folder()),
        ];
        self.masters()?.launch_with(master, &own.each_ref().map(String::as_str))
    }

    /// The mount through which a master has the journal, where it is on one.
    pub fn journal_of(&self, master: usize) -> Result<&SharedFolder> {
        match &self.reach[master].journal {
            Journal::Mount(folder) => Ok(folder),
            Journal::NameNode(_) => bail!("this fault needs a journal on a mount"),
        }
    }

    fn hdfs(&mut self) -> Result<&mut Hdfs> {
        self.hdfs.as_mut().context("this fault needs a journal on HDFS")
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
        let cached = !masters.cluster.workers.is_empty();
        let clients =
            Clients { conf: &conf, count: CLIENTS, of_masters: &of_masters, cached, patience: LIMIT };
        Workload::start(root, seed, clients)
    }

    /// Waits until the standbys have followed the leader to its newest record: then all have the same tree.
    pub fn agree(&mut self) -> Result<()> {
        let masters = self.masters()?;
        masters.wait_for_leader()?;
        let mut seen = BTreeMap::new();
        let mut last = String::new();
        let equal = || {
            let trees: Vec<_> = (0..COUNT).map(|master| masters.tree_hash(master)).collect();
            for (sequence, hash) in trees.iter().flatten() {
                let before = seen.entry(*sequence).or_insert_with(|| hash.clone());
                ensure!(before == hash, "two trees at sequence {sequence}: {trees:?}");
            }
            last = format!("{trees:?}");
            let told: Vec<_> = trees.iter().flatten().collect();
            Ok(told.len() == COUNT && told.windows(2).all(|two| two[0] == two[1]))
        };
        let done = wait_until(LIMIT, "all masters have the same tree", equal);
        done.with_context(|| last)
    }

    /// Lets one master after the other lead: each must come to the same tree.
    pub fn take_turns(&mut self) -> Result<()> {
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
        masters.finish()?;
        self.hdfs.take().map_or(Ok(()), Hdfs::finish)
    }
}

/// How a client reaches one master, whoever leads, past its link.
pub fn of_master(masters: &Masters, master: usize) -> Result<Configuration> {
    let port = masters.rpc_port(master).to_string();
    masters.client_conf(&[("alluxio.zookeeper.enabled", "false"), ("alluxio.master.rpc.port", &port)])
}

impl Drop for Rig {
    /// A process that waits for its journal cannot even be killed.
    fn drop(&mut self) {
        self.heal();
    }
}

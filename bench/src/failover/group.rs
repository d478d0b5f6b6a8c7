//! Two masters that elect a leader in a ZooKeeper of their own, and a worker: ours, or the original's.

use std::{path::PathBuf, time::Duration};

use alluxio_conf::{Configuration, Role};
use alluxio_tests::{
    Cluster, Masters, Plan, hdfs::Hdfs, masters::SESSION, ports::free_port, process::Process,
    waiting::wait_until, zookeeper::Ensemble,
};
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::{LIMIT, tree::write_backup};
use crate::{
    arguments::{Arguments, JournalPlace},
    original::VERSION,
    system::Side,
};

const COUNT: usize = 2;

/// By its number, any of the masters.
pub trait Group {
    fn configuration(&self) -> Result<Configuration>;
    /// What masters asked ZooKeeper for, and were granted.
    fn session(&self) -> Duration;
    fn count(&self) -> usize {
        COUNT
    }
    fn port(&self, master: usize) -> u16;
    /// kill -9.
    fn kill(&mut self, master: usize) -> Result<()>;
    /// SIGTERM; does not wait.
    fn terminate(&mut self, master: usize) -> Result<()>;
    /// Waits for the end of one that was told to.
    fn wait_for_end(&mut self, master: usize) -> Result<()>;
    /// Starts it where it was, and does not wait.
    fn launch(&mut self, master: usize) -> Result<()>;
    /// What the journal is on, when that is HDFS.
    fn hdfs(&mut self) -> Option<&mut Hdfs> {
        None
    }
    /// Whether those that stand for election are ready to take over, as far as they tell.
    fn is_ready(&self) -> bool;
    /// Fails when one has ended by itself.
    fn check(&mut self) -> Result<()>;
    fn finish(self: Box<Self>) -> Result<()>;
}

pub fn start(side: Side, arguments: &Arguments) -> Result<Box<dyn Group>> {
    let tree = Tree::make(arguments.tree)?;
    Ok(match side {
        Side::Ours => Box::new(Ours::start(&tree, arguments.journal)?),
        Side::Original => Box::new(JavaMasters::start(&tree)?),
    })
}

/// What the masters hold from the beginning.
struct Tree(Option<(TempDir, PathBuf)>);

impl Tree {
    fn make(files: u64) -> Result<Tree> {
        if files == 0 {
            return Ok(Tree(None));
        }
        let folder = tempfile::Builder::new().prefix("alluxio-bench-tree-").tempdir()?;
        let backup = folder.path().join("alluxio-backup-tree.gz");
        write_backup(&backup, files)?;
        Ok(Tree(Some((folder, backup))))
    }

    /// It is read by the first leader of an empty journal; it must be there until then.
    fn plant(&self, plan: Plan) -> Plan {
        let Some((_, backup)) = &self.0 else { return plan };
        plan.set("alluxio.master.journal.init.from.backup", &backup.display().to_string())
            .set("alluxio.master.journal.sync.root.after.init.from.backup", "false")
    }
}

/// Ours, and what their journal is on.
struct Ours {
    masters: Masters,
    hdfs: Option<Hdfs>,
}

impl Ours {
    fn start(tree: &Tree, journal: JournalPlace) -> Result<Ours> {
        let mut plan = tree.plant(Cluster::plan());
        let hdfs = match journal {
            JournalPlace::Folder => None,
            JournalPlace::Hdfs => Some(Hdfs::plan().start()?),
        };
        if let Some(hdfs) = &hdfs {
            plan = plan.set("alluxio.master.journal.folder", &format!("{}/journal", hdfs.uri()));
        }
        let mut masters = Masters::prepare(COUNT, plan)?;
        for master in 0..COUNT {
            masters.launch(master)?;
            let port = masters.web_port(master);
            wait_until(LIMIT, "the master is ready", || {
                still_runs(masters.process(master)?)?;
                Ok(alluxio_tests::web::is_ready(port))
            })?;
        }
        masters.cluster.start_worker(0)?;
        Ok(Ours { masters, hdfs })
    }
}

impl Group for Ours {
    fn configuration(&self) -> Result<Configuration> {
        self.masters.client_conf(&[])
    }

    fn session(&self) -> Duration {
        SESSION
    }

    fn port(&self, master: usize) -> u16 {
        self.masters.rpc_port(master)
    }

    fn kill(&mut self, master: usize) -> Result<()> {
        self.masters.kill(master)
    }

    fn terminate(&mut self, master: usize) -> Result<()> {
        self.masters.signal(master, Signal::SIGTERM)
    }

    fn wait_for_end(&mut self, master: usize) -> Result<()> {
        match self.masters.process(master) {
            Ok(_) => self.masters.stop(master),
            // It was killed.
            Err(_) => Ok(()),
        }
    }

    fn launch(&mut self, master: usize) -> Result<()> {
        self.masters.launch(master)
    }

    fn hdfs(&mut self) -> Option<&mut Hdfs> {
        self.hdfs.as_mut()
    }

    fn is_ready(&self) -> bool {
        (0..COUNT).all(|master| alluxio_tests::web::is_ready(self.masters.web_port(master)))
    }

    fn check(&mut self) -> Result<()> {
        (0..COUNT).try_for_each(|master| still_runs(self.masters.process(master)?))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let Ours { masters, hdfs } = *self;
        masters.finish()?;
        hdfs.map_or(Ok(()), Hdfs::finish)
    }
}

/// The original's.
struct JavaMasters {
    // In the order in which they must go.
    masters: Vec<JavaMaster>,
    cluster: Cluster,
    zookeeper: Ensemble,
}

struct JavaMaster {
    ports: (u16, u16),
    process: Option<Process>,
}

impl JavaMasters {
    fn start(tree: &Tree) -> Result<JavaMasters> {
        let zookeeper = Ensemble::start(1)?;
        let cluster = tree
            .plant(Cluster::plan())
            .set("alluxio.zookeeper.enabled", "true")
            .set("alluxio.zookeeper.address", &zookeeper.address())
            .set("alluxio.zookeeper.session.timeout", &format!("{}ms", SESSION.as_millis()))
            // It asks a server on the internet.
            .set("alluxio.master.update.check.enabled", "false")
            .prepare()?;
        cluster.format_java(VERSION)?;
        let masters = (0..COUNT)
            .map(|_| Ok(JavaMaster { ports: (free_port()?, free_port()?), process: None }))
            .collect::<Result<_>>()?;
        let mut group = JavaMasters { masters, cluster, zookeeper };
        (0..COUNT).try_for_each(|master| Group::launch(&mut group, master))?;
        // The backup is there until the first leader has read it.
        let ports: Vec<u16> = group.masters.iter().map(|master| master.ports.1).collect();
        wait_until(LIMIT, "a master of the original serves", || {
            group.check()?;
            Ok(ports.iter().any(|port| alluxio_tests::web::get_json(*port, "/api/v1/master/info/").is_ok()))
        })?;
        group.cluster.launch_java_worker(0, VERSION)?;
        Ok(group)
    }
}

impl Group for JavaMasters {
    fn configuration(&self) -> Result<Configuration> {
        Ok(Configuration::load(Role::Client, self.cluster.properties())?.conf)
    }

    fn session(&self) -> Duration {
        SESSION
    }

    fn port(&self, master: usize) -> u16 {
        self.masters[master].ports.0
    }

    fn kill(&mut self, master: usize) -> Result<()> {
        self.masters[master].process.take().context("this master is not running")?.kill()
    }

    fn terminate(&mut self, master: usize) -> Result<()> {
        self.masters[master].process.as_ref().context("this master is not running")?.signal(Signal::SIGTERM)
    }

    fn wait_for_end(&mut self, master: usize) -> Result<()> {
        let Some(mut process) = self.masters[master].process.take() else { return Ok(()) };
        if process.wait(LIMIT).is_err() {
            process.kill()?;
        }
        Ok(())
    }

    fn launch(&mut self, master: usize) -> Result<()> {
        let JavaMaster { ports: (rpc, web), process } = &mut self.masters[master];
        *process =
            Some(self.cluster.launch_java_master_at(VERSION, &format!("master-{master}"), *rpc, *web)?);
        Ok(())
    }

    fn is_ready(&self) -> bool {
        // They do not tell.
        true
    }

    fn check(&mut self) -> Result<()> {
        let mut running = self.masters.iter_mut().filter_map(|master| master.process.as_mut());
        running.try_for_each(still_runs)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let JavaMasters { masters, mut cluster, zookeeper } = *self;
        // How the original ends is not what is measured.
        for process in masters.into_iter().filter_map(|master| master.process) {
            process.kill()?;
        }
        cluster.kill_worker(0)?;
        zookeeper.finish()?;
        cluster.finish()
    }
}

fn still_runs(process: &mut Process) -> Result<()> {
    match process.ended()? {
        None => Ok(()),
        Some(status) => bail!("{process} ended with {status}:\n{}", process.last_lines()),
    }
}

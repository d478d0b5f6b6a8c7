//! Two masters that elect a leader in a ZooKeeper of their own, and a worker: ours, or the original's.

use std::time::Duration;

use alluxio_conf::{Configuration, Role};
use alluxio_tests::{
    Cluster, Masters, masters::SESSION, ports::free_port, process::Process, zookeeper::Ensemble,
};
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use super::LIMIT;
use crate::{original::VERSION, system::Side};

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
    /// Whether those that stand for election are ready to take over, as far as they tell.
    fn is_ready(&self) -> bool;
    /// Fails when one has ended by itself.
    fn check(&mut self) -> Result<()>;
    fn finish(self: Box<Self>) -> Result<()>;
}

pub fn start(side: Side) -> Result<Box<dyn Group>> {
    Ok(match side {
        Side::Ours => Box::new(Masters::start(COUNT, Cluster::plan())?),
        Side::Original => Box::new(JavaMasters::start()?),
    })
}

impl Group for Masters {
    fn configuration(&self) -> Result<Configuration> {
        self.client_conf(&[])
    }

    fn session(&self) -> Duration {
        SESSION
    }

    fn port(&self, master: usize) -> u16 {
        self.rpc_port(master)
    }

    fn kill(&mut self, master: usize) -> Result<()> {
        Masters::kill(self, master)
    }

    fn terminate(&mut self, master: usize) -> Result<()> {
        self.signal(master, Signal::SIGTERM)
    }

    fn wait_for_end(&mut self, master: usize) -> Result<()> {
        match self.process(master) {
            Ok(_) => self.stop(master),
            // It was killed.
            Err(_) => Ok(()),
        }
    }

    fn launch(&mut self, master: usize) -> Result<()> {
        Masters::launch(self, master)
    }

    fn is_ready(&self) -> bool {
        (0..COUNT).all(|master| alluxio_tests::web::is_ready(self.web_port(master)))
    }

    fn check(&mut self) -> Result<()> {
        (0..COUNT).try_for_each(|master| still_runs(self.process(master)?))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Masters::finish(*self)
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
    fn start() -> Result<JavaMasters> {
        let zookeeper = Ensemble::start(1)?;
        let cluster = Cluster::plan()
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

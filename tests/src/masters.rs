//! Several masters of ours that elect a leader in a ZooKeeper of their own, beside the workers of a cluster.

use std::{
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use alluxio_conf::{Configuration, Role};
use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::{
    cluster::{Cluster, HOST, Ports},
    plan::Plan,
    ports::free_port,
    process::{Process, our_binary},
    web,
    zookeeper::Ensemble,
};

/// What a master asks for; with the rig's ticks it is granted.
pub const SESSION: Duration = Duration::from_secs(4);
/// A session's end, a take-over, and a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

struct Slot {
    ports: Ports,
    process: Option<Process>,
}

/// The masters share a journal folder. The cluster has no master of its own; its workers and clients find the
/// leader in ZooKeeper. A test that went well ends with [`Masters::finish`].
pub struct Masters {
    pub cluster: Cluster,
    pub zookeeper: Ensemble,
    slots: Vec<Slot>,
}

impl Masters {
    /// Starts one ZooKeeper server and formats the journal.
    pub fn prepare(count: usize, plan: Plan) -> Result<Masters> {
        Masters::prepare_with(Ensemble::start(1)?, count, plan)
    }

    /// The same with this ensemble.
    pub fn prepare_with(zookeeper: Ensemble, count: usize, plan: Plan) -> Result<Masters> {
        let cluster = plan
            .set("alluxio.zookeeper.enabled", "true")
            .set("alluxio.zookeeper.address", &zookeeper.address())
            .set("alluxio.zookeeper.session.timeout", &format!("{}ms", SESSION.as_millis()))
            .prepare()?;
        cluster.format()?;
        let slots = (0..count)
            .map(|_| Ok(Slot { ports: Ports { rpc: free_port()?, web: free_port()? }, process: None }))
            .collect::<Result<_>>()?;
        Ok(Masters { cluster, zookeeper, slots })
    }

    /// Starts all masters, then the workers, and waits until all of them serve. The first master leads.
    pub fn start(count: usize, plan: Plan) -> Result<Masters> {
        let mut masters = Masters::prepare(count, plan)?;
        for index in 0..count {
            masters.launch(index)?;
            if index == 0 {
                masters.wait_for_leader()?;
            } else {
                masters.wait_for_standby(index)?;
            }
        }
        for worker in 0..masters.cluster.workers.len() {
            masters.cluster.start_worker(worker)?;
        }
        Ok(masters)
    }

    pub fn count(&self) -> usize {
        self.slots.len()
    }

    pub fn rpc_port(&self, master: usize) -> u16 {
        self.slots[master].ports.rpc
    }

    pub fn web_port(&self, master: usize) -> u16 {
        self.slots[master].ports.web
    }

    /// As it stands in ZooKeeper.
    pub fn address(&self, master: usize) -> String {
        format!("{HOST}:{}", self.rpc_port(master))
    }

    /// A running master.
    pub fn process(&mut self, master: usize) -> Result<&mut Process> {
        self.slots[master].process.as_mut().with_context(|| format!("master {master} is not running"))
    }

    pub fn is_running(&self, master: usize) -> bool {
        self.slots[master].process.is_some()
    }

    /// What makes a master the one of this slot.
    pub fn own_properties(&self, master: usize) -> Vec<String> {
        let Ports { rpc, web } = self.slots[master].ports;
        let logs = self.cluster.folder().join(format!("logs-master-{master}"));
        [
            ("alluxio.master.rpc.port", rpc.to_string()),
            ("alluxio.master.web.port", web.to_string()),
            ("alluxio.logs.dir", logs.display().to_string()),
        ]
        .map(|(key, value)| format!("-D{key}={value}"))
        .into()
    }

    /// Starts a master and does not wait.
    pub fn launch(&mut self, master: usize) -> Result<()> {
        self.launch_with(master, &[])
    }

    /// The same with further arguments, which overrule the others.
    pub fn launch_with(&mut self, master: usize, arguments: &[&str]) -> Result<()> {
        ensure!(self.slots[master].process.is_none(), "master {master} is running");
        let mut command = our_binary("alluxio-master")?;
        command.args(self.cluster.properties()).args(self.own_properties(master)).args(arguments);
        let log = self.log(master);
        self.slots[master].process = Some(Process::start(&format!("master {master}"), command, &log)?);
        Ok(())
    }

    fn log(&self, master: usize) -> std::path::PathBuf {
        self.cluster.folder().join(format!("master-{master}.out"))
    }

    /// kill -9.
    pub fn kill(&mut self, master: usize) -> Result<()> {
        self.slots[master].process.take().context("this master is not running")?.kill()
    }

    /// SIGTERM; it must end cleanly.
    pub fn stop(&mut self, master: usize) -> Result<()> {
        self.slots[master].process.take().context("this master is not running")?.terminate(LIMIT)
    }

    pub fn signal(&mut self, master: usize, signal: Signal) -> Result<()> {
        self.process(master)?.signal(signal)
    }

    /// What `/role` says; an error while the master does not answer.
    pub fn role(&self, master: usize) -> Result<Value> {
        web::get_json(self.web_port(master), "/role")
    }

    fn serves(&self, master: usize) -> bool {
        // A master that is stopped by a signal does not answer: it would take its time.
        self.slots[master].process.as_ref().is_some_and(|process| !process.is_stopped())
            && self.role(master).is_ok_and(|role| role["serving"] == true)
    }

    /// The master that says that it serves, if any.
    pub fn leader(&self) -> Option<usize> {
        (0..self.slots.len()).find(|master| self.serves(*master))
    }

    /// Waits until one serves.
    pub fn wait_for_leader(&mut self) -> Result<usize> {
        let began = Instant::now();
        loop {
            if let Some(leader) = self.leader() {
                return Ok(leader);
            }
            for (master, slot) in self.slots.iter_mut().enumerate() {
                if let Some(process) = &mut slot.process
                    && let Some(status) = process.ended()?
                {
                    bail!("master {master} ended with {status}:\n{}", process.last_lines());
                }
            }
            ensure!(began.elapsed() < LIMIT, "no master serves within {LIMIT:?}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Waits until this one stands by and is ready to take over.
    pub fn wait_for_standby(&mut self, master: usize) -> Result<()> {
        let began = Instant::now();
        let port = self.web_port(master);
        while !web::is_ready(port) || self.role(master)?["role"] != "STANDBY" {
            let process = self.process(master)?;
            if let Some(status) = process.ended()? {
                bail!("master {master} ended with {status}:\n{}", process.last_lines());
            }
            ensure!(began.elapsed() < LIMIT, "master {master} does not stand by within {LIMIT:?}");
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The hash over a master's tree, and the sequence it stands for.
    pub fn tree_hash(&self, master: usize) -> Result<(u64, String)> {
        web::tree_hash(self.web_port(master))
    }

    /// The configuration of a client that finds the leader in ZooKeeper.
    pub fn client_conf(&self, properties: &[(&str, &str)]) -> Result<Configuration> {
        let extra = properties.iter().map(|(key, value)| format!("-D{key}={value}"));
        Ok(Configuration::load(Role::Client, self.cluster.properties().into_iter().chain(extra))?.conf)
    }

    /// The journal's folder.
    pub fn journal(&self) -> &Path {
        self.cluster.journal()
    }

    /// The end of a test that went well: all processes must end cleanly on SIGTERM.
    pub fn finish(mut self) -> Result<()> {
        for worker in 0..self.cluster.workers.len() {
            if self.cluster.workers[worker].process.is_some() {
                self.cluster.stop_worker(worker)?;
            }
        }
        for master in 0..self.slots.len() {
            if self.slots[master].process.is_some() {
                self.stop(master)?;
            }
        }
        let Masters { cluster, zookeeper, .. } = self;
        zookeeper.finish()?;
        cluster.finish()
    }
}

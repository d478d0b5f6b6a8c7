//! One master and its workers as real processes, in a folder and on ports of their own.

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{
    plan::Plan,
    process::{Ended, Process, our_binary, run},
    web,
};

/// Where everything listens, and the workers' host name to the clients.
pub const HOST: &str = "127.0.0.1";

const START_LIMIT: Duration = Duration::from_secs(30);
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) rpc: u16,
    pub(crate) web: u16,
}

pub(crate) struct WorkerSlot {
    pub(crate) ports: Ports,
    pub(crate) process: Option<Process>,
}

/// The processes and the folder they live in. A test that went well ends with [`Cluster::finish`]. When it is
/// dropped without that, the processes are killed, and their last lines and the place of all files are printed.
pub struct Cluster {
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) journal: PathBuf,
    pub(crate) under_storage: PathBuf,
    pub(crate) master: Ports,
    pub(crate) master_process: Option<Process>,
    pub(crate) workers: Vec<WorkerSlot>,
    pub(crate) folder: Option<TempDir>,
}

impl Cluster {
    /// One worker, until told otherwise; each worker has one tier of 1 GB.
    pub fn plan() -> Plan {
        Plan::new()
    }

    /// Where all its files lie.
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new("."), |folder| folder.path())
    }

    pub fn journal(&self) -> &Path {
        &self.journal
    }

    pub fn under_storage(&self) -> &Path {
        &self.under_storage
    }

    /// Another value of a property, for what is started from now on.
    pub fn set(&mut self, key: &str, value: &str) {
        self.settings.retain(|(known, _)| known != key);
        self.settings.push((key.to_owned(), value.to_owned()));
    }

    /// The folder of a worker's one tier.
    pub fn tier(&self, worker: usize) -> PathBuf {
        self.folder().join(format!("worker-{worker}"))
    }

    pub fn master_rpc_port(&self) -> u16 {
        self.master.rpc
    }

    pub fn master_web_port(&self) -> u16 {
        self.master.web
    }

    pub fn worker_rpc_port(&self, worker: usize) -> u16 {
        self.workers[worker].ports.rpc
    }

    pub fn worker_web_port(&self, worker: usize) -> u16 {
        self.workers[worker].ports.web
    }

    /// The running master.
    pub fn master(&mut self) -> Result<&mut Process> {
        self.master_process.as_mut().context("no master is running")
    }

    /// A running worker.
    pub fn worker(&mut self, worker: usize) -> Result<&mut Process> {
        self.workers[worker].process.as_mut().with_context(|| format!("worker {worker} is not running"))
    }

    /// `alluxio formatJournal`, which must succeed.
    pub fn format(&self) -> Result<()> {
        let done = self.alluxio(&["formatJournal"])?;
        if done.code != 0 {
            bail!("alluxio formatJournal: exit code {}\n{}", done.code, done.output);
        }
        Ok(())
    }

    /// Runs our `alluxio` command with the cluster's properties.
    pub fn alluxio(&self, arguments: &[&str]) -> Result<Ended> {
        let mut command = our_binary("alluxio")?;
        command.args(arguments).args(self.properties()).envs(self.environment.iter().cloned());
        let log = tempfile::NamedTempFile::new_in(self.folder())?;
        run(&format!("alluxio {}", arguments.join(" ")), command, log.path(), COMMAND_LIMIT)
    }

    fn master_command(&self) -> Result<Command> {
        let mut command = our_binary("alluxio-master")?;
        command.args(self.properties()).envs(self.environment.iter().cloned());
        Ok(command)
    }

    /// Starts the master and waits until it serves.
    pub fn start_master(&mut self) -> Result<()> {
        self.launch_master()?;
        let port = self.master.web;
        wait_until_ready(self.master()?, port)
    }

    /// Starts the master and does not wait.
    pub fn launch_master(&mut self) -> Result<()> {
        let command = self.master_command()?;
        self.master_process = Some(Process::start("the master", command, &self.folder().join("master.out"))?);
        Ok(())
    }

    /// Runs a master, with further arguments, that is expected to give up at its start.
    pub fn master_that_ends(&self, arguments: &[&str]) -> Result<Ended> {
        self.run_to_end("the master", self.master_command()?, arguments)
    }

    /// The same for a worker.
    pub fn worker_that_ends(&self, arguments: &[&str]) -> Result<Ended> {
        self.run_to_end("the worker", self.worker_command(0)?, arguments)
    }

    fn run_to_end(&self, name: &str, mut command: Command, arguments: &[&str]) -> Result<Ended> {
        command.args(arguments);
        let log = tempfile::NamedTempFile::new_in(self.folder())?;
        run(name, command, log.path(), START_LIMIT)
    }

    /// kill -9 of the master.
    pub fn kill_master(&mut self) -> Result<()> {
        self.master_process.take().context("no master is running")?.kill()
    }

    /// SIGTERM to the master; it must end cleanly.
    pub fn stop_master(&mut self) -> Result<()> {
        self.master_process.take().context("no master is running")?.terminate(START_LIMIT)
    }

    /// Starts a worker and waits until it is registered.
    pub fn start_worker(&mut self, worker: usize) -> Result<()> {
        self.launch_worker(worker)?;
        let port = self.worker_web_port(worker);
        wait_until_ready(self.worker(worker)?, port)
    }

    /// Starts a worker and does not wait.
    pub fn launch_worker(&mut self, worker: usize) -> Result<()> {
        let log = self.folder().join(format!("worker-{worker}.out"));
        let command = self.worker_command(worker)?;
        self.workers[worker].process = Some(Process::start(&format!("worker {worker}"), command, &log)?);
        Ok(())
    }

    fn worker_command(&self, worker: usize) -> Result<Command> {
        let mut command = our_binary("alluxio-worker")?;
        command.args(self.properties()).args(self.worker_properties(worker));
        Ok(command)
    }

    pub(crate) fn worker_properties(&self, worker: usize) -> Vec<String> {
        let ports = self.workers[worker].ports;
        [
            ("alluxio.worker.hostname", HOST.to_owned()),
            ("alluxio.worker.rpc.port", ports.rpc.to_string()),
            ("alluxio.worker.web.port", ports.web.to_string()),
            ("alluxio.worker.tieredstore.levels", "1".to_owned()),
            ("alluxio.worker.tieredstore.level0.alias", "MEM".to_owned()),
            ("alluxio.worker.tieredstore.level0.dirs.path", self.tier(worker).display().to_string()),
        ]
        .map(|(key, value)| format!("-D{key}={value}"))
        .into()
    }

    /// kill -9 of a worker.
    pub fn kill_worker(&mut self, worker: usize) -> Result<()> {
        self.workers[worker].process.take().context("the worker is not running")?.kill()
    }

    /// SIGTERM to a worker; it must end cleanly.
    pub fn stop_worker(&mut self, worker: usize) -> Result<()> {
        self.workers[worker].process.take().context("the worker is not running")?.terminate(COMMAND_LIMIT)
    }

    /// The end of a test that went well: all processes must end cleanly on SIGTERM, and the folder goes.
    pub fn finish(mut self) -> Result<()> {
        for worker in 0..self.workers.len() {
            if self.workers[worker].process.is_some() {
                self.stop_worker(worker)?;
            }
        }
        if self.master_process.is_some() {
            self.stop_master()?;
        }
        if let Some(folder) = self.folder.take() {
            folder.close()?;
        }
        Ok(())
    }

    /// What every process and client of this cluster is started with, as `-Dkey=value`.
    pub fn properties(&self) -> Vec<String> {
        self.settings.iter().map(|(key, value)| format!("-D{key}={value}")).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        let processes =
            self.master_process.iter().chain(self.workers.iter().filter_map(|w| w.process.as_ref()));
        for process in processes {
            eprintln!("--- {process}, its last lines:\n{}", process.last_lines());
        }
        eprintln!("--- the files and logs of this cluster stay in {}", folder.keep().display());
    }
}

fn wait_until_ready(process: &mut Process, web_port: u16) -> Result<()> {
    let began = Instant::now();
    while !web::is_ready(web_port) {
        if let Some(status) = process.ended()? {
            bail!("it ended with {status} before it served:\n{}", process.last_lines());
        }
        if began.elapsed() > START_LIMIT {
            bail!("it does not serve after {START_LIMIT:?}:\n{}", process.last_lines());
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

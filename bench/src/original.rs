//! The original's master and worker, from their published jars, with their own defaults: UFS journal and, if nothing else is
//! said, local under storage as ours have, RocksDB metastore, a heap of at most 4 GB.

use std::{path::Path, process::Command, time::Duration};

use alluxio_tests::{
    cluster::HOST,
    java::Artifacts,
    ports::free_port,
    process::{Process, run},
};
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::{memory, system};

pub const VERSION: &str = "2.9.6";

const COMMAND_LIMIT: Duration = Duration::from_secs(60);
/// For SIGTERM; after that it is killed, because how the original ends is not what is measured.
const STOP_LIMIT: Duration = Duration::from_secs(20);

pub struct Original {
    class_path: String,
    master_rpc_port: u16,
    settings: Vec<String>,
    master: Option<Process>,
    worker: Option<Process>,
    /// Last, so that the processes have ended before it goes.
    folder: TempDir,
}

impl Original {
    /// Fetches the jars if that was not done yet, and formats. `properties` come before what is set here.
    pub fn prepare(properties: &[(String, String)]) -> Result<Original> {
        let java = Artifacts::of_servers(VERSION).context("--sides ours measures without the original")?;
        let conf = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/conf");
        let drivers = Artifacts::of_drivers(VERSION)?.classes_and_jars();
        let class_path = format!("{}:{drivers}", java.class_path_with(&conf));
        let folder = tempfile::Builder::new().prefix("alluxio-bench-").tempdir()?;
        let master_rpc_port = free_port()?;
        let mut settings = settings(folder.path(), master_rpc_port)?;
        // Of two values, a JVM takes the last.
        settings.extend(properties.iter().map(|(key, value)| format!("-D{key}={value}")));
        let original = Original { class_path, master_rpc_port, settings, master: None, worker: None, folder };
        // The worker's folder is new: there is nothing in it to format.
        let mut command = original.command("alluxio.cli.Format");
        command.arg("master");
        let done = run("Format", command, &original.folder.path().join("format.out"), COMMAND_LIMIT)?;
        if done.code != 0 {
            bail!("formatting the original's journal: exit code {}\n{}", done.code, done.output);
        }
        Ok(original)
    }

    fn command(&self, main: &str) -> Command {
        let mut command = Command::new("java");
        command.arg("-Xmx4g").args(&self.settings);
        command.arg("-cp").arg(&self.class_path).arg(main);
        command
    }

    fn launch(&self, name: &str, main: &str) -> Result<Process> {
        Process::start(name, self.command(main), &self.folder.path().join(format!("{main}.out")))
    }
}

fn settings(folder: &Path, master_rpc_port: u16) -> Result<Vec<String>> {
    let place = |name: &str| folder.join(name).display().to_string();
    for name in ["under-storage", "tier"] {
        std::fs::create_dir(folder.join(name))?;
    }
    let ports = [free_port()?, free_port()?, free_port()?].map(|port| port.to_string());
    let [master_web, worker_rpc, worker_web] = ports;
    let settings = [
        ("alluxio.master.hostname", HOST.to_owned()),
        ("alluxio.master.bind.host", HOST.to_owned()),
        ("alluxio.master.web.bind.host", HOST.to_owned()),
        ("alluxio.master.rpc.port", master_rpc_port.to_string()),
        ("alluxio.master.web.port", master_web),
        ("alluxio.worker.hostname", HOST.to_owned()),
        ("alluxio.worker.bind.host", HOST.to_owned()),
        ("alluxio.worker.web.bind.host", HOST.to_owned()),
        ("alluxio.worker.rpc.port", worker_rpc),
        ("alluxio.worker.web.port", worker_web),
        ("alluxio.worker.ramdisk.size", "1GB".to_owned()),
        ("alluxio.worker.tieredstore.level0.alias", "MEM".to_owned()),
        ("alluxio.worker.tieredstore.level0.dirs.path", place("tier")),
        ("alluxio.master.journal.type", "UFS".to_owned()),
        ("alluxio.master.journal.folder", place("journal")),
        ("alluxio.master.metastore.dir", place("metastore")),
        ("alluxio.master.mount.table.root.ufs", place("under-storage")),
        ("alluxio.home", place("")),
        ("alluxio.site.conf.dir", place("conf")),
        ("alluxio.logs.dir", place("logs")),
        // It asks a server on the internet.
        ("alluxio.master.update.check.enabled", "false".to_owned()),
    ];
    Ok(settings.map(|(key, value)| format!("-D{key}={value}")).to_vec())
}

fn stop(process: Option<Process>) -> Result<()> {
    let Some(mut process) = process else { return Ok(()) };
    process.signal(Signal::SIGTERM)?;
    if process.wait(STOP_LIMIT).is_err() {
        process.kill()?;
    }
    Ok(())
}

impl system::System for Original {
    fn master_rpc_port(&self) -> u16 {
        self.master_rpc_port
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn launch_master(&mut self) -> Result<()> {
        self.master = Some(self.launch("the original's master", "alluxio.master.AlluxioMaster")?);
        Ok(())
    }

    fn stop_master(&mut self) -> Result<()> {
        stop(self.master.take())
    }

    fn master(&mut self) -> Result<&mut Process> {
        self.master.as_mut().context("the original's master is not running")
    }

    fn launch_worker(&mut self) -> Result<()> {
        self.worker = Some(self.launch("the original's worker", "alluxio.worker.AlluxioWorker")?);
        Ok(())
    }

    fn stop_worker(&mut self) -> Result<()> {
        stop(self.worker.take())
    }

    fn worker(&mut self) -> Result<&mut Process> {
        self.worker.as_mut().context("the original's worker is not running")
    }

    fn gauges(&self) -> Result<Option<Value>> {
        Ok(None)
    }

    fn settle(&mut self, limit: Duration) -> Result<()> {
        // What is only garbage is not the files'; a full collection also gives unused heap back.
        let pid = self.master()?.pid().to_string();
        let mut command = Command::new("jcmd");
        command.args([pid.as_str(), "GC.run"]);
        let done = run("jcmd", command, &self.folder.path().join("jcmd.out"), COMMAND_LIMIT)?;
        if done.code != 0 {
            bail!("jcmd {pid} GC.run: exit code {}\n{}", done.code, done.output);
        }
        memory::until_still(self.master()?, limit)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        stop(self.worker.take())?;
        stop(self.master.take())?;
        let Original { folder, .. } = *self;
        Ok(folder.close()?)
    }
}

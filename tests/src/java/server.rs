//! The original's servers in the place of ours: a Java master for our workers, Java workers for our master.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Result, bail, ensure};

use super::{Artifacts, java_with};
use crate::{
    cluster::Cluster,
    ports::free_port,
    process::{Process, run},
    waiting::wait_until,
    web,
};

/// From exec to a primary that serves, on a machine with other work to do.
const START_LIMIT: Duration = Duration::from_secs(90);

/// What a JVM that was told to end by SIGTERM ends with.
const ENDED_BY_SIGTERM: i32 = 143;

impl Cluster {
    /// Formats a Java master's journal.
    pub fn format_java(&self, version: &str) -> Result<()> {
        let done = run(
            "the Java master's format",
            {
                let mut command = self.java_server(version, "alluxio.cli.Format", "format")?;
                command.arg("master");
                command
            },
            &self.folder().join("java-format.out"),
            START_LIMIT,
        )?;
        ensure!(done.code == 0, "formatting: exit code {}\n{}", done.code, done.output);
        Ok(())
    }

    /// Formats a Java master's journal, starts the master and waits until it is the primary.
    pub fn start_java_master(&mut self, version: &str) -> Result<()> {
        self.format_java(version)?;
        let command = self.java_server(version, "alluxio.master.AlluxioMaster", "master")?;
        let mut master = Process::start("the Java master", command, &self.java_out("master"))?
            .that_ends_with(ENDED_BY_SIGTERM);
        // Its web port is served once it is the primary.
        let port = self.master_web_port();
        wait_until(START_LIMIT, "the Java master serves", || {
            if let Some(status) = master.ended()? {
                bail!("the Java master ended with {status}:\n{}", master.last_lines());
            }
            Ok(web::is_served(port, "/metrics/json/"))
        })?;
        self.master_process = Some(master);
        Ok(())
    }

    /// Starts one more Java master, which stands by as long as the others lead, and does not wait. Returns it
    /// with its RPC port.
    pub fn launch_java_master(&self, version: &str, name: &str) -> Result<(Process, u16)> {
        let (rpc, web) = (free_port()?, free_port()?);
        Ok((self.launch_java_master_at(version, name, rpc, web)?, rpc))
    }

    /// The same on these ports, where it may have been before.
    pub fn launch_java_master_at(&self, version: &str, name: &str, rpc: u16, web: u16) -> Result<Process> {
        let mut command = self.java_server_base(version, name)?;
        let metastore = self.folder().join(format!("metastore-{name}"));
        command.args([
            format!("-Dalluxio.master.rpc.port={rpc}"),
            format!("-Dalluxio.master.web.port={web}"),
            format!("-Dalluxio.master.metastore.dir={}", metastore.display()),
        ]);
        command.arg("alluxio.master.AlluxioMaster");
        let process = Process::start(&format!("the Java master {name}"), command, &self.java_out(name))?;
        Ok(process.that_ends_with(ENDED_BY_SIGTERM))
    }

    /// Starts a Java worker and does not wait: who wants to know asks the master.
    pub fn launch_java_worker(&mut self, worker: usize, version: &str) -> Result<()> {
        let mut command = self.java_server_base(version, &format!("worker-{worker}"))?;
        command.args(self.worker_properties(worker)).arg("alluxio.worker.AlluxioWorker");
        let name = format!("worker-{worker}");
        let process = Process::start(&format!("Java {name}"), command, &self.java_out(&name))?;
        self.workers[worker].process = Some(process.that_ends_with(ENDED_BY_SIGTERM));
        Ok(())
    }

    fn java_server(&self, version: &str, main: &str, log: &str) -> Result<Command> {
        let mut command = self.java_server_base(version, log)?;
        command.arg(main);
        Ok(command)
    }

    fn java_server_base(&self, version: &str, log: &str) -> Result<Command> {
        let mut class_path = Artifacts::of_servers(version)?.class_path();
        let root = self.settings.iter().rfind(|(key, _)| key == "alluxio.master.mount.table.root.ufs");
        if root.is_some_and(|(_, address)| address.contains("://")) {
            class_path = format!("{class_path}:{}", Artifacts::of_drivers(version)?.classes_and_jars());
        }
        let mut command = java_with(&class_path);
        command.args(self.properties()).args(
            [
                ("alluxio.master.journal.type", "UFS".to_owned()),
                ("alluxio.master.metastore", "HEAP".to_owned()),
                ("alluxio.master.metastore.dir", self.folder().join("metastore").display().to_string()),
                ("peer.log", self.folder().join(format!("java-{log}.log")).display().to_string()),
            ]
            .map(|(key, value)| format!("-D{key}={value}")),
        );
        Ok(command)
    }

    fn java_out(&self, name: &str) -> PathBuf {
        self.folder().join(format!("java-{name}.out"))
    }
}

//! A Java client process: its settings, where it believes to be, its logs.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use super::{Artifacts, java, java_with};
use crate::{
    cluster::{Cluster, HOST},
    process::{Ended, run},
};

/// How the client stands to the worker: on its host (it then opens block files itself), or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locality {
    /// The same host name as the worker: short circuit.
    ShortCircuit,
    /// The same host, short circuit switched off: all data goes through the worker's streams.
    Streams,
}

/// Starts JVMs that talk to one cluster.
pub struct JavaClient {
    artifacts: Artifacts,
    settings: Vec<(String, String)>,
    folder: PathBuf,
    master_rpc_port: u16,
}

impl JavaClient {
    /// A client of `version` for `cluster`; its files go into the cluster's folder.
    pub fn new(version: &str, locality: Locality, cluster: &Cluster) -> Result<JavaClient> {
        JavaClient::of_master(version, locality, cluster.folder(), cluster.master_rpc_port())
    }

    /// A client of the master at this port; its files go into a folder of `folder`.
    pub fn of_master(
        version: &str,
        locality: Locality,
        folder: &Path,
        master_rpc_port: u16,
    ) -> Result<JavaClient> {
        let folder = folder.join(format!("java-{version}-{locality:?}"));
        std::fs::create_dir_all(&folder)?;
        let mut settings = vec![
            ("alluxio.master.hostname", HOST.to_owned()),
            ("alluxio.master.rpc.port", master_rpc_port.to_string()),
            ("alluxio.user.hostname", HOST.to_owned()),
            ("alluxio.user.short.circuit.enabled", (locality == Locality::ShortCircuit).to_string()),
            // A master that does not answer must fail a test within its time limit.
            ("alluxio.user.rpc.retry.max.duration", "20s".to_owned()),
            // No settings of whoever runs the tests.
            ("alluxio.site.conf.dir", folder.display().to_string()),
            ("alluxio.home", folder.display().to_string()),
            ("alluxio.user.logs.dir", folder.display().to_string()),
        ];
        settings.push(("contract.address", format!("alluxio://{HOST}:{master_rpc_port}")));
        settings.push(("peer.log", folder.join("client.log").display().to_string()));
        let settings = settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Ok(JavaClient { artifacts: Artifacts::of(version)?, settings, folder, master_rpc_port })
    }

    /// What a client of ours needs to stand where this one does, as `-Dkey=value`.
    pub fn properties(&self) -> Vec<String> {
        let ours = self.settings.iter().filter(|(key, _)| key.starts_with("alluxio."));
        ours.map(|(key, value)| format!("-D{key}={value}")).collect()
    }

    /// One more property for the processes that are started from now on.
    pub fn set(&mut self, key: &str, value: &str) {
        self.settings.push((key.to_owned(), value.to_owned()));
    }

    pub(super) fn master_rpc_port(&self) -> u16 {
        self.master_rpc_port
    }

    /// What the client logged: how it moved data, and what went wrong.
    pub fn log(&self) -> Result<String> {
        let path = self.folder.join("client.log");
        std::fs::read_to_string(&path).with_context(|| path.display().to_string())
    }

    /// The client's own folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a main class to its end.
    pub fn run_main(&self, main: &str, arguments: &[&str], limit: Duration) -> Result<Ended> {
        let mut command = self.command(main);
        command.args(arguments);
        run(main, command, &self.folder.join(format!("{main}.out")), limit)
    }

    /// Runs the sample program that tests a cluster: all its 24 tests must pass.
    pub fn passes_all_tests(&self, limit: Duration) -> Result<()> {
        let done = self.run_main("alluxio.cli.TestRunner", &[], limit)?;
        let passed = done.output.matches("Passed the test!").count();
        ensure!(
            done.code == 0 && passed == 24,
            "exit code {}, {passed} of 24 passed:\n{}",
            done.code,
            done.output
        );
        Ok(())
    }

    pub(super) fn command(&self, main: &str) -> Command {
        self.with_settings(java(&self.artifacts), main)
    }

    /// A main class of another set of jars, which needs the client's, too.
    pub(super) fn command_of(&self, other: &Artifacts, main: &str) -> Command {
        let class_path = format!("{}:{}", self.artifacts.class_path(), other.classes_and_jars());
        self.with_settings(java_with(&class_path), main)
    }

    fn with_settings(&self, mut command: Command, main: &str) -> Command {
        command.args(self.settings.iter().map(|(key, value)| format!("-D{key}={value}"))).arg(main);
        command
    }
}

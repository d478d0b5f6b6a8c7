//! What a test wants of its cluster, and the folders and ports for it.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{
    cluster::{Cluster, HOST, Ports, WorkerSlot},
    ports::free_port,
};

/// The properties that make `address`, with these options, the root of a cluster.
pub fn root_mount(
    address: &str,
    options: impl IntoIterator<Item = (impl Display, String)>,
) -> Vec<(String, String)> {
    let options = options.into_iter();
    let options =
        options.map(|(key, value)| (format!("alluxio.master.mount.table.root.option.{key}"), value));
    let root = ("alluxio.master.mount.table.root.ufs".to_owned(), address.to_owned());
    std::iter::once(root).chain(options).collect()
}

/// What is to be started.
pub struct Plan {
    workers: usize,
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    journal: Option<PathBuf>,
}

impl Plan {
    pub(crate) fn new() -> Plan {
        Plan { workers: 1, settings: Vec::new(), environment: Vec::new(), journal: None }
    }

    /// How many workers; one when not said.
    pub fn workers(mut self, count: usize) -> Plan {
        self.workers = count;
        self
    }

    /// A property for every process, clients of the `alluxio` command too.
    pub fn set(mut self, key: &str, value: &str) -> Plan {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The same for several.
    pub fn set_all(self, properties: &[(String, String)]) -> Plan {
        properties.iter().fold(self, |plan, (key, value)| plan.set(key, value))
    }

    /// A variable of the environment of masters and of the `alluxio` command.
    pub fn environment(mut self, name: &str, value: &str) -> Plan {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The journal folder, when it shall not lie in the cluster's own.
    pub fn journal(mut self, folder: &Path) -> Plan {
        self.journal = Some(folder.to_owned());
        self
    }

    /// Chooses folders and ports; starts nothing.
    pub fn prepare(self) -> Result<Cluster> {
        let folder = tempfile::Builder::new().prefix("alluxio-test-").tempdir()?;
        let path = folder.path();
        let under_storage = path.join("under-storage");
        std::fs::create_dir_all(&under_storage)?;
        let master = Ports { rpc: free_port()?, web: free_port()? };
        let journal = self.journal.unwrap_or_else(|| path.join("journal"));
        let mut settings: Vec<(String, String)> = [
            ("alluxio.master.hostname", HOST.to_owned()),
            ("alluxio.master.bind.host", HOST.to_owned()),
            ("alluxio.master.web.bind.host", HOST.to_owned()),
            ("alluxio.worker.bind.host", HOST.to_owned()),
            ("alluxio.worker.web.bind.host", HOST.to_owned()),
            ("alluxio.master.rpc.port", master.rpc.to_string()),
            ("alluxio.master.web.port", master.web.to_string()),
            ("alluxio.master.journal.folder", journal.display().to_string()),
            ("alluxio.master.mount.table.root.ufs", under_storage.display().to_string()),
            ("alluxio.home", path.display().to_string()),
            ("alluxio.site.conf.dir", path.join("conf").display().to_string()),
            ("alluxio.worker.tieredstore.level0.dirs.quota", "1GB".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec();
        settings.extend(self.settings);
        let workers = (0..self.workers)
            .map(|_| Ok(WorkerSlot { ports: Ports { rpc: free_port()?, web: free_port()? }, process: None }))
            .collect::<Result<_>>()?;
        Ok(Cluster {
            settings,
            environment: self.environment,
            journal,
            under_storage,
            master,
            master_process: None,
            workers,
            folder: Some(folder),
        })
    }

    /// Formats the journal, starts master and workers and waits until all of them serve.
    pub fn start(self) -> Result<Cluster> {
        let mut cluster = self.prepare()?;
        cluster.format()?;
        cluster.start_master()?;
        for index in 0..cluster.workers.len() {
            cluster.start_worker(index)?;
        }
        Ok(cluster)
    }
}

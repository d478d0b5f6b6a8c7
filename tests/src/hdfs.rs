//! A real HDFS: one NameNode and several DataNodes of Hadoop, in one JVM, on ports of this machine.

use std::{fmt::Display, net::Ipv4Addr, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{
    java::{Artifacts, Dialogue, jvm},
    ports::free_port,
};

pub const VERSION: &str = "3.3.6";

const START_LIMIT: Duration = Duration::from_secs(90);
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// What is to be started.
pub struct HdfsPlan {
    datanodes: usize,
    namenodes: usize,
    kerberos: bool,
    settings: Vec<String>,
    superuser: Option<String>,
    datanode_host: Option<String>,
    host: Ipv4Addr,
}

impl HdfsPlan {
    /// How many DataNodes; three when not said.
    pub fn datanodes(mut self, count: usize) -> HdfsPlan {
        self.datanodes = count;
        self
    }

    /// Two NameNodes, behind the name service `rig`.
    pub fn name_service(mut self) -> HdfsPlan {
        self.namenodes = 2;
        self
    }

    /// With a KDC of its own, and for nobody without a ticket.
    pub fn kerberos(mut self) -> HdfsPlan {
        self.kerberos = true;
        self
    }

    /// A property for NameNode and DataNodes.
    pub fn set(mut self, key: &str, value: impl Display) -> HdfsPlan {
        self.settings.push(format!("{key}={value}"));
        self
    }

    /// The address under which clients reach the DataNodes, where it is not the one at which these listen: a link stands
    /// there ([`Hdfs::datanode_port`]).
    pub fn datanodes_behind(mut self, host: &str) -> HdfsPlan {
        self.datanode_host = Some(host.to_owned());
        self.set("dfs.datanode.hostname", host)
    }

    /// For clients that are elsewhere: all of it at an address of this machine.
    pub fn reached_at(mut self, host: Ipv4Addr) -> HdfsPlan {
        self.host = host;
        self.datanodes_behind(&host.to_string())
            .set("dfs.namenode.rpc-bind-host", "0.0.0.0")
            .set("rig.datanode.address", "0.0.0.0")
    }

    /// Another superuser than who runs the tests, whose programs are ordinary users of it then.
    pub fn superuser(mut self, name: &str) -> HdfsPlan {
        self.superuser = Some(name.to_owned());
        self
    }

    /// Starts it, empty, and waits until it serves.
    pub fn start(self) -> Result<Hdfs> {
        let artifacts = Artifacts::of_hdfs(VERSION)?;
        let folder = tempfile::Builder::new().prefix("alluxio-test-hdfs-").tempdir()?;
        let ports = (0..self.namenodes).map(|_| free_port()).collect::<Result<Vec<_>>>()?;
        let mut command = jvm("512m");
        command.arg("-cp").arg(artifacts.class_path()).arg("MiniHdfs");
        let text: Vec<_> = ports.iter().map(u16::to_string).collect();
        command.arg(text.join(",")).arg(self.datanodes.to_string()).arg(folder.path().join("data"));
        if self.kerberos {
            command.arg(format!("rig.kdc.port={}", free_port()?));
        }
        command.args(self.settings);
        command.envs(self.superuser.map(|name| ("HADOOP_USER_NAME", name)));
        let mut jvm = Dialogue::start(command, folder.path())?;
        let started = jvm.answer(START_LIMIT).and_then(accepted);
        let datanodes_by_name = self.datanode_host.is_some();
        let (folder, kerberos, host) = (Some(folder), self.kerberos, self.host);
        let hdfs = Hdfs { jvm, folder, ports, kerberos, datanodes_by_name, host };
        started.map(|_| hdfs)
    }
}

/// The processes and their folder. Dropped without [`Hdfs::finish`] they are killed and the folder stays.
pub struct Hdfs {
    jvm: Dialogue,
    folder: Option<TempDir>,
    ports: Vec<u16>,
    kerberos: bool,
    datanodes_by_name: bool,
    host: Ipv4Addr,
}

impl Hdfs {
    /// Three DataNodes, until told otherwise. The NameNode sends a DataNode to work when that reports to it: by
    /// default every 3 s, here every second.
    pub fn plan() -> HdfsPlan {
        let settings = vec!["dfs.heartbeat.interval=1".to_owned()];
        HdfsPlan {
            datanodes: 3,
            namenodes: 1,
            kerberos: false,
            settings,
            superuser: None,
            datanode_host: None,
            host: Ipv4Addr::LOCALHOST,
        }
    }

    /// `hdfs://host:port`, or that of the name service.
    pub fn uri(&self) -> String {
        match &*self.ports {
            // As it calls itself: tickets are for names.
            [port] if self.kerberos => format!("hdfs://localhost:{port}"),
            [port] => format!("hdfs://{}:{port}", self.host),
            _ => "hdfs://rig".to_owned(),
        }
    }

    /// What Hadoop's files would say to clients.
    pub fn client_properties(&self) -> Vec<(String, String)> {
        let mut properties = Vec::new();
        if self.ports.len() > 1 {
            let provider = "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider";
            properties.push(("dfs.nameservices".to_owned(), "rig".to_owned()));
            properties.push(("dfs.ha.namenodes.rig".to_owned(), "nn1,nn2".to_owned()));
            properties.push(("dfs.client.failover.proxy.provider.rig".to_owned(), provider.to_owned()));
            for (number, port) in (1..).zip(&self.ports) {
                let name = format!("dfs.namenode.rpc-address.rig.nn{number}");
                properties.push((name, format!("{}:{port}", self.host)));
            }
        }
        if self.datanodes_by_name {
            properties.push(("dfs.client.use.datanode.hostname".to_owned(), "true".to_owned()));
        }
        properties
    }

    /// Where a DataNode listens for clients.
    pub fn datanode_port(&mut self, index: usize) -> Result<u16> {
        let port = self.ask(&format!("datanode-port {index}"))?;
        port.parse().with_context(|| format!("no port: {port:?}"))
    }

    /// A file of the KDC: `krb5.conf`, and `alluxio.keytab` for the principal `alluxio@RIG.TEST`.
    pub fn of_kdc(&self, file: &str) -> Result<PathBuf> {
        let folder = self.folder.as_ref().context("it is finished")?;
        Ok(folder.path().join("kdc").join(file))
    }

    /// Another NameNode of the name service, counted from 0, becomes the active one.
    pub fn activate(&mut self, index: usize) -> Result<()> {
        self.ask(&format!("activate {index}")).map(drop)
    }

    /// The port of the only NameNode.
    pub fn port(&self) -> u16 {
        self.ports[0]
    }

    /// The end of the NameNode that is active; the DataNodes stay.
    pub fn stop_namenode(&mut self) -> Result<()> {
        self.ask("stop-namenode").map(drop)
    }

    /// A NameNode again, on the same port and with what it had written; waits until it serves.
    pub fn start_namenode(&mut self) -> Result<()> {
        self.ask("start-namenode").map(drop)
    }

    /// The end of a DataNode. The NameNode believes it alive until it has missed it for some minutes.
    pub fn stop_datanode(&mut self, index: usize) -> Result<()> {
        self.ask(&format!("stop-datanode {index}")).map(drop)
    }

    /// The same DataNode again, on the same port.
    pub fn start_datanode(&mut self, index: usize) -> Result<()> {
        self.ask(&format!("start-datanode {index}")).map(drop)
    }

    /// SIGSTOP to all of it: connections stay open and nothing answers.
    pub fn pause(&self) -> Result<()> {
        self.jvm.signal(Signal::SIGSTOP)
    }

    /// SIGCONT.
    pub fn resume(&self) -> Result<()> {
        self.jvm.signal(Signal::SIGCONT)
    }

    /// Makes a folder, with these permissions (octal digits), as the superuser.
    pub fn make_folder(&mut self, path: &str, permissions: &str) -> Result<()> {
        self.ask(&format!("mkdir {path} {permissions}")).map(drop)
    }

    /// Runs a command of Hadoop's own shell as a user of HDFS: the exit code, and what it printed.
    pub fn try_shell(&mut self, user: &str, arguments: &[&str]) -> Result<(i32, String)> {
        let answer = self.ask(&format!("fs {user}\t{}", arguments.join("\t")))?;
        let (code, printed) = answer.split_once(' ').unwrap_or((&answer, ""));
        Ok((code.parse()?, unescaped(printed)))
    }

    /// The same for a command that must succeed: what it printed.
    pub fn shell(&mut self, user: &str, arguments: &[&str]) -> Result<String> {
        let (code, printed) = self.try_shell(user, arguments)?;
        ensure!(code == 0, "{arguments:?}: exit code {code}\n{printed}");
        Ok(printed)
    }

    /// Makes a folder whose files are erasure-coded.
    pub fn make_erasure_coded(&mut self, path: &str) -> Result<()> {
        self.ask(&format!("erasure-code {path}")).map(drop)
    }

    /// How many copies a file is to have.
    pub fn replication(&mut self, path: &str) -> Result<u32> {
        Ok(self.ask(&format!("replication {path}"))?.parse()?)
    }

    /// Whose a file or folder is.
    pub fn owner(&mut self, path: &str) -> Result<String> {
        self.ask(&format!("owner {path}"))
    }

    fn ask(&mut self, command: &str) -> Result<String> {
        self.jvm.ask(command, COMMAND_LIMIT).and_then(accepted)
    }

    /// The end of a test that went well: all of it is killed, the folder goes.
    pub fn finish(mut self) -> Result<()> {
        let folder = self.folder.take();
        drop(self);
        if let Some(folder) = folder {
            folder.close()?;
        }
        Ok(())
    }
}

/// What comes after the "ok" of an answer.
fn accepted(answer: String) -> Result<String> {
    match answer.strip_prefix("ok") {
        Some(rest) => Ok(rest.trim().to_owned()),
        None => bail!("HDFS: {answer}"),
    }
}

fn unescaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.extend(rest.next().map(|c| if c == 'n' { '\n' } else { c })),
            c => text.push(c),
        }
    }
    text
}

impl Drop for Hdfs {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        eprintln!("--- the files and logs of HDFS stay in {}", folder.keep().display());
    }
}

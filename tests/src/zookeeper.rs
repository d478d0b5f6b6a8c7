//! A real ZooKeeper ensemble: one server, or several of which a majority must live.

use std::{
    fmt::Write as _,
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{
    java::{Artifacts, jvm},
    ports::free_port,
    process::Process,
    waiting::wait_until,
};

pub const VERSION: &str = "3.8.4";

/// Sessions last from two to twenty of these.
const TICK: Duration = Duration::from_millis(500);
const START_LIMIT: Duration = Duration::from_secs(60);

const ONLY_KNOWN_USERS: &str = "sessionRequireClientSASLAuth=true\n\
    authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n";

struct Server {
    port: u16,
    process: Option<Process>,
}

/// The servers and their folder. Dropped without [`Ensemble::finish`] they are killed and the folder stays.
pub struct Ensemble {
    artifacts: Artifacts,
    /// The address at which clients find the servers.
    host: Ipv4Addr,
    folder: Option<TempDir>,
    servers: Vec<Server>,
    login: Option<(String, String)>,
}

impl Ensemble {
    /// Starts that many servers and waits until they serve.
    pub fn start(count: usize) -> Result<Ensemble> {
        Ensemble::start_with(count, Ipv4Addr::LOCALHOST, None)
    }

    /// The same for clients that are elsewhere, at an address of this machine.
    pub fn start_at(host: Ipv4Addr, count: usize) -> Result<Ensemble> {
        Ensemble::start_with(count, host, None)
    }

    /// The same, but only for clients that log in by SASL (DIGEST-MD5) as this user with this password.
    pub fn start_for(count: usize, user: &str, password: &str) -> Result<Ensemble> {
        Ensemble::start_at_for(Ipv4Addr::LOCALHOST, count, user, password)
    }

    /// Both.
    pub fn start_at_for(host: Ipv4Addr, count: usize, user: &str, password: &str) -> Result<Ensemble> {
        Ensemble::start_with(count, host, Some((user.to_owned(), password.to_owned())))
    }

    fn start_with(count: usize, host: Ipv4Addr, login: Option<(String, String)>) -> Result<Ensemble> {
        let artifacts = Artifacts::of_zookeeper(VERSION)?;
        let folder = tempfile::Builder::new().prefix("alluxio-test-zookeeper-").tempdir()?;
        let servers = (0..count)
            .map(|_| Ok(Server { port: free_port()?, process: None }))
            .collect::<Result<Vec<_>>>()?;
        let mut ensemble = Ensemble { artifacts, host, folder: Some(folder), servers, login };
        ensemble.write_settings()?;
        for index in 0..count {
            ensemble.launch(index)?;
        }
        for index in 0..count {
            ensemble.wait(index)?;
        }
        Ok(ensemble)
    }

    fn write_settings(&self) -> Result<()> {
        let mut members = String::new();
        if self.servers.len() > 1 {
            for index in 0..self.servers.len() {
                writeln!(members, "server.{index}=127.0.0.1:{}:{}", free_port()?, free_port()?)?;
            }
        }
        for (index, server) in self.servers.iter().enumerate() {
            let folder = self.server_folder(index);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("myid"), index.to_string())?;
            let settings = format!(
                "tickTime={}\ninitLimit=20\nsyncLimit=10\ndataDir={}\nclientPort={}\nclientPortAddress={}\n\
                 maxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n{members}{}",
                TICK.as_millis(),
                folder.display(),
                server.port,
                self.host,
                if self.login.is_some() { ONLY_KNOWN_USERS } else { "" },
            );
            fs::write(folder.join("zoo.cfg"), settings)?;
        }
        if let Some((user, password)) = &self.login {
            let text = format!(
                "Server {{\n  org.apache.zookeeper.server.auth.DigestLoginModule required\n  \
                 user_{user}=\"{password}\";\n}};\n"
            );
            fs::write(self.folder().join("jaas.conf"), text)?;
        }
        Ok(())
    }

    fn folder(&self) -> &Path {
        self.folder.as_ref().map_or(Path::new("."), |folder| folder.path())
    }

    fn server_folder(&self, index: usize) -> PathBuf {
        self.folder().join(index.to_string())
    }

    /// `host:port,host:port`, as in `alluxio.zookeeper.address`.
    pub fn address(&self) -> String {
        let servers: Vec<_> =
            self.servers.iter().map(|server| format!("{}:{}", self.host, server.port)).collect();
        servers.join(",")
    }

    pub fn count(&self) -> usize {
        self.servers.len()
    }

    /// Starts one server and does not wait.
    pub fn launch(&mut self, index: usize) -> Result<()> {
        ensure!(self.servers[index].process.is_none(), "ZooKeeper server {index} is running");
        let folder = self.server_folder(index);
        let mut command = jvm("128m");
        // The processes die in these tests, the machine does not: what the kernel has is as good as synced.
        command.args(["-Dzookeeper.forceSync=no", "-Dorg.slf4j.simpleLogger.showDateTime=true"]);
        if self.login.is_some() {
            let jaas = self.folder().join("jaas.conf");
            command.arg(format!("-Djava.security.auth.login.config={}", jaas.display()));
        }
        command.arg("-cp").arg(self.artifacts.class_path());
        command.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain").arg(folder.join("zoo.cfg"));
        let name = format!("ZooKeeper server {index}");
        self.servers[index].process = Some(Process::start(&name, command, &folder.join("server.out"))?);
        Ok(())
    }

    /// Waits until one server serves.
    pub fn wait(&mut self, index: usize) -> Result<()> {
        let host = self.host;
        let Server { port, process } = &mut self.servers[index];
        let process = process.as_mut().context("this ZooKeeper server is not running")?;
        wait_until(START_LIMIT, "the ZooKeeper server serves", || {
            if let Some(status) = process.ended()? {
                bail!("the ZooKeeper server ended with {status}:\n{}", process.last_lines());
            }
            Ok(mode_at(host, *port).is_some())
        })
    }

    /// What one server is: standalone, leader or follower; `None` when it serves nobody.
    pub fn mode(&self, index: usize) -> Option<String> {
        mode_at(self.host, self.servers[index].port)
    }

    /// The server that leads the ensemble.
    pub fn leader(&self) -> Result<usize> {
        let leads = |index: &usize| self.mode(*index).is_some_and(|mode| mode != "follower");
        (0..self.servers.len()).find(leads).context("no ZooKeeper server leads")
    }

    /// kill -9 of one server.
    pub fn kill(&mut self, index: usize) -> Result<()> {
        self.servers[index].process.take().context("this ZooKeeper server is not running")?.kill()
    }

    /// SIGSTOP to one server: its connections stay open and nothing answers.
    pub fn pause(&self, index: usize) -> Result<()> {
        self.signal(index, Signal::SIGSTOP)
    }

    /// SIGCONT.
    pub fn resume(&self, index: usize) -> Result<()> {
        self.signal(index, Signal::SIGCONT)
    }

    /// Any signal to one server.
    pub fn signal(&self, index: usize, signal: Signal) -> Result<()> {
        self.servers[index].process.as_ref().context("this ZooKeeper server is not running")?.signal(signal)
    }

    /// The end of a test that went well: the servers are killed, the folder goes.
    pub fn finish(mut self) -> Result<()> {
        self.servers.clear();
        if let Some(folder) = self.folder.take() {
            folder.close()?;
        }
        Ok(())
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        eprintln!("--- the files and logs of ZooKeeper stay in {}", folder.keep().display());
    }
}

/// Asks with ZooKeeper's own four letters; any failure means that nobody serves there.
fn mode_at(host: Ipv4Addr, port: u16) -> Option<String> {
    let limit = Duration::from_secs(1);
    let mut stream = TcpStream::connect((host, port)).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream.write_all(b"srvr").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.lines().find_map(|line| Some(line.strip_prefix("Mode: ")?.to_owned()))
}

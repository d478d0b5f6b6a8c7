//! The tar.gz, packed from the programs under test and extracted into a folder that has nothing else.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tempfile::TempDir;

use crate::{
    ports::free_port,
    process::{Ended, our_binary, run},
    web,
};

const HOST: &str = "127.0.0.1";
const LIMIT: Duration = Duration::from_secs(120);

/// An extracted tar.gz with ports and a memory folder of its own. What a failed test leaves running is killed.
pub struct Installation {
    folder: TempDir,
    memory: TempDir,
    variables: Vec<(String, String)>,
    pub master_rpc: u16,
    pub master_web: u16,
    pub worker_rpc: u16,
    pub worker_web: u16,
}

impl Installation {
    /// A folder with the tar.gz, not extracted.
    pub fn download() -> Result<Installation> {
        let folder = tempfile::Builder::new().prefix("alluxio-dist-").tempdir()?;
        let archive = archive()?;
        fs::copy(&archive, folder.path().join(archive.file_name().context("no file name")?))?;
        // Tests that run side by side must not share what the guide calls /dev/shm/alluxio.
        let memory = tempfile::Builder::new().prefix("alluxio-dist-").tempdir_in("/dev/shm")?;
        let [master_rpc, master_web, worker_rpc, worker_web] =
            [free_port()?, free_port()?, free_port()?, free_port()?];
        let mut it = Installation {
            folder,
            memory,
            variables: Vec::new(),
            master_rpc,
            master_web,
            worker_rpc,
            worker_web,
        };
        let options = it.options(HOST, HOST);
        let memory = it.memory.path().display().to_string();
        it.variables
            .extend([("ALLUXIO_JAVA_OPTS".to_owned(), options), ("ALLUXIO_RAM_FOLDER".to_owned(), memory)]);
        Ok(it)
    }

    /// Extracted, with the least of a configuration.
    pub fn configured() -> Result<Installation> {
        let it = Installation::download()?;
        it.good("tar xzf alluxio-*.tar.gz")?;
        it.write("conf/alluxio-site.properties", "alluxio.worker.ramdisk.size=64MB\n")?;
        fs::create_dir(it.root()?.join("underFSStorage"))?;
        Ok(it)
    }

    /// Where the worker's memory folder lies.
    pub fn memory(&self) -> &Path {
        self.memory.path()
    }

    /// Loopback addresses and ports that nobody has, as properties for a command line.
    pub fn options(&self, master: &str, worker: &str) -> String {
        self.properties(master, worker).iter().map(|(key, value)| format!("-D{key}={value} ")).collect()
    }

    /// The same without names and addresses: what a reader has who only says where the master is.
    pub fn options_without_hosts(&self) -> String {
        let all = self.properties("", "");
        let named = all.iter().filter(|(_, value)| !value.is_empty());
        named.map(|(key, value)| format!("-D{key}={value} ")).collect()
    }

    fn properties(&self, master: &str, worker: &str) -> Vec<(&'static str, String)> {
        let mut all: Vec<(&str, String)> = [
            ("alluxio.master.hostname", master),
            ("alluxio.master.bind.host", master),
            ("alluxio.master.web.bind.host", master),
            ("alluxio.worker.hostname", worker),
            ("alluxio.worker.bind.host", worker),
            ("alluxio.worker.web.bind.host", worker),
        ]
        .map(|(key, address)| (key, address.to_owned()))
        .into();
        all.extend(
            [
                ("alluxio.master.rpc.port", self.master_rpc),
                ("alluxio.master.web.port", self.master_web),
                ("alluxio.worker.rpc.port", self.worker_rpc),
                ("alluxio.worker.web.port", self.worker_web),
            ]
            .map(|(key, port)| (key, port.to_string())),
        );
        // The only worker is known at once.
        all.push(("alluxio.master.worker.connect.wait.time", "200ms".to_owned()));
        all
    }

    /// Sets a variable for all commands.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a variable away from all commands, and tells its value.
    pub fn unset(&mut self, name: &str) -> Option<String> {
        let at = self.variables.iter().rposition(|(known, _)| known == name)?;
        Some(self.variables.remove(at).1)
    }

    /// The folder the tar.gz lies in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The extracted folder.
    pub fn root(&self) -> Result<PathBuf> {
        let entries = fs::read_dir(self.folder())?.collect::<Result<Vec<_>, _>>()?;
        let mut folders = entries.iter().map(|entry| entry.path()).filter(|path| path.is_dir());
        folders.next().context("nothing is extracted")
    }

    /// Writes a file of the installation.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.root()?.join(name), text).with_context(|| name.to_owned())
    }

    /// Reads a file of the installation.
    pub fn read(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.root()?.join(name)).with_context(|| name.to_owned())
    }

    /// Runs a command line in the extracted folder; before that, in the folder of the tar.gz.
    pub fn run(&self, line: &str) -> Result<Ended> {
        self.bash(line, &self.root().unwrap_or_else(|_| self.folder().to_owned()))
    }

    /// Runs a script in the folder of the tar.gz.
    pub fn bash(&self, script: &str, folder: &Path) -> Result<Ended> {
        let log = tempfile::NamedTempFile::new()?;
        run(script, self.command(script, folder), log.path(), LIMIT)
    }

    /// bash, with nothing of the environment of whoever runs the tests.
    pub fn command(&self, script: &str, folder: &Path) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(folder).env_clear();
        command.env("PATH", env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder());
        command.env("USER", env::var_os("USER").unwrap_or_else(|| "root".into()));
        command.envs(self.variables.iter().cloned());
        command
    }

    /// Runs a command line that must succeed, for its output.
    pub fn good(&self, line: &str) -> Result<String> {
        let done = self.run(line)?;
        ensure!(done.code == 0, "{line}: exit code {}\n{}", done.code, done.output);
        Ok(done.output)
    }

    /// Runs a command line that must fail, for its output.
    pub fn refused(&self, line: &str) -> Result<String> {
        let done = self.run(line)?;
        ensure!(done.code != 0, "{line} succeeded:\n{}", done.output);
        Ok(done.output)
    }

    pub fn master_serves(&self) -> bool {
        web::is_ready(self.master_web)
    }

    pub fn worker_serves(&self) -> bool {
        web::is_ready(self.worker_web)
    }

    /// The process id that the scripts know for a role.
    pub fn pid(&self, role: &str) -> Result<i32> {
        let text = self.read(&format!("logs/{role}.pid"))?;
        text.split_whitespace().next().context("the file is empty")?.parse().context(text.clone())
    }

    /// All processes of this installation.
    pub fn processes(&self) -> Result<Vec<i32>> {
        let libexec = self.root()?.join("libexec");
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let path = entry?.path();
            let Some(pid) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
            // Gone meanwhile, or a zombie.
            let Ok(program) = fs::read_link(path.join("exe")) else { continue };
            if program.starts_with(&libexec) {
                found.push(pid);
            }
        }
        Ok(found)
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        for pid in self.processes().unwrap_or_default() {
            eprintln!("--- killing process {pid} that the test left");
            // It may have ended by itself.
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// Packed once for all tests of a program.
fn archive() -> Result<PathBuf> {
    static PACKED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PACKED
        .get_or_init(|| pack().map_err(|error| format!("{error:#}")))
        .clone()
        .map_err(|error| anyhow!(error))
}

fn pack() -> Result<PathBuf> {
    let program = PathBuf::from(our_binary("alluxio")?.get_program());
    let programs = program.parent().context("no folder")?;
    let script = repository().join("scripts/dist.sh");
    let done = Command::new(&script).arg(programs).arg(programs.join("dist-test")).output();
    let done = done.with_context(|| script.display().to_string())?;
    if !done.status.success() {
        bail!("{}: {}", script.display(), String::from_utf8_lossy(&done.stderr));
    }
    Ok(PathBuf::from(String::from_utf8(done.stdout)?.trim()))
}

/// The sources' folder.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

//! A shell of the original, kept open in one JVM for many commands.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{JavaClient, dialogue::Dialogue};
use crate::cluster::HOST;

/// Whose shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `alluxio.cli.fs.FileSystemShell`
    Alluxio,
    /// The original's commands as its script starts them: `-Dkey=value`, then `fs`, `fsadmin` or `getConf`
    /// and what follows.
    Tools,
    /// `org.apache.hadoop.fs.FsShell`
    Hadoop,
    /// The same without any host: the masters are known by the client's properties alone.
    HadoopWithoutHost,
}

/// What one command has left.
pub struct Outcome {
    pub code: i32,
    /// The file that holds its standard output: it may be large.
    pub stdout: PathBuf,
    /// Its errors.
    pub errors: String,
}

impl Outcome {
    /// Its standard output as text.
    pub fn text(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.stdout)?).into_owned())
    }
}

/// An open shell.
pub struct ShellSession {
    jvm: Dialogue,
    folder: PathBuf,
    limit: Duration,
    next: u32,
}

impl ShellSession {
    /// Starts the JVM. `limit` bounds each command.
    pub fn start(client: &JavaClient, kind: Kind, limit: Duration) -> Result<ShellSession> {
        let folder = client.folder().join(format!("{kind:?}"));
        fs::create_dir_all(&folder)?;
        let mut command = client.command("ShellSession");
        match kind {
            Kind::Alluxio => command.arg("alluxio"),
            Kind::Tools => command.arg("tools"),
            Kind::Hadoop => command.args([
                "hadoop",
                "fs.alluxio.impl=alluxio.hadoop.FileSystem",
                &format!("fs.defaultFS=alluxio://{HOST}:{}", client.master_rpc_port()),
            ]),
            Kind::HadoopWithoutHost => command.args([
                "hadoop",
                "fs.alluxio.impl=alluxio.hadoop.FileSystem",
                "fs.defaultFS=alluxio:///",
            ]),
        };
        let jvm = Dialogue::start(command, &folder)?;
        Ok(ShellSession { jvm, folder, limit, next: 0 })
    }

    /// The JVM.
    pub fn process(&self) -> u32 {
        self.jvm.process()
    }

    /// Runs one command, whatever it answers.
    pub fn try_run(&mut self, command: &[&str]) -> Result<Outcome> {
        let stdout = self.folder.join(format!("{}.out", self.next));
        self.try_run_into(&stdout, command)
    }

    fn try_run_into(&mut self, stdout: &Path, command: &[&str]) -> Result<Outcome> {
        ensure!(command.iter().all(|part| !part.contains(['\t', '\n'])), "tab or line end in {command:?}");
        let errors = self.folder.join(format!("{}.err", self.next));
        self.next += 1;
        let line = format!("{}\t{}\t{}", stdout.display(), errors.display(), command.join("\t"));
        let code = self.jvm.ask(&line, self.limit)?;
        let errors = String::from_utf8_lossy(&fs::read(errors)?).into_owned();
        let code = code.trim().parse().with_context(|| code.clone())?;
        Ok(Outcome { code, stdout: stdout.to_owned(), errors })
    }

    /// Runs one command that must succeed, for the time it takes; nobody reads what it prints.
    pub fn time(&mut self, command: &[&str]) -> Result<Duration> {
        let began = Instant::now();
        let outcome = self.try_run_into(Path::new("/dev/null"), command)?;
        ensure!(outcome.code == 0, "{command:?}: exit code {}\n{}", outcome.code, outcome.errors);
        Ok(began.elapsed())
    }

    /// Runs one command that must succeed.
    pub fn run(&mut self, command: &[&str]) -> Result<Outcome> {
        let outcome = self.try_run(command)?;
        ensure!(
            outcome.code == 0,
            "{command:?}: exit code {}\n{}{}",
            outcome.code,
            outcome.text()?,
            outcome.errors
        );
        Ok(outcome)
    }

    /// Runs one command that must succeed, for its text.
    pub fn text(&mut self, command: &[&str]) -> Result<String> {
        self.run(command)?.text()
    }

    /// Runs one command that must fail; returns all that it said.
    pub fn refused(&mut self, command: &[&str]) -> Result<String> {
        let outcome = self.try_run(command)?;
        ensure!(outcome.code != 0, "{command:?} succeeded:\n{}", outcome.text()?);
        Ok(outcome.text()? + &outcome.errors)
    }
}

/// The line of a listing that ends with `path`.
pub fn line_of<'a>(listing: &'a str, path: &str) -> Result<&'a str> {
    let found = listing.lines().find(|line| line.trim_end().ends_with(&format!(" {path}")));
    found.with_context(|| format!("no {path} in\n{listing}"))
}

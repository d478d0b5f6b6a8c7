//! A shell of the original, kept open in one JVM for many commands.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use super::JavaClient;
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
    child: Child,
    commands: ChildStdin,
    answers: Receiver<String>,
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
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.join("jvm.err"))?);
        let mut child = command.spawn().context("starting java")?;
        let commands = child.stdin.take().context("no stdin")?;
        let lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let (sender, answers) = mpsc::sync_channel(1);
        // Ends with the JVM's output.
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(ShellSession { child, commands, answers, folder, limit, next: 0 })
    }

    /// Runs one command, whatever it answers.
    pub fn try_run(&mut self, command: &[&str]) -> Result<Outcome> {
        ensure!(command.iter().all(|part| !part.contains(['\t', '\n'])), "tab or line end in {command:?}");
        let stdout = self.folder.join(format!("{}.out", self.next));
        let errors = self.folder.join(format!("{}.err", self.next));
        self.next += 1;
        writeln!(self.commands, "{}\t{}\t{}", stdout.display(), errors.display(), command.join("\t"))?;
        let Ok(code) = self.answers.recv_timeout(self.limit) else {
            self.dump_threads();
            bail!("no answer to {command:?} within {:?}; see {}", self.limit, self.folder.display());
        };
        let errors = String::from_utf8_lossy(&fs::read(errors)?).into_owned();
        Ok(Outcome { code: code.trim().parse().with_context(|| code.clone())?, stdout, errors })
    }

    /// What the JVM is waiting for, for whoever looks into the folder.
    fn dump_threads(&self) {
        let dump = fs::File::create(self.folder.join("threads.txt")).map(|file| {
            Command::new("jstack")
                .arg(self.child.id().to_string())
                .stdout(file)
                .stderr(Stdio::null())
                .status()
        });
        if let Err(error) | Ok(Err(error)) = dump {
            eprintln!("no dump of the JVM's threads: {error}");
        }
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

impl Drop for ShellSession {
    fn drop(&mut self) {
        // Nothing of a client's must be saved; it may also have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

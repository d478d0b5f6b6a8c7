//! A JVM that answers each line on its standard input with one line on its standard output.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

/// The JVM; killed when dropped.
pub(crate) struct Dialogue {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<String>,
    folder: PathBuf,
}

impl Dialogue {
    /// Starts it; its errors and, when an answer is missing, its threads are left in `folder`.
    pub(crate) fn start(mut command: Command, folder: &Path) -> Result<Dialogue> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(folder.join("jvm.err"))?);
        let mut child = command.spawn().context("starting java")?;
        let commands = child.stdin.take().context("no stdin")?;
        let lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let (sender, answers) = mpsc::sync_channel(1);
        // Ends with the JVM's output.
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ok(Dialogue { child, commands, answers, folder: folder.to_owned() })
    }

    /// Says one line and waits for the answer.
    pub(crate) fn ask(&mut self, line: &str, limit: Duration) -> Result<String> {
        writeln!(self.commands, "{line}")?;
        self.answer(limit).with_context(|| format!("asked for {line:?}"))
    }

    /// Waits for the next answer.
    pub(crate) fn answer(&mut self, limit: Duration) -> Result<String> {
        let Ok(answer) = self.answers.recv_timeout(limit) else {
            self.dump_threads();
            bail!("no answer of the JVM within {limit:?}; see {}", self.folder.display());
        };
        Ok(answer)
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id())?;
        signal::kill(Pid::from_raw(pid), signal).with_context(|| format!("{signal} to the JVM"))
    }

    /// What the JVM is waiting for, for whoever looks into the folder.
    fn dump_threads(&self) {
        let dump = File::create(self.folder.join("threads.txt")).map(|file| {
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
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        // Nothing of it must be saved; it may also have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

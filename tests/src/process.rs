//! One process under test: started with its output in a file, stopped by its own id, never left behind.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsStr,
    fmt::{self, Display, Formatter},
    fs::{self, File},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use crate::waiting::wait_until;

/// For a process to stop when it is told to.
const STOPS: Duration = Duration::from_secs(5);

/// What was started and may still run, as kill(2) takes it: the id of a process, or minus the id of a group.
static RUNNING: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Kills all that this process has started and that still runs: for who ends without dropping them, on a signal.
pub fn kill_all_started() {
    for target in running().iter() {
        // It may have ended by itself meanwhile; nobody waits for it before us, so the id is still its own.
        let _ = signal::kill(Pid::from_raw(*target), Signal::SIGKILL);
    }
}

fn running() -> MutexGuard<'static, BTreeSet<i32>> {
    // A set of numbers is whole, whatever its last user died of.
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A started program.
pub struct Process {
    name: String,
    child: Child,
    target: i32,
    log: PathBuf,
    clean: i32,
}

impl Process {
    /// Starts `command`; what it prints is added to the file `log`.
    pub fn start(name: &str, command: Command, log: &Path) -> Result<Process> {
        let output = File::options().create(true).append(true).open(log)?;
        Process::start_with(name, command, log, output.try_clone()?, output, false)
    }

    fn start_with(
        name: &str,
        mut command: Command,
        log: &Path,
        output: File,
        errors: File,
        group: bool,
    ) -> Result<Process> {
        if group {
            command.process_group(0);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("starting {name}: {command:?}"))?;
        let id = i32::try_from(child.id())?;
        let target = if group { -id } else { id };
        running().insert(target);
        Ok(Process { name: name.to_owned(), child, target, log: log.to_owned(), clean: 0 })
    }

    /// The exit code of a clean end, when that is not 0.
    pub(crate) fn that_ends_with(mut self, code: i32) -> Process {
        self.clean = code;
        self
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether a signal has stopped it, each of its threads, so that it answers nobody. One that waits in the kernel, for a
    /// mount that hangs, stops when it comes back from there.
    pub fn is_stopped(&self) -> bool {
        let Ok(threads) = fs::read_dir(format!("/proc/{}/task", self.pid())) else { return false };
        threads.flatten().all(|thread| {
            let status = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            // The state follows the name, which stands in brackets and may hold anything.
            status.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 'D']))
        })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        // Under the lock: once it has been waited for, its id may be somebody else's.
        let mut running = running();
        let ended = self.child.try_wait()?;
        if ended.is_some() {
            running.remove(&self.target);
        }
        Ok(ended)
    }

    /// Waits for its end.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if began.elapsed() > limit {
                bail!("{} did not end within {limit:?}; its last lines:\n{}", self.name, self.last_lines());
            }
            sleep(Duration::from_millis(10));
        }
    }

    /// kill -9, and waits until it is gone.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.reap()
    }

    fn reap(&mut self) -> Result<()> {
        let mut running = running();
        self.child.wait()?;
        running.remove(&self.target);
        Ok(())
    }

    /// SIGTERM; the process must end by itself, cleanly.
    pub fn terminate(mut self, limit: Duration) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        let status = self.wait(limit)?;
        if status.code() != Some(self.clean) {
            bail!("{} ended with {status} after SIGTERM; its last lines:\n{}", self.name, self.last_lines());
        }
        Ok(())
    }

    /// Sends a signal. One that stops has done so: threads on other processors go on for a moment.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid())?;
        signal::kill(Pid::from_raw(pid), signal).with_context(|| format!("{signal} to {}", self.name))?;
        if signal != Signal::SIGSTOP {
            return Ok(());
        }
        wait_until(STOPS, &format!("{} has stopped", self.name), || Ok(self.is_stopped()))
    }

    /// All that it has printed.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_else(|error| format!("(no output: {error})"))
    }

    /// The end of what it has printed.
    pub fn last_lines(&self) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(&path)?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next());
        let kib: u64 = kib.with_context(|| format!("no VmRSS in {path}"))?.parse()?;
        Ok(kib * 1024)
    }

    /// Of the time in which its threads wanted a processor, the part in which they had none.
    pub fn waited_for_processors(&self) -> Result<f64> {
        let (mut ran, mut waited) = (0.0, 0.0);
        for task in fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            let file = task?.path().join("schedstat");
            // Nanoseconds on a processor, nanoseconds ready without one. A thread may just have ended.
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let mut numbers = text.split_whitespace().map(str::parse::<f64>);
            let (Some(run), Some(wait)) = (numbers.next(), numbers.next()) else { continue };
            ran += run.with_context(|| format!("{}: {text}", file.display()))?;
            waited += wait.with_context(|| format!("{}: {text}", file.display()))?;
        }
        Ok(waited / (ran + waited))
    }
}

impl Display for Process {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is left to do then.
        if running().contains(&self.target) {
            let _ = signal::kill(Pid::from_raw(self.target), Signal::SIGKILL);
        }
        let _ = self.reap();
    }
}

/// What a program that runs to its end has left.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; 128 + signal when a signal ended it.
    pub code: i32,
    /// Standard output and errors, in the order written.
    pub output: String,
}

/// Runs `command` to its end; its output goes through the file `log`.
pub fn run(name: &str, command: Command, log: &Path, limit: Duration) -> Result<Ended> {
    let mut process = Process::start(name, command, log)?;
    let code = exit_code(process.wait(limit)?);
    Ok(Ended { code, output: process.output() })
}

/// The same for a program that starts others: when it is stopped for the time it takes, so are they.
pub fn run_group(name: &str, command: Command, log: &Path, limit: Duration) -> Result<Ended> {
    let output = File::options().create(true).append(true).open(log)?;
    let mut process = Process::start_with(name, command, log, output.try_clone()?, output, true)?;
    let code = exit_code(process.wait(limit)?);
    Ok(Ended { code, output: process.output() })
}

/// What a program that runs to its end has left, its two outputs apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Streams {
    pub code: i32,
    pub output: String,
    pub errors: String,
}

/// Runs `command` to its end; its outputs go through files in `folder`.
pub fn run_apart(name: &str, command: Command, folder: &Path, limit: Duration) -> Result<Streams> {
    let (output, errors) = (folder.join("stdout"), folder.join("stderr"));
    let files = (File::create(&output)?, File::create(&errors)?);
    let mut process = Process::start_with(name, command, &errors, files.0, files.1, false)?;
    let code = exit_code(process.wait(limit)?);
    let text = |path| Ok::<_, anyhow::Error>(String::from_utf8_lossy(&fs::read(path)?).into_owned());
    Ok(Streams { code, output: text(output)?, errors: text(errors)? })
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// A command for one of our binaries, which lie in target/<profile>/: beside this executable, or a folder above it
/// when it is a test.
pub fn our_binary(name: &str) -> Result<Command> {
    let this = env::current_exe()?;
    let places = || this.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    let Some(binary) = places().find(|place| place.exists()) else {
        bail!(
            "{name} is not built; `make test` does it (or: cargo build --workspace, same profile). Looked for: {:?}",
            places().collect::<Vec<_>>()
        );
    };
    let mut command = Command::new(&binary);
    without_settings(&mut command);
    Ok(command)
}

/// Settings of whoever runs the tests must not reach the processes under test.
pub fn without_settings(command: &mut Command) {
    for (key, _) in env::vars_os().filter(|(key, _)| is_alluxio_setting(key)) {
        command.env_remove(key);
    }
}

fn is_alluxio_setting(key: &OsStr) -> bool {
    key.to_string_lossy().starts_with("ALLUXIO_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waiting::wait_until;

    #[test]
    fn a_stopped_group_leaves_nobody() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("out");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo $!; wait"]);
        let limit = Duration::from_secs(1);
        let late = run_group("a program with a child", command, &log, limit).map(drop);
        assert!(late.is_err(), "it ended");
        let child: u32 = fs::read_to_string(&log)?.trim().parse()?;
        // A zombie until whoever is its parent now has waited for it: it has no program any more.
        wait_until(Duration::from_secs(10), "the child is gone", || {
            Ok(fs::read_link(format!("/proc/{child}/exe")).is_err())
        })
    }
}

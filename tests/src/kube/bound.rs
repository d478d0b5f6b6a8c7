//! Programs that end with this one, however it ends: servers that the tests of one program share are never dropped.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, mpsc},
    thread,
};

use anyhow::{Context, Result, bail};

use crate::process::Process;

type Start = Box<dyn FnOnce() + Send>;

/// The kernel kills the children when the *thread* that started them ends, and threads of tests end early: this one does not.
static STARTER: LazyLock<mpsc::Sender<Start>> = LazyLock::new(|| {
    let (sender, starts) = mpsc::channel::<Start>();
    thread::spawn(move || starts.iter().for_each(|start| start()));
    sender
});

/// Like [`Process::start`]; the program's environment is this one's, and what the command adds to it.
pub fn start(name: &str, command: &Command, log: &Path) -> Result<Process> {
    let (name, command, log) = (name.to_owned(), bound(command), PathBuf::from(log));
    let (sender, started) = mpsc::channel();
    let start: Start = Box::new(move || {
        // Whoever asked waits for it.
        let _ = sender.send(Process::start(&name, command, &log));
    });
    if STARTER.send(start).is_err() {
        bail!("the thread that starts programs is gone");
    }
    started.recv().context("the thread that starts programs is gone")?
}

fn bound(command: &Command) -> Command {
    let mut bound = Command::new("setpriv");
    bound.args(["--pdeathsig", "KILL"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(name, value),
            None => bound.env_remove(name),
        };
    }
    bound
}

#[cfg(test)]
mod tests {
    use std::{env, fs, time::Duration};

    use super::*;
    use crate::{process::run, waiting::wait_until};

    const PLACE: &str = "ALLUXIO_TESTS_BOUND";

    /// Run by the test below, in a process of its own: a thread that starts a program and ends, then the process.
    #[test]
    #[ignore = "a part of the next test"]
    fn starter() -> Result<()> {
        let log = PathBuf::from(env::var(PLACE)?).join("out");
        let started = thread::spawn(move || {
            let mut command = Command::new("sh");
            command.args(["-c", "echo $$; exec sleep 600"]);
            start("a program that waits", &command, &log).map(|process| (process, log))
        });
        let (process, log) = started.join().map_err(|_| anyhow::anyhow!("the thread died"))??;
        wait_until(Duration::from_secs(10), "it runs", || Ok(!fs::read_to_string(&log)?.is_empty()))?;
        assert!(is_asleep(process.pid()), "it ended with the thread that asked for it");
        std::mem::forget(process);
        Ok(())
    }

    fn is_asleep(pid: u32) -> bool {
        fs::read_link(format!("/proc/{pid}/exe")).is_ok()
    }

    #[test]
    fn what_was_started_ends_with_the_program() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(env::current_exe()?);
        command.args(["--exact", "kube::bound::tests::starter", "--ignored"]).env(PLACE, folder.path());
        let ended = run("the starter", command, &folder.path().join("starter"), Duration::from_secs(30))?;
        assert_eq!(ended.code, 0, "{}", ended.output);
        let pid: u32 = fs::read_to_string(folder.path().join("out"))?.trim().parse()?;
        wait_until(Duration::from_secs(10), "the program is gone", || Ok(!is_asleep(pid)))
    }
}

//! The programs that users type: kubectl and helm, which the rig has on the PATH and points to its cluster.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::task::block_in_place;

use super::patient;

/// For a command that waits for something in the cluster.
const LIMIT: Duration = Duration::from_secs(120);

/// The project's folder.
pub(super) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// An example of `deploy/examples`.
pub fn example(name: &str) -> Result<String> {
    let file = project().join("deploy/examples").join(name);
    fs::read_to_string(&file).with_context(|| file.display().to_string())
}

/// Runs `kubectl` in a namespace; returns what it printed.
pub fn kubectl(namespace: &str, arguments: &[&str]) -> Result<String> {
    kubectl_with(namespace, arguments, "")
}

/// The same with this text on its standard input: for `-f -`.
pub fn kubectl_with(namespace: &str, arguments: &[&str], input: &str) -> Result<String> {
    let mut all = vec!["--namespace", namespace];
    all.extend(arguments);
    run("kubectl", &all, input)
}

/// Runs a program to its end, for a limited time; returns its standard output.
pub(super) fn run(program: &str, arguments: &[&str], input: &str) -> Result<String> {
    run_within(LIMIT, program, arguments, input)
}

pub(super) fn run_within(limit: Duration, program: &str, arguments: &[&str], input: &str) -> Result<String> {
    block_in_place(|| {
        let mut child = Command::new("timeout")
            .arg(patient(limit).as_secs().to_string())
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| program.to_owned())?;
        // Dropped at the end of the line: the program sees the end of its input.
        child.stdin.take().context("no input")?.write_all(input.as_bytes())?;
        let done = child.wait_with_output()?;
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        if !done.status.success() {
            let errors = String::from_utf8_lossy(&done.stderr);
            bail!("{program} {}: {}: {errors}{printed}", arguments.join(" "), done.status);
        }
        Ok(printed)
    })
}

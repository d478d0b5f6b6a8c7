//! The README's first session as a newcomer types it, against the cluster that `make run` starts.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command, time::Duration};

use alluxio_tests::{
    document,
    installation::repository,
    ports::free_port,
    process::{Process, our_binary, run, without_settings},
    waiting::wait_until,
};
use anyhow::{Context, Result, bail, ensure};

const LIMIT: Duration = Duration::from_secs(90);
/// The ports that the README shows.
const PORTS: [(&str, &str); 4] = [
    ("19998", "alluxio.master.rpc.port"),
    ("19999", "alluxio.master.web.port"),
    ("29999", "alluxio.worker.rpc.port"),
    ("30000", "alluxio.worker.web.port"),
];

#[test]
fn the_first_session_works_as_it_is_written() -> Result<()> {
    let readme = fs::read_to_string(repository().join("README.md"))?;
    let (_, section) = readme.split_once("## A first session\n").context("no first session in the README")?;
    let section = section.split("\n## ").next().unwrap_or(section);
    let blocks = document::blocks(section);
    let [start, session] = blocks.as_slice() else { bail!("the first session has other blocks: {blocks:?}") };

    // A folder like that of the sources after a build.
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    fs::create_dir_all(folder.join("target/release"))?;
    symlink(our_binary("alluxio")?.get_program(), folder.join("target/release/alluxio"))?;
    let mut options = String::new();
    let mut expected = start.text.clone();
    for (shown, property) in PORTS {
        let port = free_port()?.to_string();
        options.push_str(&format!("-D{property}={port} "));
        expected = expected.replace(shown, &port);
    }

    let command = shell(&make_run()?, folder, &options);
    let mut cluster = Process::start("make run", command, &folder.join("cluster.out"))?;
    wait_until(LIMIT, "the cluster of `make run` is ready", || {
        if let Some(status) = cluster.ended()? {
            bail!("it ended with {status}:\n{}", cluster.output());
        }
        Ok(cluster.output().contains("Ctrl-C stops it"))
    })?;
    let output = cluster.output().replace(&format!("{}/", folder.display()), "./");
    if let Err(line) = document::has_lines(&output, &expected) {
        bail!("the README promises\n{line}\nbut it prints\n{output}");
    }

    for (line, expected) in commands(&session.text) {
        // "A moment later" is part of what the README says.
        let log = folder.join("command.out");
        wait_until(Duration::from_secs(30), &format!("`{line}` answers\n{expected}"), || {
            fs::write(&log, "")?;
            let done = run(line, shell(line, folder, &options), &log, LIMIT)?;
            let same = masked(&done.output) == masked(&expected);
            ensure!(same || line.contains(" fs ls "), "`{line}` answers\n{}\nnot\n{expected}", done.output);
            Ok(same)
        })?;
    }
    cluster.terminate(LIMIT)
}

/// What `make run` does after the build.
fn make_run() -> Result<String> {
    let done = Command::new("make")
        .args(["--no-print-directory", "-n", "run", "TARGET_DIR=target", "ONCE="])
        .current_dir(repository())
        .output()?;
    let text = String::from_utf8(done.stdout)?;
    text.lines().last().map(str::to_owned).with_context(|| String::from_utf8_lossy(&done.stderr).into_owned())
}

fn shell(line: &str, folder: &Path, options: &str) -> Command {
    let mut command = Command::new("bash");
    // `exec`, so that a signal reaches the command itself; a redirection needs none.
    let line = if line.contains('>') { line.to_owned() } else { format!("exec {line}") };
    command.args(["-c", &line]).current_dir(folder);
    without_settings(&mut command);
    command.env("ALLUXIO_JAVA_OPTS", options);
    command
}

/// Each command of a session with the lines it answers.
fn commands(session: &str) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in session.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push((command, String::new())),
            (None, Some((_, answer))) => answer.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    found
}

/// Without what differs by user and time: owner, group, date and time of a listing.
fn masked(output: &str) -> Vec<String> {
    output
        .lines()
        .map(|line| {
            let mut words: Vec<&str> = line.split_whitespace().collect();
            if words.len() == 9 && words[0].len() == 10 {
                for at in [1, 2, 5, 6] {
                    words[at] = "*";
                }
            }
            words.join(" ")
        })
        .collect()
}

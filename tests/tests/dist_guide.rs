//! docs/running-on-a-cluster.md as a reader follows it: every command of it, in order, in a folder that has nothing
//! but the tar.gz; and what it says of several hosts with two more of them.

use std::{fs, path::Path};

use alluxio_tests::{Installation, RemoteHosts, document, installation::repository, remote_hosts::possible};
use anyhow::{Context, Result, bail, ensure};

const MARK: &str = "@@@ block";

/// Where the part begins that needs more hosts.
const SEVERAL: &str = "\n## Several hosts\n";

#[test]
fn the_guide_works_as_it_is_written() -> Result<()> {
    ensure!(possible(), "this test needs to be root, outside of a user namespace");
    let guide = fs::read_to_string(repository().join("docs/running-on-a-cluster.md"))?;
    let (one_host, several) =
        guide.split_once(SEVERAL).with_context(|| format!("no {SEVERAL} in the guide"))?;
    let mut it = Installation::download()?;
    let output = follow(&it, one_host, it.folder())?;

    let tests = output.matches("Passed the test!").count();
    ensure!(tests == 24, "runTests passed {tests} of 24:\n{output}");
    for log in ["master.log", "worker.log"] {
        ensure!(it.read(&format!("logs/{log}"))?.contains("INFO"), "logs/{log} has no lines");
    }
    nothing_runs(&it)?;

    let remote = RemoteHosts::start(&it, &["worker-1", "worker-2"], |_| "127.0.0.1".to_owned())?;
    it.set("ALLUXIO_SSH_OPTS", &remote.ssh_options());
    follow(&it, several, &it.root()?)?;
    nothing_runs(&it)
}

fn nothing_runs(it: &Installation) -> Result<()> {
    let left = it.processes()?;
    ensure!(left.is_empty(), "processes {left:?} still run after the last command");
    Ok(())
}

/// Runs the commands of a part of the guide, and holds their output against what it says.
fn follow(it: &Installation, part: &str, folder: &Path) -> Result<String> {
    let blocks = document::blocks(part);
    // One shell for all of them: a reader changes the folder only once.
    let mut script = String::from("set -eu -o pipefail\n");
    for (number, block) in blocks.iter().enumerate() {
        match block.kind.as_str() {
            "sh" => script.push_str(&format!("echo '{MARK} {number}'\n{}", block.text)),
            "text" => {
                ensure!(number > 0 && blocks[number - 1].kind == "sh", "no command for: {}", block.text)
            }
            // Lines of a file on hosts that this test has not: tests/tests/ha_scripts.rs runs several masters.
            "properties" => {}
            other => bail!("a block of kind {other:?} is not run by this test:\n{}", block.text),
        }
    }
    script.push_str(&format!("echo '{MARK} end'\n"));
    let done = it.bash(&script, folder)?;
    ensure!(done.code == 0, "exit code {}\n{}", done.code, done.output);

    for (number, block) in blocks.iter().enumerate().filter(|(_, block)| block.kind == "text") {
        let output = output_of(&done.output, number - 1)?;
        if let Err(line) = document::has_lines(output, &block.text) {
            bail!("{:?}\ndoes not print\n{line}\nbut\n{output}", blocks[number - 1].text);
        }
    }
    Ok(done.output)
}

fn output_of(output: &str, block: usize) -> Result<&str> {
    let mark = format!("{MARK} {block}\n");
    let (_, rest) = output.split_once(&mark).with_context(|| format!("no {mark} in\n{output}"))?;
    Ok(rest.split(MARK).next().unwrap_or(rest))
}

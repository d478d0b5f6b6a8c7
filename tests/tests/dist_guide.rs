//! docs/running-on-a-cluster.md as a reader follows it: every command of it, in order, in a folder that has nothing
//! but the tar.gz.

use std::fs;

use alluxio_tests::{Installation, document, installation::repository};
use anyhow::{Context, Result, bail, ensure};

const MARK: &str = "@@@ block";

#[test]
fn the_guide_works_as_it_is_written() -> Result<()> {
    let guide = fs::read_to_string(repository().join("docs/running-on-a-cluster.md"))?;
    let blocks = document::blocks(&guide);
    let installation = Installation::download()?;

    // One shell for all of them: a reader changes the folder only once.
    let mut script = String::from("set -eu -o pipefail\n");
    for (number, block) in blocks.iter().enumerate() {
        match block.kind.as_str() {
            "sh" => script.push_str(&format!("echo '{MARK} {number}'\n{}", block.text)),
            "text" => {
                ensure!(number > 0 && blocks[number - 1].kind == "sh", "no command for: {}", block.text)
            }
            other => bail!("a block of kind {other:?} is not run by this test:\n{}", block.text),
        }
    }
    script.push_str(&format!("echo '{MARK} end'\n"));
    let done = installation.bash(&script, installation.folder())?;
    ensure!(done.code == 0, "exit code {}\n{}", done.code, done.output);

    for (number, block) in blocks.iter().enumerate().filter(|(_, block)| block.kind == "text") {
        let output = output_of(&done.output, number - 1)?;
        if let Err(line) = document::has_lines(output, &block.text) {
            bail!("{:?}\ndoes not print\n{line}\nbut\n{output}", blocks[number - 1].text);
        }
    }

    let tests = done.output.matches("Passed the test!").count();
    ensure!(tests == 24, "runTests passed {tests} of 24:\n{}", done.output);
    for log in ["master.log", "worker.log"] {
        ensure!(installation.read(&format!("logs/{log}"))?.contains("INFO"), "logs/{log} has no lines");
    }
    let left = installation.processes()?;
    ensure!(left.is_empty(), "processes {left:?} still run after the guide's last command");
    Ok(())
}

fn output_of(output: &str, block: usize) -> Result<&str> {
    let mark = format!("{MARK} {block}\n");
    let (_, rest) = output.split_once(&mark).with_context(|| format!("no {mark} in\n{output}"))?;
    Ok(rest.split(MARK).next().unwrap_or(rest))
}

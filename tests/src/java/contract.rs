//! Hadoop's contract tests of a file system, run by a Java client against one cluster.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, Result, bail, ensure};

use super::{Artifacts, JavaClient};
use crate::process::run;

/// The Hadoop that the clients carry (java/pom.xml).
const HADOOP: &str = "3.3.4";

/// How one test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// What was expected, and what came.
    Failed(String),
    /// It is about something that the file system does not promise.
    Skipped(String),
}

/// The verdicts by name, which is `Family.test`.
pub struct Contract {
    pub verdicts: BTreeMap<String, Verdict>,
}

impl Contract {
    /// Runs the tests of all families.
    pub fn run(client: &JavaClient, limit: Duration) -> Result<Contract> {
        let results = client.folder().join("contract.txt");
        let mut command = client.command_of(&Artifacts::of_contract(HADOOP)?, "ContractRun");
        command.arg(&results);
        let ended = run("the contract tests", command, &client.folder().join("contract.out"), limit)?;
        ensure!(ended.code == 0, "the contract tests ended with {}\n{}", ended.code, ended.output);
        let text = fs::read_to_string(&results).with_context(|| results.display().to_string())?;
        Ok(Contract { verdicts: text.lines().map(verdict).collect::<Result<_>>()? })
    }

    /// How many tests ended so.
    pub fn count(&self, verdict: &Verdict) -> usize {
        self.verdicts.values().filter(|found| *found == verdict).count()
    }
}

fn verdict(line: &str) -> Result<(String, Verdict)> {
    let parts: Vec<_> = line.splitn(3, '\t').collect();
    let [name, kind, why] = parts[..] else { bail!("no result of a test: {line:?}") };
    let verdict = match kind {
        "passed" => Verdict::Passed,
        "failed" => Verdict::Failed(why.to_owned()),
        "skipped" => Verdict::Skipped(why.to_owned()),
        _ => bail!("no result of a test: {line:?}"),
    };
    Ok((name.to_owned(), verdict))
}

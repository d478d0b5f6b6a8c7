//! A cluster of ours and one of the original under Hadoop's contract of a file system, side by side.

use std::{fs, thread, time::Duration};

use alluxio_tests::{
    Cluster,
    installation::repository,
    java::{Contract, JavaClient, Locality, Verdict},
    waiting::wait_until,
};
use anyhow::{Context, Result, anyhow, ensure};

/// Of the client, and of the original.
const VERSION: &str = "2.9.6";
/// Of one run of all families.
const LIMIT: Duration = Duration::from_secs(240);
/// Tests that pass on every store; fewer would mean that some did not run at all.
const AT_LEAST: usize = 100;
/// From the start of the original's worker to a cluster that stores.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Properties of a cluster that mount its root under storage; none: a local folder.
pub type Root<'a> = &'a [(String, String)];

/// Fails when ours keeps less than the original, or fails where the docs do not say why.
pub fn ours_keeps_what_the_original_keeps(store: &str, ours: Root<'_>, theirs: Root<'_>) -> Result<()> {
    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(|| of_the_original(theirs));
        let ours = of_our_cluster(ours).context("our cluster");
        let theirs = theirs.join().map_err(|_| anyhow!("the run of the original panicked"))?;
        anyhow::Ok((ours?, theirs.context("the original's cluster")?))
    })?;

    let wrong = compared(&ours, &theirs, &explained()?);
    ensure!(wrong.is_empty(), "on {store}:\n{}", wrong.join("\n"));
    let passed = |contract: &Contract| contract.count(&Verdict::Passed);
    println!("{store}: ours passes {}, the original {}", passed(&ours), passed(&theirs));
    ensure!(passed(&ours) >= AT_LEAST, "only {} tests passed", passed(&ours));
    Ok(())
}

/// What is wrong with ours.
pub fn compared(ours: &Contract, theirs: &Contract, explained: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (test, verdict) in &theirs.verdicts {
        let told = explained.contains(test);
        match (ours.verdicts.get(test), verdict) {
            (Some(Verdict::Passed), _) if told => {
                wrong.push(format!("{test} passes: take it out of the docs"))
            }
            (Some(Verdict::Passed), _) => {}
            (Some(other), Verdict::Passed) => {
                wrong.push(format!("the original passes {test}, ours: {other:?}"))
            }
            (Some(Verdict::Failed(why)), _) if !told => {
                wrong.push(format!("no reason in the docs why {test} fails: {why}"))
            }
            (Some(Verdict::Failed(_) | Verdict::Skipped(_)), _) => {}
            (None, _) => wrong.push(format!("{test} did not run")),
        }
    }
    wrong
}

fn of_our_cluster(root: Root<'_>) -> Result<Contract> {
    let cluster = Cluster::plan().set_all(root).start()?;
    let client = JavaClient::new(VERSION, Locality::Streams, &cluster)?;
    let contract = Contract::run(&client, LIMIT)?;
    cluster.finish()?;
    Ok(contract)
}

fn of_the_original(root: Root<'_>) -> Result<Contract> {
    let mut cluster = Cluster::plan().set_all(root).prepare()?;
    cluster.start_java_master(VERSION)?;
    cluster.launch_java_worker(0, VERSION)?;
    wait_until(START_LIMIT, "the worker is registered", || {
        Ok(cluster.alluxio(&["fsadmin", "report", "summary"])?.output.contains("Live Workers: 1"))
    })?;
    let client = JavaClient::new(VERSION, Locality::Streams, &cluster)?;
    let contract = Contract::run(&client, LIMIT)?;
    cluster.finish()?;
    Ok(contract)
}

/// The failures that the docs explain: the first column of their table.
fn explained() -> Result<Vec<String>> {
    let text = fs::read_to_string(repository().join("docs/hadoop-contract.md"))?;
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned());
    Ok(names.collect())
}

//! Hadoop's contract of a file system: what the original's cluster keeps of it on this machine, ours keeps, too. What ours does not
//! keep is explained in docs/hadoop-contract.md.

use std::{fs, thread, time::Duration};

use alluxio_tests::{
    Cluster, Plan,
    hdfs::Hdfs,
    installation::repository,
    java::{Contract, JavaClient, Locality, Verdict},
    waiting::wait_until,
};
use anyhow::{Context, Result, anyhow, ensure};

const VERSION: &str = "2.9.6";
/// Of one run of all families.
const LIMIT: Duration = Duration::from_secs(240);
/// Tests that pass on a local folder; fewer would mean that some did not run at all.
const AT_LEAST: usize = 100;
/// From the start of the original's worker to a cluster that stores.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Properties that mount the root under storage of a cluster; none: a local folder.
type Root<'a> = &'a [(&'a str, &'a str)];

#[test]
fn on_a_local_folder() -> Result<()> {
    ours_keeps_what_the_original_keeps("a local folder", &[], &[])
}

/// The original's driver of HDFS is not among its servers' jars: ours on HDFS keeps what the original keeps on a folder.
#[test]
fn on_hdfs() -> Result<()> {
    let mut hdfs = Hdfs::plan().datanodes(1).start()?;
    hdfs.make_folder("/alluxio", "755")?;
    let root = format!("{}/alluxio", hdfs.uri());
    ours_keeps_what_the_original_keeps("HDFS", &[("alluxio.master.mount.table.root.ufs", &root)], &[])?;
    hdfs.finish()
}

fn ours_keeps_what_the_original_keeps(store: &str, ours: Root<'_>, theirs: Root<'_>) -> Result<()> {
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
fn compared(ours: &Contract, theirs: &Contract, explained: &[String]) -> Vec<String> {
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
    let cluster = plan(root).start()?;
    let client = JavaClient::new(VERSION, Locality::Streams, &cluster)?;
    let contract = Contract::run(&client, LIMIT)?;
    cluster.finish()?;
    Ok(contract)
}

fn of_the_original(root: Root<'_>) -> Result<Contract> {
    let mut cluster = plan(root).prepare()?;
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

fn plan(root: Root<'_>) -> Plan {
    root.iter().fold(Cluster::plan(), |plan, (key, value)| plan.set(key, value))
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

#[test]
fn a_run_that_keeps_less_is_found_out() {
    let contract = |verdicts: &[(&str, Verdict)]| Contract {
        verdicts: verdicts.iter().map(|(name, verdict)| ((*name).to_owned(), verdict.clone())).collect(),
    };
    let failed = || Verdict::Failed("no".to_owned());
    let theirs = contract(&[
        ("kept", Verdict::Passed),
        ("lost", Verdict::Passed),
        ("left out", Verdict::Passed),
        ("gone", Verdict::Skipped(String::new())),
        ("told", failed()),
        ("untold", failed()),
        ("mended", failed()),
    ]);
    let ours = contract(&[
        ("kept", Verdict::Passed),
        ("lost", failed()),
        ("left out", Verdict::Skipped("why".to_owned())),
        ("told", failed()),
        ("untold", failed()),
        ("mended", Verdict::Passed),
    ]);
    let wrong = compared(&ours, &theirs, &["told".to_owned(), "mended".to_owned()]);
    let expected = [
        "gone did not run",
        "the original passes left out, ours: Skipped(\"why\")",
        "the original passes lost, ours: Failed(\"no\")",
        "mended passes: take it out of the docs",
        "no reason in the docs why untold fails: no",
    ];
    assert_eq!(wrong, expected);
}

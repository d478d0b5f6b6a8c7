//! `alluxio-bench --quick`: every part of it starts, measures something and ends in time, and leaves nothing behind.

use std::{collections::BTreeMap, fs, time::Duration};

use alluxio_tests::process::{our_binary, run};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// It takes about four seconds on an idle machine; a loaded one may take its time, but a load or a shutdown that
/// hangs takes longer.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_quick_benchmark_measures_everything_and_ends() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let json = folder.path().join("figures.json");
    let mut command = our_binary("alluxio-bench")?;
    command.args(["--quick", "--json"]).arg(&json);
    // Its processes keep their files there: nothing may be left.
    let work = folder.path().join("work");
    fs::create_dir(&work)?;
    command.env("TMPDIR", &work);
    let done = run("alluxio-bench", command, &folder.path().join("log"), LIMIT)?;
    ensure!(done.code == 0, "exit code {}\n{}", done.code, done.output);
    ensure!(fs::read_dir(&work)?.next().is_none(), "files are left in {}", work.display());

    let figures: Vec<Value> = serde_json::from_str(&fs::read_to_string(&json)?)?;
    let measured: BTreeMap<&str, f64> = figures
        .iter()
        .filter_map(|figure| Some((figure["name"].as_str()?, figure["ours"].as_f64()?)))
        .collect();
    for name in [
        "master: exec to ready",
        "worker: exec to ready",
        "empty master: resident",
        "empty worker: resident",
        "create+complete",
        "create+complete: p99",
        "getStatus",
        "journal: batches",
        "journal: records in a batch, mean",
        "journal: a batch until durable, mean",
        "files of one block created",
        "master with the tree: resident",
        "longest lock hold, creating",
    ] {
        let value = measured.get(name).with_context(|| format!("no \"{name}\" in {measured:?}"))?;
        ensure!(*value > 0.0, "{name}: {value}");
    }
    ensure!(measured.get("tree: files") == Some(&1_000.0), "the tree is not whole: {measured:?}");
    ensure!(done.output.contains("| getStatus | per second |"), "no table in\n{}", done.output);
    Ok(())
}

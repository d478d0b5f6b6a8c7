//! `alluxio-bench failover --quick`: one leader of each kind of end, and figures for it.

use std::{fs, time::Duration};

use alluxio_tests::process::{our_binary, run};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Half a minute on an idle machine.
const LIMIT: Duration = Duration::from_secs(240);

#[test]
fn the_quick_benchmark_measures_each_end_of_a_leader() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let json = folder.path().join("figures.json");
    let mut command = our_binary("alluxio-bench")?;
    command.args(["failover", "--quick", "--json"]).arg(&json);
    let done = run("alluxio-bench", command, &folder.path().join("log"), LIMIT)?;
    ensure!(done.code == 0, "exit code {}\n{}", done.code, done.output);
    let figures: Vec<Value> = serde_json::from_str(&fs::read_to_string(&json)?)?;
    for fault in ["SIGTERM", "kill -9, restarted in place", "kill -9, not restarted"] {
        for what in ["first write", "first cached read"] {
            let name = format!("{fault}: {what}, p95");
            let figure = figures.iter().find(|figure| figure["name"] == name.as_str());
            let seconds =
                figure.and_then(|figure| figure["ours"].as_f64()).with_context(|| done.output.clone())?;
            ensure!(seconds > 0.0, "{name}: {seconds}");
        }
    }
    Ok(())
}

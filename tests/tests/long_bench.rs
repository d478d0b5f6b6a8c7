//! The parts of `alluxio-bench` that run only when they are named, each as small as it can be: figures come out.

use std::{fs, time::Duration};

use alluxio_tests::process::{our_binary, run};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Half a minute each on an idle machine.
const LIMIT: Duration = Duration::from_secs(240);

/// The figures of a quick run of one part, and what it printed.
struct Figures {
    figures: Vec<Value>,
    output: String,
}

impl Figures {
    fn of(part: &str) -> Result<Figures> {
        let folder = tempfile::tempdir()?;
        let json = folder.path().join("figures.json");
        let mut command = our_binary("alluxio-bench")?;
        command.args([part, "--quick", "--json"]).arg(&json);
        let work = folder.path().join("work");
        fs::create_dir(&work)?;
        command.env("TMPDIR", &work);
        let done = run("alluxio-bench", command, &folder.path().join("log"), LIMIT)?;
        ensure!(done.code == 0, "exit code {}\n{}", done.code, done.output);
        ensure!(fs::read_dir(&work)?.next().is_none(), "files are left in {}", work.display());
        let figures = serde_json::from_str(&fs::read_to_string(&json)?)?;
        Ok(Figures { figures, output: done.output })
    }

    fn get(&self, name: &str, of: &str) -> Result<f64> {
        let figure = self.figures.iter().find(|figure| figure["name"] == name);
        let value = figure.and_then(|figure| figure[of].as_f64());
        value.with_context(|| format!("no {of} for {name} in\n{}", self.output))
    }
}

#[test]
fn the_end_of_a_leader() -> Result<()> {
    let figures = Figures::of("failover")?;
    for fault in ["SIGTERM", "kill -9, restarted in place", "kill -9, not restarted"] {
        for what in ["first write", "first cached read"] {
            let seconds = figures.get(&format!("{fault}: {what}, p95"), "ours")?;
            ensure!(seconds > 0.0, "{fault}, {what}: {seconds}");
        }
    }
    Ok(())
}

#[test]
fn a_cold_listing() -> Result<()> {
    let figures = Figures::of("listing")?;
    for store in ["S3", "HDFS"] {
        let name = format!("{store}: 2000 files listed");
        let (plain, ours) = (figures.get(&name, "plain")?, figures.get(&name, "ours")?);
        ensure!(plain > 0.0 && ours > 0.0, "{name}: {plain}, {ours}");
    }
    Ok(())
}

/// The limit holds, for the store's own client as for ours.
#[test]
fn a_cold_read() -> Result<()> {
    let figures = Figures::of("cold-read")?;
    for store in ["S3", "HDFS"] {
        let name = format!("{store}, 100 MB/s: cold read");
        for of in ["plain", "ours"] {
            let speed = figures.get(&name, of)?;
            ensure!(speed > 0.0 && speed < 105.0, "{name}, {of}: {speed}");
        }
        let again = figures.get(&format!("{store}, 100 MB/s: second read"), "ours")?;
        ensure!(again > figures.get(&name, "ours")?, "{store}: the second read reached {again}");
    }
    Ok(())
}

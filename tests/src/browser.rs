//! A headless Chromium over the web pages.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::process::{our_binary, run, run_group};

const FETCH_LIMIT: Duration = Duration::from_secs(180);
const WALK_LIMIT: Duration = Duration::from_secs(240);

/// Walks as `plan` says (see tests/browser/walk.mjs); fails with everything that was not as it should be.
pub fn walk(folder: &Path, mut plan: Value) -> Result<()> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let fetched = run(
        "the browser driver",
        Command::new(scripts.join("fetch.sh")),
        &folder.join("fetch.out"),
        FETCH_LIMIT,
    )?;
    if fetched.code != 0 {
        bail!("{}", fetched.output);
    }
    let driver = fetched.output.lines().last().unwrap_or_default();
    let out = screenshots()?;
    plan["driver"] = json!(driver);
    plan["out"] = json!(out);
    let file = folder.join("plan.json");
    std::fs::write(&file, plan.to_string())?;
    let mut node = Command::new("node");
    node.arg(scripts.join("walk.mjs")).arg(&file);
    // The browser is a process of its own.
    let walked = run_group("the walk through the pages", node, &folder.join("walk.out"), WALK_LIMIT)?;
    println!("{}", walked.output);
    if walked.code != 0 {
        bail!("the walk through the pages found:\n{}", walked.output);
    }
    Ok(())
}

/// In the target folder, beside the profile of this test.
fn screenshots() -> Result<PathBuf> {
    let binary = PathBuf::from(our_binary("alluxio")?.get_program());
    let target = binary.parent().and_then(Path::parent).context("the binaries lie in no target folder")?;
    Ok(target.join("web-screenshots"))
}

/// A number that a slow build may lower.
pub fn asked(variable: &str, default: usize) -> Result<usize> {
    match env::var(variable) {
        Ok(value) => value.parse().with_context(|| format!("{variable}={value}")),
        Err(_) => Ok(default),
    }
}

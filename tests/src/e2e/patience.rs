//! How long things may take. On a machine that has other work everything takes longer: `E2E_PATIENCE=4` makes all limits of
//! `make e2e` four times as long, those of the scripts and those here, and the figures that are promised, too.

use std::{env, time::Duration};

use anyhow::{Result, ensure};

/// The limit on this machine.
pub fn patient(limit: Duration) -> Duration {
    // `tests/e2e/run.sh` has refused what is no number.
    let factor = env::var("E2E_PATIENCE").ok().and_then(|text| text.parse().ok());
    limit * factor.unwrap_or(1)
}

/// A figure of which the documents promise that it is at most `promise`: printed, and checked.
pub fn promised(what: &str, figure: Duration, promise: Duration) -> Result<()> {
    let limit = patient(promise);
    let slower = if limit == promise { String::new() } else { format!(", here {limit:.0?}") };
    println!("figure: {what}: {figure:.2?}; promised: {promise:.0?}{slower}");
    ensure!(figure <= limit, "{what}: {figure:.2?}, and not {limit:.0?} at most");
    Ok(())
}

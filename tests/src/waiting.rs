//! Waiting for a condition, never for luck.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Asks until `condition` holds; after `limit` it fails and names what did not happen.
pub fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !condition()? {
        if began.elapsed() > limit {
            bail!("not within {limit:?}: {what}");
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

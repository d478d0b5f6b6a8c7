//! Reading the memory of a process.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use alluxio_tests::process::Process;
use anyhow::Result;

/// Between two looks: as long as our allocator takes to give back what it holds free.
const STEP: Duration = Duration::from_secs(10);

/// Waits until the resident memory is the same at two looks, at most `limit`. It rises too: while a checkpoint is written.
pub fn until_still(process: &Process, limit: Duration) -> Result<()> {
    let began = Instant::now();
    let mut last = process.resident_bytes()?;
    while began.elapsed() < limit {
        sleep(STEP.min(limit.saturating_sub(began.elapsed())));
        let now = process.resident_bytes()?;
        // A thousandth is noise.
        if now.abs_diff(last) <= last / 1_000 {
            return Ok(());
        }
        last = now;
    }
    Ok(())
}

pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

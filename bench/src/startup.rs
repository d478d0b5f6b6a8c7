//! Processes that hold nothing yet: how soon they serve, and what they take.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use alluxio_tests::{process::Process, web};
use anyhow::{Result, bail};

use crate::{report::Report, rig};

/// The median of so many starts is reported.
const STARTS: usize = 5;
/// A process is idle for so long before its memory is read.
const IDLE: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(1);

pub fn measure(report: &mut Report) -> Result<()> {
    let mut cluster = rig::plan().prepare()?;
    cluster.format()?;

    let mut times = Vec::new();
    for start in 0..STARTS {
        if start > 0 {
            cluster.stop_master()?;
        }
        let (began, port) = (Instant::now(), cluster.master_web_port());
        cluster.launch_master()?;
        until_ready(cluster.master()?, port)?;
        times.push(began.elapsed());
    }
    report.add_with_aim("master: exec to ready", median(times).as_secs_f64(), "s", 0.5);
    sleep(IDLE);
    report.add_with_aim("empty master: resident", megabytes(cluster.master()?.resident_bytes()?), "MB", 40.0);

    let mut times = Vec::new();
    for start in 0..STARTS {
        if start > 0 {
            cluster.stop_worker(0)?;
        }
        let (began, port) = (Instant::now(), cluster.worker_web_port(0));
        cluster.launch_worker(0)?;
        until_ready(cluster.worker(0)?, port)?;
        times.push(began.elapsed());
    }
    report.add_with_aim("worker: exec to ready", median(times).as_secs_f64(), "s", 0.5);
    sleep(IDLE);
    report.add_with_aim(
        "empty worker: resident",
        megabytes(cluster.worker(0)?.resident_bytes()?),
        "MB",
        30.0,
    );
    cluster.finish()
}

/// The rig's own wait sleeps too long between two looks to measure by it.
fn until_ready(process: &mut Process, web_port: u16) -> Result<()> {
    let began = Instant::now();
    while !web::is_ready(web_port) {
        if let Some(status) = process.ended()? {
            bail!("{process} ended with {status}:\n{}", process.last_lines());
        }
        if began.elapsed() > LIMIT {
            bail!("{process} is not ready after {LIMIT:?}:\n{}", process.last_lines());
        }
        sleep(POLL);
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let times = [9, 1, 7, 3, 5].map(Duration::from_millis);
        assert_eq!(median(times.to_vec()), Duration::from_millis(5));
    }
}

//! Processes that hold nothing yet: how soon they serve, and what they take.
//!
//! A master is ready when it answers a client's first getStatus, a worker when the master counts its capacity:
//! asked through the wire, and so the same for both sides.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use alluxio_client::{BlockMasterClient, Cluster, FileSystem};
use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, FsResult};
use alluxio_proto::grpc::file::GetStatusPOptions;
use alluxio_tests::process::Process;
use anyhow::{Result, bail};
use tokio::{runtime::Runtime, time::timeout};

use crate::{
    arguments::Arguments,
    memory::megabytes,
    report::Report,
    system::{self, Side, System},
};

const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(1);
/// For one question: a process that has only just bound its port may not answer at all.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn measure(runtime: &Runtime, side: Side, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let mut system = system::prepare(side)?;
    // A question is not repeated by the client: its waits would be in the figure.
    let conf = system.configuration()?.with(&[("alluxio.user.rpc.retry.max.duration", "0")])?;
    let (mut masters, mut workers) = (Vec::new(), Vec::new());
    for start in 1..=arguments.starts {
        masters.push(start_master(runtime, system.as_mut(), &conf)?);
        workers.push(start_worker(runtime, system.as_mut(), &conf)?);
        if start < arguments.starts {
            system.stop_worker()?;
            system.stop_master()?;
        }
    }
    report.add_with_aim(side, "master: exec to ready", median(masters).as_secs_f64(), "s", 0.5);
    report.add_with_aim(side, "worker: exec to ready", median(workers).as_secs_f64(), "s", 0.5);
    sleep(arguments.idle);
    let (master, worker) = (system.master()?.resident_bytes()?, system.worker()?.resident_bytes()?);
    report.add_with_aim(side, "empty master: resident", megabytes(master), "MB", 40.0);
    report.add_with_aim(side, "empty worker: resident", megabytes(worker), "MB", 30.0);
    system.finish()
}

/// Starts the master and waits until it is ready.
pub fn start_master(runtime: &Runtime, system: &mut dyn System, conf: &Configuration) -> Result<Duration> {
    let began = Instant::now();
    system.launch_master()?;
    runtime.block_on(until(began, system.master()?, || async {
        let files = FileSystem::new(Cluster::without_defaults(conf)?);
        files.get_status(&AlluxioPath::root(), GetStatusPOptions::default()).await?;
        Ok(true)
    }))
}

/// The same for the worker.
pub fn start_worker(runtime: &Runtime, system: &mut dyn System, conf: &Configuration) -> Result<Duration> {
    let blocks = BlockMasterClient::new(&Cluster::without_defaults(conf)?);
    let began = Instant::now();
    system.launch_worker()?;
    runtime.block_on(until(began, system.worker()?, || async { Ok(blocks.get_capacity_bytes().await? > 0) }))
}

/// Asks again and again; the time since `began` when the answer is yes.
async fn until<Fut>(began: Instant, process: &mut Process, mut ready: impl FnMut() -> Fut) -> Result<Duration>
where
    Fut: Future<Output = FsResult<bool>>,
{
    loop {
        // An error says not yet, as no does; the last one is told when there is no yes.
        let answer = timeout(PATIENCE, ready()).await;
        if matches!(answer, Ok(Ok(true))) {
            return Ok(began.elapsed());
        }
        if let Some(status) = process.ended()? {
            bail!("{process} ended with {status}:\n{}", process.last_lines());
        }
        if began.elapsed() > LIMIT {
            bail!("{process} is not ready after {LIMIT:?} ({answer:?}):\n{}", process.last_lines());
        }
        tokio::time::sleep(POLL).await;
    }
}

pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
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

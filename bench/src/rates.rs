//! Metadata operations per second.

use alluxio_client::FileSystem;
use anyhow::Result;
use tokio::runtime::Runtime;

use crate::{
    arguments::Arguments,
    client, journal, load,
    load::{Bounds, Measured},
    paths,
    processor::ProcessorTime,
    report::Report,
    startup,
    system::{self, Side, System},
};

/// A prime larger than any tree here: multiplied by it, numbers jump through the whole tree.
const STRIDE: u64 = 1_000_000_007;

/// Against a master of its own, without a worker.
pub fn measure(runtime: &Runtime, side: Side, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let mut system = system::prepare(side)?;
    let conf = system.configuration()?;
    startup::start_master(runtime, system.as_mut(), &conf)?;
    let clients = runtime.block_on(client::connect(&conf, arguments.clients))?;

    // So that connections and code are warm, and the original's is compiled.
    let warm_up = Bounds { time: arguments.warm_up, operations: u64::MAX };
    let warm = runtime.block_on(create("/warm-up", &clients, warm_up))?;
    runtime.block_on(get_status("/warm-up", warm.operations(), &clients, warm_up))?;

    let bounds = Bounds { time: arguments.time, operations: u64::MAX };
    let before = journal::Batches::of(system.as_ref())?;
    let time = ProcessorTime::of(system.master()?)?;
    let created = runtime.block_on(create("/created", &clients, bounds))?;
    add(side, report, "create+complete", system.as_mut(), time, &created)?;
    if let (Some(before), Some(after)) = (before, journal::Batches::of(system.as_ref())?) {
        after.since(&before).report(side, report);
    }

    let time = ProcessorTime::of(system.master()?)?;
    let read = runtime.block_on(get_status("/created", created.operations(), &clients, bounds))?;
    add(side, report, "getStatus", system.as_mut(), time, &read)?;
    drop(clients);
    system.finish()
}

async fn create(root: &'static str, clients: &[FileSystem], bounds: Bounds) -> Result<Measured> {
    load::run(clients, bounds, move |files, number| async move {
        client::create_empty(&files, &paths::file(root, number)?).await
    })
    .await
}

/// Of files that exist, all over the tree.
async fn get_status(
    root: &'static str,
    count: u64,
    clients: &[FileSystem],
    bounds: Bounds,
) -> Result<Measured> {
    let count = count.max(1);
    load::run(clients, bounds, move |files, number| async move {
        let path = paths::file(root, number.wrapping_mul(STRIDE) % count)?;
        client::get_status(&files, &path).await
    })
    .await
}

fn add(
    side: Side,
    report: &mut Report,
    what: &str,
    system: &mut dyn System,
    before: ProcessorTime,
    measured: &Measured,
) -> Result<()> {
    let used = ProcessorTime::of(system.master()?)?.since(before);
    let each = used.as_secs_f64() * 1e6 / measured.operations().max(1) as f64;
    report.add(side, what, measured.per_second(), "per second");
    report.add(side, &format!("{what}: p50"), measured.quantile_ms(0.5), "ms");
    report.add(side, &format!("{what}: p99"), measured.quantile_ms(0.99), "ms");
    report.add(side, &format!("{what}: processor time of the master"), each, "µs each");
    Ok(())
}

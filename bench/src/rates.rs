//! Metadata operations per second.

use alluxio_conf::Configuration;
use anyhow::Result;
use tokio::runtime::Runtime;

use crate::{
    arguments::Arguments,
    client, load,
    load::{Bounds, Measured},
    paths,
    report::Report,
    rig,
};

/// The load before the measured one, so that connections and code are warm.
const WARM_UP: u64 = 5_000;
/// More than any machine does in the time: only a bound.
const MOST_CREATED: u64 = 2_000_000;
const MOST_READ: u64 = 20_000_000;
/// A prime larger than any tree here: multiplied by it, numbers jump through the whole tree.
const STRIDE: u64 = 1_000_000_007;

/// Against a master of its own.
pub fn measure(runtime: &Runtime, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let cluster = rig::plan().workers(0).start()?;
    let conf = rig::configuration(&cluster)?;
    runtime.block_on(measure_at(&conf, arguments, report))?;
    cluster.finish()
}

/// Against the master that `conf` names, ours or not.
async fn measure_at(conf: &Configuration, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let clients = client::connect(conf, arguments.clients).await?;
    let warm_up = Bounds { time: arguments.time, operations: WARM_UP };
    load::run(&clients, warm_up, |files, number| async move {
        client::create_empty(&files, &paths::file("/warm-up", number)?).await
    })
    .await?;

    let bounds = Bounds { time: arguments.time, operations: MOST_CREATED };
    let created = load::run(&clients, bounds, |files, number| async move {
        client::create_empty(&files, &paths::file("/created", number)?).await
    })
    .await?;
    add(report, "create+complete", arguments.clients, &created);

    let count = created.operations().max(1);
    let bounds = Bounds { time: arguments.time, operations: MOST_READ };
    let read = load::run(&clients, bounds, move |files, number| async move {
        let path = paths::file("/created", number.wrapping_mul(STRIDE) % count)?;
        client::get_status(&files, &path).await
    })
    .await?;
    add(report, "getStatus", arguments.clients, &read);
    Ok(())
}

fn add(report: &mut Report, what: &str, clients: usize, measured: &Measured) {
    report.add(format!("{what}, {clients} clients"), measured.per_second(), "per second");
    report.add(format!("{what}: p50"), measured.quantile_ms(0.5), "ms");
    report.add(format!("{what}: p99"), measured.quantile_ms(0.99), "ms");
}

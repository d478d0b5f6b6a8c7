//! A large tree: the memory that each file takes, and, of ours, its removal.

use std::time::{Duration, Instant};

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::DeletePOptions;
use alluxio_tests::waiting::wait_until;
use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use crate::{
    arguments::Arguments,
    client, load,
    load::Bounds,
    memory::megabytes,
    paths,
    report::Report,
    simulated_worker::SimulatedWorker,
    startup,
    system::{self, Side, System},
};

const ROOT: &str = "/tree";
/// Calls under way on each connection: the tree is what is wanted, and larger batches make it sooner.
const CALLS_PER_CLIENT: usize = 8;
/// For the removal, a bound and not an aim.
const REMOVAL: Duration = Duration::from_secs(120);

pub fn measure(runtime: &Runtime, side: Side, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let mut system = system::prepare(side)?;
    let conf = system.configuration()?;
    startup::start_master(runtime, system.as_mut(), &conf)?;
    let worker = runtime.block_on(SimulatedWorker::register(&conf))?;
    let clients = runtime.block_on(client::connect(&conf, arguments.clients))?;

    // What connections, code and the first page of each table take is not the files'.
    let bounds = Bounds { time: arguments.growth_time, operations: arguments.files_before };
    runtime.block_on(create("/warm-up", bounds, &clients, &worker))?;
    system.settle(arguments.settle)?;
    let before = system.master()?.resident_bytes()?;
    let wanted = if side == Side::Ours { arguments.files } else { arguments.original_files };
    let bounds = Bounds { time: arguments.growth_time, operations: wanted };
    let created = runtime.block_on(create(ROOT, bounds, &clients, &worker))?;
    let loaded = system.master()?.resident_bytes()?;
    system.settle(arguments.settle)?;
    let settled = system.master()?.resident_bytes()?;

    let files = created.operations();
    let per_file = |resident: u64| (resident as f64 - before as f64) / files.max(1) as f64;
    report.add(side, "files of one block created", created.per_second(), "per second");
    // Fewer than wanted when the time ended first.
    report.add(side, "tree: files", files as f64, "files");
    report.add(side, "master before the tree: resident", megabytes(before), "MB");
    report.add(side, "master with the tree: resident", megabytes(settled), "MB");
    report.add(side, "growth per file, at once", per_file(loaded), "bytes");
    report.add_with_aim(side, "growth per file, settled", per_file(settled), "bytes", 200.0);

    if side == Side::Ours {
        report.add_with_aim(
            side,
            "longest lock hold, creating",
            longest_hold_ms(system.as_ref())?,
            "ms",
            5.0,
        );
        remove(
            runtime,
            system.as_ref(),
            clients.first().context("no clients")?,
            arguments.files_before,
            report,
        )?;
        system.settle(arguments.settle)?;
        let left = system.master()?.resident_bytes()?;
        report.add(side, "master without the tree: resident", megabytes(left), "MB");
        let located = gauge(system.as_ref(), "Master.BlockReplicaCount")?;
        report.add(side, "blocks still located then", located, "blocks");
    }
    drop(clients);
    worker.stop();
    system.finish()
}

async fn create(
    root: &'static str,
    bounds: Bounds,
    clients: &[FileSystem],
    worker: &SimulatedWorker,
) -> Result<load::Measured> {
    let worker = worker.clone();
    let callers: Vec<FileSystem> =
        clients.iter().cycle().take(clients.len() * CALLS_PER_CLIENT).cloned().collect();
    load::run(&callers, bounds, move |files, number| {
        let worker = worker.clone();
        async move { client::create_with_block(&files, &worker, &paths::file(root, number)?).await }
    })
    .await
}

/// The whole tree at once. The answer comes first; the master then forgets the inodes step by step.
fn remove(
    runtime: &Runtime,
    system: &dyn System,
    files: &FileSystem,
    others: u64,
    report: &mut Report,
) -> Result<()> {
    let options = DeletePOptions { recursive: Some(true), ..DeletePOptions::default() };
    let began = Instant::now();
    runtime.block_on(files.delete(&AlluxioPath::parse(ROOT)?, options))?;
    let side = Side::Ours;
    report.add(side, "delete of the tree: until answered", began.elapsed().as_secs_f64(), "s");
    // With the directories that the other files lie in.
    let left = (others + others / 100 + 10) as f64;
    wait_until(REMOVAL, "the deleted tree is forgotten", || Ok(gauge(system, "Master.TotalPaths")? <= left))?;
    report.add(side, "delete of the tree: until forgotten", began.elapsed().as_secs_f64(), "s");
    report.add_with_aim(
        side,
        "longest lock hold, creating and deleting",
        longest_hold_ms(system)?,
        "ms",
        5.0,
    );
    Ok(())
}

fn longest_hold_ms(system: &dyn System) -> Result<f64> {
    Ok(gauge(system, "Master.LongestLockHoldNanos")? / 1e6)
}

fn gauge(system: &dyn System, name: &str) -> Result<f64> {
    let gauges = system.gauges()?.context("this master tells no gauges")?;
    gauges[name]["value"].as_f64().with_context(|| format!("the master has no gauge {name}"))
}

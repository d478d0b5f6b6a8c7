//! A large tree: the memory that each file takes, and its removal.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::DeletePOptions;
use alluxio_tests::{Cluster, waiting::wait_until};
use anyhow::{Context, Result};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    arguments::Arguments, client, load, load::Bounds, paths, report::Report, rig,
    simulated_worker::SimulatedWorker, startup::megabytes,
};

const ROOT: &str = "/tree";
/// Created and left there before the first look at the memory: what connections, code and the first page of
/// each table take is not the files'.
const WARM_UP: u64 = 1_000;
/// Long enough for the allocator to give back what it holds free (10 s by default), several times over.
const IDLE: Duration = Duration::from_secs(40);
/// A bound on creating the tree and on waiting for its end, not an aim.
const LIMIT: Duration = Duration::from_secs(3_600);

pub fn measure(runtime: &Runtime, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let mut cluster = rig::plan().workers(0).start()?;
    let conf = rig::configuration(&cluster)?;
    let worker = runtime.block_on(SimulatedWorker::register(&conf))?;
    let clients = runtime.block_on(client::connect(&conf, arguments.clients))?;

    runtime.block_on(create("/warm-up", WARM_UP, &clients, &worker))?;
    sleep(IDLE);
    let before = cluster.master()?.resident_bytes()?;
    let files = arguments.files;
    let created = runtime.block_on(create(ROOT, files, &clients, &worker))?;
    let loaded = cluster.master()?.resident_bytes()?;
    sleep(IDLE);
    let settled = cluster.master()?.resident_bytes()?;

    report.add("files of one block created", created.per_second(), "per second");
    report.add("master before the tree: resident", megabytes(before), "MB");
    report.add(format!("master with {files} files: resident"), megabytes(settled), "MB");
    let per_file = |resident: u64| (resident as f64 - before as f64) / files as f64;
    report.add("growth per file, at once", per_file(loaded), "bytes");
    report.add_with_aim("growth per file, after idling", per_file(settled), "bytes", 200.0);
    report.add_with_aim("longest lock hold, creating", longest_hold_ms(&cluster)?, "ms", 5.0);

    let one = clients.first().context("no clients")?.clone();
    drop(clients);
    remove(runtime, &cluster, &one, report)?;
    sleep(IDLE);
    report.add("master without the tree: resident", megabytes(cluster.master()?.resident_bytes()?), "MB");
    report.add("blocks still located then", gauge(&cluster, "Master.BlockReplicaCount")?, "blocks");
    worker.stop();
    cluster.finish()
}

async fn create(
    root: &'static str,
    count: u64,
    clients: &[FileSystem],
    worker: &SimulatedWorker,
) -> Result<load::Measured> {
    let worker = worker.clone();
    load::run(clients, Bounds { time: LIMIT, operations: count }, move |files, number| {
        let worker = worker.clone();
        async move { client::create_with_block(&files, &worker, &paths::file(root, number)?).await }
    })
    .await
}

/// The whole tree at once. The answer comes first; the master then forgets the inodes step by step.
fn remove(runtime: &Runtime, cluster: &Cluster, files: &FileSystem, report: &mut Report) -> Result<()> {
    let options = DeletePOptions { recursive: Some(true), ..DeletePOptions::default() };
    let began = Instant::now();
    runtime.block_on(files.delete(&AlluxioPath::parse(ROOT)?, options))?;
    report.add("delete of the tree: until answered", began.elapsed().as_secs_f64(), "s");
    let left = (2 * WARM_UP) as f64;
    wait_until(LIMIT, "the deleted tree is forgotten", || Ok(gauge(cluster, "Master.TotalPaths")? < left))?;
    report.add("delete of the tree: until forgotten", began.elapsed().as_secs_f64(), "s");
    report.add_with_aim("longest lock hold, creating and deleting", longest_hold_ms(cluster)?, "ms", 5.0);
    Ok(())
}

fn longest_hold_ms(cluster: &Cluster) -> Result<f64> {
    Ok(gauge(cluster, "Master.LongestLockHoldNanos")? / 1e6)
}

fn gauge(cluster: &Cluster, name: &str) -> Result<f64> {
    let metrics = cluster.master_metrics()?;
    let value = metrics["gauges"][name]["value"].as_f64();
    value.with_context(|| format!("the master has no gauge {name} but {}", names(&metrics["gauges"])))
}

fn names(gauges: &Value) -> String {
    gauges.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>().join(", ")).unwrap_or_default()
}

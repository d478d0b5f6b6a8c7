//! A large file that only the under storage has, read by the unmodified Java client, beside the store's own client: with a
//! store that gives 100 MB/s, and with one that gives what it can. Then once more, from the cache.

use std::time::Duration;

use alluxio_tests::{
    java::{JavaClient, Kind as Shell, Locality, ShellSession},
    payload,
};
use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use crate::{
    arguments::Arguments,
    original::VERSION,
    report::Report,
    startup,
    stores::{self, Kind, Store},
    system::{self, Side},
};

/// The least part of the store's own speed that a cold read should reach where the store is the limit.
const FLOOR: f64 = 80.0;
/// For one command of the shell.
const LIMIT: Duration = Duration::from_secs(600);
/// Read first, so that no code must be loaded later.
const SMALL: &str = "small";

/// How fast the store is, and the file that is read cold then.
struct Way {
    name: &'static str,
    file: &'static str,
    per_second: Option<u64>,
}

const WAYS: [Way; 2] = [
    Way { name: "100 MB/s", file: "limited", per_second: Some(100 << 20) },
    Way { name: "unlimited", file: "unlimited", per_second: None },
];

pub fn measure(runtime: &Runtime, arguments: &Arguments, report: &mut Report) -> Result<()> {
    for kind in &arguments.stores {
        of_store(runtime, *kind, arguments, report).with_context(|| format!("reading from {kind}"))?;
    }
    Ok(())
}

fn of_store(runtime: &Runtime, kind: Kind, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let mut store = stores::start(kind, runtime)?;
    fill(store.as_mut(), arguments.megabytes)?;
    let speed = |time: Duration| arguments.megabytes as f64 / time.as_secs_f64();
    let cold = |way: &Way| format!("{kind}, {}: cold read", way.name);

    store.read(SMALL)?;
    let mut own = Vec::new();
    for way in &WAYS {
        stores::limit(store.as_ref(), way.per_second);
        let reached = speed(store.read(way.file)?);
        report.add_plain(&cold(way), reached, "MB/s");
        own.push(reached);
    }
    for side in &arguments.sides {
        let times =
            read(runtime, *side, store.as_ref(), arguments.megabytes).with_context(|| side.to_string())?;
        for ((way, own), (first, second)) in WAYS.iter().zip(&own).zip(times) {
            report.add(*side, &cold(way), speed(first), "MB/s");
            let (share, name) = (100.0 * speed(first) / own, format!("{}, of the store's own", cold(way)));
            match way.per_second {
                Some(_) => report.add_with_floor(*side, &name, share, "%", FLOOR),
                None => report.add(*side, &name, share, "%"),
            }
            report.add(*side, &format!("{kind}, {}: second read", way.name), speed(second), "MB/s");
        }
    }
    store.finish()
}

fn fill(store: &mut dyn Store, megabytes: u64) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("alluxio-bench-payload-").tempdir()?;
    let local = folder.path().join("payload");
    payload::write(&local, 1_000, 1)?;
    store.put(&local, SMALL)?;
    payload::write(&local, megabytes << 20, 2)?;
    WAYS.iter().try_for_each(|way| store.put(&local, way.file))?;
    Ok(folder.close()?)
}

/// The times of the first and the second read of each file.
fn read(
    runtime: &Runtime,
    side: Side,
    store: &dyn Store,
    megabytes: u64,
) -> Result<Vec<(Duration, Duration)>> {
    let mut properties = store.root();
    // Room for both files, as each side calls it.
    let room = format!("{}MB", 2 * megabytes + 512);
    for key in ["alluxio.worker.tieredstore.level0.dirs.quota", "alluxio.worker.ramdisk.size"] {
        properties.push((key.to_owned(), room.clone()));
    }
    let mut system = system::prepare_with(side, &properties)?;
    let conf = system.configuration()?;
    startup::start_master(runtime, system.as_mut(), &conf)?;
    startup::start_worker(runtime, system.as_mut(), &conf)?;

    // On the worker's host, as where it is deployed.
    let client =
        JavaClient::of_master(VERSION, Locality::ShortCircuit, system.folder(), system.master_rpc_port())?;
    let mut shell = ShellSession::start(&client, Shell::Hadoop, LIMIT)?;
    let mut read = |file: &str| shell.time(&["-cat", &format!("/{file}")]);
    read(SMALL)?;
    let mut times = Vec::new();
    for way in &WAYS {
        stores::limit(store, way.per_second);
        times.push((read(way.file)?, read(way.file)?));
    }
    drop(shell);
    system.finish()?;
    Ok(times)
}

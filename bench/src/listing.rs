//! A large tree of an under storage that the master has never seen: how long a recursive listing takes, beside one by the
//! store's own client.

use std::time::{Duration, Instant};

use alluxio_client::FileSystem;
use alluxio_fs::AlluxioPath;
use alluxio_proto::grpc::file::ListStatusPOptions;
use anyhow::{Context, Result, ensure};
use futures::TryStreamExt;
use tokio::runtime::Runtime;

use crate::{
    arguments::Arguments,
    report::Report,
    startup,
    stores::{self, Kind, Store},
    system::{self, Side},
};

/// The most that a cold listing should take of the time of the store's own client.
const AIM: f64 = 2.0;

pub fn measure(runtime: &Runtime, arguments: &Arguments, report: &mut Report) -> Result<()> {
    for kind in &arguments.stores {
        of_store(runtime, *kind, arguments, report).with_context(|| format!("listing {kind}"))?;
    }
    Ok(())
}

fn of_store(runtime: &Runtime, kind: Kind, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let mut store = stores::start(kind, runtime)?;
    store.make_tree(arguments.objects)?;
    // The first one finds nothing in the caches of the store.
    store.list()?;
    let mut plain: Vec<(&str, Vec<Duration>)> = Vec::new();
    for _ in 0..arguments.starts {
        for (client, took) in store.list()? {
            match plain.iter_mut().find(|(known, _)| *known == client) {
                Some((_, times)) => times.push(took),
                None => plain.push((client, vec![took])),
            }
        }
    }
    let plain: Vec<(&str, f64)> =
        plain.into_iter().map(|(client, times)| (client, startup::median(times).as_secs_f64())).collect();
    let (own, own_time) = *plain.first().context("nobody listed")?;
    let name = format!("{kind}: {} files listed", arguments.objects);
    report.add_plain(&name, own_time, "s");
    for side in &arguments.sides {
        // Each from a start of its own. The original's take long.
        let rounds = if *side == Side::Ours { arguments.starts } else { 1 };
        let times = (0..rounds).map(|_| cold(runtime, *side, store.as_ref(), arguments.objects));
        let time = startup::median(times.collect::<Result<_>>().with_context(|| side.to_string())?);
        report.add(*side, &name, time.as_secs_f64(), "s");
        for (client, plain) in &plain {
            let (name, times) = (format!("{kind}: times {client}"), time.as_secs_f64() / plain);
            if *client == own {
                report.add_with_aim(*side, &name, times, "times", AIM);
            } else {
                report.add(*side, &name, times, "times");
            }
        }
    }
    store.finish()
}

/// The time of the first listing of a new cluster.
fn cold(runtime: &Runtime, side: Side, store: &dyn Store, files: u64) -> Result<Duration> {
    let mut system = system::prepare_with(side, &store.root())?;
    let conf = system.configuration()?;
    startup::start_master(runtime, system.as_mut(), &conf)?;
    let (took, found) = runtime.block_on(async {
        let client = FileSystem::connect(&conf).await?;
        let options = ListStatusPOptions { recursive: Some(true), ..ListStatusPOptions::default() };
        let began = Instant::now();
        let mut listing = client.list_status(&AlluxioPath::root(), options).await?;
        let mut found = 0;
        while let Some(entry) = listing.try_next().await? {
            found += u64::from(!entry.folder());
        }
        anyhow::Ok((began.elapsed(), found))
    })?;
    ensure!(found == files, "{found} of {files} files were listed");
    system.finish()?;
    Ok(took)
}

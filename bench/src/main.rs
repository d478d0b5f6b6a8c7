//! `alluxio-bench`: starts real masters and workers on this machine, ours and the original's, loads them through
//! the wire, and writes down what it measured. `docs/benchmarks.md` says how to read the figures.

mod arguments;
mod client;
mod cold_read;
mod failover;
mod growth;
mod journal;
mod listing;
mod load;
mod memory;
mod original;
mod paths;
mod processor;
mod rates;
mod report;
mod simulated_worker;
mod startup;
mod stores;
mod system;

use alluxio_tests::process::kill_all_started;
use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    arguments::{Arguments, Part},
    report::Report,
};

fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    // The load's own runtime: as many threads as the machine has processors.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.spawn(end_on_signal());
    let mut report = Report::default();
    for part in &arguments.parts {
        let measure = match part {
            Part::Startup => startup::measure,
            Part::Rates => rates::measure,
            Part::Growth => growth::measure,
            Part::Failover => failover::measure,
            // One store for both sides.
            Part::Listing => {
                listing::measure(&runtime, &arguments, &mut report)?;
                continue;
            }
            Part::ColdRead => {
                cold_read::measure(&runtime, &arguments, &mut report)?;
                continue;
            }
        };
        for side in &arguments.sides {
            measure(&runtime, *side, &arguments, &mut report)
                .with_context(|| format!("{part:?} of {side}"))?;
        }
    }
    print!("{report}");
    report.write_json(&arguments.json)?;
    println!("\nThe same as JSON: {}", arguments.json.display());
    Ok(())
}

/// Interrupted, it leaves no process behind. (The folders stay, for whoever wants to know how far it was.)
async fn end_on_signal() -> Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    kill_all_started();
    std::process::exit(130)
}

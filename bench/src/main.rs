//! `alluxio-bench`: starts real masters and workers on this machine, loads them through the wire, and writes
//! down what it measured. `docs/benchmarks.md` says how to read the figures.

mod arguments;
mod client;
mod growth;
mod load;
mod paths;
mod rates;
mod report;
mod rig;
mod simulated_worker;
mod startup;

use anyhow::Result;

use crate::{
    arguments::{Arguments, Part},
    report::Report,
};

fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    // The load's own runtime: as many threads as the machine has processors.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::default();
    for part in &arguments.parts {
        match part {
            Part::Startup => startup::measure(&mut report)?,
            Part::Rates => rates::measure(&runtime, &arguments, &mut report)?,
            Part::Growth => growth::measure(&runtime, &arguments, &mut report)?,
        }
    }
    print!("{report}");
    report.write_json(&arguments.json)?;
    println!("\nThe same as JSON: {}", arguments.json.display());
    Ok(())
}

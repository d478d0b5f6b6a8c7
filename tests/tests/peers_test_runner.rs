//! The original's `alluxio runTests` (`alluxio.cli.TestRunner`): every write type with every read type, by byte
//! arrays and by byte buffers, 24 tests; with block files opened by the client itself and without.

use std::time::Duration;

use alluxio_tests::{
    Cluster,
    java::{JavaClient, Locality},
};
use anyhow::{Result, ensure};

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn client_2_9_4_short_circuit() -> Result<()> {
    all_24_pass("2.9.4", Locality::ShortCircuit)
}

#[test]
fn client_2_9_4_streams() -> Result<()> {
    all_24_pass("2.9.4", Locality::Streams)
}

#[test]
fn client_2_9_6_short_circuit() -> Result<()> {
    all_24_pass("2.9.6", Locality::ShortCircuit)
}

#[test]
fn client_2_9_6_streams() -> Result<()> {
    all_24_pass("2.9.6", Locality::Streams)
}

fn all_24_pass(version: &str, locality: Locality) -> Result<()> {
    let cluster = Cluster::plan().start()?;
    let client = JavaClient::new(version, locality, &cluster)?;

    client.passes_all_tests(LIMIT)?;
    went_the_way_that_was_chosen(&client.log()?, locality)?;

    cluster.finish()
}

/// Otherwise the two variants could silently test the same thing.
fn went_the_way_that_was_chosen(log: &str, locality: Locality) -> Result<()> {
    let (used, unused) = match locality {
        Locality::ShortCircuit => ("short circuit", "gRPC"),
        Locality::Streams => ("gRPC", "short circuit"),
    };
    for direction in ["input", "output"] {
        ensure!(log.contains(&format!("Creating {used} {direction} stream")), "no {used} {direction} stream");
    }
    // Reading a file that lies only in the under storage always goes through the worker.
    ensure!(!log.contains(&format!("Creating {unused} output stream")), "a {unused} output stream was used");
    ensure!(!log.contains("Failed to create short circuit"), "short circuit was refused:\n{log}");
    Ok(())
}

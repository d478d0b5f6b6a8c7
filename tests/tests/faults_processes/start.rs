//! Starts that must be refused: each ends the process soon, with one line that says what is wrong, where it is
//! and what to do.

use std::net::{Ipv4Addr, TcpListener};

use alluxio_tests::{Cluster, process::Ended};
use anyhow::{Result, ensure};

/// It ended by itself, not by a panic, and said all of `parts` in one line.
fn refused(done: &Ended, parts: &[&str]) -> Result<()> {
    ensure!(done.code != 0 && done.code < 100, "exit code {}:\n{}", done.code, done.output);
    let clear = done.output.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    ensure!(clear, "no line has all of {parts:?}:\n{}", done.output);
    ensure!(!done.output.contains("panicked"), "{}", done.output);
    Ok(())
}

/// For master and worker alike.
fn both_refuse(arguments: &[&str], parts: &[&str]) -> Result<()> {
    let cluster = Cluster::plan().prepare()?;
    cluster.format()?;
    refused(&cluster.master_that_ends(arguments)?, parts)?;
    refused(&cluster.worker_that_ends(arguments)?, parts)?;
    cluster.finish()
}

#[test]
fn an_unknown_key_names_the_nearest_one() -> Result<()> {
    both_refuse(
        &["-Dalluxio.master.hostnam=a"],
        &["alluxio.master.hostnam ", "did you mean alluxio.master.hostname?"],
    )
}

#[test]
fn a_wrong_unit_names_key_and_value() -> Result<()> {
    both_refuse(
        &["-Dalluxio.user.block.size.bytes.default=64XB"],
        &["alluxio.user.block.size.bytes.default", "64XB"],
    )?;
    both_refuse(&["-Dalluxio.master.worker.timeout=5parsecs"], &["alluxio.master.worker.timeout", "5parsecs"])
}

#[test]
fn an_argument_that_is_no_property() -> Result<()> {
    both_refuse(&["--verbose"], &["--verbose", "-Dkey=value"])
}

#[test]
fn a_port_in_use_names_port_and_property() -> Result<()> {
    let cluster = Cluster::plan().prepare()?;
    cluster.format()?;
    for (port, property) in [
        (cluster.master_rpc_port(), "alluxio.master.rpc.port"),
        (cluster.master_web_port(), "alluxio.master.web.port"),
    ] {
        let _taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
        refused(&cluster.master_that_ends(&[])?, &[&port.to_string(), property])?;
    }
    for (port, property) in [
        (cluster.worker_rpc_port(0), "alluxio.worker.rpc.port"),
        (cluster.worker_web_port(0), "alluxio.worker.web.port"),
    ] {
        let _taken = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
        refused(&cluster.worker_that_ends(&[])?, &[&port.to_string(), property])?;
    }
    cluster.finish()
}

#[test]
fn a_journal_that_is_not_formatted() -> Result<()> {
    let cluster = Cluster::plan().prepare()?;
    let folder = cluster.journal().display().to_string();
    refused(&cluster.master_that_ends(&[])?, &[&folder, "alluxio formatJournal"])?;
    // Nor is one made on the way.
    refused(&cluster.master_that_ends(&[])?, &[&folder, "alluxio formatJournal"])?;
    cluster.finish()
}

#[test]
fn the_journal_of_a_java_master_is_not_touched() -> Result<()> {
    let cluster = Cluster::plan().prepare()?;
    let java = cluster.journal().join("FileSystemMaster/v1/logs");
    std::fs::create_dir_all(&java)?;
    std::fs::write(java.join("0x0-0x7fffffffffffffff"), b"of a Java master")?;
    refused(&cluster.master_that_ends(&[])?, &["Java"])?;
    let done = cluster.alluxio(&["formatJournal"])?;
    ensure!(done.code != 0 && done.output.contains("Java"), "{}", done.output);
    ensure!(java.join("0x0-0x7fffffffffffffff").exists(), "the Java master's journal is gone");
    cluster.finish()
}

#[test]
fn a_second_master_on_the_same_journal() -> Result<()> {
    let mut cluster = Cluster::plan().workers(0).start()?;
    let other = Cluster::plan().journal(cluster.journal()).prepare()?;
    let folder = cluster.journal().display().to_string();
    refused(&other.master_that_ends(&[])?, &[&folder])?;
    ensure!(cluster.master()?.ended()?.is_none(), "the first master ended");
    cluster.tree_hash()?;
    other.finish()?;
    cluster.finish()
}

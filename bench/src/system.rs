//! What is measured: our servers, and the original's. Both are driven in the same way, through the same wire.

use std::{fmt, path::Path, str::FromStr, time::Duration};

use alluxio_conf::Configuration;
use alluxio_tests::{Cluster, cluster::HOST, process::Process};
use anyhow::{Result, bail};
use serde_json::Value;

use crate::original::Original;

/// Whose servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Ours,
    Original,
}

impl FromStr for Side {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Side> {
        match text {
            "ours" => Ok(Side::Ours),
            "original" => Ok(Side::Original),
            _ => bail!("{text} is neither \"ours\" nor \"original\""),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Ours => "ours",
            Side::Original => "the original",
        })
    }
}

/// A master and a worker as processes of their own, in a folder and on ports of their own, out of reach of other
/// machines. Dropping it ends them.
pub trait System {
    /// What a client of it needs to know.
    fn configuration(&self) -> Result<Configuration> {
        client_of(self.master_rpc_port())
    }

    /// Where its master listens.
    fn master_rpc_port(&self) -> u16;

    /// The folder that goes with it.
    fn folder(&self) -> &Path;

    /// Starts the master and does not wait.
    fn launch_master(&mut self) -> Result<()>;
    fn stop_master(&mut self) -> Result<()>;
    fn master(&mut self) -> Result<&mut Process>;

    /// Starts the worker and does not wait.
    fn launch_worker(&mut self) -> Result<()>;
    fn stop_worker(&mut self) -> Result<()>;
    fn worker(&mut self) -> Result<&mut Process>;

    /// The master's own gauges, if it has any that are looked at here.
    fn gauges(&self) -> Result<Option<Value>>;

    /// Lets the master's memory go back to the operating system, as far as it does that at all.
    fn settle(&mut self, limit: Duration) -> Result<()>;

    /// Stops what runs; the folder goes.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// A formatted system on a local folder, of which nothing runs yet.
pub fn prepare(side: Side) -> Result<Box<dyn System>> {
    prepare_with(side, &[])
}

/// The same with these properties, say, of another root under storage.
pub fn prepare_with(side: Side, properties: &[(String, String)]) -> Result<Box<dyn System>> {
    Ok(match side {
        Side::Ours => Box::new(ours(properties)?),
        Side::Original => Box::new(Original::prepare(properties)?),
    })
}

/// A formatted cluster of ours.
fn ours(properties: &[(String, String)]) -> Result<Cluster> {
    let cluster = Cluster::plan().set_all(properties).prepare()?;
    cluster.format()?;
    Ok(cluster)
}

/// How a client finds the master at this port.
fn client_of(rpc_port: u16) -> Result<Configuration> {
    let port = rpc_port.to_string();
    Ok(Configuration::defaults()
        .with(&[("alluxio.master.hostname", HOST), ("alluxio.master.rpc.port", port.as_str())])?)
}

impl System for Cluster {
    fn master_rpc_port(&self) -> u16 {
        Cluster::master_rpc_port(self)
    }

    fn folder(&self) -> &Path {
        Cluster::folder(self)
    }

    fn launch_master(&mut self) -> Result<()> {
        Cluster::launch_master(self)
    }

    fn stop_master(&mut self) -> Result<()> {
        Cluster::stop_master(self)
    }

    fn master(&mut self) -> Result<&mut Process> {
        Cluster::master(self)
    }

    fn launch_worker(&mut self) -> Result<()> {
        Cluster::launch_worker(self, 0)
    }

    fn stop_worker(&mut self) -> Result<()> {
        Cluster::stop_worker(self, 0)
    }

    fn worker(&mut self) -> Result<&mut Process> {
        Cluster::worker(self, 0)
    }

    fn gauges(&self) -> Result<Option<Value>> {
        Ok(Some(self.master_metrics()?["gauges"].take()))
    }

    fn settle(&mut self, limit: Duration) -> Result<()> {
        crate::memory::until_still(Cluster::master(self)?, limit)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Cluster::finish(*self)
    }
}

//! The processes under measurement.

use alluxio_conf::Configuration;
use alluxio_tests::{Cluster, Plan, cluster::HOST};
use anyhow::Result;

/// A cluster that nobody outside this machine can reach.
pub fn plan() -> Plan {
    [
        "alluxio.master.bind.host",
        "alluxio.master.web.bind.host",
        "alluxio.worker.bind.host",
        "alluxio.worker.web.bind.host",
    ]
    .into_iter()
    .fold(Cluster::plan(), |plan, key| plan.set(key, HOST))
}

/// What a client of this cluster needs to know.
pub fn configuration(cluster: &Cluster) -> Result<Configuration> {
    let port = cluster.master_rpc_port().to_string();
    let settings = [("alluxio.master.hostname", HOST), ("alluxio.master.rpc.port", port.as_str())];
    Ok(Configuration::defaults().with(&settings)?)
}

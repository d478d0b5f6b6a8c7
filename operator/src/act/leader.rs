//! The leading master as the operator calls it.

use std::{collections::BTreeMap, time::Duration};

use alluxio_client::{Cluster, MasterAddress};
use alluxio_conf::Configuration;
use alluxio_fs::{FsError, FsResult};

/// A call of the reconciler is short: the next one tries again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The leading master.
#[derive(Clone, Debug)]
pub struct Leader {
    pub host: String,
    pub port: u16,
}

impl Leader {
    /// `properties`: those of the cluster say how one connects. Sends nothing yet.
    pub(super) fn cluster(&self, properties: &BTreeMap<String, String>) -> FsResult<Cluster> {
        let security = properties.iter().filter(|(name, _)| name.starts_with("alluxio.security."));
        let mut settings: Vec<_> = security.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        settings.push(("alluxio.security.login.username", "alluxio"));
        settings.push(("alluxio.user.rpc.retry.max.duration", "2s"));
        let conf = Configuration::defaults().with(&settings);
        let conf = conf.map_err(|error| FsError::invalid_argument(error.to_string()))?;
        Cluster::of_master(&conf, MasterAddress { host: self.host.clone(), port: self.port })
    }
}

pub(super) async fn in_time<T>(call: impl Future<Output = FsResult<T>>) -> FsResult<T> {
    let late = || FsError::unavailable(format!("The leader did not answer within {PATIENCE:?}."));
    tokio::time::timeout(PATIENCE, call).await.unwrap_or_else(|_| Err(late()))
}

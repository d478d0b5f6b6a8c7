//! The leading master as the operator calls it.

use std::{collections::BTreeMap, time::Duration};

use alluxio_client::{Cluster, MasterAddress};
use alluxio_conf::Configuration;
use alluxio_fs::{FsError, FsResult};

use crate::lease::Tenure;

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

tokio::task_local! {
    static TENURE: Tenure;
}

/// Runs a reconcile, in which masters are called only while the tenure lasts. The client of the API server has a fence of its own.
pub async fn while_it_lasts<F: Future>(tenure: Tenure, reconcile: F) -> F::Output {
    TENURE.scope(tenure, reconcile).await
}

/// Every call to a master goes through this.
pub(super) async fn in_time<T>(call: impl Future<Output = FsResult<T>>) -> FsResult<T> {
    if TENURE.try_with(Tenure::holds) != Ok(true) {
        let fenced = "This operator does not hold the lease any more: the leader was not called.";
        return Err(FsError::unavailable(fenced));
    }
    let late = || FsError::unavailable(format!("The leader did not answer within {PATIENCE:?}."));
    tokio::time::timeout(PATIENCE, call).await.unwrap_or_else(|_| Err(late()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn who_does_not_hold_the_lease_calls_no_master() {
        let calls = AtomicU32::new(0);
        let call = || {
            in_time(async {
                calls.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
        };
        while_it_lasts(Tenure::endless(), call()).await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        let error = while_it_lasts(Tenure::default(), call()).await.unwrap_err();
        assert!(error.to_string().contains("was not called"), "{error}");
        call().await.unwrap_err();
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }
}

//! What the cluster wants its clients to use, and following it when it changes.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use alluxio_conf::{Configuration, key};
use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::meta::{GetConfigHashPOptions, GetConfigurationPOptions};
use tokio_util::task::AbortOnDropHandle;

use super::{Cluster, Shared};
use crate::stubs::CONFIGURATION;

/// The cluster's properties as it told them.
struct Defaults {
    /// With their values, `${}` references unresolved so that they resolve in the client.
    properties: Vec<(String, String)>,
    /// By which the cluster tells whether they changed.
    hash: String,
}

/// Merges the cluster's defaults into what the client itself has set. The second is the hash of what was merged.
pub(super) async fn merged(cluster: &Cluster, own: &Configuration) -> FsResult<(Configuration, String)> {
    let Defaults { properties, hash } = of_cluster(cluster).await?;
    let merged = own.merge_cluster_defaults(properties).map_err(|error| {
        FsError::failed_precondition(format!("The cluster's defaults do not fit this client: {error}"))
    })?;
    Ok((merged, hash))
}

async fn of_cluster(cluster: &Cluster) -> FsResult<Defaults> {
    let options = GetConfigurationPOptions {
        raw_value: Some(true),
        ignore_cluster_conf: Some(false),
        ignore_path_conf: Some(true),
    };
    let mut reply = cluster
        .call(&CONFIGURATION, |mut client| async move { client.get_configuration(options).await })
        .await?;
    let hash = reply.cluster_config_hash.take().unwrap_or_default();
    let properties = reply
        .cluster_configs
        .into_iter()
        .filter_map(|property| Some((property.name?, property.value?)))
        .collect();
    Ok(Defaults { properties, hash })
}

/// Asks the cluster every `alluxio.user.conf.sync.interval` whether its defaults have changed, and takes them
/// over, as long as the cluster is in use. `None` when the interval says never.
pub(super) fn follow(cluster: &Cluster, own: Configuration, hash: String) -> Option<AbortOnDropHandle<()>> {
    let interval = interval(&cluster.conf())?;
    // Weak: the task must not keep alive what ends it.
    let shared = Arc::downgrade(&cluster.shared);
    Some(AbortOnDropHandle::new(tokio::spawn(run(shared, own, hash, interval))))
}

fn interval(conf: &Configuration) -> Option<Duration> {
    conf.get(key::USER_CONF_SYNC_INTERVAL).duration().filter(|interval| !interval.is_zero())
}

async fn run(shared: Weak<Shared>, own: Configuration, mut hash: String, mut wait: Duration) {
    loop {
        tokio::time::sleep(wait).await;
        let Some(cluster) = shared.upgrade().map(|shared| Cluster { shared }) else { return };
        match refresh(&cluster, &own, &hash).await {
            Ok(None) => {}
            Ok(Some((merged, newer))) => {
                tracing::info!("the cluster's defaults have changed; this client uses the new ones");
                hash = newer;
                cluster.set_conf(merged);
            }
            Err(error) => {
                tracing::debug!(%error, "the cluster's defaults could not be asked for; it is tried again");
            }
        }
        match interval(&cluster.conf()) {
            Some(interval) => wait = interval,
            None => return,
        }
    }
}

/// The new configuration, if there is one.
async fn refresh(
    cluster: &Cluster,
    own: &Configuration,
    hash: &str,
) -> FsResult<Option<(Configuration, String)>> {
    let reply = cluster
        .call_once(&CONFIGURATION, |mut client| async move {
            client.get_config_hash(GetConfigHashPOptions {}).await
        })
        .await?;
    if reply.cluster_config_hash() == hash {
        return Ok(None);
    }
    merged(cluster, own).await.map(Some)
}

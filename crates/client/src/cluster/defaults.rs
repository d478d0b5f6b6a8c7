//! What the cluster wants its clients to use.

use alluxio_fs::FsResult;
use alluxio_proto::grpc::meta::GetConfigurationPOptions;

use super::Cluster;
use crate::stubs::CONFIGURATION;

/// The cluster's properties with their values, `${}` references unresolved so that they resolve in
/// the client.
pub(super) async fn of_cluster(cluster: &Cluster) -> FsResult<Vec<(String, String)>> {
    let options = GetConfigurationPOptions {
        raw_value: Some(true),
        ignore_cluster_conf: Some(false),
        ignore_path_conf: Some(true),
    };
    let reply = cluster
        .call(&CONFIGURATION, |mut client| async move { client.get_configuration(options).await })
        .await?;
    Ok(reply
        .cluster_configs
        .into_iter()
        .filter_map(|property| Some((property.name?, property.value?)))
        .collect())
}

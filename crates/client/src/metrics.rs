//! Metrics of the cluster, and those that clients report.

use std::collections::BTreeMap;

use alluxio_fs::FsResult;
use alluxio_proto::grpc::metric::{
    ClearMetricsPRequest, ClientMetrics, GetMetricsPOptions, MetricValue, MetricsHeartbeatPOptions,
    MetricsHeartbeatPRequest,
};

use crate::{cluster::Cluster, stubs::METRICS};

/// The metrics master's client service. Cheap to clone.
#[derive(Clone)]
pub struct MetricsClient {
    cluster: Cluster,
}

/// All methods fail with what the master answers.
#[allow(clippy::missing_errors_doc)]
impl MetricsClient {
    pub fn new(cluster: &Cluster) -> Self {
        Self { cluster: cluster.clone() }
    }

    /// Reports a client's metrics. Sent once: the next heartbeat carries newer numbers.
    pub async fn heartbeat(&self, client_metrics: Vec<ClientMetrics>) -> FsResult<()> {
        let mut request =
            Some(MetricsHeartbeatPRequest { options: Some(MetricsHeartbeatPOptions { client_metrics }) });
        let send = |mut client: Client| {
            let request = request.take().unwrap_or_default();
            async move { client.metrics_heartbeat(request).await }
        };
        self.cluster.call_once(&METRICS, send).await.map(drop)
    }

    pub async fn get_metrics(&self) -> FsResult<BTreeMap<String, MetricValue>> {
        let options = GetMetricsPOptions {};
        let reply = self
            .cluster
            .call(&METRICS, |mut client| async move { client.get_metrics(options).await })
            .await?;
        Ok(reply.metrics)
    }

    pub async fn clear_metrics(&self) -> FsResult<()> {
        let request = ClearMetricsPRequest {};
        self.cluster
            .call(&METRICS, |mut client| async move { client.clear_metrics(request).await })
            .await
            .map(drop)
    }
}

type Client =
    alluxio_proto::grpc::metric::metrics_master_client_service_client::MetricsMasterClientServiceClient<
        alluxio_rpc::SessionChannel,
    >;

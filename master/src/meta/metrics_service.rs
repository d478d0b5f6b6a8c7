//! `MetricsMasterClientService`: clients report their metrics, `fsadmin report metrics` reads the master's.

use std::sync::Arc;

use alluxio_proto::grpc::{
    MetricType,
    metric::{
        ClearMetricsPRequest, ClearMetricsPResponse, GetMetricsPOptions, GetMetricsPResponse, MetricValue,
        MetricsHeartbeatPRequest, MetricsHeartbeatPResponse,
        metrics_master_client_service_server::MetricsMasterClientService,
    },
};
use alluxio_telemetry::metrics::{MetricKind, Sample, SampleValue};
use tonic::{Request, Response, Status};

use super::cluster_metrics::ClusterMetrics;

/// Serves metrics.
pub struct MetricsService {
    cluster: Arc<ClusterMetrics>,
}

type Reply<T> = Result<Response<T>, Status>;

impl MetricsService {
    pub fn new(cluster: Arc<ClusterMetrics>) -> Self {
        Self { cluster }
    }
}

#[tonic::async_trait]
impl MetricsMasterClientService for MetricsService {
    async fn clear_metrics(&self, request: Request<ClearMetricsPRequest>) -> Reply<ClearMetricsPResponse> {
        alluxio_rpc::caller(&request)?;
        self.cluster.clear();
        Ok(Response::new(ClearMetricsPResponse {}))
    }

    async fn metrics_heartbeat(
        &self,
        request: Request<MetricsHeartbeatPRequest>,
    ) -> Reply<MetricsHeartbeatPResponse> {
        alluxio_rpc::caller(&request)?;
        for client in request.into_inner().options.unwrap_or_default().client_metrics {
            self.cluster.add_from_client(&client.metrics);
        }
        Ok(Response::new(MetricsHeartbeatPResponse {}))
    }

    async fn get_metrics(&self, request: Request<GetMetricsPOptions>) -> Reply<GetMetricsPResponse> {
        alluxio_rpc::caller(&request)?;
        let metrics = self.cluster.metrics().samples().into_iter().map(shown).collect();
        Ok(Response::new(GetMetricsPResponse { metrics }))
    }
}

fn shown(sample: Sample) -> (String, MetricValue) {
    let metric_type = match sample.kind {
        MetricKind::Gauge => MetricType::Gauge,
        MetricKind::Counter => MetricType::Counter,
        MetricKind::Meter => MetricType::Meter,
        MetricKind::Timer => MetricType::Timer,
    };
    let (double_value, string_value) = match sample.value {
        SampleValue::Number(number) => (Some(number), None),
        SampleValue::Text(text) => (None, Some(text)),
    };
    (sample.name, MetricValue { double_value, string_value, metric_type: Some(metric_type as i32) })
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::{
        Metric,
        metric::{ClientMetrics, MetricsHeartbeatPOptions},
    };
    use alluxio_telemetry::metrics::Metrics;

    use super::*;

    fn asked<T>(message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(alluxio_rpc::Caller::default());
        request
    }

    #[tokio::test]
    async fn what_clients_report_can_be_read_and_cleared() {
        let service = MetricsService::new(Arc::new(ClusterMetrics::new(Metrics::master())));
        let metric =
            Metric { name: Some("BytesReadLocal".to_owned()), value: Some(9.0), ..Default::default() };
        let client = ClientMetrics { source: Some("app-1".to_owned()), metrics: vec![metric] };
        let options = Some(MetricsHeartbeatPOptions { client_metrics: vec![client] });
        service.metrics_heartbeat(asked(MetricsHeartbeatPRequest { options })).await.unwrap();

        let read = async || {
            let answer = service.get_metrics(asked(GetMetricsPOptions {})).await.unwrap().into_inner();
            answer.metrics["Cluster.BytesReadLocal"].clone()
        };
        let value = read().await;
        assert_eq!((value.double_value, value.metric_type()), (Some(9.0), MetricType::Counter));
        service.clear_metrics(asked(ClearMetricsPRequest {})).await.unwrap();
        assert_eq!(read().await.double_value, Some(0.0));
    }

    #[tokio::test]
    async fn an_empty_heartbeat_is_welcome() {
        let service = MetricsService::new(Arc::new(ClusterMetrics::new(Metrics::master())));
        service.metrics_heartbeat(asked(MetricsHeartbeatPRequest::default())).await.unwrap();
    }
}

//! Metrics of the whole cluster: workers and clients report what they counted since their last report,
//! the leader adds it up under `Cluster.*`. Which counts go where follows Alluxio 2.9's metric list.

use std::sync::Arc;
use std::time::Instant;

use alluxio_proto::grpc::Metric;
use alluxio_telemetry::metrics::{Counter, Metrics, key, key::Key};
use parking_lot::Mutex;

/// Counts of workers (by their names without `Worker.`) that sum up to a count of the cluster.
const FROM_WORKERS: &[(&str, Key<Counter>)] = &[
    ("ActiveRpcReadCount", key::CLUSTER_ACTIVE_RPC_READ_COUNT),
    ("ActiveRpcWriteCount", key::CLUSTER_ACTIVE_RPC_WRITE_COUNT),
    ("BytesReadCache", key::CLUSTER_BYTES_READ_CACHE),
    ("BytesReadDirect", key::CLUSTER_BYTES_READ_DIRECT),
    ("BytesReadDomain", key::CLUSTER_BYTES_READ_DOMAIN),
    ("BytesReadPerUfs", key::CLUSTER_BYTES_READ_UFS_ALL),
    ("BytesReadRemote", key::CLUSTER_BYTES_READ_REMOTE),
    ("BytesWrittenDomain", key::CLUSTER_BYTES_WRITTEN_DOMAIN),
    ("BytesWrittenPerUfs", key::CLUSTER_BYTES_WRITTEN_UFS_ALL),
    ("BytesWrittenRemote", key::CLUSTER_BYTES_WRITTEN_REMOTE),
];

/// Counts of clients (without `Client.`): what they read and wrote past the workers.
const FROM_CLIENTS: &[(&str, Key<Counter>)] = &[
    ("BytesReadLocal", key::CLUSTER_BYTES_READ_LOCAL),
    ("BytesWrittenLocal", key::CLUSTER_BYTES_WRITTEN_LOCAL),
    ("BytesWrittenUfs", key::CLUSTER_BYTES_WRITTEN_UFS_ALL),
];

/// Counts that are also kept apart by under storage.
const PER_UFS: &[(&str, Key<Counter>)] = &[
    ("BytesReadPerUfs", key::CLUSTER_BYTES_READ_PER_UFS),
    ("BytesWrittenPerUfs", key::CLUSTER_BYTES_WRITTEN_PER_UFS),
];

const THROUGHPUTS: &[(Key<alluxio_telemetry::metrics::Gauge>, Key<Counter>)] = &[
    (key::CLUSTER_BYTES_READ_DIRECT_THROUGHPUT, key::CLUSTER_BYTES_READ_DIRECT),
    (key::CLUSTER_BYTES_READ_DOMAIN_THROUGHPUT, key::CLUSTER_BYTES_READ_DOMAIN),
    (key::CLUSTER_BYTES_READ_LOCAL_THROUGHPUT, key::CLUSTER_BYTES_READ_LOCAL),
    (key::CLUSTER_BYTES_READ_REMOTE_THROUGHPUT, key::CLUSTER_BYTES_READ_REMOTE),
    (key::CLUSTER_BYTES_READ_UFS_THROUGHPUT, key::CLUSTER_BYTES_READ_UFS_ALL),
    (key::CLUSTER_BYTES_WRITTEN_DOMAIN_THROUGHPUT, key::CLUSTER_BYTES_WRITTEN_DOMAIN),
    (key::CLUSTER_BYTES_WRITTEN_LOCAL_THROUGHPUT, key::CLUSTER_BYTES_WRITTEN_LOCAL),
    (key::CLUSTER_BYTES_WRITTEN_REMOTE_THROUGHPUT, key::CLUSTER_BYTES_WRITTEN_REMOTE),
    (key::CLUSTER_BYTES_WRITTEN_UFS_THROUGHPUT, key::CLUSTER_BYTES_WRITTEN_UFS_ALL),
];

/// See the module.
pub struct ClusterMetrics {
    metrics: Metrics,
    since: Arc<Mutex<Instant>>,
}

impl ClusterMetrics {
    /// Registers the cluster's metrics, so that they show from the start.
    pub fn new(metrics: Metrics) -> Self {
        for (_, key) in FROM_WORKERS.iter().chain(FROM_CLIENTS) {
            metrics.counter(*key);
        }
        let since = Arc::new(Mutex::new(Instant::now()));
        // As in 2.9: bytes per minute since the counts began, the first minute counted in full.
        for (gauge, counter) in THROUGHPUTS {
            let (bytes, since) = (metrics.counter(*counter), Arc::clone(&since));
            metrics.gauge_fn(*gauge, move || {
                let minutes = i64::try_from(since.lock().elapsed().as_secs() / 60).unwrap_or(i64::MAX);
                bytes.get() / minutes.max(1)
            });
        }
        let [local, remote, domain, ufs] = [
            key::CLUSTER_BYTES_READ_LOCAL,
            key::CLUSTER_BYTES_READ_REMOTE,
            key::CLUSTER_BYTES_READ_DOMAIN,
            key::CLUSTER_BYTES_READ_UFS_ALL,
        ]
        .map(|key| metrics.counter(key));
        metrics.gauge_fn(key::CLUSTER_CACHE_HIT_RATE, move || {
            hit_rate(local.get().saturating_add(remote.get()).saturating_add(domain.get()), ufs.get())
        });
        Self { metrics, since }
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Adds what a worker counted since its last heartbeat.
    pub fn add_from_worker(&self, reported: &[Metric]) {
        for metric in reported {
            let name = short_name(metric, "Worker.");
            self.add(FROM_WORKERS, name, metric);
            if let Some((_, key)) = PER_UFS.iter().find(|(of, _)| *of == name)
                && let Some(ufs) = metric.tags.get("UFS")
            {
                self.metrics.tagged_counter(*key, &[("UFS", ufs)]).add(increment(metric));
            }
        }
    }

    /// Adds what a client counted since its last heartbeat.
    pub fn add_from_client(&self, reported: &[Metric]) {
        for metric in reported {
            self.add(FROM_CLIENTS, short_name(metric, "Client."), metric);
        }
    }

    fn add(&self, sums: &[(&str, Key<Counter>)], name: &str, metric: &Metric) {
        if let Some((_, key)) = sums.iter().find(|(of, _)| *of == name) {
            self.metrics.counter(*key).add(increment(metric));
        }
    }

    /// Starts the sums again at 0 (`fsadmin metrics clear --master`). Other counts belong to those who
    /// count.
    pub fn clear(&self) {
        for (_, key) in FROM_WORKERS.iter().chain(FROM_CLIENTS) {
            let counter = self.metrics.counter(*key);
            // What is added meanwhile stays.
            counter.add(-counter.get());
        }
        *self.since.lock() = Instant::now();
    }
}

/// Some reporters send the full name, some without the instance.
fn short_name<'a>(metric: &'a Metric, instance: &str) -> &'a str {
    metric.name().strip_prefix(instance).unwrap_or(metric.name())
}

/// Counts travel as doubles.
fn increment(metric: &Metric) -> i64 {
    let value = metric.value();
    if value.is_finite() { value as i64 } else { 0 }
}

/// The share of what was read that did not have to come from an under storage.
fn hit_rate(read: i64, from_ufs: i64) -> f64 {
    if read <= 0 { 0.0 } else { (1.0 - from_ufs as f64 / read as f64).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, value: f64, ufs: Option<&str>) -> Metric {
        let tags = ufs.map(|ufs| ("UFS".to_owned(), ufs.to_owned())).into_iter().collect();
        Metric { name: Some(name.to_owned()), value: Some(value), tags, ..Default::default() }
    }

    #[test]
    fn reports_add_up() {
        let cluster = ClusterMetrics::new(Metrics::master());
        let count = |key| cluster.metrics().counter(key).get();
        cluster.add_from_worker(&[
            metric("BytesReadRemote", 10.0, None),
            metric("Worker.BytesReadRemote", 5.0, None),
            metric("BytesReadPerUfs", 7.0, Some("s3:%2F%2Fb")),
            metric("BytesReadPerUfs", 3.0, Some("hdfs:%2F%2Fn")),
            metric("BytesReadLocal", 1_000.0, None),
            metric("SomethingElse", 1.0, None),
            metric("BytesReadDirect", f64::NAN, None),
        ]);
        cluster.add_from_client(&[metric("Client.BytesReadLocal", 20.0, None)]);
        assert_eq!(count(key::CLUSTER_BYTES_READ_REMOTE), 15);
        assert_eq!(count(key::CLUSTER_BYTES_READ_UFS_ALL), 10);
        assert_eq!(count(key::CLUSTER_BYTES_READ_LOCAL), 20, "workers do not report it");
        assert_eq!(count(key::CLUSTER_BYTES_READ_DIRECT), 0);
        let text = cluster.metrics().prometheus_text().unwrap();
        assert!(text.contains("Cluster_BytesReadPerUfs"), "{text}");

        cluster.clear();
        assert_eq!(count(key::CLUSTER_BYTES_READ_REMOTE), 0);
    }

    #[test]
    fn the_hit_rate_is_a_share() {
        assert_eq!(hit_rate(0, 0), 0.0);
        assert_eq!(hit_rate(100, 25), 0.75);
        assert_eq!(hit_rate(100, 0), 1.0);
        assert_eq!(hit_rate(100, 300), 0.0);
    }
}

//! The worker's metrics under the original's names.

use crate::{
    store::{BlockStore, StoreCounters},
    streams::{Admission, Way},
};
use alluxio_proto::grpc::{Metric, MetricType};
use alluxio_telemetry::metrics::{Counter, Meter, Metrics, key};
use parking_lot::Mutex;
use std::sync::Arc;

/// What the streams count. Gauges over the store are asked when somebody looks.
pub struct WorkerMetrics {
    pub registry: Metrics,
    pub blocks_read_local: Counter,
    pub blocks_read_remote: Counter,
    pub blocks_read_ufs: Counter,
    pub blocks_cancelled: Counter,
    pub bytes_read_cache: Bytes,
    /// All that was read by streams, from blocks here or through this worker; over the network.
    bytes_read_remote: Bytes,
    /// The same over the domain socket.
    bytes_read_domain: Bytes,
    pub bytes_read_ufs: Bytes,
    pub bytes_written_local: Bytes,
    bytes_written_remote: Bytes,
    bytes_written_domain: Bytes,
    pub bytes_written_ufs: Bytes,
    pub cache_requests: Counter,
    pub cache_requests_async: Counter,
    pub cache_requests_sync: Counter,
    pub cache_succeeded: Counter,
    pub cache_failed: Counter,
    pub cache_rejected: Counter,
    pub cache_ufs_blocks: Counter,
    pub cache_remote_blocks: Counter,
    pub registrations: Counter,
    /// Of [`WorkerMetrics::for_cluster`]: how much of each the master has heard.
    told: Mutex<[i64; SUMMED]>,
}

/// Counts that the master sums up for the whole cluster.
const SUMMED: usize = 7;

/// What a heartbeat tells, and what to remember when it arrived.
pub struct Share {
    pub metrics: Vec<Metric>,
    counted: [i64; SUMMED],
}

/// A byte count with its rate.
pub struct Bytes {
    total: Counter,
    rate: Option<Meter>,
}

impl Bytes {
    pub fn add(&self, bytes: u64) {
        self.total.add_bytes(bytes);
        if let Some(rate) = &self.rate {
            rate.mark(bytes);
        }
    }

    #[cfg(test)]
    pub fn total(&self) -> i64 {
        self.total.get()
    }
}

impl WorkerMetrics {
    pub fn new(registry: Metrics) -> WorkerMetrics {
        let bytes = |total, rate| Bytes { total: registry.counter(total), rate: Some(registry.meter(rate)) };
        WorkerMetrics {
            blocks_read_local: registry.counter(key::WORKER_BLOCKS_READ_LOCAL),
            blocks_read_remote: registry.counter(key::WORKER_BLOCKS_READ_REMOTE),
            blocks_read_ufs: registry.counter(key::WORKER_BLOCKS_READ_UFS),
            blocks_cancelled: registry.counter(key::WORKER_BLOCKS_CANCELLED),
            bytes_read_cache: Bytes { total: registry.counter(key::WORKER_BYTES_READ_CACHE), rate: None },
            bytes_read_remote: bytes(key::WORKER_BYTES_READ_REMOTE, key::WORKER_BYTES_READ_REMOTE_THROUGHPUT),
            bytes_read_domain: bytes(key::WORKER_BYTES_READ_DOMAIN, key::WORKER_BYTES_READ_DOMAIN_THROUGHPUT),
            bytes_read_ufs: bytes(key::WORKER_BYTES_READ_PER_UFS, key::WORKER_BYTES_READ_UFS_THROUGHPUT),
            bytes_written_local: bytes(
                key::WORKER_BYTES_WRITTEN_DIRECT,
                key::WORKER_BYTES_WRITTEN_DIRECT_THROUGHPUT,
            ),
            bytes_written_remote: bytes(
                key::WORKER_BYTES_WRITTEN_REMOTE,
                key::WORKER_BYTES_WRITTEN_REMOTE_THROUGHPUT,
            ),
            bytes_written_domain: bytes(
                key::WORKER_BYTES_WRITTEN_DOMAIN,
                key::WORKER_BYTES_WRITTEN_DOMAIN_THROUGHPUT,
            ),
            bytes_written_ufs: bytes(
                key::WORKER_BYTES_WRITTEN_PER_UFS,
                key::WORKER_BYTES_WRITTEN_UFS_THROUGHPUT,
            ),
            cache_requests: registry.counter(key::WORKER_CACHE_REQUESTS),
            cache_requests_async: registry.counter(key::WORKER_CACHE_REQUESTS_ASYNC),
            cache_requests_sync: registry.counter(key::WORKER_CACHE_REQUESTS_SYNC),
            cache_succeeded: registry.counter(key::WORKER_CACHE_SUCCEEDED_BLOCKS),
            cache_failed: registry.counter(key::WORKER_CACHE_FAILED_BLOCKS),
            cache_rejected: registry.counter(key::WORKER_CACHE_REJECTED_BLOCKS),
            cache_ufs_blocks: registry.counter(key::WORKER_CACHE_UFS_BLOCKS),
            cache_remote_blocks: registry.counter(key::WORKER_CACHE_REMOTE_BLOCKS),
            registrations: registry.counter(key::WORKER_MASTER_REGISTRATION_SUCCESS_COUNT),
            registry,
            told: Mutex::default(),
        }
    }

    /// What streams read by one way.
    pub fn bytes_read(&self, way: Way) -> &Bytes {
        match way {
            Way::Network => &self.bytes_read_remote,
            Way::DomainSocket => &self.bytes_read_domain,
        }
    }

    /// What streams wrote into blocks by one way.
    pub fn bytes_written(&self, way: Way) -> &Bytes {
        match way {
            Way::Network => &self.bytes_written_remote,
            Way::DomainSocket => &self.bytes_written_domain,
        }
    }

    /// What the master sums up under `Cluster.*`: how much was added since it last heard of it.
    pub fn for_cluster(&self) -> Share {
        let sums: [(&str, &Bytes); SUMMED] = [
            ("BytesReadCache", &self.bytes_read_cache),
            ("BytesReadDomain", &self.bytes_read_domain),
            ("BytesReadPerUfs", &self.bytes_read_ufs),
            ("BytesReadRemote", &self.bytes_read_remote),
            ("BytesWrittenDomain", &self.bytes_written_domain),
            ("BytesWrittenPerUfs", &self.bytes_written_ufs),
            ("BytesWrittenRemote", &self.bytes_written_remote),
        ];
        let counted = sums.map(|(_, bytes)| bytes.total.get());
        let told = *self.told.lock();
        let mut metrics = Vec::new();
        for (index, (name, _)) in sums.iter().enumerate() {
            // Fewer than told: the counts were cleared meanwhile.
            let before = if counted[index] < told[index] { 0 } else { told[index] };
            if counted[index] > before {
                metrics.push(Metric {
                    instance: Some("Worker".into()),
                    name: Some((*name).into()),
                    value: Some((counted[index] - before) as f64),
                    metric_type: MetricType::Counter.into(),
                    ..Metric::default()
                });
            }
        }
        Share { metrics, counted }
    }

    /// The master heard it.
    pub fn heard(&self, share: &Share) {
        *self.told.lock() = share.counted;
    }

    /// What the store counts.
    pub fn of_store(&self) -> StoreCounters {
        StoreCounters {
            evicted: self.registry.counter(key::WORKER_BLOCKS_EVICTED),
            removed: self.registry.counter(key::WORKER_BLOCKS_DELETED),
            promoted: self.registry.counter(key::WORKER_BLOCKS_PROMOTED),
            lost: self.registry.counter(key::WORKER_BLOCKS_LOST),
        }
    }

    /// Gauges over the store and the streams.
    pub fn watch(&self, store: &BlockStore, admission: &Admission) {
        let gauge = |name, value: fn(&BlockStore) -> i64| {
            let store = store.downgrade();
            self.registry.gauge_fn(name, move || store.upgrade().map_or(0, |store| value(&store)));
        };
        gauge(key::WORKER_BLOCKS_CACHED, |store| store.usage().blocks as i64);
        gauge(key::WORKER_CAPACITY_TOTAL, |store| store.usage().capacity() as i64);
        gauge(key::WORKER_CAPACITY_USED, |store| store.usage().used() as i64);
        gauge(key::WORKER_CAPACITY_FREE, |store| {
            let usage = store.usage();
            usage.capacity().saturating_sub(usage.used()) as i64
        });
        let readers = admission.clone();
        self.registry
            .gauge_fn(key::WORKER_BLOCK_READER_THREAD_ACTIVE_COUNT, move || readers.active_readers() as i64);
        let writers = admission.clone();
        self.registry
            .gauge_fn(key::WORKER_BLOCK_WRITER_THREAD_ACTIVE_COUNT, move || writers.active_writers() as i64);
    }

    /// Sets what is counted here back to zero.
    pub fn clear(&self) {
        for counter in [
            &self.blocks_read_local,
            &self.blocks_read_remote,
            &self.blocks_read_ufs,
            &self.blocks_cancelled,
            &self.bytes_read_cache.total,
            &self.bytes_read_remote.total,
            &self.bytes_read_domain.total,
            &self.bytes_read_ufs.total,
            &self.bytes_written_local.total,
            &self.bytes_written_remote.total,
            &self.bytes_written_domain.total,
            &self.bytes_written_ufs.total,
            &self.cache_requests,
            &self.cache_requests_async,
            &self.cache_requests_sync,
            &self.cache_succeeded,
            &self.cache_failed,
            &self.cache_rejected,
            &self.cache_ufs_blocks,
            &self.cache_remote_blocks,
        ] {
            counter.add(-counter.get());
        }
    }
}

/// Shared by all rooms.
pub type SharedMetrics = Arc<WorkerMetrics>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_master_hears_what_was_added_since_it_last_heard() {
        let metrics = WorkerMetrics::new(Metrics::with_source("w"));
        let told = |share: &Share| -> Vec<(String, f64)> {
            share.metrics.iter().map(|metric| (metric.name().to_owned(), metric.value())).collect()
        };
        assert!(metrics.for_cluster().metrics.is_empty());
        metrics.bytes_read_remote.add(10);
        metrics.for_cluster(); // lost on the way
        metrics.bytes_read_remote.add(5);
        let share = metrics.for_cluster();
        assert_eq!(told(&share), [("BytesReadRemote".to_owned(), 15.0)]);
        metrics.bytes_read_remote.add(1);
        metrics.heard(&share);
        assert_eq!(told(&metrics.for_cluster()), [("BytesReadRemote".to_owned(), 1.0)]);
        metrics.clear();
        assert!(metrics.for_cluster().metrics.is_empty());
        metrics.bytes_read_remote.add(3);
        assert_eq!(told(&metrics.for_cluster()), [("BytesReadRemote".to_owned(), 3.0)]);
    }
}

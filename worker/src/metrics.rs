//! The worker's metrics under the original's names.

use crate::{
    store::{BlockStore, StoreCounters},
    streams::{Admission, Way},
};
use alluxio_proto::grpc::{Metric, MetricType};
use alluxio_telemetry::metrics::{Counter, Meter, Metrics, escape_tag, key};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

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
    pub bytes_written_local: Bytes,
    bytes_written_remote: Bytes,
    bytes_written_domain: Bytes,
    pub cache_requests: Counter,
    pub cache_requests_async: Counter,
    pub cache_requests_sync: Counter,
    pub cache_succeeded: Counter,
    pub cache_failed: Counter,
    pub cache_rejected: Counter,
    pub cache_ufs_blocks: Counter,
    pub cache_remote_blocks: Counter,
    pub registrations: Counter,
    /// By the under storage's tag.
    ufs: Mutex<BTreeMap<String, Arc<UfsBytes>>>,
    /// Of [`WorkerMetrics::for_cluster`]: how much of each the master has heard.
    told: Mutex<Counts>,
}

/// Under storages told apart. More than any cluster has; the bytes of further ones are not shown.
const MOST_UFS: usize = 4096;
/// The tag that tells them apart.
const UFS_TAG: &str = "UFS";

/// Counts by name and, of an under storage, its tag.
type Counts = BTreeMap<(&'static str, Option<String>), i64>;

/// What was read from and written to one under storage.
pub struct UfsBytes {
    pub read: Bytes,
    pub written: Bytes,
}

/// What a heartbeat tells, and what to remember when it arrived.
pub struct Share {
    pub metrics: Vec<Metric>,
    counted: Counts,
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
            ufs: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// The counts of the under storage mounted from `address`, named as the original does:
    /// `Worker.BytesReadPerUfs.UFS:%2Fdata`.
    pub fn of_ufs(&self, address: &str) -> Arc<UfsBytes> {
        let tag = escape_tag(address);
        let mut known = self.ufs.lock();
        if let Some(bytes) = known.get(&tag) {
            return bytes.clone();
        }
        let tags = [(UFS_TAG, tag.as_str())];
        let bytes = |total, rate| Bytes {
            total: self.registry.tagged_counter(total, &tags),
            rate: Some(self.registry.tagged_meter(rate, &tags)),
        };
        let made = Arc::new(UfsBytes {
            read: bytes(key::WORKER_BYTES_READ_PER_UFS, key::WORKER_BYTES_READ_UFS_THROUGHPUT),
            written: bytes(key::WORKER_BYTES_WRITTEN_PER_UFS, key::WORKER_BYTES_WRITTEN_UFS_THROUGHPUT),
        });
        if known.len() < MOST_UFS {
            known.insert(tag, made.clone());
        }
        made
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

    fn counted(&self) -> Counts {
        let mut counted = Counts::from([
            (("BytesReadCache", None), self.bytes_read_cache.total.get()),
            (("BytesReadDomain", None), self.bytes_read_domain.total.get()),
            (("BytesReadRemote", None), self.bytes_read_remote.total.get()),
            (("BytesWrittenDomain", None), self.bytes_written_domain.total.get()),
            (("BytesWrittenRemote", None), self.bytes_written_remote.total.get()),
        ]);
        for (tag, bytes) in self.ufs.lock().iter() {
            counted.insert(("BytesReadPerUfs", Some(tag.clone())), bytes.read.total.get());
            counted.insert(("BytesWrittenPerUfs", Some(tag.clone())), bytes.written.total.get());
        }
        counted
    }

    /// What the master sums up under `Cluster.*`: how much was added since it last heard of it.
    pub fn for_cluster(&self) -> Share {
        let counted = self.counted();
        let told = self.told.lock();
        let mut metrics = Vec::new();
        for ((name, ufs), count) in &counted {
            let before = told.get(&(*name, ufs.clone())).copied().unwrap_or(0);
            // Fewer than told: the counts were cleared meanwhile.
            let before = if *count < before { 0 } else { before };
            if *count > before {
                metrics.push(Metric {
                    instance: Some("Worker".into()),
                    name: Some((*name).into()),
                    value: Some((count - before) as f64),
                    metric_type: MetricType::Counter.into(),
                    tags: ufs.iter().map(|ufs| (UFS_TAG.to_owned(), ufs.clone())).collect(),
                    ..Metric::default()
                });
            }
        }
        drop(told);
        Share { metrics, counted }
    }

    /// The master heard it.
    pub fn heard(&self, share: &Share) {
        *self.told.lock() = share.counted.clone();
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
        let ufs: Vec<Arc<UfsBytes>> = self.ufs.lock().values().cloned().collect();
        let of_ufs = ufs.iter().flat_map(|bytes| [&bytes.read.total, &bytes.written.total]);
        for counter in [
            &self.blocks_read_local,
            &self.blocks_read_remote,
            &self.blocks_read_ufs,
            &self.blocks_cancelled,
            &self.bytes_read_cache.total,
            &self.bytes_read_remote.total,
            &self.bytes_read_domain.total,
            &self.bytes_written_local.total,
            &self.bytes_written_remote.total,
            &self.bytes_written_domain.total,
            &self.cache_requests,
            &self.cache_requests_async,
            &self.cache_requests_sync,
            &self.cache_succeeded,
            &self.cache_failed,
            &self.cache_rejected,
            &self.cache_ufs_blocks,
            &self.cache_remote_blocks,
        ]
        .into_iter()
        .chain(of_ufs)
        {
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
    #[test]
    fn under_storages_are_told_apart() {
        let metrics = WorkerMetrics::new(Metrics::with_source("w"));
        metrics.of_ufs("/data").read.add(3);
        metrics.of_ufs("s3://b.c/x").read.add(4);
        metrics.of_ufs("/data").written.add(5);
        metrics.of_ufs("/data").read.add(1);
        let share = metrics.for_cluster();
        let told: Vec<(&str, &str, f64)> =
            share.metrics.iter().map(|m| (m.name(), m.tags["UFS"].as_str(), m.value())).collect();
        let (data, bucket) = ("%2Fdata", "s3:%2F%2Fb%2Ec%2Fx");
        assert_eq!(
            told,
            [
                ("BytesReadPerUfs", data, 4.0),
                ("BytesReadPerUfs", bucket, 4.0),
                ("BytesWrittenPerUfs", data, 5.0)
            ]
        );
        let shown = metrics.registry.json();
        assert_eq!(shown["counters"]["Worker.BytesReadPerUfs.UFS:%2Fdata.w"]["count"], 4);
        assert_eq!(shown["meters"]["Worker.BytesWrittenUfsThroughput.UFS:%2Fdata.w"]["count"], 5);
        metrics.clear();
        assert!(metrics.for_cluster().metrics.is_empty());
    }
}

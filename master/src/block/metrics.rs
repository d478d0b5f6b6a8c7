//! The block master's metrics.

use std::sync::{Arc, Weak};

use alluxio_telemetry::metrics::{Gauge, Metrics, key, key::Key};

use super::master::BlockMaster;
use super::worker::Standing;

impl BlockMaster {
    /// Registers gauges that look at this block master as long as it lives.
    pub fn register_metrics(self: &Arc<Self>, metrics: &Metrics) {
        let gauge = |key: Key<Gauge>, value: fn(&BlockMaster) -> i64| {
            let master: Weak<BlockMaster> = Arc::downgrade(self);
            metrics.gauge_fn(key, move || master.upgrade().map_or(0, |master| value(&master)));
        };
        gauge(key::CLUSTER_WORKERS, |master| master.count(Standing::Active));
        gauge(key::CLUSTER_LOST_WORKERS, |master| master.count(Standing::Lost));
        gauge(key::CLUSTER_CAPACITY_TOTAL, |master| master.capacity().total);
        gauge(key::CLUSTER_CAPACITY_USED, |master| master.capacity().used);
        gauge(key::CLUSTER_CAPACITY_FREE, |master| {
            let capacity = master.capacity();
            capacity.total.saturating_sub(capacity.used)
        });
        gauge(key::MASTER_BLOCK_REPLICA_COUNT, BlockMaster::replica_count);
        gauge(key::MASTER_TO_REMOVE_BLOCK_COUNT, |master| master.table.freeing_count());
    }

    /// Blocks with a copy on some worker; copies of lost workers count until they are reaped.
    pub fn located_block_count(&self) -> i64 {
        self.table.block_count()
    }

    /// Copies of blocks on all workers.
    pub fn replica_count(&self) -> i64 {
        self.table.copy_count()
    }

    fn count(&self, standing: Standing) -> i64 {
        self.workers.all().iter().filter(|worker| worker.record().standing == standing).count() as i64
    }
}

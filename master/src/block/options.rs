//! The block master's settings.

use std::time::Duration;

use alluxio_conf::{Configuration, key};

/// Read once at start. `None` for a time means never.
#[derive(Clone, Debug)]
pub struct BlockOptions {
    /// Silence after which a worker is lost (`alluxio.master.worker.timeout`).
    pub worker_timeout: Option<Duration>,
    /// How often silence is looked for (`alluxio.master.lost.worker.detection.interval`).
    pub detection_interval: Duration,
    /// Silence after which a lost worker is forgotten (`alluxio.master.lost.worker.deletion.timeout`).
    pub deletion_timeout: Option<Duration>,
    /// How long after it began to serve the master waits for workers
    /// (`alluxio.master.worker.connect.wait.time`).
    pub connect_wait: Duration,
    /// `None` when registering needs no lease (`alluxio.master.worker.register.lease.*`).
    pub lease: Option<LeaseOptions>,
    /// Longest wait for the next message of a registration
    /// (`alluxio.master.worker.register.stream.response.timeout`).
    pub stream_timeout: Option<Duration>,
    /// How often all locations are compared with the tree
    /// (`alluxio.master.periodic.block.integrity.check.interval`).
    pub integrity_interval: Option<Duration>,
    /// Whether blocks found unknown there are freed, or only counted
    /// (`alluxio.master.periodic.block.integrity.check.repair`).
    pub integrity_repair: bool,
    /// Tier aliases from the fastest down (`alluxio.master.tieredstore.global.levelN.alias`).
    pub tier_order: Vec<String>,
    /// Why all workers must run on one host, if they must.
    pub one_host: Option<String>,
}

/// How many workers may register at a time, and for how long one may take to begin.
#[derive(Clone, Copy, Debug)]
pub struct LeaseOptions {
    pub count: usize,
    pub ttl: Duration,
}

impl BlockOptions {
    pub fn from_conf(conf: &Configuration) -> Self {
        let levels = conf.get(key::MASTER_TIEREDSTORE_GLOBAL_LEVELS);
        let alias = |level| conf.by_name(&format!("alluxio.master.tieredstore.global.level{level}.alias"));
        let lease = conf.get(key::MASTER_WORKER_REGISTER_LEASE_ENABLED).then(|| LeaseOptions {
            count: usize::try_from(conf.get(key::MASTER_WORKER_REGISTER_LEASE_COUNT)).unwrap_or(0).max(1),
            ttl: conf
                .get(key::MASTER_WORKER_REGISTER_LEASE_TTL)
                .duration()
                .unwrap_or(Duration::from_secs(60)),
        });
        Self {
            worker_timeout: conf.get(key::MASTER_WORKER_TIMEOUT).duration(),
            detection_interval: conf
                .get(key::MASTER_LOST_WORKER_DETECTION_INTERVAL)
                .duration()
                .unwrap_or(Duration::from_secs(10)),
            deletion_timeout: conf.get(key::MASTER_LOST_WORKER_DELETION_TIMEOUT).duration(),
            connect_wait: conf.get(key::MASTER_WORKER_CONNECT_WAIT_TIME).duration().unwrap_or_default(),
            lease,
            stream_timeout: conf.get(key::MASTER_WORKER_REGISTER_STREAM_RESPONSE_TIMEOUT).duration(),
            integrity_interval: conf.get(key::MASTER_PERIODIC_BLOCK_INTEGRITY_CHECK_INTERVAL).duration(),
            integrity_repair: conf.get(key::MASTER_PERIODIC_BLOCK_INTEGRITY_CHECK_REPAIR),
            tier_order: (0..levels).map_while(alias).collect(),
            one_host: None,
        }
    }
}

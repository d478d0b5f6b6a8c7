//! The file system master: what clients, workers and background tasks do with the namespace.
//!
//! One file per operation. Each follows the same way: find out who asks ([`subject`]), bring in what
//! the under storage has if that was asked for ([`load`]), reserve paths and do under-storage I/O
//! where the operation needs it, then change or read the tree through [`crate::namespace`].
//! `docs/under-storage-order.md` says for each operation what a crash in between leaves.

mod access_times;
mod acl;
mod attributes;
mod browse;
mod caching;
mod client_service;
mod complete;
mod create;
mod delete;
mod free;
mod info;
mod job_service;
mod limits;
mod list;
mod load;
mod lost;
mod mandated;
mod metrics;
mod mount;
mod options;
mod permission;
mod persist;
mod reaper;
mod rename;
mod seams;
mod status;
mod subject;
mod sync;
mod ttl;
mod ufs;
mod ufs_directories;
mod walk;
mod worker_service;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use alluxio_conf::Configuration;
use alluxio_rpc::GroupLookup;
use alluxio_telemetry::metrics::Metrics;

use self::{
    access_times::AccessTimes,
    caching::Caching,
    load::{AbsentPaths, LoadTurns, Removals},
    lost::Lost,
    permission::Permissions,
    persist::PersistJobs,
    sync::{SyncTasks, SyncTimes},
    ufs::UfsTable,
};
pub use self::{
    browse::{Directory, File, Looked, Start},
    client_service::FileSystemClientService,
    job_service::FileSystemJobService,
    mandated::Mandated,
    metrics::FsMetrics,
    mount::mount_info,
    options::FsOptions,
    subject::Subject,
    ufs::{PATIENCE, bounded, ufs_error},
    worker_service::FileSystemWorkerService,
};
use crate::{block::BlockMaster, mandate::Mandate, namespace::Namespace};

/// See the [module](self).
pub struct FileSystemMaster {
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) blocks: Arc<BlockMaster>,
    pub(crate) options: FsOptions,
    groups: Arc<dyn GroupLookup>,
    permissions: Permissions,
    ufs: UfsTable,
    access_times: AccessTimes,
    absent: AbsentPaths,
    /// Shared with changes of the under storage that outlive the operation they belong to.
    removals: Arc<Removals>,
    load_turns: LoadTurns,
    sync_times: SyncTimes,
    sync_tasks: SyncTasks,
    persist: PersistJobs,
    caching: Caching,
    lost: Lost,
    metrics: FsMetrics,
    /// Rings when a delete has cut something off.
    reaper_wanted: tokio::sync::Notify,
}

impl FileSystemMaster {
    pub fn new(
        conf: &Configuration,
        namespace: Arc<Namespace>,
        blocks: Arc<BlockMaster>,
        groups: Arc<dyn GroupLookup>,
        metrics: &Metrics,
        mandate: Mandate,
    ) -> Self {
        let options = FsOptions::from_conf(conf);
        Self {
            permissions: Permissions::from_conf(conf),
            ufs: UfsTable::new(conf, metrics, mandate),
            access_times: AccessTimes::new(&options),
            absent: AbsentPaths::new(&options),
            removals: Arc::default(),
            load_turns: LoadTurns::default(),
            sync_times: SyncTimes::default(),
            sync_tasks: SyncTasks::default(),
            persist: PersistJobs::new(&options),
            caching: Caching::new(conf),
            lost: Lost::default(),
            metrics: FsMetrics::new(metrics),
            reaper_wanted: tokio::sync::Notify::new(),
            namespace,
            blocks,
            options,
            groups,
        }
    }
}

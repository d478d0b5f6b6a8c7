//! What the file system master counts, under the original's names: `…Ops` is how often an operation was
//! asked for, the others what came of it.

use std::sync::Arc;

use alluxio_telemetry::metrics::{Counter, Metrics, key};

use super::FileSystemMaster;

#[derive(Clone)]
pub struct FsMetrics {
    pub complete_file_ops: Counter,
    pub create_directory_ops: Counter,
    pub create_file_ops: Counter,
    pub delete_path_ops: Counter,
    pub free_file_ops: Counter,
    pub get_file_info_ops: Counter,
    pub get_new_block_ops: Counter,
    pub mount_ops: Counter,
    pub rename_path_ops: Counter,
    pub set_acl_ops: Counter,
    pub set_attribute_ops: Counter,
    pub unmount_ops: Counter,
    pub directories_created: Counter,
    pub file_infos_got: Counter,
    pub files_completed: Counter,
    pub files_created: Counter,
    pub new_blocks_got: Counter,
    pub paths_deleted: Counter,
    pub paths_renamed: Counter,
}

impl FsMetrics {
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            complete_file_ops: metrics.counter(key::MASTER_COMPLETE_FILE_OPS),
            create_directory_ops: metrics.counter(key::MASTER_CREATE_DIRECTORY_OPS),
            create_file_ops: metrics.counter(key::MASTER_CREATE_FILE_OPS),
            delete_path_ops: metrics.counter(key::MASTER_DELETE_PATH_OPS),
            free_file_ops: metrics.counter(key::MASTER_FREE_FILE_OPS),
            get_file_info_ops: metrics.counter(key::MASTER_GET_FILE_INFO_OPS),
            get_new_block_ops: metrics.counter(key::MASTER_GET_NEW_BLOCK_OPS),
            mount_ops: metrics.counter(key::MASTER_MOUNT_OPS),
            rename_path_ops: metrics.counter(key::MASTER_RENAME_PATH_OPS),
            set_acl_ops: metrics.counter(key::MASTER_SET_ACL_OPS),
            set_attribute_ops: metrics.counter(key::MASTER_SET_ATTRIBUTE_OPS),
            unmount_ops: metrics.counter(key::MASTER_UNMOUNT_OPS),
            directories_created: metrics.counter(key::MASTER_DIRECTORIES_CREATED),
            file_infos_got: metrics.counter(key::MASTER_FILE_INFOS_GOT),
            files_completed: metrics.counter(key::MASTER_FILES_COMPLETED),
            files_created: metrics.counter(key::MASTER_FILES_CREATED),
            new_blocks_got: metrics.counter(key::MASTER_NEW_BLOCKS_GOT),
            paths_deleted: metrics.counter(key::MASTER_PATHS_DELETED),
            paths_renamed: metrics.counter(key::MASTER_PATHS_RENAMED),
        }
    }
}

impl FileSystemMaster {
    /// Gauges that look at the tree and the journal when somebody asks.
    pub fn register_gauges(&self, metrics: &Metrics) {
        let gauge = |look: fn(&crate::tree::Tree) -> usize| {
            // Weak: the registry outlives the master in a process that restarts one.
            let namespace = Arc::downgrade(&self.namespace);
            move || namespace.upgrade().map_or(0, |namespace| namespace.peek(look))
        };
        metrics.gauge_fn(key::MASTER_TOTAL_PATHS, gauge(|tree| tree.inode_count()));
        metrics.gauge_fn(key::MASTER_FILES_PINNED, gauge(|tree| tree.pinned().len()));
        metrics.gauge_fn(key::MASTER_FILES_TO_BE_PERSISTED, gauge(|tree| tree.to_be_persisted().len()));
        let namespace = Arc::downgrade(&self.namespace);
        let sequence = move || namespace.upgrade().map_or(0, |namespace| namespace.journal().durable());
        metrics.gauge_fn(key::MASTER_JOURNAL_SEQUENCE_NUMBER, sequence);
        let namespace = Arc::downgrade(&self.namespace);
        let hold = move || namespace.upgrade().map_or(0, |namespace| namespace.longest_hold_nanos());
        metrics.own_gauge_fn("Master.LongestLockHoldNanos", hold);
        let namespace = Arc::downgrade(&self.namespace);
        let cpu = move || namespace.upgrade().map_or(0, |namespace| namespace.longest_hold_cpu_nanos());
        metrics.own_gauge_fn("Master.LongestLockHoldCpuNanos", cpu);
    }
}

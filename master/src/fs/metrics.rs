//! What the file system master counts, under the original's names: `…Ops` is how often an operation was
//! asked for, the others what came of it.

use std::sync::{Arc, Weak, atomic::Ordering::Relaxed};

use alluxio_telemetry::metrics::{Counter, Metrics, key};

use super::FileSystemMaster;
use crate::tree::Tree;

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
    pub files_freed: Counter,
    pub files_persisted: Counter,
    pub paths_mounted: Counter,
    pub paths_unmounted: Counter,
    /// Calls that came again after they had been carried out.
    pub completed_operation_retries: Counter,
    pub sync: SyncMetrics,
}

/// Of metadata sync. An *op* is one call that looks whether it is due, a *path* one comparison.
pub struct SyncMetrics {
    pub ops: Counter,
    pub time_ms: Counter,
    pub skipped: Counter,
    pub success: Counter,
    pub fail: Counter,
    pub no_change: Counter,
    pub paths_success: Counter,
    pub paths_fail: Counter,
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
            files_freed: metrics.counter(key::MASTER_FILES_FREED),
            files_persisted: metrics.counter(key::MASTER_FILES_PERSISTED),
            paths_mounted: metrics.counter(key::MASTER_PATHS_MOUNTED),
            paths_unmounted: metrics.counter(key::MASTER_PATHS_UNMOUNTED),
            completed_operation_retries: metrics.counter(key::MASTER_COMPLETED_OPERATION_RETRY_COUNT),
            sync: SyncMetrics {
                ops: metrics.counter(key::MASTER_METADATA_SYNC_OPS_COUNT),
                time_ms: metrics.counter(key::MASTER_METADATA_SYNC_TIME_MS),
                skipped: metrics.counter(key::MASTER_METADATA_SYNC_SKIPPED),
                success: metrics.counter(key::MASTER_METADATA_SYNC_SUCCESS),
                fail: metrics.counter(key::MASTER_METADATA_SYNC_FAIL),
                no_change: metrics.counter(key::MASTER_METADATA_SYNC_NO_CHANGE),
                paths_success: metrics.counter(key::MASTER_METADATA_SYNC_PATHS_SUCCESS),
                paths_fail: metrics.counter(key::MASTER_METADATA_SYNC_PATHS_FAIL),
            },
        }
    }
}

impl FileSystemMaster {
    /// Gauges that look at this master when somebody asks, as long as it lives.
    pub fn register_gauges(self: &Arc<Self>, metrics: &Metrics) {
        // Weak: the registry outlives the master in a process that restarts one.
        let of_master = |look: fn(&Self) -> u64| {
            let master: Weak<Self> = Arc::downgrade(self);
            move || master.upgrade().map_or(0, |master| look(&master))
        };
        let gauge = |key, look| metrics.gauge_fn(key, of_master(look));
        gauge(key::MASTER_TOTAL_PATHS, |master| master.peek(Tree::inode_count));
        gauge(key::MASTER_FILES_PINNED, |master| master.peek(|tree| tree.pinned().len()));
        gauge(key::MASTER_FILES_TO_BE_PERSISTED, |master| master.peek(|tree| tree.to_be_persisted().len()));
        gauge(key::MASTER_TTL_INODES, |master| master.peek(|tree| tree.expiries().len()));
        gauge(key::MASTER_UNIQUE_BLOCKS, |master| master.namespace.peek(Tree::block_count));
        gauge(key::MASTER_LOST_BLOCK_COUNT, |master| master.lost.blocks.load(Relaxed));
        gauge(key::MASTER_LOST_FILE_COUNT, |master| master.lost.files.load(Relaxed));
        gauge(key::MASTER_ABSENT_CACHE_SIZE, |master| master.absent.len() as u64);
        gauge(key::MASTER_ABSENT_CACHE_HITS, |master| master.absent.hits_and_misses().0);
        gauge(key::MASTER_ABSENT_CACHE_MISSES, |master| master.absent.hits_and_misses().1);
        gauge(key::MASTER_JOURNAL_SEQUENCE_NUMBER, |master| master.namespace.journal().durable());
        gauge(key::MASTER_JOURNAL_LAST_CHECK_POINT_TIME, |master| master.namespace.last_checkpoint_ms());
        gauge(key::MASTER_JOURNAL_ENTRIES_SINCE_CHECK_POINT, |master| {
            master.namespace.records_since_checkpoint()
        });
        metrics.own_gauge_fn(
            "Master.LongestLockHoldNanos",
            of_master(|master| master.namespace.longest_hold_nanos()),
        );
        metrics.own_gauge_fn(
            "Master.LongestLockHoldCpuNanos",
            of_master(|master| master.namespace.longest_hold_cpu_nanos()),
        );
    }

    fn peek(&self, look: impl FnOnce(&Tree) -> usize) -> u64 {
        self.namespace.peek(look) as u64
    }
}

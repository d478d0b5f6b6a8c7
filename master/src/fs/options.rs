//! The settings of the file system master, read once.

use std::time::Duration;

use alluxio_conf::{Configuration, key};
use alluxio_fs::Mode;
use alluxio_proto::grpc::file::LoadMetadataPType;

#[derive(Clone, Debug)]
pub struct FsOptions {
    /// Taken from directories that are made on the way to something else.
    pub umask: Mode,
    pub load_type: LoadMetadataPType,
    /// -1 never, 0 always, else how old what is known may be.
    pub sync_interval_ms: i64,
    pub access_time_updates: bool,
    pub access_time_precision_ms: i64,
    pub access_time_flush: Duration,
    pub ttl_interval: Duration,
    pub absent_capacity: usize,
    /// Of files that were in the under storage before.
    pub loaded_block_size: i64,
    /// Files with one of these in their path are never persisted in the background.
    pub persist_blacklist: Vec<String>,
    pub persist_initial_wait_ms: i64,
    pub persist_interval: Duration,
    pub persist_initial_retry: Duration,
    pub persist_max_retry: Duration,
    pub persist_max_total: Duration,
    /// How often it is counted what is lost.
    pub lost_interval: Duration,
    /// How often files with too few or too many copies are looked for.
    pub replication_interval: Duration,
    /// FileInfos per message of a listing.
    pub list_batch: usize,
    /// Who creates without a name (no authentication) gets what the directory above has.
    pub inherit_owner: bool,
    /// An owner that the under storage refuses to set is set in Alluxio all the same.
    pub owner_may_differ: bool,
}

/// Messages of a listing are held in memory as a whole, so there is a limit to what may be asked for.
const LARGEST_LIST_BATCH: i64 = 100_000;

impl FsOptions {
    pub fn from_conf(conf: &Configuration) -> Self {
        let span = |span: alluxio_conf::Span, otherwise| span.duration().unwrap_or(otherwise);
        let umask = conf.get(key::SECURITY_AUTHORIZATION_PERMISSION_UMASK);
        Self {
            umask: Mode::parse_octal(&umask).unwrap_or(Mode::new(0o022)),
            load_type: match conf.get(key::USER_FILE_METADATA_LOAD_TYPE).as_str() {
                "NEVER" => LoadMetadataPType::Never,
                "ALWAYS" => LoadMetadataPType::Always,
                _ => LoadMetadataPType::Once,
            },
            sync_interval_ms: conf.get(key::USER_FILE_METADATA_SYNC_INTERVAL).ms(),
            access_time_updates: conf.get(key::MASTER_FILE_ACCESS_TIME_UPDATER_ENABLED),
            access_time_precision_ms: conf.get(key::MASTER_FILE_ACCESS_TIME_UPDATE_PRECISION).ms(),
            access_time_flush: span(
                conf.get(key::MASTER_FILE_ACCESS_TIME_JOURNAL_FLUSH_INTERVAL),
                Duration::from_secs(3600),
            ),
            ttl_interval: span(conf.get(key::MASTER_TTL_CHECKER_INTERVAL), Duration::from_secs(3600)),
            absent_capacity: conf.get(key::MASTER_UFS_PATH_CACHE_CAPACITY).max(0) as usize,
            loaded_block_size: i64::try_from(conf.get(key::USER_BLOCK_SIZE_BYTES_DEFAULT))
                .unwrap_or(i64::MAX),
            persist_blacklist: conf.opt(key::MASTER_PERSISTENCE_BLACKLIST).unwrap_or_default(),
            persist_initial_wait_ms: conf.get(key::USER_FILE_PERSISTENCE_INITIAL_WAIT_TIME).ms(),
            persist_interval: span(
                conf.get(key::MASTER_PERSISTENCE_SCHEDULER_INTERVAL),
                Duration::from_secs(1),
            ),
            persist_initial_retry: span(
                conf.get(key::MASTER_PERSISTENCE_INITIAL_INTERVAL),
                Duration::from_secs(1),
            ),
            persist_max_retry: span(
                conf.get(key::MASTER_PERSISTENCE_MAX_INTERVAL),
                Duration::from_secs(3600),
            ),
            persist_max_total: span(
                conf.get(key::MASTER_PERSISTENCE_MAX_TOTAL_WAIT_TIME),
                Duration::from_secs(24 * 3600),
            ),
            lost_interval: span(
                conf.get(key::MASTER_LOST_WORKER_FILE_DETECTION_INTERVAL),
                Duration::from_secs(300),
            ),
            replication_interval: span(
                conf.get(key::MASTER_REPLICATION_CHECK_INTERVAL),
                Duration::from_secs(60),
            ),
            list_batch: conf
                .get(key::MASTER_FILESYSTEM_LISTSTATUS_RESULT_MESSAGE_LENGTH)
                .clamp(1, LARGEST_LIST_BATCH) as usize,
            inherit_owner: conf.get(key::MASTER_METASTORE_INODE_INHERIT_OWNER_AND_GROUP),
            owner_may_differ: conf.get(key::UNDERFS_ALLOW_SET_OWNER_FAILURE),
        }
    }
}

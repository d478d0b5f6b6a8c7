//! What the worker needs of the configuration, read once at start.

use crate::store::{
    AllocatorKind, BackOff, DirSpec, Layout, ManageOptions, OrderKind, StoreOptions, TierSpec,
};
use alluxio_conf::{ConfError, Configuration, KeyName, Source, Span, key};
use std::{
    path::{Component, Path},
    time::Duration,
};
use tokio::sync::Semaphore;

/// How long a client may take nothing of a read that has data for it. Longer than the three minutes after
/// which Java clients give a read up themselves (`alluxio.user.streaming.data.read.timeout`).
const STALLED_READER: Duration = Duration::from_secs(5 * 60);

/// For the first request of a stream: clients send it with the call.
const FIRST_REQUEST: Duration = Duration::from_secs(30);

/// For writing one file for the leader, beside the time its bytes take on a slow store. An under storage that answers at all is
/// through with creating and closing a file sooner.
const PERSIST_LIMIT: Duration = Duration::from_secs(10 * 60);

/// A leader is back, or replaced, sooner than this; one that is gone for good must not hold a shutdown.
const SILENT_MASTER: Duration = Duration::from_secs(10);

/// A read's chunk is in memory as a whole, and its length is sent in four bytes.
const LARGEST_CHUNK: usize = 1 << 30;

/// Where a duration property says "forever" but something has to end.
const LONG: Duration = Duration::from_secs(365 * 24 * 3600);

/// See the module.
#[derive(Debug, Clone)]
pub struct Settings {
    pub layout: Layout,
    pub store: StoreOptions,
    pub manage: ManageOptions,
    pub check_folders: bool,
    pub read_chunk_limit: usize,
    /// Bytes of one read that wait for its client.
    pub read_ahead: usize,
    pub stalled_reader: Duration,
    pub first_request: Duration,
    pub most_readers: usize,
    pub most_writers: usize,
    pub cache_queue: usize,
    pub cache_workers: usize,
    pub heartbeat_interval: Duration,
    /// Changes told in one heartbeat.
    pub report_limit: usize,
    /// Whether it registers in batches.
    pub register_stream: bool,
    pub register_batch: usize,
    pub register_deadline: Duration,
    /// Whether masters that stand by are told what the leader is told.
    pub all_masters: bool,
    pub lease_enabled: bool,
    pub lease_sleep_min: Duration,
    pub lease_sleep_max: Duration,
    /// How long a commit is retried while no master answers.
    pub master_patience: Duration,
    pub shutdown_patience: Duration,
    pub persist_limit: Duration,
    /// How long a shutdown bears with a master that does not answer.
    pub silent_master: Duration,
}

impl Settings {
    pub fn of(conf: &Configuration, name: String) -> Result<Settings, ConfError> {
        let count = |value: i64| usize::try_from(value).unwrap_or(usize::MAX);
        let permits = |value: i64| count(value).min(Semaphore::MAX_PERMITS);
        let span = |value: Span| value.duration().unwrap_or(LONG);
        if let Some(warning) = other_block_store(conf) {
            tracing::warn!("{warning}");
        }
        Ok(Settings {
            layout: layout(conf)?,
            store: StoreOptions {
                order: order(conf),
                allocator: allocator(conf),
                name,
                free_space_timeout: span(conf.get(key::WORKER_FREE_SPACE_TIMEOUT)),
                evict_not_persisted: conf.get(key::WORKER_EVICT_UNPERSISTED_ENABLED),
                quarantine: span(conf.get(key::WORKER_UNKNOWN_BLOCK_QUARANTINE_TIME)),
                ..StoreOptions::default()
            },
            manage: manage(conf),
            check_folders: conf.get(key::WORKER_STORAGE_CHECKER_ENABLED),
            read_chunk_limit: bytes(conf.get(key::WORKER_NETWORK_READER_MAX_CHUNK_SIZE_BYTES))
                .clamp(1, LARGEST_CHUNK),
            read_ahead: bytes(conf.get(key::WORKER_NETWORK_READER_BUFFER_SIZE)),
            stalled_reader: STALLED_READER,
            first_request: FIRST_REQUEST,
            most_readers: permits(conf.get(key::WORKER_NETWORK_BLOCK_READER_THREADS_MAX)),
            most_writers: permits(conf.get(key::WORKER_NETWORK_BLOCK_WRITER_THREADS_MAX)),
            cache_queue: permits(conf.get(key::WORKER_NETWORK_ASYNC_CACHE_MANAGER_QUEUE_MAX)),
            cache_workers: permits(conf.get(key::WORKER_NETWORK_ASYNC_CACHE_MANAGER_THREADS_MAX)),
            heartbeat_interval: span(conf.get(key::WORKER_BLOCK_HEARTBEAT_INTERVAL)),
            report_limit: count(conf.get(key::WORKER_BLOCK_HEARTBEAT_REPORT_SIZE_THRESHOLD)).max(1),
            register_stream: conf.get(key::WORKER_REGISTER_STREAM_ENABLED),
            register_batch: count(conf.get(key::WORKER_REGISTER_STREAM_BATCH_SIZE)),
            register_deadline: span(conf.get(key::WORKER_REGISTER_STREAM_DEADLINE)),
            all_masters: all_masters(conf),
            lease_enabled: conf.get(key::WORKER_REGISTER_LEASE_ENABLED),
            lease_sleep_min: span(conf.get(key::WORKER_REGISTER_LEASE_RETRY_SLEEP_MIN)),
            lease_sleep_max: span(conf.get(key::WORKER_REGISTER_LEASE_RETRY_SLEEP_MAX)),
            master_patience: span(conf.get(key::WORKER_MASTER_CONNECT_RETRY_TIMEOUT)),
            silent_master: SILENT_MASTER,
            persist_limit: PERSIST_LIMIT,
            shutdown_patience: span(conf.get(key::WORKER_SHUTDOWN_PERSIST_TIMEOUT)),
        })
    }
}

/// The original's default is false. Here it costs little and saves the wait after a take-over: it is done unless
/// somebody said no.
fn all_masters(conf: &Configuration) -> bool {
    let key = key::WORKER_REGISTER_TO_ALL_MASTERS;
    conf.source_of(key.name()) == Source::Default || conf.get(key)
}

fn manage(conf: &Configuration) -> ManageOptions {
    let count = |value: i64| usize::try_from(value).unwrap_or(0);
    let threads = count(conf.get(key::WORKER_MANAGEMENT_TASK_THREAD_COUNT));
    let transfers = count(conf.get(key::WORKER_MANAGEMENT_BLOCK_TRANSFER_CONCURRENCY_LIMIT));
    ManageOptions {
        align: conf.get(key::WORKER_MANAGEMENT_TIER_ALIGN_ENABLED),
        promote: conf.get(key::WORKER_MANAGEMENT_TIER_PROMOTE_ENABLED),
        align_range: count(conf.get(key::WORKER_MANAGEMENT_TIER_ALIGN_RANGE)),
        promote_range: count(conf.get(key::WORKER_MANAGEMENT_TIER_PROMOTE_RANGE)),
        promote_quota_percent: conf.get(key::WORKER_MANAGEMENT_TIER_PROMOTE_QUOTA_PERCENT).clamp(0, 100)
            as u64,
        back_off: match conf.get(key::WORKER_MANAGEMENT_BACKOFF_STRATEGY).as_str() {
            "DIRECTORY" => BackOff::Directory,
            _ => BackOff::Any,
        },
        cool_down: conf.get(key::WORKER_MANAGEMENT_LOAD_DETECTION_COOL_DOWN_TIME).duration().unwrap_or(LONG),
        at_once: threads.min(transfers).max(1),
    }
}

fn bytes(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn layout(conf: &Configuration) -> Result<Layout, ConfError> {
    let tiers = conf.tiers()?.into_iter().map(|tier| TierSpec {
        alias: tier.alias,
        high_watermark: tier.high_watermark,
        low_watermark: tier.low_watermark,
        dirs: tier
            .dirs
            .into_iter()
            .map(|dir| DirSpec { path: dir.path, medium: dir.medium, quota: dir.quota })
            .collect(),
    });
    let mut layout = Layout::new(tiers.collect());
    layout.data_folder = conf.get(key::WORKER_DATA_FOLDER);
    layout.tmp_folder = below("alluxio.worker.data.folder.tmp", &conf.get(key::WORKER_DATA_FOLDER_TMP))?;
    layout.tmp_subdirs = u64::try_from(conf.get(key::WORKER_DATA_TMP_SUBDIR_MAX)).unwrap_or(1).max(1);
    if conf.get(key::WORKER_MANAGEMENT_TIER_ALIGN_ENABLED) {
        layout.swap_reserve = conf.get(key::WORKER_MANAGEMENT_TIER_ALIGN_RESERVED_BYTES);
    }
    layout.swap_restore = conf.get(key::WORKER_MANAGEMENT_TIER_SWAP_RESTORE_ENABLED);
    layout.folder_mode = mode(&conf.get(key::WORKER_DATA_FOLDER_PERMISSIONS))?;
    Ok(layout)
}

/// What to say when blocks are asked to be kept in another way than they are.
fn other_block_store(conf: &Configuration) -> Option<String> {
    let kind = conf.get(key::WORKER_BLOCK_STORE_TYPE);
    (kind != "FILE").then(|| {
        format!(
            "alluxio.worker.block.store.type={kind} has no effect: blocks are kept whole, as files in the tiers of \
             alluxio.worker.tieredstore.*; alluxio.worker.page.store.* is not used"
        )
    })
}

/// A folder that is truly inside another one, whatever slashes are around its name (as in Java). The folder of
/// unfinished blocks is emptied at every start: it must not be the one around it or one elsewhere.
fn below(key: &str, folder: &str) -> Result<String, ConfError> {
    let name = folder.trim_matches('/');
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !inside {
        return Err(ConfError::Conflict(format!(
            "{key}={folder}: a folder inside alluxio.worker.data.folder is needed, such as .tmp_blocks"
        )));
    }
    Ok(name.to_owned())
}

/// `rwxr-xr-x` as bits.
fn mode(text: &str) -> Result<u32, ConfError> {
    let flags = text.as_bytes();
    let valid = flags.len() == 9
        && flags.iter().enumerate().all(|(index, flag)| *flag == b'-' || *flag == b"rwx"[index % 3]);
    if !valid {
        return Err(ConfError::Conflict(format!(
            "alluxio.worker.data.folder.permissions={text}: nine characters like rwxr-xr-x are needed"
        )));
    }
    Ok(flags.iter().fold(0, |bits, flag| bits << 1 | u32::from(*flag != b'-')))
}

/// The original's class names decide by their last word; an unknown one gets the default.
fn allocator(conf: &Configuration) -> AllocatorKind {
    let class = conf.get(key::WORKER_ALLOCATOR_CLASS);
    match class.rsplit('.').next().unwrap_or_default() {
        "RoundRobinAllocator" => AllocatorKind::RoundRobin,
        "GreedyAllocator" => AllocatorKind::Greedy,
        "MaxFreeAllocator" => AllocatorKind::MaxFree,
        other => {
            tracing::warn!(class = other, "unknown alluxio.worker.allocator.class; MaxFreeAllocator is used");
            AllocatorKind::MaxFree
        }
    }
}

fn order(conf: &Configuration) -> OrderKind {
    let class = conf.get(key::WORKER_BLOCK_ANNOTATOR_CLASS);
    match class.rsplit('.').next().unwrap_or_default() {
        "LRFUAnnotator" => OrderKind::Lrfu {
            step: conf.get(key::WORKER_BLOCK_ANNOTATOR_LRFU_STEP_FACTOR),
            attenuation: conf.get(key::WORKER_BLOCK_ANNOTATOR_LRFU_ATTENUATION_FACTOR),
        },
        "LRUAnnotator" => OrderKind::Lru,
        other => {
            tracing::warn!(
                class = other,
                "unknown alluxio.worker.block.annotator.class; LRUAnnotator is used"
            );
            OrderKind::Lru
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_make_one_memory_tier() {
        let settings = Settings::of(&Configuration::defaults(), "w".into()).unwrap();
        let tier = &settings.layout.tiers[0];
        assert_eq!((tier.alias.as_str(), tier.dirs.len()), ("MEM", 1));
        let root = settings.layout.blocks_root(&tier.dirs[0]);
        assert_eq!(root, std::path::Path::new("/mnt/ramdisk/alluxioworker"));
        assert_eq!(settings.layout.folder_mode, 0o777);
        assert_eq!(settings.heartbeat_interval, Duration::from_secs(1));
    }

    #[test]
    fn exchanges_get_room_only_where_there_are_tiers() {
        let two = [
            ("alluxio.worker.tieredstore.levels", "2"),
            ("alluxio.worker.tieredstore.level1.alias", "SSD"),
            ("alluxio.worker.tieredstore.level1.dirs.path", "/ssd"),
            ("alluxio.worker.tieredstore.level1.dirs.quota", "1TB"),
        ];
        let reserve = |more: &[(&str, &str)]| {
            let conf = Configuration::defaults().with(more).unwrap();
            Settings::of(&conf, "w".into()).unwrap().layout.reserve_of(100 << 30)
        };
        assert_eq!(reserve(&[]), 0);
        assert_eq!(reserve(&two), 1 << 30);
        let off = [&two[..], &[("alluxio.worker.management.tier.align.enabled", "false")]].concat();
        assert_eq!(reserve(&off), 0);
        let small = Settings::of(&Configuration::defaults().with(&two).unwrap(), "w".into()).unwrap().layout;
        assert_eq!(small.reserve_of(1 << 30), 1 << 28, "a folder must still take blocks");
    }

    #[test]
    fn permissions_are_read_or_refused() {
        assert_eq!(mode("rwxr-x---").unwrap(), 0o750);
        assert!(mode("755").is_err());
        assert!(mode("wrxrwxrwx").is_err());
    }

    #[test]
    fn the_folder_that_is_emptied_at_start_lies_inside_the_data_folder() {
        let of = |folder: &str| {
            let conf = Configuration::defaults().with(&[("alluxio.worker.data.folder.tmp", folder)]).unwrap();
            let layout = Settings::of(&conf, "w".into())?.layout;
            Ok::<_, ConfError>(layout.temp_root(&layout.tiers[0].dirs[0]))
        };
        for folder in ["/tmp", "tmp/", "tmp"] {
            assert_eq!(of(folder).unwrap(), Path::new("/mnt/ramdisk/alluxioworker/tmp"));
        }
        for folder in ["/", "..", "a/../../b"] {
            assert!(of(folder).unwrap_err().to_string().contains("alluxio.worker.data.folder.tmp"));
        }
        assert!(below("k", "").is_err());
    }

    #[test]
    fn numbers_beyond_all_measure_are_taken_as_much() {
        let most = i64::MAX.to_string();
        let conf = Configuration::defaults()
            .with(&[
                ("alluxio.worker.network.block.reader.threads.max", most.as_str()),
                ("alluxio.worker.network.reader.max.chunk.size.bytes", "8GB"),
            ])
            .unwrap();
        let settings = Settings::of(&conf, "w".into()).unwrap();
        assert_eq!(settings.read_chunk_limit, LARGEST_CHUNK);
        // Panics on more than it can count.
        crate::streams::Admission::new(settings.most_readers, settings.most_writers);
    }

    #[test]
    fn the_page_store_is_not_silently_another_one() {
        assert_eq!(other_block_store(&Configuration::defaults()), None);
        let conf = Configuration::defaults().with(&[("alluxio.worker.block.store.type", "PAGE")]).unwrap();
        let warning = other_block_store(&conf).unwrap();
        assert!(
            warning.contains("alluxio.worker.block.store.type=PAGE") && !warning.contains('\n'),
            "{warning}"
        );
    }

    #[test]
    fn classes_choose_policies() {
        let conf = Configuration::defaults()
            .with(&[
                ("alluxio.worker.allocator.class", "alluxio.worker.block.allocator.GreedyAllocator"),
                ("alluxio.worker.block.annotator.class", "alluxio.worker.block.annotator.LRFUAnnotator"),
            ])
            .unwrap();
        assert_eq!(allocator(&conf), AllocatorKind::Greedy);
        assert_eq!(order(&conf), OrderKind::Lrfu { step: 0.25, attenuation: 2.0 });
    }
}

//! What options say when the caller does not: the Java client's rules, from the configuration.

use alluxio_conf::{Configuration, Source, key};
use alluxio_fs::Mode;
use alluxio_proto::grpc::{
    PMode, TtlAction,
    file::{
        CreateDirectoryPOptions, CreateFilePOptions, FileSystemMasterCommonPOptions, LoadMetadataPType,
        ReadPType, WritePType,
    },
};

/// Times, TTL and sync interval that go with most calls.
pub(crate) fn common(conf: &Configuration) -> FileSystemMasterCommonPOptions {
    let ttl_action = conf.get(key::USER_FILE_CREATE_TTL_ACTION);
    FileSystemMasterCommonPOptions {
        // Absent, the master uses its own.
        sync_interval_ms: (conf.source_of("alluxio.user.file.metadata.sync.interval") != Source::Default)
            .then(|| conf.get(key::USER_FILE_METADATA_SYNC_INTERVAL).ms()),
        ttl: Some(conf.get(key::USER_FILE_CREATE_TTL).ms()),
        ttl_action: TtlAction::from_str_name(&ttl_action).map(Into::into),
        operation_id: None,
    }
}

pub(crate) fn write_type(conf: &Configuration) -> WritePType {
    let name = conf.get(key::USER_FILE_WRITETYPE_DEFAULT);
    WritePType::from_str_name(&name).unwrap_or(WritePType::AsyncThrough)
}

pub(crate) fn read_type(conf: &Configuration) -> ReadPType {
    let name = conf.get(key::USER_FILE_READTYPE_DEFAULT);
    ReadPType::from_str_name(&name).unwrap_or(ReadPType::Cache)
}

pub(crate) fn load_metadata(conf: &Configuration) -> LoadMetadataPType {
    let name = conf.get(key::USER_FILE_METADATA_LOAD_TYPE);
    LoadMetadataPType::from_str_name(&name).unwrap_or(LoadMetadataPType::Once)
}

/// `full` without what the configured umask takes away.
fn mode(conf: &Configuration, full: u16) -> PMode {
    let umask = Mode::parse_octal(&conf.get(key::SECURITY_AUTHORIZATION_PERMISSION_UMASK));
    Mode::new(full).masked_by(umask.unwrap_or(Mode::new(0o022))).to_wire()
}

pub(crate) fn fill_create_file(options: &mut CreateFilePOptions, conf: &Configuration) {
    let block_size = conf.get(key::USER_BLOCK_SIZE_BYTES_DEFAULT);
    options.block_size_bytes.get_or_insert(i64::try_from(block_size).unwrap_or(i64::MAX));
    options.recursive.get_or_insert(true);
    options.mode.get_or_insert_with(|| mode(conf, 0o666));
    options.replication_durable.get_or_insert_with(|| int(conf.get(key::USER_FILE_REPLICATION_DURABLE)));
    options.replication_max.get_or_insert_with(|| int(conf.get(key::USER_FILE_REPLICATION_MAX)));
    options.replication_min.get_or_insert_with(|| int(conf.get(key::USER_FILE_REPLICATION_MIN)));
    options.write_tier.get_or_insert_with(|| int(conf.get(key::USER_FILE_WRITE_TIER_DEFAULT)));
    options.write_type.get_or_insert_with(|| write_type(conf).into());
    options
        .persistence_wait_time
        .get_or_insert_with(|| conf.get(key::USER_FILE_PERSISTENCE_INITIAL_WAIT_TIME).ms());
    options.common_options.get_or_insert_with(|| common(conf));
}

pub(crate) fn fill_create_directory(options: &mut CreateDirectoryPOptions, conf: &Configuration) {
    options.mode.get_or_insert_with(|| mode(conf, 0o777));
    options.write_type.get_or_insert_with(|| write_type(conf).into());
    options.common_options.get_or_insert_with(|| common(conf));
}

/// The configuration checks the ranges of these.
fn int(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_says_stays() {
        let conf = Configuration::defaults();
        let mut options = CreateFilePOptions { block_size_bytes: Some(7), ..Default::default() };
        options.set_write_type(WritePType::Through);
        fill_create_file(&mut options, &conf);
        assert_eq!(options.block_size_bytes(), 7);
        assert_eq!(options.write_type(), WritePType::Through);
    }

    /// As captured from a Java client (protocol notes, 3.3).
    #[test]
    fn what_the_caller_leaves_out_is_what_java_sends() {
        let mut options = CreateFilePOptions::default();
        fill_create_file(&mut options, &Configuration::defaults());
        assert_eq!(options.mode.map(|mode| Mode::from_wire(&mode)), Some(Mode::new(0o644)));
        assert_eq!((options.replication_max(), options.replication_min()), (-1, 0));
        assert_eq!((options.replication_durable(), options.write_tier()), (1, 0));
        assert_eq!(options.persistence_wait_time(), 0);
        let common = options.common_options.unwrap();
        assert_eq!((common.ttl(), common.ttl_action()), (-1, TtlAction::Free));
        assert_eq!(common.sync_interval_ms, None);
    }

    #[test]
    fn a_sync_interval_that_was_set_is_sent() {
        let conf =
            Configuration::defaults().with(&[("alluxio.user.file.metadata.sync.interval", "0")]).unwrap();
        assert_eq!(common(&conf).sync_interval_ms, Some(0));
    }
}

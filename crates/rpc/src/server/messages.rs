//! How large a request a service takes.

use alluxio_proto::{
    grpc::{
        block::{
            block_master_client_service_server::BlockMasterClientServiceServer,
            block_master_worker_service_server::BlockMasterWorkerServiceServer,
            block_worker_server::BlockWorkerServer,
        },
        file::{
            file_system_master_client_service_server::FileSystemMasterClientServiceServer,
            file_system_master_job_service_server::FileSystemMasterJobServiceServer,
            file_system_master_worker_service_server::FileSystemMasterWorkerServiceServer,
        },
        job::{
            job_master_client_service_server::JobMasterClientServiceServer,
            job_master_master_service_server::JobMasterMasterServiceServer,
            job_master_worker_service_server::JobMasterWorkerServiceServer,
        },
        journal::journal_master_client_service_server::JournalMasterClientServiceServer,
        meta::{
            meta_master_client_service_server::MetaMasterClientServiceServer,
            meta_master_configuration_service_server::MetaMasterConfigurationServiceServer,
            meta_master_master_service_server::MetaMasterMasterServiceServer,
            meta_master_proxy_service_server::MetaMasterProxyServiceServer,
        },
        metric::metrics_master_client_service_server::MetricsMasterClientServiceServer,
    },
    own::{
        backup_delegation_server::BackupDelegationServer, coordination_server::CoordinationServer,
        journal_feed_server::JournalFeedServer, worker_reports_server::WorkerReportsServer,
    },
};

/// A server whose decoding limit can be set. tonic sets it on each generated server by itself; this
/// makes it part of adding the service, so that none is forgotten at tonic's own 4 MB.
pub trait MessageLimits {
    /// Refuses requests that decode to more than `bytes`.
    #[must_use]
    fn limit_messages(self, bytes: usize) -> Self;
}

macro_rules! generated {
    ($($server:ident),* $(,)?) => {$(
        impl<T> MessageLimits for $server<T> {
            fn limit_messages(self, bytes: usize) -> Self {
                self.max_decoding_message_size(bytes)
            }
        }
    )*};
}

generated!(
    BackupDelegationServer,
    BlockMasterClientServiceServer,
    BlockMasterWorkerServiceServer,
    BlockWorkerServer,
    CoordinationServer,
    FileSystemMasterClientServiceServer,
    FileSystemMasterJobServiceServer,
    FileSystemMasterWorkerServiceServer,
    JobMasterClientServiceServer,
    JobMasterMasterServiceServer,
    JobMasterWorkerServiceServer,
    JournalFeedServer,
    JournalMasterClientServiceServer,
    MetaMasterClientServiceServer,
    MetaMasterConfigurationServiceServer,
    MetaMasterMasterServiceServer,
    MetaMasterProxyServiceServer,
    MetricsMasterClientServiceServer,
    WorkerReportsServer,
);

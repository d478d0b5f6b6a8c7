//! The generated clients, with the number of their service and our message size.

use alluxio_proto::{
    grpc::{
        block::{
            block_master_client_service_client::BlockMasterClientServiceClient,
            block_master_worker_service_client::BlockMasterWorkerServiceClient,
        },
        file::{
            file_system_master_client_service_client::FileSystemMasterClientServiceClient,
            file_system_master_worker_service_client::FileSystemMasterWorkerServiceClient,
        },
        meta::{
            meta_master_client_service_client::MetaMasterClientServiceClient,
            meta_master_configuration_service_client::MetaMasterConfigurationServiceClient,
        },
        metric::metrics_master_client_service_client::MetricsMasterClientServiceClient,
    },
    own::{coordination_client::CoordinationClient, worker_reports_client},
};
use alluxio_rpc::{ServiceType, SessionChannel};
use worker_reports_client::WorkerReportsClient as WorkerReportsStub;

/// How to make the generated client `C` from a channel.
pub(crate) struct Stub<C> {
    pub service: ServiceType,
    pub make: fn(SessionChannel) -> C,
}

macro_rules! stubs {
    ($($(#[$doc:meta])* $name:ident: $client:ident by $service:ident;)*) => {$(
        $(#[$doc])*
        pub(crate) const $name: Stub<$client<SessionChannel>> = Stub {
            service: ServiceType::$service,
            make: |channel| {
                let limit = channel.max_message();
                $client::new(channel).max_decoding_message_size(limit)
            },
        };
    )*};
}

stubs! {
    FILES: FileSystemMasterClientServiceClient by FileSystemMasterClientService;
    WORKER_FILES: FileSystemMasterWorkerServiceClient by FileSystemMasterWorkerService;
    BLOCKS: BlockMasterClientServiceClient by BlockMasterClientService;
    WORKER_BLOCKS: BlockMasterWorkerServiceClient by BlockMasterWorkerService;
    CONFIGURATION: MetaMasterConfigurationServiceClient by MetaMasterConfigService;
    META: MetaMasterClientServiceClient by MetaMasterClientService;
    METRICS: MetricsMasterClientServiceClient by MetricsMasterClientService;
    /// Ours has no number: it goes over the channel of the service beside which it is served.
    COORDINATION: CoordinationClient by BlockMasterWorkerService;
    /// The same. It needs no session, which standbys do not open, so it goes by the service that needs none.
    REPORTS: WorkerReportsStub by MetaMasterConfigService;
}

//! The version that each service reports and that clients demand exactly (read from Alluxio 2.9).

use alluxio_proto::grpc::version::ServiceType;

/// What `getServiceVersion` answers for a service whose version nobody checks.
pub(crate) const UNVERSIONED: i64 = -1;

/// The version of a service in Alluxio 2.9; a Java client refuses any other number.
pub fn version_of(service: ServiceType) -> i64 {
    use ServiceType as T;
    match service {
        T::FileSystemMasterClientService
        | T::FileSystemMasterWorkerService
        | T::FileSystemMasterJobService
        | T::BlockMasterClientService
        | T::BlockMasterWorkerService
        | T::MetaMasterConfigService
        | T::MetaMasterClientService
        | T::MetricsMasterClientService => 2,
        T::MetaMasterMasterService
        | T::MetaMasterProxyService
        | T::JobMasterClientService
        | T::JobMasterWorkerService
        | T::JobMasterMasterService
        | T::JournalMasterClientService
        | T::TableMasterClientService
        | T::RaftJournalService
        | T::BlockWorkerClientService => 1,
        T::MetaMasterBackupMessagingService | T::UnknownService => UNVERSIONED,
    }
}

/// Served without a session, because clients ask it before they know how to authenticate.
pub(crate) fn is_open(service: ServiceType) -> bool {
    service == ServiceType::MetaMasterConfigService
}

//! Which services a leading master offers, and which tasks run beside them.

use std::{collections::BTreeMap, sync::Arc};

use alluxio_conf::{Configuration, key};
use alluxio_proto::{
    grpc::{
        block::{
            block_master_client_service_server::BlockMasterClientServiceServer,
            block_master_worker_service_server::BlockMasterWorkerServiceServer,
        },
        file::{
            MountPointInfo, file_system_master_client_service_server::FileSystemMasterClientServiceServer,
            file_system_master_job_service_server::FileSystemMasterJobServiceServer,
            file_system_master_worker_service_server::FileSystemMasterWorkerServiceServer,
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
        journal_feed_server::JournalFeedServer,
    },
};
use alluxio_rpc::{RpcServer, ServiceType, version_of};
use alluxio_telemetry::metrics::Metrics;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::raise::Raising;
use crate::{
    backup::{BackupDelegationService, Backups, run_daily},
    block::{BlockClientService, BlockMaster, BlockWorkerService, CoordinationService},
    checkpoint::Checkpointer,
    feed::JournalFeedService,
    fs::{FileSystemClientService, FileSystemJobService, FileSystemMaster, FileSystemWorkerService},
    mandate::Mandate,
    meta::{
        ClusterConfiguration, ClusterMetrics, ConfigurationService, JournalService, MasterFacts,
        MasterPeersService, MetaClientService, MetricsService, Peers, ProxyPeersService, is_compared,
    },
    namespace::Namespace,
    web::{InfoSources, MasterWeb, MountSource, PageSources},
};

/// What services and tasks are made of.
pub(super) struct Parts {
    pub conf: Configuration,
    pub facts: Arc<MasterFacts>,
    pub namespace: Arc<Namespace>,
    pub blocks: Arc<BlockMaster>,
    pub fs: Arc<FileSystemMaster>,
    pub checkpointer: Arc<Checkpointer>,
    pub backups: Arc<Backups>,
    pub standbys: Arc<Peers>,
    /// `host:port` of this master.
    pub address: String,
    pub mandate: Mandate,
    pub metrics: Metrics,
}

/// The masters that stand by, as they tell it.
pub(super) fn standbys(conf: &Configuration) -> Arc<Peers> {
    Arc::new(Peers::new(
        conf.get(key::MASTER_HEARTBEAT_TIMEOUT).duration(),
        conf.get(key::MASTER_LOST_WORKER_DELETION_TIMEOUT).duration(),
    ))
}

pub(super) fn register(parts: &Parts, server: RpcServer, web: &MasterWeb) -> RpcServer {
    use ServiceType as Type;
    let Parts { conf, facts, namespace, blocks, fs, checkpointer, backups, standbys, metrics, .. } = parts;
    let configuration = Arc::new(ClusterConfiguration::new(conf.clone()));
    let cluster_metrics = Arc::new(ClusterMetrics::new(metrics.clone()));
    let proxies = Arc::new(Peers::new(
        conf.get(key::MASTER_PROXY_TIMEOUT).duration(),
        conf.get(key::MASTER_LOST_PROXY_DELETION_TIMEOUT).duration(),
    ));
    fs.register_gauges(metrics);
    namespace.register_metrics(metrics);
    blocks.register_metrics(metrics);
    let info = InfoSources {
        facts: facts.clone(),
        configuration: configuration.clone(),
        blocks: blocks.clone(),
        mounts: Arc::new(Mounts(namespace.clone())),
        hashes: checkpointer.clone(),
    };
    let pages = PageSources::new(conf, &info, fs.clone(), standbys.clone());
    web.show(info, pages);
    let meta = MetaClientService {
        facts: facts.clone(),
        configuration: configuration.clone(),
        blocks: blocks.clone(),
        checkpointer: checkpointer.clone(),
        backups: Arc::new(backups.clone()),
        standbys: standbys.clone(),
        proxies: proxies.clone(),
    };
    let list = |server: RpcServer| {
        macro_rules! services {
            ($server:expr; $($kind:expr => $service:expr),* $(,)?) => {
                $server$(.service($kind, version_of($kind), $service))*
            };
        }
        services! { server;
            Type::FileSystemMasterClientService =>
                FileSystemMasterClientServiceServer::new(FileSystemClientService::new(fs.clone())),
            Type::FileSystemMasterWorkerService =>
                FileSystemMasterWorkerServiceServer::new(FileSystemWorkerService::new(fs.clone())),
            Type::FileSystemMasterJobService =>
                FileSystemMasterJobServiceServer::new(FileSystemJobService::new(fs.clone())),
            Type::BlockMasterClientService =>
                BlockMasterClientServiceServer::new(BlockClientService::new(blocks.clone())),
            Type::BlockMasterWorkerService => BlockMasterWorkerServiceServer::new(
                BlockWorkerService::new(blocks.clone(), cluster_metrics.clone(), is_compared),
            ),
            Type::MetaMasterConfigService => MetaMasterConfigurationServiceServer::new(
                ConfigurationService::new(configuration.clone(), namespace.clone()),
            ),
            Type::MetaMasterClientService => MetaMasterClientServiceServer::new(meta),
            Type::MetaMasterMasterService =>
                MetaMasterMasterServiceServer::new(MasterPeersService::new(standbys.clone())),
            Type::MetaMasterProxyService => MetaMasterProxyServiceServer::new(ProxyPeersService::new(proxies)),
            Type::MetricsMasterClientService =>
                MetricsMasterClientServiceServer::new(MetricsService::new(cluster_metrics)),
            Type::JournalMasterClientService => JournalMasterClientServiceServer::new(JournalService),
        }
    };
    let coordination = CoordinationService::new(blocks.clone(), namespace.clone());
    let feed = JournalFeedService::new(fs.clone(), namespace.clone());
    let delegation = BackupDelegationService::new(fs.clone(), namespace.clone(), backups.delegates());
    list(server)
        .unlisted(CoordinationServer::new(coordination))
        .unlisted(JournalFeedServer::new(feed))
        .unlisted(BackupDelegationServer::new(delegation))
}

pub(super) fn run_tasks(parts: &Parts, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
    let fs = &parts.fs;
    tasks.spawn(fs.clone().run_reaper(stop.clone()));
    tasks.spawn(fs.clone().run_effects(stop.clone()));
    tasks.spawn(fs.clone().run_access_times(stop.clone()));
    tasks.spawn(fs.clone().run_ttl_checker(stop.clone()));
    tasks.spawn(fs.clone().run_lost_count(stop.clone()));
    tasks.spawn(fs.clone().run_persist_scheduler(stop.clone()));
    tasks.spawn(fs.clone().run_load_jobs(stop.clone()));
    tasks.spawn(fs.clone().run_sync_tasks(stop.clone()));
    tasks.spawn(fs.clone().run_replication_check(stop.clone()));
    tasks.spawn(parts.blocks.clone().watch(stop.clone()));
    tasks.spawn(parts.checkpointer.clone().run(stop.clone()));
    let raising = Raising {
        conf: parts.conf.clone(),
        address: parts.address.clone(),
        standbys: parts.standbys.clone(),
        namespace: parts.namespace.clone(),
        mandate: parts.mandate.clone(),
    };
    tasks.spawn(raising.run(stop.clone()));
    tasks.spawn(run_daily(parts.conf.clone(), parts.backups.clone(), stop.clone()));
}

/// The mounts, for the web port.
struct Mounts(Arc<Namespace>);

impl MountSource for Mounts {
    fn mount_points(&self) -> BTreeMap<String, MountPointInfo> {
        let mounts: Vec<_> = self.0.peek(|tree| tree.mounts().iter().cloned().collect());
        mounts.iter().map(|mount| (mount.path.to_string(), crate::fs::mount_info(mount))).collect()
    }
}

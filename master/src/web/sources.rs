//! What the pages and the JSON of a serving master are made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alluxio_conf::{Configuration, key};
use alluxio_fs::FsError;
use alluxio_proto::grpc::file::MountPointInfo;
use alluxio_rpc::Caller;
use tokio::sync::Semaphore;

use super::InfoSources;
use super::pages::Loads;
use super::preview::Preview;
use crate::block::BlockOptions;
use crate::fs::{FileSystemMaster, Subject};
use crate::meta::{ConfigCheck, Peers};

/// How long a page waits for what under storages say of their space.
const FIGURES: Duration = Duration::from_secs(2);

/// Beyond what `info` needs.
pub struct PageSources {
    pub(super) fs: Arc<FileSystemMaster>,
    pub(super) standbys: Arc<Peers>,
    pub(super) preview: Preview,
    pub(super) loads: Loads,
    /// For who looks at all files: one at a time.
    pub(super) whole_looks: Semaphore,
    /// Aliases of the cluster's tiers, the fastest first.
    pub(super) tiers: Vec<String>,
    pub(super) whitelist: Vec<String>,
    pub(super) worker_web_port: i64,
    pub(super) proxy: String,
    user: String,
}

impl PageSources {
    pub fn new(
        conf: &Configuration,
        info: &InfoSources,
        fs: Arc<FileSystemMaster>,
        standbys: Arc<Peers>,
    ) -> Self {
        let host = conf.opt(key::PROXY_WEB_HOSTNAME).filter(|host| !host.is_empty());
        let host = host.unwrap_or_else(|| info.facts.host.clone());
        Self {
            fs,
            standbys,
            preview: Preview::new(conf, &info.facts),
            loads: Loads::default(),
            whole_looks: Semaphore::new(1),
            tiers: BlockOptions::from_conf(conf).tier_order,
            whitelist: conf.get(key::MASTER_WHITELIST),
            worker_web_port: conf.get(key::WORKER_WEB_PORT),
            proxy: format!("http://{host}:{}", conf.get(key::PROXY_WEB_PORT)),
            user: alluxio_rpc::login_user(conf),
        }
    }

    /// As in Alluxio 2.9, who looks at the pages sees what the user sees that runs the master.
    pub(super) async fn subject(&self) -> Result<Subject, FsError> {
        let caller = Caller { user: self.user.clone(), connection_user: self.user.clone() };
        self.fs.subject(&caller).await
    }

    /// The mounts, with their space as far as it is known in time.
    pub(super) async fn mounts(&self) -> Result<BTreeMap<String, MountPointInfo>, FsError> {
        match tokio::time::timeout(FIGURES, self.fs.mount_table(true)).await {
            Ok(mounts) => mounts,
            Err(_) => self.fs.mount_table(false).await,
        }
    }

    pub(super) fn inode_count(&self) -> usize {
        self.fs.namespace.peek(|tree| tree.inode_count())
    }
}

impl InfoSources {
    pub(super) fn config_check(&self) -> alluxio_proto::grpc::meta::ConfigCheckReport {
        ConfigCheck::of_cluster(&self.facts, &self.configuration, &self.blocks).report()
    }
}

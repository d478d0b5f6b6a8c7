//! Tests of the whole worker: it runs in this process against a master of a few lines, over real gRPC.

mod cancel;
pub mod client;
mod domain_socket;
mod fake_master;
mod fake_reports;
mod fake_services;
mod file_service;
mod original;

mod cold_reads;
mod commits_and_registration;
mod draining;
mod evicting_by_pins;
mod leaving;
mod load_queue;
mod local_blocks;
mod persisting;
mod reads;
mod small_calls;
mod standbys;
mod start;
mod web_pages;
mod web_port;
mod writes;

use crate::{settings::Settings, worker::Worker};
use alluxio_conf::Configuration;
use client::Client;
use fake_master::FakeMaster;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// A master, a worker and folders for blocks and the under storage.
pub struct Rig {
    pub master: FakeMaster,
    pub worker: Worker,
    pub client: Client,
    pub home: TempDir,
    conf: Configuration,
}

/// Enough for anything here; a test that waits longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(10);

impl Rig {
    /// The same with a second master, which stands by.
    pub async fn with_standby(more: &[(&str, &str)]) -> (Rig, FakeMaster) {
        let standby = FakeMaster::start(PathBuf::new()).await;
        standby.stand_by();
        let rig = Rig::beside(Some(&standby), 1 << 20, more, |_| {}).await;
        (rig, standby)
    }

    /// A registered worker with one memory tier of `quota` bytes.
    pub async fn new(quota: u64) -> Rig {
        Rig::with(quota, &[], |_| {}).await
    }

    pub async fn with(quota: u64, more: &[(&str, &str)], adjust: impl Fn(&mut Settings)) -> Rig {
        Rig::beside(None, quota, more, adjust).await
    }

    async fn beside(
        other: Option<&FakeMaster>,
        quota: u64,
        more: &[(&str, &str)],
        adjust: impl Fn(&mut Settings),
    ) -> Rig {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("under")).unwrap();
        let master = FakeMaster::start(home.path().join("under")).await;
        let mut conf = conf(home.path(), quota, master.port(), more);
        if let Some(other) = other {
            let both = format!("127.0.0.1:{},127.0.0.1:{}", other.port(), master.port());
            conf = conf.with(&[("alluxio.master.rpc.addresses", &both)]).unwrap();
        }
        let worker = Worker::start_adjusted(conf.clone(), None, adjust).await.unwrap();
        tokio::time::timeout(PATIENCE, worker.registered()).await.unwrap();
        let client = Client::new(worker.rpc_addr().port());
        Rig { master, worker, client, home, conf }
    }

    pub fn blocks(&self) -> PathBuf {
        self.home.path().join("mem/alluxioworker")
    }

    pub fn under(&self, name: &str) -> PathBuf {
        self.home.path().join("under").join(name)
    }

    /// The worker, and the folders to keep meanwhile.
    pub fn into_worker(self) -> (Worker, TempDir) {
        (self.worker, self.home)
    }

    /// Stops the worker as kill -9 would, without any goodbye, and starts another one on its folders.
    pub async fn restart_worker(mut self) -> Rig {
        self.worker.kill().await;
        self.worker = Worker::start(self.conf.clone()).await.unwrap();
        tokio::time::timeout(PATIENCE, self.worker.registered()).await.unwrap();
        self.client = Client::new(self.worker.rpc_addr().port());
        self
    }
}

pub fn conf(home: &Path, quota: u64, master: u16, more: &[(&str, &str)]) -> Configuration {
    let mem = home.join("mem").display().to_string();
    let (quota, master) = (quota.to_string(), master.to_string());
    let base = [
        ("alluxio.master.hostname", "127.0.0.1"),
        ("alluxio.master.rpc.port", master.as_str()),
        ("alluxio.worker.hostname", "127.0.0.1"),
        ("alluxio.worker.bind.host", "127.0.0.1"),
        ("alluxio.worker.web.bind.host", "127.0.0.1"),
        ("alluxio.worker.rpc.port", "0"),
        ("alluxio.worker.web.port", "0"),
        ("alluxio.worker.tieredstore.level0.dirs.path", mem.as_str()),
        ("alluxio.worker.tieredstore.level0.dirs.quota", quota.as_str()),
        // Evicting ahead of need would surprise tests that fill the tier.
        ("alluxio.worker.tieredstore.level0.watermark.high.ratio", "1.0"),
        ("alluxio.worker.block.heartbeat.interval", "50ms"),
        ("alluxio.worker.free.space.timeout", "1s"),
        ("alluxio.network.connection.server.shutdown.timeout", "1s"),
    ];
    Configuration::defaults().with(&base).unwrap().with(more).unwrap()
}

/// Waits until `done` holds.
pub async fn until(what: &str, done: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !done() {
        assert!(tokio::time::Instant::now() < end, "did not happen: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Bytes that tell a wrong offset.
pub fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251) as u8).collect()
}

/// A port where somebody listens and says nothing, as long as the listener lives.
pub async fn silent_port() -> (tokio::net::TcpListener, u16) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A block of the file with this container.
pub fn block(container: i64, sequence: i64) -> i64 {
    alluxio_fs::ids::block_id(container, sequence)
}

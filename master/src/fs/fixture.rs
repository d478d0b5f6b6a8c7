//! A file system master over a journal in memory and a local folder, for tests of its operations.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use alluxio_conf::Configuration;
use alluxio_fs::{AlluxioPath, FsError, ids};
use alluxio_journal::{
    Existing, Uuid,
    store::{Store, mem::MemStore},
};
use alluxio_proto::grpc::{
    WorkerNetAddress,
    file::{
        CompleteFilePOptions, CreateDirectoryPOptions, CreateFilePOptions, FileInfo,
        FileSystemMasterCommonPOptions, FsOpPId, GetStatusPOptions, ListStatusPOptions, ListStatusPResponse,
        LoadMetadataPType, WritePType,
    },
};
use alluxio_rpc::{Caller, UserAsGroup};
use alluxio_telemetry::metrics::Metrics;
use alluxio_ufs::faults::FaultyUfs;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{FileSystemMaster, Subject};
use crate::block::{BlockMaster, BlockOptions, Heartbeat, Registration};
use crate::namespace::Namespace;

/// The user that runs the master.
pub const ROOT: &str = "master-user";

/// Blocks of files in tests.
pub const BLOCK: i64 = 64;

pub struct Rig {
    pub fs: Arc<FileSystemMaster>,
    conf: Configuration,
    store: MemStore,
    folder: TempDir,
}

pub fn path(text: &str) -> AlluxioPath {
    AlluxioPath::parse(text).unwrap()
}

impl Rig {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With properties other than the defaults.
    pub async fn with(properties: &[(&str, &str)]) -> Self {
        Self::on(MemStore::new(), properties).await
    }

    /// With the journal on a store of its own kind.
    pub async fn on(store: MemStore, properties: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("root")).unwrap();
        let root = folder.path().join("root").display().to_string();
        let block = BLOCK.to_string();
        let conf = Configuration::defaults()
            .with(&[
                ("alluxio.master.mount.table.root.ufs", root.as_str()),
                ("alluxio.security.login.username", ROOT),
                ("alluxio.user.block.size.bytes.default", block.as_str()),
                ("alluxio.master.worker.connect.wait.time", "0"),
                ("alluxio.master.worker.register.lease.enabled", "false"),
            ])
            .unwrap()
            .with(properties)
            .unwrap();
        alluxio_journal::format(&store, Uuid::from_u128(7), Existing::Keep).await.unwrap();
        Self { fs: open(&conf, &store).await, conf, store, folder }
    }

    pub fn namespace(&self) -> Arc<Namespace> {
        self.fs.namespace.clone()
    }

    pub fn store(&self) -> MemStore {
        self.store.clone()
    }

    pub fn conf(&self) -> &Configuration {
        &self.conf
    }

    /// Stops as at a power failure, and starts again from what was durable.
    pub async fn crash(self) -> Self {
        let Self { fs, conf, store, folder } = self;
        let store = store.restart();
        drop(fs);
        Self { fs: open(&conf, &store).await, conf, store, folder }
    }

    /// From now on the root's under storage can be made to fail.
    pub fn faulty(&self) -> FaultyUfs {
        let place = self.fs.ufs_place_of(&AlluxioPath::root()).unwrap();
        let faulty = FaultyUfs::new(place.ufs);
        self.fs.ufs.replace(place.mount.id, Arc::new(faulty.clone()));
        faulty
    }

    pub fn hash(&self) -> u64 {
        self.fs.namespace.peek(|tree| tree.hash())
    }

    pub async fn subject(&self, user: &str) -> Subject {
        let caller = Caller { user: user.to_owned(), connection_user: user.to_owned() };
        self.fs.subject(&caller).await.unwrap()
    }

    pub async fn root(&self) -> Subject {
        self.subject(ROOT).await
    }

    /// A place beside the mounted folder.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn in_ufs(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path.trim_start_matches('/'))
    }

    pub fn ufs_has(&self, path: &str) -> bool {
        self.in_ufs(path).exists()
    }

    /// Puts a file into the under storage behind Alluxio's back, with what is above it.
    pub fn ufs_write(&self, path: &str, content: &str) {
        let file = self.in_ufs(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }

    pub fn ufs_mkdir(&self, path: &str) {
        std::fs::create_dir_all(self.in_ufs(path)).unwrap();
    }

    pub async fn status(&self, at: &str) -> Result<FileInfo, FsError> {
        self.status_with(at, None, None).await
    }

    pub async fn status_with(
        &self,
        at: &str,
        load: Option<LoadMetadataPType>,
        sync_ms: Option<i64>,
    ) -> Result<FileInfo, FsError> {
        let options = GetStatusPOptions {
            load_metadata_type: load.map(|load| load as i32),
            common_options: Some(FileSystemMasterCommonPOptions {
                sync_interval_ms: sync_ms,
                ..Default::default()
            }),
            ..Default::default()
        };
        self.fs.get_status(&self.root().await, &path(at), &options).await
    }

    /// The paths of a listing, in its order.
    pub async fn list(&self, at: &str, options: ListStatusPOptions) -> Result<Vec<String>, FsError> {
        let infos = self.list_infos(at, options).await?;
        Ok(infos.into_iter().map(|info| info.path.unwrap()).collect())
    }

    pub async fn list_infos(&self, at: &str, options: ListStatusPOptions) -> Result<Vec<FileInfo>, FsError> {
        let (sender, mut receiver) = mpsc::channel::<Result<ListStatusPResponse, tonic::Status>>(1);
        let subject = self.root().await;
        let collect = async {
            let mut all = Vec::new();
            while let Some(message) = receiver.recv().await {
                all.extend(message.unwrap().file_infos);
            }
            all
        };
        let walk = async {
            let result = self.fs.list_status(&subject, &path(at), &options, &sender).await;
            drop(sender);
            result
        };
        let (result, all) = tokio::join!(walk, collect);
        result.map(|()| all)
    }

    pub async fn mkdir(&self, at: &str, write_type: WritePType) -> Result<(), FsError> {
        let options = CreateDirectoryPOptions {
            recursive: Some(true),
            write_type: Some(write_type as i32),
            ..Default::default()
        };
        self.fs.create_directory(&self.root().await, &path(at), &options).await
    }

    pub async fn create(&self, at: &str, write_type: WritePType) -> Result<FileInfo, FsError> {
        self.fs.create_file(&self.root().await, &path(at), &create_options(write_type)).await
    }

    /// A complete file of one block on `worker`, only in Alluxio.
    pub async fn write(&self, at: &str, worker: i64, length: i64) -> Result<FileInfo, FsError> {
        self.create(at, WritePType::MustCache).await?;
        self.write_block(at, worker, length).await?;
        self.complete(at, CompleteFilePOptions::default()).await?;
        self.status(at).await
    }

    pub async fn write_block(&self, at: &str, worker: i64, length: i64) -> Result<i64, FsError> {
        let block = self.fs.new_block_id(&self.root().await, &path(at), &Default::default()).await?;
        self.fs.blocks.commit_block(worker, block, length, "MEM", "MEM", None).await?;
        Ok(block)
    }

    pub async fn complete(&self, at: &str, options: CompleteFilePOptions) -> Result<(), FsError> {
        self.fs.complete_file(&self.root().await, &path(at), &options).await
    }

    /// A complete file that was written through: `content` is in the under storage.
    pub async fn write_through(&self, at: &str, content: &str) -> Result<FileInfo, FsError> {
        self.create(at, WritePType::CacheThrough).await?;
        std::fs::write(self.in_ufs(at), content).unwrap();
        let options = CompleteFilePOptions { ufs_length: Some(content.len() as i64), ..Default::default() };
        self.complete(at, options).await?;
        self.status(at).await
    }

    /// Registers a worker without blocks.
    pub async fn worker(&self, host: &str) -> i64 {
        let address =
            WorkerNetAddress { host: Some(host.to_owned()), rpc_port: Some(29999), ..Default::default() };
        let id = self.fs.blocks.worker_id(address).unwrap();
        let facts =
            Registration { capacity: BTreeMap::from([("MEM".to_owned(), 1 << 30)]), ..Default::default() };
        let attempt = self.fs.blocks.begin_registration(id, facts).unwrap();
        self.fs.blocks.finish_registration(attempt).await.unwrap();
        id
    }

    /// The worker does what it is told: it drops blocks, and says so.
    pub async fn drop_blocks(&self, worker: i64) {
        let told = self.fs.blocks.heartbeat(worker, Heartbeat::default()).await.unwrap();
        let report = Heartbeat { removed: told.data, ..Heartbeat::default() };
        self.fs.blocks.heartbeat(worker, report).await.unwrap();
    }
}

pub fn create_options(write_type: WritePType) -> CreateFilePOptions {
    CreateFilePOptions {
        block_size_bytes: Some(BLOCK),
        recursive: Some(true),
        write_type: Some(write_type as i32),
        ..Default::default()
    }
}

pub fn with_operation(number: i64) -> Option<FileSystemMasterCommonPOptions> {
    let id = FsOpPId { most_significant_bits: Some(1), least_significant_bits: Some(number) };
    Some(FileSystemMasterCommonPOptions { operation_id: Some(id), ..Default::default() })
}

/// Of one path or, with everything below, of a directory.
pub fn recursive() -> ListStatusPOptions {
    ListStatusPOptions { recursive: Some(true), ..Default::default() }
}

pub fn modified(file: &Path, seconds: u64) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    std::fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
}

/// A complete file of so many blocks, of which no worker has one.
pub async fn large(rig: &Rig, at: &str, write_type: WritePType, blocks: usize, persist: bool) {
    let options = CreateFilePOptions { block_size_bytes: Some(1), ..create_options(write_type) };
    rig.fs.create_file(&rig.root().await, &path(at), &options).await.unwrap();
    rig.ufs_write(at, "");
    let options = CompleteFilePOptions {
        ufs_length: Some(blocks as i64),
        async_persist_options: persist.then(Default::default),
        ..Default::default()
    };
    rig.complete(at, options).await.unwrap();
}

/// How often a future is polled until it is ready: between two polls others have their turn.
pub async fn polls<T>(future: impl Future<Output = T>) -> (usize, T) {
    let mut future = std::pin::pin!(future);
    let mut count = 0;
    let output = std::future::poll_fn(|context| {
        count += 1;
        future.as_mut().poll(context)
    });
    let output = output.await;
    (count, output)
}

/// The first block of a file.
pub fn first_block(info: &FileInfo) -> i64 {
    ids::block_id(ids::container_of(info.file_id()), 0)
}

async fn open(conf: &Configuration, store: &MemStore) -> Arc<FileSystemMaster> {
    let store: Arc<dyn Store> = Arc::new(store.clone());
    let namespace = Arc::new(crate::start::open_namespace(conf, store).await.unwrap());
    let blocks = BlockMaster::new(BlockOptions::from_conf(conf), namespace.clone(), namespace.clone());
    blocks.start_serving();
    Arc::new(FileSystemMaster::new(
        conf,
        namespace,
        Arc::new(blocks),
        Arc::new(UserAsGroup),
        &Metrics::master(),
        crate::mandate::Mandate::sole(),
    ))
}

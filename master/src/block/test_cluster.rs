//! A block master over a small tree, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alluxio_fs::FsError;
use alluxio_proto::grpc::{
    BlockStoreLocationProto, CommandType, WorkerNetAddress,
    block::{BlockIdList, LocationBlockIdListEntry},
};
use async_trait::async_trait;
use parking_lot::Mutex;

use super::table::LocationTable;
use super::{BlockCommits, BlockLengths, BlockMaster, BlockOptions, Heartbeat, Registration};

/// Knows the blocks it is told of.
#[derive(Default)]
pub(super) struct TestTree {
    pub lengths: Mutex<BTreeMap<i64, Option<i64>>>,
    /// While set, nothing becomes durable.
    pub stuck: AtomicBool,
}

impl TestTree {
    pub fn add(&self, ids: impl IntoIterator<Item = i64>) {
        self.lengths.lock().extend(ids.into_iter().map(|id| (id, Some(1))));
    }

    pub fn forget(&self, id: i64) {
        self.lengths.lock().remove(&id);
    }
}

#[async_trait]
impl BlockLengths for TestTree {
    fn block_known(&self, block_id: i64) -> bool {
        self.lengths.lock().contains_key(&block_id)
    }

    fn block_length(&self, block_id: i64) -> Option<i64> {
        self.lengths.lock().get(&block_id).copied().flatten()
    }

    fn file_of(&self, block_id: i64) -> Option<i64> {
        self.block_known(block_id).then(|| alluxio_fs::ids::file_id_of_block(block_id))
    }

    async fn settled(&self, _: &[i64]) -> Result<(), FsError> {
        if self.stuck.load(Ordering::Relaxed) {
            return Err(FsError::unavailable("The journal cannot be written."));
        }
        Ok(())
    }
}

#[async_trait]
impl BlockCommits for TestTree {
    async fn commit_block(&self, block_id: i64, length: i64) -> Result<(), FsError> {
        match self.lengths.lock().get_mut(&block_id) {
            Some(known) => {
                *known = Some(length);
                Ok(())
            }
            None => Err(FsError::not_found(format!("Block {block_id} belongs to no file."))),
        }
    }
}

pub(super) struct TestCluster {
    pub tree: Arc<TestTree>,
    pub master: Arc<BlockMaster>,
}

pub(super) fn options() -> BlockOptions {
    BlockOptions {
        worker_timeout: Some(Duration::from_secs(300)),
        detection_interval: Duration::from_secs(10),
        deletion_timeout: Some(Duration::from_secs(1_800)),
        connect_wait: Duration::ZERO,
        lease: None,
        stream_timeout: Some(Duration::from_secs(600)),
        integrity_interval: Some(Duration::from_secs(3_600)),
        integrity_repair: true,
        tier_order: vec!["MEM".to_owned(), "SSD".to_owned(), "HDD".to_owned()],
        one_host: None,
    }
}

pub(super) fn address(host: &str) -> WorkerNetAddress {
    WorkerNetAddress {
        host: Some(host.to_owned()),
        rpc_port: Some(29999),
        web_port: Some(30000),
        ..Default::default()
    }
}

/// Blocks on one tier, as workers list them.
pub(super) fn listed(tier: &str, ids: impl IntoIterator<Item = i64>) -> Vec<LocationBlockIdListEntry> {
    let key =
        BlockStoreLocationProto { tier_alias: Some(tier.to_owned()), medium_type: Some(tier.to_owned()) };
    let value = BlockIdList { block_id: ids.into_iter().collect() };
    vec![LocationBlockIdListEntry { key: Some(key), value: Some(value) }]
}

impl TestCluster {
    /// Serving, and out of safe mode.
    pub fn new() -> Self {
        let cluster = Self::starting(options());
        cluster.master.start_serving();
        cluster
    }

    pub fn starting(options: BlockOptions) -> Self {
        let tree = Arc::new(TestTree::default());
        let table = LocationTable::with_shards(256);
        let master = BlockMaster::over(table, options, tree.clone(), tree.clone());
        Self { tree, master: Arc::new(master) }
    }

    pub fn id(&self, host: &str) -> i64 {
        self.master.worker_id(address(host)).unwrap()
    }

    /// Registers the worker on `host` with these blocks in memory.
    pub async fn register(&self, host: &str, ids: impl IntoIterator<Item = i64>) -> i64 {
        let id = self.id(host);
        let facts = Registration {
            capacity: BTreeMap::from([("MEM".to_owned(), 1_000), ("SSD".to_owned(), 10_000)]),
            used: BTreeMap::from([("MEM".to_owned(), 10)]),
            ..Default::default()
        };
        let attempt = self.master.begin_registration(id, facts).unwrap();
        self.master.list_blocks(&attempt, &listed("MEM", ids)).await.unwrap();
        self.master.finish_registration(attempt).await.unwrap();
        id
    }

    pub async fn commit(&self, worker: i64, block: i64) {
        self.master.commit_block(worker, block, 1, "MEM", "MEM", Some(11)).await.unwrap();
    }

    /// The command that answers a heartbeat.
    pub async fn beat(&self, worker: i64, report: Heartbeat) -> (CommandType, Vec<i64>) {
        let command = self.master.heartbeat(worker, report).await.unwrap();
        (command.command_type(), command.data)
    }

    /// The ids of the workers that a reader is sent to.
    pub fn holders(&self, block: i64) -> BTreeSet<i64> {
        let shown = self.master.locations(block);
        let ids: BTreeSet<i64> = shown.iter().map(|location| location.worker_id()).collect();
        assert_eq!(ids.len(), shown.len(), "a worker shows once");
        ids
    }

    /// Whether active workers hold nothing of the block but copies that they are to drop.
    pub fn only_to_drop(&self, block: i64) -> bool {
        let slots = self.master.slots.read();
        let copies = self.master.table.copies(block);
        copies.iter().all(|copy| {
            let shown = slots.owner(copy.slot()).is_some_and(|worker| worker.visible_address().is_some());
            !shown || copy.is_freeing()
        })
    }
}

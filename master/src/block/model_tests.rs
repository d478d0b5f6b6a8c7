//! The block master against a model: whatever workers do, readers are sent to those that hold a block.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::sweep::Pass;
use super::test_cluster::{TestCluster, listed};
use super::worker::Standing;
use super::{Heartbeat, Registration, RegistrationAttempt};

const HOSTS: usize = 4;
const BLOCKS: i64 = 10;

#[derive(Clone, Debug)]
enum Step {
    Commit(usize, i64),
    Evict(usize, i64),
    /// The worker begins to register and lists what it holds.
    Begin(usize),
    Finish(usize),
    /// The stream of the registration breaks.
    Break(usize),
    Lose(usize),
    Leave(usize),
    Delete(i64),
    /// Its copies are to go, the file stays.
    Free(i64),
    Beat(usize),
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let (host, block) = (0..HOSTS, 0..BLOCKS);
    prop_oneof![
        6 => (host.clone(), block.clone()).prop_map(|(host, block)| Step::Commit(host, block)),
        3 => (host.clone(), block.clone()).prop_map(|(host, block)| Step::Evict(host, block)),
        3 => host.clone().prop_map(Step::Begin),
        4 => host.clone().prop_map(Step::Finish),
        1 => host.clone().prop_map(Step::Break),
        1 => host.clone().prop_map(Step::Lose),
        1 => host.clone().prop_map(Step::Leave),
        1 => block.clone().prop_map(Step::Delete),
        2 => block.prop_map(Step::Free),
        3 => host.prop_map(Step::Beat),
        1 => Just(Step::Sweep),
    ]
}

/// What is true of one worker.
#[derive(Default)]
struct Worker {
    id: Option<i64>,
    active: bool,
    holds: BTreeSet<i64>,
    attempt: Option<RegistrationAttempt>,
    /// Evicted and not yet told in a heartbeat.
    unreported: Vec<i64>,
    /// Freed since it took them in: it may be told to drop them, once.
    freed: BTreeSet<i64>,
}

struct World {
    cluster: TestCluster,
    workers: Vec<Worker>,
    deleted: BTreeSet<i64>,
}

impl World {
    fn new() -> Self {
        let cluster = TestCluster::new();
        cluster.tree.add(0..BLOCKS);
        let workers = (0..HOSTS).map(|_| Worker::default()).collect();
        Self { cluster, workers, deleted: BTreeSet::new() }
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Commit(host, block) => self.commit(host, block).await,
            Step::Evict(host, block) => {
                let worker = &mut self.workers[host];
                if worker.holds.remove(&block) {
                    worker.unreported.push(block);
                    self.beat(host).await;
                }
            }
            Step::Begin(host) => self.begin(host).await,
            Step::Finish(host) => {
                if let Some(attempt) = self.workers[host].attempt.take() {
                    self.cluster.master.finish_registration(attempt).await.unwrap();
                    self.workers[host].active = true;
                }
                self.beat(host).await;
            }
            Step::Break(host) => drop(self.workers[host].attempt.take()),
            Step::Lose(host) => {
                let worker = &mut self.workers[host];
                if let Some(id) = worker.id.filter(|_| worker.active) {
                    self.cluster.master.workers.get(id).unwrap().record().standing = Standing::Lost;
                    worker.active = false;
                }
            }
            Step::Leave(host) => {
                if let Some(id) = self.workers[host].id.take() {
                    self.cluster.master.deregister(id).unwrap();
                    self.workers[host] = Worker::default();
                }
            }
            Step::Delete(block) => {
                self.deleted.insert(block);
                self.cluster.tree.forget(block);
                self.cluster.master.remove_blocks(&[block]);
            }
            Step::Free(block) => {
                self.cluster.master.remove_blocks(&[block]);
                for worker in self.workers.iter_mut().filter(|worker| worker.holds.contains(&block)) {
                    worker.freed.insert(block);
                }
            }
            Step::Beat(host) => self.beat(host).await,
            Step::Sweep => {
                self.cluster.master.sweep(Pass { requeue: true, integrity: true }).await;
            }
        }
    }

    async fn commit(&mut self, host: usize, block: i64) {
        let Some(id) = self.workers[host].id else { return };
        let outcome = self.cluster.master.commit_block(id, block, 1, "MEM", "MEM", None).await;
        assert_eq!(outcome.is_ok(), !self.deleted.contains(&block));
        if outcome.is_ok() {
            let worker = &mut self.workers[host];
            worker.holds.insert(block);
            worker.freed.remove(&block);
            // A worker does not report as removed what it holds again.
            worker.unreported.retain(|removed| *removed != block);
        }
    }

    async fn begin(&mut self, host: usize) {
        let id = self.cluster.id(&format!("w{host}"));
        let worker = &mut self.workers[host];
        // The list is older than what happens until the registration is complete.
        let list: Vec<i64> = worker.holds.iter().copied().collect();
        worker.unreported.clear();
        worker.id = Some(id);
        worker.attempt = None;
        let attempt = self.cluster.master.begin_registration(id, Registration::default()).unwrap();
        self.cluster.master.list_blocks(&attempt, &listed("MEM", list)).await.unwrap();
        worker.attempt = Some(attempt);
    }

    /// Reports evictions; drops what it is told to drop, and reports that too.
    async fn beat(&mut self, host: usize) {
        let worker = &mut self.workers[host];
        let (Some(id), true) = (worker.id, worker.active) else { return };
        let removed = std::mem::take(&mut worker.unreported);
        let (_, free) = self.cluster.beat(id, Heartbeat { removed, ..Default::default() }).await;
        for block in &free {
            let freed = self.workers[host].freed.remove(block);
            assert!(freed || self.deleted.contains(block), "block {block} is wanted");
            self.workers[host].holds.remove(block);
        }
        self.cluster.beat(id, Heartbeat { removed: free, ..Default::default() }).await;
    }

    fn check(&self) {
        for block in 0..BLOCKS {
            let mut holders = BTreeMap::new();
            for worker in self.workers.iter().filter(|worker| worker.active) {
                if let Some(id) = worker.id {
                    holders.insert(id, worker.holds.contains(&block));
                }
            }
            if self.deleted.contains(&block) {
                assert!(self.cluster.only_to_drop(block), "block {block} is deleted");
                continue;
            }
            let expected: BTreeSet<i64> =
                holders.iter().filter(|(_, holds)| **holds).map(|(id, _)| *id).collect();
            assert_eq!(self.cluster.holders(block), expected, "block {block}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn readers_are_sent_to_the_holders(steps in prop::collection::vec(step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                world.run(step).await;
                world.check();
            }
        });
    }
}

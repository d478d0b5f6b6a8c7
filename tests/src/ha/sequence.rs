//! Faults one after the other and two at a time, drawn by a seed.

use std::{fmt::Write as _, time::Duration};

use anyhow::{Context, Result};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{task::block_in_place, time::sleep};

use super::{COUNT, Fault, Rig};
use crate::{
    history::{Summary, Workload},
    links::Traffic,
    masters::{LIMIT, SESSION},
};

const FAULTS: usize = 5;
/// Of this many, the next one may begin before the last one has ended.
const AT_ONCE: usize = 2;
/// Answers that are waited for when all is well again.
const ANSWERS: usize = 60;
/// The same for reads of files whose only copy is a worker's.
const CACHED_READS: usize = 5;

/// One sequence on running masters, and what came of it.
pub struct Sequence {
    random: StdRng,
    active: Vec<Fault>,
    /// What was done, for who wants to know how it came to its end.
    told: String,
}

impl Sequence {
    /// Runs the sequence of a seed with clients at work; in the end all is healed, and checked.
    pub async fn run(rig: &mut Rig, seed: u64) -> Result<Summary> {
        let mut sequence =
            Sequence { random: StdRng::seed_from_u64(seed), active: Vec::new(), told: String::new() };
        let mut workload = rig.workload(&format!("/sequence-{seed}"), seed)?;
        let done = async {
            workload.goes_on(ANSWERS, LIMIT).await?;
            workload.reads_cached(CACHED_READS, LIMIT).await?;
            sequence.faults(rig).await?;
            sequence.recover(rig, workload).await
        };
        done.await.with_context(|| format!("seed {seed}: {}", sequence.told))
    }

    async fn faults(&mut self, rig: &mut Rig) -> Result<()> {
        for _ in 0..FAULTS {
            if self.active.len() == AT_ONCE || (!self.active.is_empty() && self.random.random_bool(0.5)) {
                self.end_one(rig)?;
            }
            let leader = block_in_place(|| rig.masters().map(|masters| masters.leader()))?;
            let fault = self.draw(leader, rig.hdfs.is_some());
            if self.active.iter().any(|active| clash(*active, fault)) {
                continue;
            }
            write!(self.told, " {fault:?}")?;
            block_in_place(|| rig.begin(fault)).with_context(|| format!("{fault:?}"))?;
            self.active.push(fault);
            sleep(SESSION.mul_f64(self.random.random_range(0.05..1.6))).await;
        }
        Ok(())
    }

    async fn recover(&mut self, rig: &mut Rig, mut workload: Workload) -> Result<Summary> {
        while !self.active.is_empty() {
            self.end_one(rig)?;
        }
        block_in_place(|| rig.masters()?.wait_for_leader())?;
        workload.goes_on(ANSWERS, LIMIT).await?;
        workload.reads_cached(CACHED_READS, LIMIT).await?;
        let summary = workload.finish().await?;
        block_in_place(|| rig.agree())?;
        Ok(summary)
    }

    fn end_one(&mut self, rig: &mut Rig) -> Result<()> {
        let fault = self.active.remove(self.random.random_range(0..self.active.len()));
        write!(self.told, " end of {fault:?}")?;
        block_in_place(|| rig.end(fault)).with_context(|| format!("the end of {fault:?}"))
    }

    /// More often than the others the leader has the trouble.
    fn draw(&mut self, leader: Option<usize>, hdfs: bool) -> Fault {
        let any = self.random.random_range(0..COUNT);
        let master = leader.filter(|_| self.random.random_bool(0.7)).unwrap_or(any);
        let cut = if self.random.random() { Traffic::Silent } else { Traffic::Refused };
        // Some are of HDFS alone, or of a mount.
        match self.random.random_range(0..14) {
            10..12 if hdfs => Fault::DataNode(any),
            12 if hdfs => Fault::NameNode,
            0 | 1 => Fault::Kill(master),
            2 => Fault::Stop(master),
            3 | 4 => Fault::Pause(master),
            5 => Fault::FromZooKeeper(master, cut),
            6 => Fault::FromClients(master, cut),
            7 => Fault::FromJournal(master),
            8 => Fault::SlowJournal(master, Duration::from_millis(self.random.random_range(10..400))),
            9 => Fault::FailingJournal(master),
            10 => Fault::FailingSync(master),
            11 => Fault::FullJournal(master),
            12 => Fault::ZooKeeper,
            _ => Fault::Nodes,
        }
    }
}

/// One fault at a time for each master: a process that waits for its journal cannot be killed, and one that is
/// stopped does not end. Where ZooKeeper is stopped, nothing is deleted in it. While it, or the NameNode, is away,
/// nobody who is started gets ready.
fn clash(active: Fault, next: Fault) -> bool {
    match (active, next) {
        (Fault::ZooKeeper, Fault::Nodes | Fault::ZooKeeper) => true,
        (Fault::ZooKeeper | Fault::NameNode, Fault::Kill(_) | Fault::Stop(_))
        | (Fault::Kill(_) | Fault::Stop(_), Fault::ZooKeeper | Fault::NameNode) => true,
        (Fault::NameNode | Fault::DataNode(_), Fault::NameNode | Fault::DataNode(_)) => true,
        _ => active.master().is_some() && active.master() == next.master(),
    }
}

impl Fault {
    fn master(self) -> Option<usize> {
        match self {
            Fault::Kill(master)
            | Fault::Stop(master)
            | Fault::Pause(master)
            | Fault::FromZooKeeper(master, _)
            | Fault::FromClients(master, _)
            | Fault::FromJournal(master)
            | Fault::SlowJournal(master, _)
            | Fault::FailingJournal(master)
            | Fault::FailingSync(master)
            | Fault::FullJournal(master) => Some(master),
            Fault::NameNode
            | Fault::DataNode(_)
            | Fault::ZooKeeperServer(_)
            | Fault::ZooKeeper
            | Fault::Nodes => None,
        }
    }
}

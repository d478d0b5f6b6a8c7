//! One fault, clients at work, and what they are to notice of it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::{task::block_in_place, time::sleep};

use super::{Fault, Rig};
use crate::{
    history::Workload,
    masters::{LIMIT, SESSION},
    waiting::wait_until,
};

/// So many are waited for before, during and after a fault.
pub const ANSWERS: usize = 60;
const CACHED_READS: usize = 5;

/// What the clients do while the fault is there.
#[derive(Clone, Copy, PartialEq)]
pub enum Meanwhile {
    /// They are answered as ever, by whom it may be.
    GoOn,
    /// Another master takes over.
    Follow,
    /// Nothing is demanded of them.
    Wait,
}

impl Rig {
    /// Alone: the fault that `fault` makes of the leader's number, for that long. What the clients were told is what one file system would have
    /// told them, they go on, and all masters end with the same tree.
    pub async fn happens(
        &mut self,
        fault: impl FnOnce(usize) -> Fault,
        long: Duration,
        meanwhile: Meanwhile,
    ) -> Result<()> {
        self.happened += 1;
        let mut workload = self.workload(&format!("/alone-{}", self.happened), 1)?;
        workload.goes_on(ANSWERS, LIMIT).await?;
        let leader = block_in_place(|| self.masters()?.wait_for_leader())?;
        let fault = fault(leader);
        self.alone(fault, leader, workload, long, meanwhile).await.with_context(|| format!("{fault:?}"))
    }

    async fn alone(
        &mut self,
        fault: Fault,
        leader: usize,
        mut workload: Workload,
        long: Duration,
        meanwhile: Meanwhile,
    ) -> Result<()> {
        let began = Instant::now();
        block_in_place(|| self.begin(fault))?;
        if meanwhile == Meanwhile::Follow {
            self.follows(leader).context("during the fault")?;
        }
        let followed = began.elapsed();
        if meanwhile != Meanwhile::Wait {
            workload.goes_on(ANSWERS, LIMIT).await.context("during the fault")?;
        }
        sleep(long).await;
        block_in_place(|| self.end(fault))?;
        let ended = began.elapsed();
        workload.goes_on(ANSWERS, LIMIT).await.context("after the fault")?;
        let worked = began.elapsed();
        let summary = workload.finish().await?;
        let checked = began.elapsed() - worked;
        ensure!(summary.calls >= 2 * ANSWERS, "{summary:?}");
        block_in_place(|| self.agree())?;
        eprintln!(
            "{fault:?}: {summary:?}; led after {followed:.1?}, ended after {ended:.1?}, {worked:.1?} at work, checked in \
             {checked:.1?}, all in {:.1?}",
            began.elapsed()
        );
        Ok(())
    }

    /// The leader sleeps for three session timeouts while clients talk to it, again and again.
    pub async fn pauses(&mut self, times: u64) -> Result<()> {
        for pause in 0..times {
            let mut workload = self.workload(&format!("/pause-{pause}"), pause)?;
            workload.goes_on(ANSWERS, LIMIT).await?;
            workload.reads_cached(CACHED_READS, LIMIT).await?;
            let leader = block_in_place(|| self.masters()?.wait_for_leader())?;
            block_in_place(|| self.begin(Fault::Pause(leader)))?;
            sleep(SESSION * 3).await;
            block_in_place(|| self.end(Fault::Pause(leader)))?;
            workload.goes_on(ANSWERS, LIMIT).await?;
            workload.reads_cached(CACHED_READS, LIMIT).await?;
            let summary = workload.finish().await.with_context(|| format!("pause {pause}"))?;
            eprintln!("pause {pause}: {summary:?}");
            block_in_place(|| self.agree())?;
        }
        Ok(())
    }

    /// Waits until another master leads.
    pub fn follows(&mut self, leader: usize) -> Result<usize> {
        let masters = self.masters()?;
        let other = || Ok(masters.leader().is_some_and(|other| other != leader));
        block_in_place(|| wait_until(LIMIT, "another master leads", other))?;
        block_in_place(|| self.masters()?.wait_for_leader())
    }
}

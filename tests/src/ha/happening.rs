//! One fault, clients at work, and what they are to notice of it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::{task::block_in_place, time::sleep};

use super::{Fault, Rig};
use crate::{masters::LIMIT, waiting::wait_until};

/// So many are waited for before, during and after a fault.
pub const ANSWERS: usize = 60;

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
    /// The fault that `fault` makes of the leader's number, for that long. What the clients were told is what one file system would have
    /// told them, they go on, and all masters end with the same tree.
    pub async fn happens(
        &mut self,
        fault: impl FnOnce(usize) -> Fault,
        long: Duration,
        meanwhile: Meanwhile,
    ) -> Result<()> {
        let began = Instant::now();
        let mut workload = self.workload("/alone", 1)?;
        workload.goes_on(ANSWERS, LIMIT).await?;
        let leader = block_in_place(|| self.masters()?.wait_for_leader())?;
        let fault = fault(leader);
        block_in_place(|| self.begin(fault))?;
        if meanwhile == Meanwhile::Follow {
            self.follows(leader).with_context(|| format!("during {fault:?}"))?;
        }
        if meanwhile != Meanwhile::Wait {
            workload.goes_on(ANSWERS, LIMIT).await.with_context(|| format!("during {fault:?}"))?;
        }
        sleep(long).await;
        block_in_place(|| self.end(fault))?;
        workload.goes_on(ANSWERS, LIMIT).await.with_context(|| format!("after {fault:?}"))?;
        let worked = began.elapsed();
        let summary = workload.finish().await?;
        let checked = began.elapsed() - worked;
        ensure!(summary.calls >= 2 * ANSWERS, "{summary:?}");
        block_in_place(|| self.agree())?;
        eprintln!(
            "{fault:?}: {summary:?}; {worked:.1?} at work, checked in {checked:.1?}, all in {:.1?}",
            began.elapsed()
        );
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

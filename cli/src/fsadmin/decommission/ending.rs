//! How it ended: the exit codes, and what a person is told.

use super::{super::worker_address::shown, waiting::Waited};
use crate::{
    error::{ExitStatus, SUCCESS},
    shell::{Outcome, Shell},
};

pub const ALL_REFUSED: ExitStatus = 1;
pub const NO_MASTER: ExitStatus = 2;
const NOT_IDLE: ExitStatus = 3;
const LOST: ExitStatus = 10;

pub fn report(shell: &Shell, waited: &Waited) -> Outcome {
    let out = &shell.out;
    out.line(format_args!("Waited {} minutes for workers to be idle", waited.time.as_secs() / 60))?;
    if !waited.busy.is_empty() {
        let busy: Vec<_> = waited.busy.iter().map(|(worker, _)| worker).collect();
        out.line(format_args!("{} workers still have not finished all their operations", shown(busy)))?;
        out.line("Look at them before you stop them, or wait longer with --wait.")?;
        for (worker, seen) in &waited.busy {
            match seen {
                Some(seen) => out.line(format_args!(
                    "Worker {worker} has Worker.ActiveOperations={}, Worker.RpcQueueLength={}",
                    seen.active, seen.queued
                ))?,
                None => out.line(format_args!("Worker {worker} has not answered"))?,
            }
        }
    }
    if !waited.lost.is_empty() {
        out.line(format_args!(
            "{} workers finished all their operations successfully:\n{}",
            waited.idle.len(),
            shown(&waited.idle)
        ))?;
        out.line(format_args!(
            "{} workers became inaccessible, so that nobody can use them; look at them all the same:\n{}",
            waited.lost.len(),
            shown(&waited.lost)
        ))?;
    }
    if !waited.busy.is_empty() {
        return Ok(NOT_IDLE);
    }
    if !waited.lost.is_empty() {
        return Ok(LOST);
    }
    out.line("All workers are successfully decommissioned and now idle: stop or restart them now.")?;
    Ok(SUCCESS)
}

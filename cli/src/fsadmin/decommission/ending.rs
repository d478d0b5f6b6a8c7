//! How it ended: the exit codes, and what a person is told.

use super::{
    super::worker_address::{WorkerAddress, shown},
    waiting::Waited,
};
use crate::{
    error::{ExitStatus, SUCCESS},
    shell::{Outcome, Shell},
};

pub const REFUSED: ExitStatus = 1;
pub const NO_MASTER: ExitStatus = 2;
const NOT_IDLE: ExitStatus = 3;
const LOST: ExitStatus = 10;

/// What is known when the waiting is over.
#[derive(Debug)]
pub struct Ending {
    pub waited: Waited,
    /// The master did not take them out.
    pub refused: Vec<WorkerAddress>,
    /// They were taken out, and the master offers them to clients again; `Err`: it does not answer.
    pub back: Result<Vec<WorkerAddress>, String>,
}

impl Ending {
    /// What needs a look first comes first.
    fn status(&self) -> ExitStatus {
        let back = self.back.as_ref().is_ok_and(|back| !back.is_empty());
        if !self.waited.busy.is_empty() || back {
            NOT_IDLE
        } else if self.back.is_err() {
            NO_MASTER
        } else if !self.refused.is_empty() {
            REFUSED
        } else if !self.waited.lost.is_empty() {
            LOST
        } else {
            SUCCESS
        }
    }

    pub fn report(&self, shell: &Shell) -> Outcome {
        let (out, waited) = (&shell.out, &self.waited);
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
        let status = self.status();
        if status == SUCCESS {
            out.line("All workers are successfully decommissioned and now idle: stop or restart them now.")?;
            return Ok(SUCCESS);
        }
        if !waited.lost.is_empty() || status != NOT_IDLE {
            out.line(format_args!(
                "{} workers finished all their operations successfully:\n{}",
                waited.idle.len(),
                shown(&waited.idle)
            ))?;
        }
        if !waited.lost.is_empty() {
            out.line(format_args!(
                "{} workers became inaccessible, so that nobody can use them; look at them all the same:\n{}",
                waited.lost.len(),
                shown(&waited.lost)
            ))?;
        }
        if !self.refused.is_empty() {
            out.line(format_args!(
                "{} workers were not taken out, the master refused them: do not stop them.\n{}",
                self.refused.len(),
                shown(&self.refused)
            ))?;
        }
        match &self.back {
            Ok(back) if back.is_empty() => {}
            Ok(back) => out.line(format_args!(
                "{} workers serve clients again: they were enabled or have registered anew, or another master has \
                 taken over, which does not know that they were taken out. Run the command again.\n{}",
                back.len(),
                shown(back)
            ))?,
            Err(error) => out.line(format_args!(
                "The master cannot tell whether they are still out of service: {error}. Run the command again before \
                 you stop them."
            ))?,
        }
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    use alluxio_conf::Configuration;

    use super::*;
    use crate::{fsadmin::SET, output::Captured};

    fn worker(host: &str) -> WorkerAddress {
        WorkerAddress { host: host.to_owned(), web_port: 1, container: None }
    }

    /// The exit code, and what was told.
    fn told(ending: &Ending) -> (ExitStatus, String) {
        let seen = Captured::default();
        let shell = Shell::new(&SET, Configuration::defaults(), seen.output());
        let status = ending.report(&shell).unwrap();
        shell.out.flush().unwrap();
        (status, seen.text())
    }

    fn idle() -> Ending {
        let waited = Waited { idle: vec![worker("idle")], ..Waited::default() };
        Ending { waited, refused: Vec::new(), back: Ok(Vec::new()) }
    }

    const DONE: &str = "All workers are successfully decommissioned";

    #[test]
    fn success_is_said_only_where_all_may_be_stopped() {
        let (status, text) = told(&idle());
        assert!(status == SUCCESS && text.contains(DONE), "{status}: {text}");
        let refused = Ending { refused: vec![worker("no")], ..idle() };
        let back = Ending { back: Ok(vec![worker("idle")]), ..idle() };
        let unknown = Ending { back: Err("no leader".to_owned()), ..idle() };
        for (ending, code, line) in [
            (
                &refused,
                REFUSED,
                "1 workers were not taken out, the master refused them: do not stop them.\n[no:1]",
            ),
            (&back, NOT_IDLE, "1 workers serve clients again"),
            (&unknown, NO_MASTER, "still out of service: no leader."),
        ] {
            let (status, text) = told(ending);
            assert_eq!(status, code, "{text}");
            assert!(text.contains(line) && !text.contains(DONE), "{text}");
        }
    }

    #[test]
    fn the_code_is_of_what_needs_a_look_first() {
        let lost = Waited { lost: vec![worker("lost")], ..Waited::default() };
        let busy = Waited { busy: vec![(worker("busy"), None)], ..Waited::default() };
        assert_eq!(told(&Ending { waited: lost, ..idle() }).0, LOST);
        let lost = Waited { lost: vec![worker("lost")], ..Waited::default() };
        assert_eq!(told(&Ending { waited: lost, refused: vec![worker("no")], ..idle() }).0, REFUSED);
        let (status, text) = told(&Ending { waited: busy, refused: vec![worker("no")], ..idle() });
        assert!(status == NOT_IDLE && text.contains("the master refused them"), "{status}: {text}");
    }
}

//! The processor time of a process: what an operation costs, whatever else the machine does.

use std::{fs, time::Duration};

use alluxio_tests::process::Process;
use anyhow::{Context, Result};
use nix::unistd::{SysconfVar, sysconf};

/// All of its threads, user and system, since its start.
#[derive(Clone, Copy)]
pub struct ProcessorTime(Duration);

impl ProcessorTime {
    pub fn of(process: &Process) -> Result<ProcessorTime> {
        let path = format!("/proc/{}/stat", process.pid());
        let ticks = ticks(&fs::read_to_string(&path)?).with_context(|| format!("no times in {path}"))?;
        let per_second = sysconf(SysconfVar::CLK_TCK)?.context("no clock tick")?;
        Ok(ProcessorTime(Duration::from_secs_f64(ticks as f64 / per_second as f64)))
    }

    pub fn since(self, before: ProcessorTime) -> Duration {
        self.0.saturating_sub(before.0)
    }
}

/// utime and stime, the fields 14 and 15 (man 5 proc). The name, the second, may hold anything, brackets too.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        let stat = "4711 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 31 0 0 20 0 1 0 5 6 7";
        assert_eq!(ticks(stat), Some(281));
        assert_eq!(ticks("4711 (short) S 1 2"), None);
    }
}

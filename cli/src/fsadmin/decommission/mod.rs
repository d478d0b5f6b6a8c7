//! `fsadmin decommissionWorker`: takes workers out of service and waits until nobody uses them any more, so that
//! they can be stopped.

mod quiet;
mod waiting;

use std::time::Duration;

use alluxio_client::BlockMasterClient;
use alluxio_conf::{Configuration, KeyName, key::USER_WORKER_LIST_REFRESH_INTERVAL as REFRESH};
use alluxio_fs::FsResult;
use alluxio_proto::grpc::block::{
    DecommissionWorkerPOptions, GetWorkerReportPOptions, WorkerInfo, WorkerInfoField, WorkerRange,
};

use super::worker_address::{WorkerAddress, shown};
use crate::{
    error::{CommandError, ExitStatus, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
    shell::{Call, Outcome, Shell, ShellCommand},
};
use waiting::Waited;

pub const DECOMMISSION_WORKER: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "decommissionWorker",
        usage: "decommissionWorker --addresses <workerHosts> [--wait waitTime] [--disable]",
        description: "Takes workers out of service so that they can be stopped:\n    \
            1. the master is told to offer them to nobody;\n    \
            2. after alluxio.user.worker.list.refresh.interval all clients know it;\n    \
            3. their web ports are asked each second until nothing has been done on them 20 times in a row.\n\
            A worker that was taken out is not stopped, and may be named again. Exit codes:\n    \
            0    all are idle: stop them\n    \
            1    the master refused all of them\n    \
            2    the master cannot be reached\n    \
            3    some were not idle when the time was over\n    \
            10   some do not answer any more, the others are idle: look at them before you stop them",
        options: &[
            OptionSpec::both(
                "a",
                "addresses",
                "the workers, as host or host:webPort, separated by commas; without a port it is alluxio.worker.web.port",
            )
            .with_value("workerHosts")
            .required(),
            OptionSpec::both("w", "wait", "how long to wait until they are idle, such as 30s (default: 5m)")
                .with_value("waitTime"),
            OptionSpec::both("d", "disable", "do not let them register again until `enableWorker` is called"),
        ],
        arguments: ArgumentCount::AtLeast(0),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

const ALL_REFUSED: ExitStatus = 1;
const NO_MASTER: ExitStatus = 2;
const NOT_IDLE: ExitStatus = 3;
const LOST: ExitStatus = 10;

const DEFAULT_WAIT: Duration = Duration::from_secs(5 * 60);

async fn run(call: Call<'_>) -> Outcome {
    let (shell, given) = (call.shell, call.given);
    let named = WorkerAddress::parse_list(given.value("addresses").unwrap_or_default(), &shell.conf())?;
    let wait = given.value("wait").map_or(Ok(DEFAULT_WAIT), wait_time)?;
    let blocks = match shell.blocks().await {
        Ok(blocks) => blocks,
        Err(error) => return no_master(shell, &error),
    };
    let known = match known_workers(&blocks).await {
        Ok(known) => known,
        Err(error) => return no_master(shell, &error),
    };
    // All of them before the first is touched: a name that is wrong changes nothing.
    let workers = named.iter().map(|named| find(named, &known)).collect::<Result<Vec<_>, _>>()?;
    let taken_out = take_out(shell, &blocks, &workers, !given.has("disable")).await?;
    if taken_out.is_empty() {
        shell.out.line("The master refused all of them: check the addresses, and its log.")?;
        return Ok(ALL_REFUSED);
    }
    let_clients_know(shell, &blocks, &taken_out).await?;
    let waited = waiting::until_idle(shell, taken_out, wait, waiting::PAUSE).await?;
    report(shell, &waited)
}

fn wait_time(text: &str) -> Result<Duration, CommandError> {
    let span = alluxio_conf::parse::span(text).ok().and_then(|span| span.duration());
    span.ok_or_else(|| CommandError::failed(format!("--wait {text} must be a duration, such as 30s or 5m.")))
}

fn no_master(shell: &Shell, error: &dyn std::fmt::Display) -> Outcome {
    shell.out.note(format_args!("Cannot get available worker list from master: {error}"));
    Ok(NO_MASTER)
}

/// Those that serve; behind them those that were taken out before, so that the command can be repeated.
async fn known_workers(blocks: &BlockMasterClient) -> FsResult<Vec<WorkerAddress>> {
    let mut known = blocks.get_worker_info_list().await?;
    let options = GetWorkerReportPOptions {
        addresses: Vec::new(),
        field_ranges: vec![WorkerInfoField::Address as i32],
        worker_range: Some(WorkerRange::Decommissioned as i32),
    };
    known.extend(blocks.get_worker_report(options).await?);
    Ok(addresses(&known))
}

fn addresses(workers: &[WorkerInfo]) -> Vec<WorkerAddress> {
    workers.iter().filter_map(|worker| worker.address.as_ref()).map(WorkerAddress::of).collect()
}

/// The worker on a host; of several there the one with the web port that was given.
fn find(named: &WorkerAddress, known: &[WorkerAddress]) -> Result<WorkerAddress, CommandError> {
    let mut on_host = known.iter().filter(|worker| worker.host == named.host).peekable();
    let first = on_host.peek().copied();
    let found = on_host.find(|worker| worker.web_port == named.web_port).or(first);
    found.cloned().ok_or_else(|| {
        CommandError::failed(format!(
            "Worker {} is not known by the master. Check the host name, or try again later. Available workers are: {}",
            named.host,
            shown(known)
        ))
    })
}

/// Tells the master; those that it took out.
async fn take_out(
    shell: &Shell,
    blocks: &BlockMasterClient,
    workers: &[WorkerAddress],
    may_return: bool,
) -> Result<Vec<WorkerAddress>, CommandError> {
    let out = &shell.out;
    let (mut taken_out, mut failed) = (Vec::new(), Vec::new());
    for worker in workers {
        out.line(format_args!("Decommissioning worker {worker}"))?;
        let options = DecommissionWorkerPOptions {
            worker_hostname: worker.host.clone(),
            worker_web_port: Some(worker.web_port.into()),
            can_register_again: Some(may_return),
        };
        match blocks.decommission_worker(options).await {
            Ok(()) => {
                out.line(format_args!("Set worker {worker} decommissioned on master"))?;
                if !taken_out.contains(worker) {
                    taken_out.push(worker.clone());
                }
            }
            Err(error) => {
                out.note(format_args!("Failed to decommission worker {worker}: {error}"));
                failed.push(worker);
            }
        }
    }
    out.line(format_args!(
        "Sent decommission messages to the master, {} failed and {} succeeded",
        failed.len(),
        taken_out.len()
    ))?;
    shell.tell(format_args!("Failed ones: {}", shown(failed)))?;
    Ok(taken_out)
}

/// Waits as long as clients may go by an old list, and looks whether the master's is a new one.
async fn let_clients_know(
    shell: &Shell,
    blocks: &BlockMasterClient,
    taken_out: &[WorkerAddress],
) -> Result<(), CommandError> {
    let (lag, shown_lag) = refresh_interval(&shell.conf());
    shell.tell(format_args!(
        "Clients take {}={shown_lag} to be updated on the new worker list: waiting for as long.",
        REFRESH.name()
    ))?;
    tokio::time::sleep(lag).await;
    match blocks.get_worker_info_list().await {
        Ok(workers) => {
            let serving = addresses(&workers);
            shell.tell(format_args!("Now on master the available workers are: {}", shown(&serving)))?;
            for worker in taken_out.iter().filter(|worker| serving.contains(worker)) {
                shell.out.note(format_args!(
                    "Worker {worker} is still showing available on the master: check it before you stop it."
                ));
            }
        }
        Err(error) => shell.out.note(format_args!(
            "Failed to refresh the available worker list from master: {error}. Going on without it: workers that \
             become idle are not used any more."
        )),
    }
    Ok(())
}

fn refresh_interval(conf: &Configuration) -> (Duration, String) {
    let interval = conf.get(REFRESH);
    (interval.duration().unwrap_or_default(), conf.by_name(REFRESH.name()).unwrap_or_default())
}

fn report(shell: &Shell, waited: &Waited) -> Outcome {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(host: &str, web_port: u16) -> WorkerAddress {
        WorkerAddress { host: host.to_owned(), web_port }
    }

    #[test]
    fn a_worker_is_found_by_its_host() {
        let known = [worker("a", 1), worker("b", 2), worker("b", 3)];
        assert_eq!(find(&worker("a", 30000), &known).unwrap(), known[0]);
        assert_eq!(find(&worker("b", 30000), &known).unwrap(), known[1]);
        assert_eq!(find(&worker("b", 3), &known).unwrap(), known[2]);
        let error = find(&worker("c", 1), &known).unwrap_err().to_string();
        assert!(error.starts_with("Worker c is not known by the master."), "{error}");
        assert!(error.ends_with("[a:1, b:2, b:3]"), "{error}");
    }
}

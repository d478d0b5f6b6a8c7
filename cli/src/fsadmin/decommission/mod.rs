//! `fsadmin decommissionWorker`: takes workers out of service and waits until nobody uses them any more, so that
//! they can be stopped.

mod ending;
mod quiet;
mod taking_out;
mod waiting;

use std::time::Duration;

use alluxio_client::BlockMasterClient;
use alluxio_conf::{Configuration, KeyName, key::USER_WORKER_LIST_REFRESH_INTERVAL as REFRESH};

use super::{
    worker_address::{WorkerAddress, WorkerName, shown, usual_web_port},
    workers::serving,
};
use crate::{
    error::CommandError,
    options::{ArgumentCount, CommandSpec, OptionSpec},
    shell::{Call, Outcome, Shell, ShellCommand},
};
use ending::{Ending, NO_MASTER, REFUSED};
use taking_out::{find, known_workers, take_out};

pub const DECOMMISSION_WORKER: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "decommissionWorker",
        usage: "decommissionWorker --addresses <workerHosts> [--wait waitTime] [--disable]",
        description: "Takes workers out of service so that they can be stopped:\n    \
            1. the master is told to offer them to nobody;\n    \
            2. after alluxio.user.worker.list.refresh.interval all clients know it;\n    \
            3. their web ports are asked each second until nothing has been done on them 20 times in a row.\n\
            A worker that was taken out is not stopped, and may be named again. A master that restarts or takes over does \
            not know what was taken out: the workers then serve again. Exit codes:\n    \
            0    all are idle: stop them\n    \
            1    the master refused some or all of them: these are still used\n    \
            2    the master cannot be reached\n    \
            3    some were not idle when the time was over, or serve again\n    \
            10   some do not answer any more, the others are idle: look at them before you stop them",
        options: &[
            OptionSpec::both(
                "a",
                "addresses",
                "the workers, as host or host:webPort, separated by commas; of several on a host the one at \
                alluxio.worker.web.port, or else the first",
            )
            .with_value("workerHosts")
            .required(),
            OptionSpec::both("w", "wait", "how long to wait until they are idle, such as 30s (default: 5m)")
                .with_value("waitTime"),
            OptionSpec::both("d", "disable", "do not let them register again until `enableWorker` is called"),
        ],
        arguments: ArgumentCount::Exactly(0),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

const DEFAULT_WAIT: Duration = Duration::from_secs(5 * 60);

async fn run(call: Call<'_>) -> Outcome {
    let (shell, given) = (call.shell, call.given);
    let names = WorkerName::parse_list(given.value("addresses").unwrap_or_default())?;
    let usual = usual_web_port(&shell.conf())?;
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
    let workers = names.iter().map(|name| find(name, &known, usual)).collect::<Result<Vec<_>, _>>()?;
    let told = take_out(shell, &blocks, workers, !given.has("disable")).await?;
    if told.taken_out.is_empty() {
        shell.out.line("The master refused all of them: check the addresses, and its log.")?;
        return Ok(REFUSED);
    }
    let_clients_know(shell, &blocks, &told.taken_out).await?;
    let waited = waiting::until_idle(shell, told.taken_out.clone(), wait, waiting::PAUSE).await?;
    let back = match serving(&blocks).await {
        Ok(serving) => Ok(told.taken_out.into_iter().filter(|worker| serving.contains(worker)).collect()),
        Err(error) => Err(error.to_string()),
    };
    Ending { waited, refused: told.refused, back }.report(shell)
}

fn wait_time(text: &str) -> Result<Duration, CommandError> {
    let span = alluxio_conf::parse::span(text).ok().and_then(|span| span.duration());
    span.ok_or_else(|| CommandError::failed(format!("--wait {text} must be a duration, such as 30s or 5m.")))
}

fn no_master(shell: &Shell, error: &dyn std::fmt::Display) -> Outcome {
    shell.out.note(format_args!("Cannot get available worker list from master: {error}"));
    Ok(NO_MASTER)
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
    match serving(blocks).await {
        Ok(serving) => {
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

//! `fsadmin enableWorker`: lets workers register again that `decommissionWorker --disable` shut out.

use alluxio_proto::grpc::block::RemoveDisabledWorkerPOptions;

use super::worker_address::{WorkerAddress, shown};
use crate::{
    error::{FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
    shell::{Call, Outcome, ShellCommand},
};

pub const ENABLE_WORKER: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "enableWorker",
        usage: "enableWorker --addresses <workerHosts>",
        description: "Lets workers register again that were taken out by `decommissionWorker --disable`. Exit code 0: \
            all of them may; 1: the master refused some.",
        options: &[OptionSpec::both(
            "a",
            "addresses",
            "the workers, as host or host:webPort, separated by commas; without a port it is alluxio.worker.web.port",
        )
        .with_value("workerHosts")
        .required()],
        arguments: ArgumentCount::AtLeast(0),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let (shell, out) = (call.shell, &call.shell.out);
    let named = call.given.value("addresses").unwrap_or_default();
    let workers = WorkerAddress::parse_list(named, &shell.conf())?;
    let blocks = shell.blocks().await?;
    let mut failed = Vec::new();
    for worker in workers {
        out.line(format_args!("Re-enabling worker {worker}"))?;
        let options = RemoveDisabledWorkerPOptions {
            worker_hostname: worker.host.clone(),
            worker_web_port: Some(worker.web_port.into()),
        };
        match blocks.remove_disabled_worker(options).await {
            Ok(()) => out.line(format_args!("Re-enabled worker {worker} on master"))?,
            Err(error) => {
                out.note(format_args!("Failed to re-enable worker {worker}: {error}"));
                failed.push(worker);
            }
        }
    }
    if failed.is_empty() {
        out.line(
            "Successfully re-enabled all workers on the master: they may register. Clients use them after alluxio.user.worker.list.refresh.interval at the latest.",
        )?;
        return Ok(SUCCESS);
    }
    out.line(format_args!("{} failed to be re-enabled on the master: {}", failed.len(), shown(&failed)))?;
    Ok(FAILURE)
}

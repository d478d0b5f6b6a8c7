//! `freeWorker`: takes everything out of one worker.

use alluxio_client::WorkerClient;
use alluxio_proto::grpc::block::GetWorkerReportPOptions;

use super::{Call, FsCommand, Outcome};
use crate::{
    error::{SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec},
};

pub const FREE_WORKER: FsCommand = FsCommand {
    spec: CommandSpec {
        name: "freeWorker",
        usage: "freeWorker <worker host name>",
        description: "Removes all blocks from a worker. What is only in Alluxio is lost.",
        options: &[],
        arguments: ArgumentCount::Exactly(1),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let (shell, host) = (call.shell, &call.given.arguments[0]);
    let workers = shell.blocks().await?.get_worker_report(GetWorkerReportPOptions::default()).await?;
    let mut addresses = workers.into_iter().filter_map(|worker| worker.address);
    let Some(address) = addresses.find(|address| address.host() == host) else {
        shell.out.line(format_args!("Worker {host} is not found in Alluxio."))?;
        return Ok(SHELL_FAILURE);
    };
    let cluster = shell.fs().await?.cluster();
    WorkerClient::new(&cluster.conf(), cluster.connector(), &address)?.free_worker().await?;
    shell.out.line("Target worker has been freed successfully.")?;
    Ok(SUCCESS)
}

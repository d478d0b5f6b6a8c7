//! `fsadmin metrics clear`: counters start anew.

use alluxio_client::{MetricsClient, WorkerClient};
use alluxio_proto::grpc::WorkerNetAddress;

use crate::{
    error::{SHELL_FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec, Parsed},
    shell::{Call, Group, Outcome, ShellCommand},
};

pub const GROUP: Group = Group {
    name: "metrics",
    usage: "metrics [clear]",
    description: "Works on the metrics: clear sets them back to zero.",
    commands: &[CLEAR],
};

const CLEAR: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "clear",
        usage: "clear [--master] [--workers <WORKER_HOSTNAME>] [--parallelism <#>]",
        description: "Sets metrics back to zero: those of the leading master and of all workers, or only those of the \
            servers that the options name.",
        options: &[
            OptionSpec::long("master", "only those of the leading master"),
            OptionSpec::long("workers", "only those of these workers (host names, separated by commas)")
                .with_value("arg"),
            OptionSpec::long("parallelism", "taken and not used: each worker answers at once")
                .with_value("# concurrent operations"),
        ],
        arguments: ArgumentCount::AtMost(3),
        words: &[],
    },
    run: |call| Box::pin(clear(call)),
};

async fn clear(call: Call<'_>) -> Outcome {
    let (out, given) = (&call.shell.out, call.given);
    let cluster = call.shell.fs().await?.cluster();
    let all = !given.has("master") && !given.has("workers");
    // The workers first: what they report meanwhile must not come back to the master.
    if all || given.has("workers") {
        let known: Vec<_> =
            cluster.workers().await?.iter().filter_map(|worker| worker.address.clone()).collect();
        let chosen = match chosen(given, &known) {
            Ok(chosen) => chosen,
            Err(unknown) => {
                let hosts: Vec<_> = known.iter().map(WorkerNetAddress::host).collect();
                out.line(format_args!("Cannot find workers of hostnames {}", unknown.join(",")))?;
                out.line(format_args!("Valid workers include [{}]", hosts.join(", ")))?;
                return Ok(SHELL_FAILURE);
            }
        };
        if chosen.is_empty() {
            out.line("No worker metrics to clear.")?;
        }
        for worker in chosen {
            WorkerClient::new(&cluster.conf(), cluster.connector(), worker)?.clear_metrics().await?;
            out.line(format_args!("Successfully cleared metrics of worker {}.", worker.host()))?;
        }
    }
    if all || given.has("master") {
        MetricsClient::new(cluster).clear_metrics().await?;
        out.line("Successfully cleared metrics of Alluxio leading master.")?;
    }
    Ok(SUCCESS)
}

/// The workers that the options name, or all; else the names that no worker has.
fn chosen<'a>(
    given: &'a Parsed,
    known: &'a [WorkerNetAddress],
) -> Result<Vec<&'a WorkerNetAddress>, Vec<&'a str>> {
    let Some(names) = given.value("workers") else { return Ok(known.iter().collect()) };
    let (found, unknown): (Vec<_>, Vec<_>) = names
        .split(',')
        .map(|name| (name, known.iter().find(|worker| worker.host() == name)))
        .partition(|(_, worker)| worker.is_some());
    if unknown.is_empty() {
        Ok(found.into_iter().filter_map(|(_, worker)| worker).collect())
    } else {
        Err(unknown.into_iter().map(|(name, _)| name).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_chosen_by_their_host() {
        let known =
            ["a", "b"].map(|host| WorkerNetAddress { host: Some(host.to_owned()), ..Default::default() });
        let parse = |line: &str| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            CLEAR.spec.parse(&words).unwrap()
        };
        assert_eq!(chosen(&parse(""), &known).unwrap().len(), 2);
        assert_eq!(chosen(&parse("--workers b"), &known).unwrap(), [&known[1]]);
        assert_eq!(chosen(&parse("--workers b,c,d"), &known).unwrap_err(), ["c", "d"]);
    }
}

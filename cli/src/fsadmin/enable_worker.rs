//! `fsadmin enableWorker`: lets workers register again that `decommissionWorker --disable` shut out.

use alluxio_client::BlockMasterClient;
use alluxio_fs::FsResult;
use alluxio_proto::grpc::block::{RemoveDisabledWorkerPOptions, WorkerRange};

use super::worker_address::{WorkerAddress, WorkerName, shown, usual_web_port};
use super::workers::in_range;
use crate::{
    error::{ExitStatus, FAILURE, SUCCESS},
    options::{ArgumentCount, CommandSpec, OptionSpec},
    shell::{Call, Outcome, ShellCommand},
};

pub const ENABLE_WORKER: ShellCommand = ShellCommand {
    spec: CommandSpec {
        name: "enableWorker",
        usage: "enableWorker --addresses <workerHosts>",
        description: "Lets workers register again that were taken out by `decommissionWorker --disable`. Exit code 0: \
            all of them may, and those that the master does not know are told; 1: the master refused some.",
        options: &[OptionSpec::both(
            "a",
            "addresses",
            "the workers, as host or host:webPort, separated by commas; without a port all workers on the host",
        )
        .with_value("workerHosts")
        .required()],
        arguments: ArgumentCount::Exactly(0),
        words: &[],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call<'_>) -> Outcome {
    let (shell, out) = (call.shell, &call.shell.out);
    let names = WorkerName::parse_list(call.given.value("addresses").unwrap_or_default())?;
    let usual = usual_web_port(&shell.conf())?;
    let blocks = shell.blocks().await?;
    // A master takes names that it does not know without a word.
    let known = in_range(&blocks, WorkerRange::All).await?;
    let (mut unknown, mut failed) = (Vec::new(), Vec::new());
    for name in &names {
        out.line(format_args!("Re-enabling worker {name}"))?;
        match enable(&blocks, name, &known, usual).await {
            Ok(()) if known.iter().any(|worker| name.fits(worker)) => {
                out.line(format_args!("Re-enabled worker {name} on master"))?;
            }
            Ok(()) => unknown.push(name),
            Err(error) => {
                out.note(format_args!("Failed to re-enable worker {name}: {error}"));
                failed.push(name);
            }
        }
    }
    let (status, lines) = ending(&unknown, &failed, &known);
    lines.iter().try_for_each(|line| out.line(line))?;
    Ok(status)
}

async fn enable(
    blocks: &BlockMasterClient,
    name: &WorkerName,
    known: &[WorkerAddress],
    usual: u16,
) -> FsResult<()> {
    for web_port in web_ports(name, known, usual) {
        let options =
            RemoveDisabledWorkerPOptions { worker_hostname: name.host.clone(), worker_web_port: web_port };
        blocks.remove_disabled_worker(options).await?;
    }
    Ok(())
}

/// The ports to send. Our master takes a host without a port for all workers there, those too that are shut out
/// and not in its list any more; one of the original needs the port of each.
fn web_ports(name: &WorkerName, known: &[WorkerAddress], usual: u16) -> Vec<Option<i64>> {
    if let Some(port) = name.web_port {
        return vec![Some(port.into())];
    }
    let mut ports: Vec<_> =
        known.iter().filter(|worker| name.fits(worker)).map(|worker| worker.web_port).collect();
    if ports.is_empty() {
        ports.push(usual);
    }
    std::iter::once(None).chain(ports.into_iter().map(|port| Some(port.into()))).collect()
}

fn ending(
    unknown: &[&WorkerName],
    failed: &[&WorkerName],
    known: &[WorkerAddress],
) -> (ExitStatus, Vec<String>) {
    let mut lines = Vec::new();
    if !unknown.is_empty() {
        lines.push(format!(
            "{} are not known by the master: check the names. The workers are: {}. One of these names that was shut \
             out, and was forgotten since, may register again.",
            shown(unknown),
            shown(known)
        ));
    }
    if !failed.is_empty() {
        lines.push(format!("{} failed to be re-enabled on the master: {}", failed.len(), shown(failed)));
        return (FAILURE, lines);
    }
    if unknown.is_empty() {
        lines.push(
            "Successfully re-enabled all workers on the master: they may register. Clients use them after \
             alluxio.user.worker.list.refresh.interval at the latest."
                .to_owned(),
        );
    }
    (SUCCESS, lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<WorkerAddress> {
        [("a", 1), ("b", 2), ("b", 3)]
            .map(|(host, web_port)| WorkerAddress { host: host.to_owned(), web_port, container: None })
            .to_vec()
    }

    #[test]
    fn a_host_without_a_port_is_every_worker_there() {
        let ports = |name: &str| web_ports(&WorkerName::parse_list(name).unwrap()[0], &known(), 30000);
        assert_eq!(ports("b"), [None, Some(2), Some(3)]);
        assert_eq!(ports("c"), [None, Some(30000)]);
        assert_eq!(ports("b:4"), [Some(4)]);
    }

    #[test]
    fn success_is_not_said_of_what_the_master_does_not_know() {
        let names = WorkerName::parse_list("b:4,a").unwrap();
        let (status, lines) = ending(&[], &[], &known());
        assert_eq!((status, lines.len()), (SUCCESS, 1));
        assert!(lines[0].starts_with("Successfully re-enabled all"), "{lines:?}");
        let (status, lines) = ending(&[&names[0]], &[], &known());
        assert_eq!((status, lines.len()), (SUCCESS, 1));
        assert!(lines[0].starts_with("[b:4] are not known by the master"), "{lines:?}");
        assert!(lines[0].contains("[a:1, b:2, b:3]"), "{lines:?}");
        let (status, lines) = ending(&[&names[0]], &[&names[1]], &known());
        assert_eq!((status, lines.len()), (FAILURE, 2));
        assert_eq!(lines[1], "1 failed to be re-enabled on the master: [a]");
    }
}

//! Which workers are meant, and telling the master to offer them to nobody.

use alluxio_client::BlockMasterClient;
use alluxio_fs::FsResult;
use alluxio_proto::grpc::block::{
    DecommissionWorkerPOptions, GetWorkerReportPOptions, WorkerInfo, WorkerInfoField, WorkerRange,
};

use super::super::worker_address::{WorkerAddress, shown};
use crate::{error::CommandError, shell::Shell};

/// Those that serve; behind them those that were taken out before, so that the command can be repeated.
pub async fn known_workers(blocks: &BlockMasterClient) -> FsResult<Vec<WorkerAddress>> {
    let mut known = blocks.get_worker_info_list().await?;
    let options = GetWorkerReportPOptions {
        addresses: Vec::new(),
        field_ranges: vec![WorkerInfoField::Address as i32],
        worker_range: Some(WorkerRange::Decommissioned as i32),
    };
    known.extend(blocks.get_worker_report(options).await?);
    Ok(addresses(&known))
}

pub fn addresses(workers: &[WorkerInfo]) -> Vec<WorkerAddress> {
    workers.iter().filter_map(|worker| worker.address.as_ref()).map(WorkerAddress::of).collect()
}

/// The worker on a host; of several there the one with the web port that was given.
pub fn find(named: &WorkerAddress, known: &[WorkerAddress]) -> Result<WorkerAddress, CommandError> {
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
pub async fn take_out(
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

//! Which workers are meant, and telling the master to offer them to nobody.

use alluxio_client::BlockMasterClient;
use alluxio_fs::FsResult;
use alluxio_proto::grpc::block::{DecommissionWorkerPOptions, WorkerRange};

use super::super::{
    worker_address::{WorkerAddress, WorkerName, shown},
    workers::{in_range, serving},
};
use crate::{error::CommandError, shell::Shell};

/// Those that serve; behind them those that were taken out before, so that the command can be repeated.
pub async fn known_workers(blocks: &BlockMasterClient) -> FsResult<Vec<WorkerAddress>> {
    let mut known = serving(blocks).await?;
    known.extend(in_range(blocks, WorkerRange::Decommissioned).await?);
    Ok(known)
}

/// The worker of a name. A host with several workers and no port is the one with the usual port, or the first.
pub fn find(name: &WorkerName, known: &[WorkerAddress], usual: u16) -> Result<WorkerAddress, CommandError> {
    let mut fitting = known.iter().filter(|worker| name.fits(worker)).peekable();
    let first = fitting.peek().copied();
    let found = fitting.find(|worker| worker.web_port == usual).or(first);
    found.cloned().ok_or_else(|| {
        CommandError::failed(format!(
            "Worker {name} is not known by the master. Check the host name and the web port, or try again later. \
             Available workers are: {}",
            shown(known)
        ))
    })
}

/// What the master answered.
#[derive(Debug, Default)]
pub struct Told {
    pub taken_out: Vec<WorkerAddress>,
    pub refused: Vec<WorkerAddress>,
}

pub async fn take_out(
    shell: &Shell,
    blocks: &BlockMasterClient,
    workers: Vec<WorkerAddress>,
    may_return: bool,
) -> Result<Told, CommandError> {
    let out = &shell.out;
    let mut told = Told::default();
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
                if !told.taken_out.contains(&worker) {
                    told.taken_out.push(worker);
                }
            }
            Err(error) => {
                out.note(format_args!("Failed to decommission worker {worker}: {error}"));
                told.refused.push(worker);
            }
        }
    }
    out.line(format_args!(
        "Sent decommission messages to the master, {} failed and {} succeeded",
        told.refused.len(),
        told.taken_out.len()
    ))?;
    shell.tell(format_args!("Failed ones: {}", shown(&told.refused)))?;
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(host: &str, web_port: u16) -> WorkerAddress {
        WorkerAddress { host: host.to_owned(), web_port, container: None }
    }

    #[test]
    fn a_worker_is_found_by_its_host_and_never_in_place_of_another() {
        let known = [worker("a", 1), worker("b", 2), worker("b", 3)];
        let find = |name: &str, usual| find(&WorkerName::parse_list(name).unwrap()[0], &known, usual);
        assert_eq!(find("a", 30000).unwrap(), known[0]);
        assert_eq!(find("b", 30000).unwrap(), known[1]);
        assert_eq!(find("b", 3).unwrap(), known[2]);
        assert_eq!(find("b:3", 2).unwrap(), known[2]);
        for wrong in ["c", "b:4", "a:30000"] {
            let error = find(wrong, 30000).unwrap_err().to_string();
            assert!(error.starts_with(&format!("Worker {wrong} is not known by the master.")), "{error}");
            assert!(error.ends_with("[a:1, b:2, b:3]"), "{error}");
        }
    }
}

//! Asks workers each second what they do.

use std::time::Duration;

use futures::{StreamExt, stream};
use http::Method;
use tokio::time::{Instant, sleep};

use super::{
    super::worker_address::WorkerAddress,
    quiet::{Operations, QUIET, Quiet, UNANSWERED, Verdict},
};
use crate::{error::CommandError, shell::Shell, web_request};

const PATH: &str = "/api/v1/worker/operations";
/// From one round of questions to the next.
pub const PAUSE: Duration = Duration::from_secs(1);
/// Questions under way at a time.
const AT_ONCE: usize = 16;

/// How it ended.
#[derive(Debug, Default)]
pub struct Waited {
    pub time: Duration,
    pub idle: Vec<WorkerAddress>,
    pub lost: Vec<WorkerAddress>,
    /// Not idle yet, each with its last answer.
    pub busy: Vec<(WorkerAddress, Option<Operations>)>,
}

/// Until all are idle or lost, at most for `limit`; each is asked at least once.
pub async fn until_idle(
    shell: &Shell,
    workers: Vec<WorkerAddress>,
    limit: Duration,
    pause: Duration,
) -> Result<Waited, CommandError> {
    let began = Instant::now();
    let mut waited = Waited::default();
    let mut open: Vec<_> = workers.into_iter().map(|worker| (worker, Quiet::default())).collect();
    let mut explained = false;
    loop {
        let asked: Vec<_> = open.iter().map(|(worker, _)| ask(worker.clone())).collect();
        let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        let mut still_open = Vec::new();
        for ((worker, mut quiet), answer) in open.into_iter().zip(answers) {
            shell.tell(format_args!("Polling status from worker {worker}"))?;
            if let Err(reason) = &answer {
                shell.out.note(format_args!("Failed to poll progress from worker {}: {reason}", worker.host));
                if !explained {
                    explained = true;
                    shell.out.note(
                        "Perhaps it is of a version without this address, alluxio.worker.web.port is wrong, a firewall \
                         is in between, or the network failed for a moment.",
                    );
                }
            }
            let answer = answer.ok();
            if let Some(seen) = answer.filter(|seen| !seen.are_none()) {
                shell.tell(format_args!(
                    "Worker ActiveOperations={}, RpcQueueLength={}",
                    seen.active, seen.queued
                ))?;
            }
            match quiet.count(answer) {
                Verdict::Open => still_open.push((worker, quiet)),
                Verdict::Idle => {
                    shell.tell(format_args!(
                        "There is no operation on worker {worker} for {QUIET} times in a row: it may be stopped."
                    ))?;
                    waited.idle.push(worker);
                }
                Verdict::Lost => {
                    shell.tell(format_args!(
                        "Failed to poll status from worker {worker} for {UNANSWERED} times in a row: it does not seem \
                         to work, look at it before you stop it."
                    ))?;
                    waited.lost.push(worker);
                }
            }
        }
        open = still_open;
        if open.is_empty() || began.elapsed() + pause > limit {
            break;
        }
        sleep(pause).await;
    }
    waited.time = began.elapsed();
    waited.busy = open.into_iter().map(|(worker, quiet)| (worker, quiet.seen)).collect();
    Ok(waited)
}

async fn ask(worker: WorkerAddress) -> Result<Operations, String> {
    let answer = web_request::ask(Method::GET, worker.reached_at(), worker.web_port, PATH).await?;
    Operations::of(&answer).ok_or_else(|| format!("it answered {answer}"))
}

#[cfg(test)]
mod tests {
    use alluxio_conf::Configuration;
    use alluxio_proto::grpc::WorkerNetAddress;

    use super::*;
    use crate::{fsadmin::SET, output::Captured, web_request::answering};

    fn at(web_port: u16) -> WorkerAddress {
        WorkerAddress { host: "127.0.0.1".to_owned(), web_port, container: None }
    }

    fn shell(seen: &Captured) -> Shell {
        Shell::new(&SET, Configuration::defaults(), seen.output())
    }

    #[tokio::test]
    async fn who_is_busy_at_the_end_is_told_with_what_it_did() {
        let answer = answering::json("{\"operationCount\":2,\"rpcQueueLength\":1}");
        let (port, _server) = answering::with(vec![answer]).await;
        let seen = Captured::default();
        let waited = until_idle(&shell(&seen), vec![at(port)], Duration::ZERO, PAUSE).await.unwrap();
        assert_eq!(waited.busy, [(at(port), Some(Operations { active: 2, queued: 1 }))]);
        assert!(seen.text().contains("Worker ActiveOperations=2, RpcQueueLength=1"), "{}", seen.text());
    }

    #[tokio::test]
    async fn who_is_quiet_and_who_does_not_answer() {
        let quiet = answering::json("{\"operationCount\":0,\"rpcQueueLength\":0}");
        let (port, server) = answering::with(vec![quiet; 20]).await;
        let seen = Captured::default();
        let (limit, pause) = (Duration::from_secs(60), Duration::from_millis(1));
        let waited = until_idle(&shell(&seen), vec![at(port), at(1)], limit, pause).await.unwrap();
        assert_eq!((waited.idle.as_slice(), waited.lost.as_slice()), (&[at(port)][..], &[at(1)][..]));
        assert!(waited.busy.is_empty());
        assert_eq!(server.await.unwrap().len(), 20);
        assert_eq!(seen.errors().matches("Perhaps it is of a version").count(), 1, "{}", seen.errors());
    }

    /// Nobody listens at the node's address, which is its name all the same.
    #[tokio::test]
    async fn a_worker_in_a_container_is_asked_there() {
        let quiet = answering::json("{\"operationCount\":0,\"rpcQueueLength\":0}");
        let (port, _server) = answering::with(vec![quiet; 20]).await;
        let seen = Captured::default();
        let worker = WorkerAddress::of(&WorkerNetAddress {
            host: Some("node.invalid".to_owned()),
            container_host: Some("127.0.0.1".to_owned()),
            web_port: Some(port.into()),
            ..WorkerNetAddress::default()
        });
        let (limit, pause) = (Duration::from_secs(60), Duration::from_millis(1));
        let waited = until_idle(&shell(&seen), vec![worker.clone()], limit, pause).await.unwrap();
        assert_eq!(waited.idle, [worker]);
        assert!(seen.text().contains(&format!("node.invalid:{port}")), "{}", seen.text());
    }
}

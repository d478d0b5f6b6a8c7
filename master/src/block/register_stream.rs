//! Registration in many messages: one empty answer for each, and the end when the worker is done.
//!
//! Nothing runs ahead: a message is read when the answer to the one before has been taken, so a stream
//! holds one message at a time (at most 100 MB, `alluxio.master.network.max.inbound.message.size`).

use std::sync::Arc;

use alluxio_fs::FsError;
use alluxio_proto::grpc::block::{RegisterWorkerPRequest, RegisterWorkerPResponse};
use futures::{Stream, StreamExt, stream};
use tonic::Status;

use super::master::BlockMaster;
use super::registration::RegistrationAttempt;
use super::worker::Registration;

struct Progress<S> {
    master: Arc<BlockMaster>,
    requests: S,
    keep: fn(&str) -> bool,
    attempt: Option<RegistrationAttempt>,
    done: bool,
}

/// Answers each message of `requests`. `keep` says which properties of the worker are remembered. When
/// the stream breaks, falls silent or is dropped, the registration is given up.
pub(super) fn register_stream<S>(
    master: Arc<BlockMaster>,
    requests: S,
    keep: fn(&str) -> bool,
) -> impl Stream<Item = Result<RegisterWorkerPResponse, Status>> + Send
where
    S: Stream<Item = Result<RegisterWorkerPRequest, Status>> + Send + Unpin,
{
    let progress = Progress { master, requests, keep, attempt: None, done: false };
    stream::try_unfold(progress, |mut progress| async move {
        let answer = progress.step().await?;
        Ok(answer.map(|answer| (answer, progress)))
    })
}

impl<S> Progress<S>
where
    S: Stream<Item = Result<RegisterWorkerPRequest, Status>> + Send + Unpin,
{
    async fn step(&mut self) -> Result<Option<RegisterWorkerPResponse>, Status> {
        if self.done {
            return Ok(None);
        }
        let Some(message) = self.next_message().await? else {
            self.done = true;
            return match self.attempt.take() {
                Some(attempt) => {
                    self.master.finish_registration(attempt).await?;
                    Ok(None)
                }
                None => Err(FsError::invalid_argument("A registration needs at least one message.").into()),
            };
        };
        self.take(message).await?;
        Ok(Some(RegisterWorkerPResponse {}))
    }

    async fn next_message(&mut self) -> Result<Option<RegisterWorkerPRequest>, Status> {
        let next = self.requests.next();
        let next = match self.master.options.stream_timeout {
            Some(limit) => tokio::time::timeout(limit, next).await.map_err(|_| {
                FsError::deadline_exceeded(format!(
                    "The worker sent nothing for {limit:?} while registering. Register again."
                ))
            })?,
            None => next.await,
        };
        next.transpose()
    }

    async fn take(&mut self, mut message: RegisterWorkerPRequest) -> Result<(), FsError> {
        let attempt = match self.attempt.take() {
            Some(attempt) => attempt,
            // Only the first message names the tiers; that is how it is told from the others.
            None if message.storage_tiers.is_empty() => {
                return Err(FsError::invalid_argument(
                    "The first message of a registration must name the storage tiers.",
                ));
            }
            None => {
                let registration = registration_of(&mut message, self.keep);
                self.master.begin_registration(message.worker_id(), registration)?
            }
        };
        let attempt = self.attempt.insert(attempt);
        self.master.list_blocks(attempt, &message.current_blocks).await
    }
}

/// Takes what a worker says of itself out of its first message.
pub(super) fn registration_of(message: &mut RegisterWorkerPRequest, keep: fn(&str) -> bool) -> Registration {
    let options = message.options.take().unwrap_or_default();
    let configuration = options
        .configs
        .into_iter()
        .filter_map(|property| Some((property.name?, property.value?)))
        .filter(|(name, _)| keep(name))
        .collect();
    Registration {
        capacity: std::mem::take(&mut message.total_bytes_on_tiers),
        used: std::mem::take(&mut message.used_bytes_on_tiers),
        lost_storage: std::mem::take(&mut message.lost_storage),
        version: options.build_version.unwrap_or_default(),
        vcpus: options.num_v_cpu,
        configuration,
    }
}

#[cfg(test)]
#[path = "register_stream_tests.rs"]
mod tests;

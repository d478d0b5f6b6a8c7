//! Registration: everything the worker has, in batches.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alluxio_conf::{Span, key};
use alluxio_fs::{FsError, FsResult};
use alluxio_proto::grpc::block::{LocationBlockIdListEntry, RegisterWorkerPRequest};
use futures::{Stream, StreamExt, stream};
use tokio::sync::Semaphore;
use tonic::{Response, Status, Streaming};

use super::{WorkerBlocks, WorkerMasterClient};
use crate::stubs::WORKER_BLOCKS;

/// Batches the master has not acknowledged yet, as in the Java worker: the next one is prepared while
/// the master works, and no more are held in memory.
const IN_FLIGHT: usize = 2;

/// Where a property says "forever".
const LONGEST: Duration = Duration::from_secs(3600);

/// How long the parts of a registration may take.
#[derive(Clone, Copy)]
struct Patience {
    whole: Duration,
    reply: Duration,
}

impl WorkerMasterClient {
    /// Registers the worker: `first` with everything but the remaining blocks, then a message per
    /// batch. The batches are made as they are needed.
    ///
    /// # Errors
    /// What the master answers; the worker then starts over with a new id and lease.
    pub async fn register<B>(&self, first: RegisterWorkerPRequest, batches: B) -> FsResult<()>
    where
        B: Stream<Item = Vec<LocationBlockIdListEntry>> + Send + 'static,
    {
        let patience = self.patience();
        let worker_id = first.worker_id;
        let rest = batches.map(move |current_blocks| RegisterWorkerPRequest {
            worker_id,
            current_blocks,
            ..RegisterWorkerPRequest::default()
        });
        let mut requests = Some(stream::iter([first]).chain(rest));
        let call = |client: WorkerBlocks| {
            // Taken once: `call_once` calls this once.
            let requests = requests.take();
            async move {
                let requests =
                    requests.ok_or_else(|| Status::internal("The registration was already sent."))?;
                exchange(client, requests, patience).await.map(Response::new)
            }
        };
        let registered = self.cluster.call_once(&WORKER_BLOCKS, call);
        tokio::time::timeout(patience.whole, registered).await.map_err(|_| {
            FsError::deadline_exceeded(format!("The registration took longer than {:?}.", patience.whole))
        })?
    }

    fn patience(&self) -> Patience {
        let conf = self.cluster.conf();
        let of = |span: Span| span.duration().unwrap_or(LONGEST);
        Patience {
            whole: of(conf.get(key::WORKER_REGISTER_STREAM_DEADLINE)),
            reply: of(conf.get(key::WORKER_REGISTER_STREAM_RESPONSE_TIMEOUT)),
        }
    }
}

async fn exchange<R>(mut client: WorkerBlocks, requests: R, patience: Patience) -> Result<(), Status>
where
    R: Stream<Item = RegisterWorkerPRequest> + Send + 'static,
{
    let sent = Arc::new(AtomicU64::new(0));
    let free = Arc::new(Semaphore::new(IN_FLIGHT));
    let paced = paced(requests, Arc::clone(&free), Arc::clone(&sent));
    let opened = client.register_worker_stream(paced);
    let mut replies = within(patience.reply, "answer the registration", opened).await?.into_inner();
    let mut acknowledged = 0;
    while within(patience.reply, "acknowledge a batch", next(&mut replies)).await? {
        acknowledged += 1;
        free.add_permits(1);
    }
    let sent = sent.load(Ordering::Acquire);
    if acknowledged == sent {
        return Ok(());
    }
    Err(Status::unavailable(format!(
        "The master acknowledged {acknowledged} of {sent} registration batches."
    )))
}

async fn next<T>(replies: &mut Streaming<T>) -> Result<bool, Status> {
    Ok(replies.message().await?.is_some())
}

/// Lets a request out when one of the permits is free; each reply frees one.
fn paced<R: Stream>(requests: R, free: Arc<Semaphore>, sent: Arc<AtomicU64>) -> impl Stream<Item = R::Item> {
    requests.then(move |request| {
        let (free, sent) = (Arc::clone(&free), Arc::clone(&sent));
        async move {
            // Fails only when the semaphore is closed, which nobody does.
            if let Ok(permit) = free.acquire().await {
                permit.forget();
            }
            sent.fetch_add(1, Ordering::AcqRel);
            request
        }
    })
}

async fn within<T>(
    patience: Duration,
    what: &str,
    step: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    tokio::time::timeout(patience, step).await.unwrap_or_else(|_| {
        Err(Status::deadline_exceeded(format!("The master did not {what} for {patience:?}.")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn at_most_two_batches_are_out() {
        let (free, sent) = (Arc::new(Semaphore::new(IN_FLIGHT)), Arc::new(AtomicU64::new(0)));
        let mut requests = Box::pin(paced(stream::iter(0..5), Arc::clone(&free), Arc::clone(&sent)));
        for _ in 0..IN_FLIGHT {
            requests.next().await;
        }
        let third = tokio::time::timeout(Duration::from_millis(20), requests.next()).await;
        assert!(third.is_err(), "the third waits for a reply");
        free.add_permits(1);
        assert_eq!(requests.next().await, Some(2));
        assert_eq!(sent.load(Ordering::Acquire), 3);
    }
}

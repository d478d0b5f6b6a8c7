//! `alluxio.own.WorkerReports`: what our workers tell every master.
//!
//! It is served whoever leads, beside what a leader offers. A block master takes the reports while it is at the desk:
//! that of a standby, and the same one as the leader's.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use alluxio_fs::FsError;
use alluxio_proto::grpc::block::RegisterWorkerPRequest;
use alluxio_proto::own::{
    IdentifyRequest, IdentifyResponse, LeaveRequest, LeaveResponse, ReportRegistered, ReportRegistration,
    ReportRequest, ReportResponse, worker_reports_server::WorkerReports,
};
use futures::{Stream, StreamExt};
use parking_lot::RwLock;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Request, Response, Status, Streaming};

use super::heartbeat::Heartbeat;
use super::master::BlockMaster;
use super::register_stream::registration_of;
use super::take_over::Report;
use super::worker::{Reports, Standing};

/// Longest time that an answer is held back, whatever was asked for.
const LONGEST_HOLD: Duration = Duration::from_secs(10);

/// Where reports are taken, as long as somebody is there. Cheap to clone.
#[derive(Clone, Default)]
pub struct ReportDesk(Arc<RwLock<Option<AtDesk>>>);

struct AtDesk {
    cluster: Arc<str>,
    blocks: Arc<BlockMaster>,
    /// Who is being attended to is sent away with it.
    closed: CancellationToken,
    _close: DropGuard,
}

impl ReportDesk {
    /// From now on this block master takes the reports of this cluster's workers.
    pub fn open(&self, cluster: &str, blocks: Arc<BlockMaster>) {
        let closed = CancellationToken::new();
        let at_desk =
            AtDesk { cluster: cluster.into(), blocks, closed: closed.clone(), _close: closed.drop_guard() };
        *self.0.write() = Some(at_desk);
    }

    /// Nothing is taken any more, and nothing of the block master is held here.
    pub fn close(&self) {
        *self.0.write() = None;
    }

    /// How many workers report, and how many blocks they have in all.
    pub fn reported(&self) -> Option<(usize, i64)> {
        let desk = self.0.read();
        let blocks = &desk.as_ref()?.blocks;
        let workers = blocks.worker_reports();
        let active = workers.iter().filter(|worker| worker.standing == Standing::Active);
        let count = active.clone().count();
        Some((count, active.map(|worker| worker.block_count).sum()))
    }

    fn cluster(&self) -> Result<Arc<str>, FsError> {
        let desk = self.0.read();
        let desk = desk.as_ref().ok_or_else(closed)?;
        Ok(Arc::clone(&desk.cluster))
    }

    /// Does `work`, unless the desk is closed meanwhile.
    async fn attend<T, F>(&self, work: impl FnOnce(Arc<BlockMaster>) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let (work, left) = {
            let desk = self.0.read();
            let desk = desk.as_ref().ok_or_else(closed)?;
            (work(Arc::clone(&desk.blocks)), desk.closed.clone())
        };
        tokio::select! {
            biased;
            () = left.cancelled() => Err(closed().into()),
            done = work => done,
        }
    }
}

fn closed() -> FsError {
    FsError::unavailable("This master takes no reports at the moment. Try again.")
}

/// See the module.
pub struct WorkerReportsService {
    desk: ReportDesk,
    keep: fn(&str) -> bool,
}

impl WorkerReportsService {
    /// `keep` says which of a worker's properties are remembered for the configuration check.
    pub fn new(desk: ReportDesk, keep: fn(&str) -> bool) -> Self {
        Self { desk, keep }
    }

    async fn list(
        &self,
        blocks: Arc<BlockMaster>,
        mut messages: impl Messages,
    ) -> Result<Response<ReportRegistered>, Status> {
        let patience = blocks.options.stream_timeout;
        let Some(first) = next(&mut messages, patience).await? else {
            return Err(FsError::invalid_argument("A registration needs at least one message.").into());
        };
        let cluster = self.desk.cluster()?;
        if first.cluster_id() != &*cluster {
            return Err(FsError::failed_precondition(format!(
                "This master is of cluster {cluster}, the worker of cluster {}: the worker's list of masters names \
                 masters of several clusters.",
                first.cluster_id()
            ))
            .into());
        }
        let registration = first.registration.ok_or_else(|| lacks("registration"))?;
        let address = first.address.ok_or_else(|| lacks("address"))?;
        let mut part = first.part.ok_or_else(|| lacks("part"))?;
        let id = part.worker_id.ok_or_else(|| lacks("workerId"))?;
        // First: what the worker had told by another id goes with the adoption, and its list is to follow at once.
        if blocks.request_lease(id).is_none() {
            return Err(
                FsError::unavailable("Too many workers register at present. Register again later.").into()
            );
        }
        blocks.adopt_worker_id(id, address)?;
        let attempt = blocks.begin_registration(id, registration_of(&mut part, self.keep))?;
        blocks.list_blocks(&attempt, &part.current_blocks).await?;
        while let Some(message) = next(&mut messages, patience).await? {
            let RegisterWorkerPRequest { current_blocks, .. } = message.part.unwrap_or_default();
            blocks.list_blocks(&attempt, &current_blocks).await?;
        }
        // The list may be older than the former leader's end: the worker is back with the report that follows.
        blocks.take_list(attempt).await?;
        blocks.reports_begin(id, Reports { registration, sequence: 0 })?;
        Ok(Response::new(ReportRegistered {}))
    }
}

/// The parts of a registration.
trait Messages: Stream<Item = Result<ReportRegistration, Status>> + Send + Unpin {}

impl<S: Stream<Item = Result<ReportRegistration, Status>> + Send + Unpin> Messages for S {}

async fn next(
    messages: &mut impl Messages,
    patience: Option<Duration>,
) -> Result<Option<ReportRegistration>, Status> {
    let next = match patience {
        None => messages.next().await,
        Some(limit) => timeout(limit, messages.next()).await.map_err(|_| {
            FsError::deadline_exceeded(format!("The worker sent nothing for {limit:?} while registering."))
        })?,
    };
    next.transpose()
}

fn lacks(field: &str) -> FsError {
    FsError::invalid_argument(format!("The request lacks {field}."))
}

async fn report(
    blocks: Arc<BlockMaster>,
    request: ReportRequest,
) -> Result<Response<ReportResponse>, Status> {
    let mut turns = blocks.turns();
    let report = request.report.unwrap_or_default();
    let id = report.worker_id.ok_or_else(|| lacks("workerId"))?;
    let place = Reports {
        registration: request.registration.ok_or_else(|| lacks("registration"))?,
        sequence: request.sequence.ok_or_else(|| lacks("sequence"))?,
    };
    let (turn, decommissioned) = (request.turn, request.decommissioned.unwrap_or_default());
    let report = Report { place, turn, decommissioned, changes: Heartbeat::of(report) };
    let known = blocks.report(id, report).await?;
    if known && Some(*turns.borrow_and_update()) == turn && !blocks.is_serving() {
        let hold = Duration::from_millis(request.hold_ms.unwrap_or_default()).min(LONGEST_HOLD);
        // Both ends mean the same: it is time to answer.
        drop(timeout(hold, turns.changed()).await);
    }
    let turn = *turns.borrow();
    Ok(Response::new(ReportResponse {
        known: Some(known),
        turn: Some(turn),
        leads: Some(blocks.is_serving()),
    }))
}

#[tonic::async_trait]
impl WorkerReports for WorkerReportsService {
    async fn identify(&self, _: Request<IdentifyRequest>) -> Result<Response<IdentifyResponse>, Status> {
        let cluster_id = Some(self.desk.cluster()?.to_string());
        Ok(Response::new(IdentifyResponse { cluster_id }))
    }

    async fn register(
        &self,
        request: Request<Streaming<ReportRegistration>>,
    ) -> Result<Response<ReportRegistered>, Status> {
        self.desk.attend(|blocks| self.list(blocks, request.into_inner())).await
    }

    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        self.desk.attend(|blocks| report(blocks, request.into_inner())).await
    }

    async fn leave(&self, request: Request<LeaveRequest>) -> Result<Response<LeaveResponse>, Status> {
        let LeaveRequest { worker_id, registration } = request.into_inner();
        self.desk
            .attend(|blocks| async move {
                blocks.leave(worker_id.unwrap_or_default(), registration.unwrap_or_default())?;
                Ok(Response::new(LeaveResponse {}))
            })
            .await
    }
}

#[cfg(test)]
#[path = "reports_tests.rs"]
mod tests;

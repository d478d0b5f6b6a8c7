//! What a worker of ours tells one of our masters beside the heartbeat to the leader, whoever leads.

use alluxio_fs::{FsError, FsResult};
use alluxio_proto::{
    grpc::block::{LocationBlockIdListEntry, RegisterWorkerPRequest},
    own::{
        IdentifyRequest, IdentifyResponse, LeaveRequest, ReportRegistration, ReportRequest, ReportResponse,
        worker_reports_client::WorkerReportsClient as Stub,
    },
};
use alluxio_rpc::SessionChannel;
use futures::{StreamExt, stream};
use tonic::{Code, Response, Status};

use crate::{cluster::Cluster, stubs::REPORTS};

/// Each call is tried once, and has no time limit here. Cheap to clone.
#[derive(Clone)]
pub struct WorkerReportsClient {
    cluster: Cluster,
}

/// All methods fail with what the master answers, or UNAVAILABLE.
#[allow(clippy::missing_errors_doc)]
impl WorkerReportsClient {
    pub fn new(cluster: &Cluster) -> Self {
        Self { cluster: cluster.clone() }
    }

    /// The cluster that the master belongs to; `None` from one of the original.
    pub async fn identify(&self) -> FsResult<Option<String>> {
        let call = |mut client: Stub<SessionChannel>| async move {
            match client.identify(IdentifyRequest {}).await {
                Err(status) if status.code() == Code::Unimplemented => {
                    Ok(Response::new(IdentifyResponse::default()))
                }
                answer => answer,
            }
        };
        Ok(self.cluster.call_once(&REPORTS, call).await?.cluster_id)
    }

    /// `first` with everything but the remaining blocks, which follow in these batches.
    pub async fn register(
        &self,
        first: ReportRegistration,
        batches: Vec<Vec<LocationBlockIdListEntry>>,
    ) -> FsResult<()> {
        let rest = batches.into_iter().map(|current_blocks| ReportRegistration {
            part: Some(RegisterWorkerPRequest { current_blocks, ..RegisterWorkerPRequest::default() }),
            ..ReportRegistration::default()
        });
        let mut messages = Some(stream::iter([first]).chain(stream::iter(rest)));
        let call = |mut client: Stub<SessionChannel>| {
            // Taken once: `call_once` calls this once.
            let messages = messages.take();
            async move {
                let messages = messages.ok_or_else(|| Status::internal("The list was already sent."))?;
                client.register(messages).await
            }
        };
        self.cluster.call_once(&REPORTS, call).await.map(drop)
    }

    pub async fn report(&self, request: ReportRequest) -> FsResult<ReportResponse> {
        let mut request = Some(request);
        let call = |mut client: Stub<SessionChannel>| {
            let request = request.take();
            async move {
                let request = request.ok_or_else(|| FsError::internal("The report was already sent."))?;
                client.report(request).await
            }
        };
        self.cluster.call_once(&REPORTS, call).await
    }

    /// The worker of this registration shuts down.
    pub async fn leave(&self, worker_id: i64, registration: u64) -> FsResult<()> {
        let request = LeaveRequest { worker_id: Some(worker_id), registration: Some(registration) };
        let call = |mut client: Stub<SessionChannel>| async move { client.leave(request).await };
        self.cluster.call_once(&REPORTS, call).await.map(drop)
    }
}

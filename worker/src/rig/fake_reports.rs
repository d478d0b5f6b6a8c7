//! The fake master as one that is told whoever leads.

use super::fake_master::FakeMaster;
use alluxio_proto::own::{
    IdentifyRequest, IdentifyResponse, LeaveRequest, LeaveResponse, ReportRegistered, ReportRegistration,
    ReportRequest, ReportResponse, worker_reports_server::WorkerReports,
};
use std::{collections::BTreeSet, time::Duration};
use tonic::{Request, Response, Status, Streaming, async_trait};

#[async_trait]
impl WorkerReports for FakeMaster {
    async fn identify(&self, _: Request<IdentifyRequest>) -> Result<Response<IdentifyResponse>, Status> {
        Ok(Response::new(IdentifyResponse { cluster_id: Some("cluster".into()) }))
    }

    async fn register(
        &self,
        request: Request<Streaming<ReportRegistration>>,
    ) -> Result<Response<ReportRegistered>, Status> {
        let mut messages = request.into_inner();
        let (mut id, mut held) = (None, BTreeSet::new());
        while let Some(message) = messages.message().await? {
            assert_eq!(message.cluster_id.as_deref(), id.is_none().then_some("cluster"));
            let part = message.part.unwrap();
            id = id.or(part.worker_id);
            held.extend(part.current_blocks.into_iter().flat_map(|entry| entry.value.unwrap().block_id));
        }
        let mut mind = self.mind.lock();
        mind.told_all += 1;
        mind.workers.insert(id.unwrap(), held);
        Ok(Response::new(ReportRegistered {}))
    }

    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        let request = request.into_inner();
        let report = request.report.unwrap();
        let hangs = self.mind.lock().hang_reports;
        if hangs {
            self.mind.lock().hung += 1;
            std::future::pending::<()>().await;
        }
        let (known, turn) = {
            let mut mind = self.mind.lock();
            if mind.refuse_reports {
                mind.refused += 1;
                return Err(Status::unavailable("Not now."));
            }
            mind.told += 1;
            mind.told_decommissioned = request.decommissioned.unwrap_or_default();
            let changes = report.removed_block_ids.len()
                + report
                    .added_blocks
                    .iter()
                    .flat_map(|entry| &entry.value)
                    .map(|list| list.block_id.len())
                    .sum::<usize>();
            mind.told_turns.push((request.turn, changes));
            let turn = mind.turn;
            let known = match mind.workers.get_mut(&report.worker_id.unwrap()) {
                None => false,
                Some(blocks) => {
                    blocks.retain(|block| !report.removed_block_ids.contains(block));
                    let added = report.added_blocks.into_iter();
                    blocks.extend(added.flat_map(|entry| entry.value.unwrap().block_id));
                    true
                }
            };
            (known, turn)
        };
        tokio::time::sleep(Duration::from_millis(request.hold_ms.unwrap())).await;
        Ok(Response::new(ReportResponse { known: Some(known), turn: Some(turn), leads: Some(false) }))
    }

    async fn leave(&self, request: Request<LeaveRequest>) -> Result<Response<LeaveResponse>, Status> {
        self.mind.lock().left.push(request.into_inner().worker_id.unwrap());
        Ok(Response::new(LeaveResponse {}))
    }
}

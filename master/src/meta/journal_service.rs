//! `JournalMasterClientService`: administration of the embedded (Raft) journal, which is not used here.
//! Every method answers at once, so that `fsadmin journal quorum` does not try for minutes.

use alluxio_fs::FsError;
use alluxio_proto::grpc::journal::{
    GetNodeStatePRequest, GetNodeStatePResponse, GetQuorumInfoPRequest, GetQuorumInfoPResponse,
    GetTransferLeaderMessagePRequest, GetTransferLeaderMessagePResponse, NodeState,
    RemoveQuorumServerPRequest, RemoveQuorumServerPResponse, ResetPrioritiesPRequest,
    ResetPrioritiesPResponse, TransferLeadershipPRequest, TransferLeadershipPResponse,
    journal_master_client_service_server::JournalMasterClientService,
};
use tonic::{Request, Response, Status};

/// Serves the one question that has an answer: whether this master leads.
#[derive(Default)]
pub struct JournalService;

type Reply<T> = Result<Response<T>, Status>;

fn no_quorum() -> Status {
    FsError::failed_precondition(
        "This cluster has no embedded (Raft) journal and so no quorum: masters share a journal folder (alluxio.master.journal.folder).",
    )
    .into()
}

#[tonic::async_trait]
impl JournalMasterClientService for JournalService {
    async fn get_quorum_info(
        &self,
        request: Request<GetQuorumInfoPRequest>,
    ) -> Reply<GetQuorumInfoPResponse> {
        alluxio_rpc::caller(&request)?;
        Err(no_quorum())
    }

    async fn remove_quorum_server(
        &self,
        request: Request<RemoveQuorumServerPRequest>,
    ) -> Reply<RemoveQuorumServerPResponse> {
        alluxio_rpc::caller(&request)?;
        Err(no_quorum())
    }

    async fn transfer_leadership(
        &self,
        request: Request<TransferLeadershipPRequest>,
    ) -> Reply<TransferLeadershipPResponse> {
        alluxio_rpc::caller(&request)?;
        Err(no_quorum())
    }

    async fn reset_priorities(
        &self,
        request: Request<ResetPrioritiesPRequest>,
    ) -> Reply<ResetPrioritiesPResponse> {
        alluxio_rpc::caller(&request)?;
        Err(no_quorum())
    }

    async fn get_transfer_leader_message(
        &self,
        request: Request<GetTransferLeaderMessagePRequest>,
    ) -> Reply<GetTransferLeaderMessagePResponse> {
        alluxio_rpc::caller(&request)?;
        Err(no_quorum())
    }

    /// Only a leading master serves this.
    async fn get_node_state(&self, request: Request<GetNodeStatePRequest>) -> Reply<GetNodeStatePResponse> {
        alluxio_rpc::caller(&request)?;
        Ok(Response::new(GetNodeStatePResponse { node_state: Some(NodeState::Primary as i32) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<T>(message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(alluxio_rpc::Caller::default());
        request
    }

    #[tokio::test]
    async fn quorum_questions_fail_at_once_and_the_state_is_told() {
        let service = JournalService;
        let error = service.get_quorum_info(asked(GetQuorumInfoPRequest::default())).await.unwrap_err();
        assert_eq!(error.code(), tonic::Code::FailedPrecondition);
        let state = service.get_node_state(asked(GetNodeStatePRequest {})).await.unwrap().into_inner();
        assert_eq!(state.node_state(), NodeState::Primary);
        let unauthenticated = service.get_node_state(Request::new(GetNodeStatePRequest {})).await;
        assert!(unauthenticated.is_err());
    }
}

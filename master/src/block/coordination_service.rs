//! `alluxio.own.Coordination`: what only our own workers ask.

use std::{sync::Arc, time::Duration};

use alluxio_fs::FsError;
use alluxio_proto::own::{
    DeregisterRequest, DeregisterResponse, MayEvictRequest, MayEvictResponse,
    coordination_server::Coordination,
};
use tonic::{Request, Response, Status};

use super::master::BlockMaster;
use super::tree_view::{EvictionPolicy, LOOKUP_CHUNK, Purpose};

/// Most candidates in one question.
const MAX_CANDIDATES: usize = 100_000;

/// Serves our workers.
pub struct CoordinationService {
    master: Arc<BlockMaster>,
    policy: Arc<dyn EvictionPolicy>,
}

impl CoordinationService {
    pub fn new(master: Arc<BlockMaster>, policy: Arc<dyn EvictionPolicy>) -> Self {
        Self { master, policy }
    }
}

#[tonic::async_trait]
impl Coordination for CoordinationService {
    async fn may_evict(
        &self,
        request: Request<MayEvictRequest>,
    ) -> Result<Response<MayEvictResponse>, Status> {
        alluxio_rpc::caller(&request)?;
        let MayEvictRequest { worker_id, block_ids, looking } = request.into_inner();
        let purpose = if looking.unwrap_or(false) { Purpose::Looking } else { Purpose::Evicting };
        // The master stands by its answers, and changes of the files wait: that is for workers only.
        let worker = worker_id.unwrap_or(0);
        if purpose == Purpose::Evicting && !self.master.is_worker_live(worker) {
            return Err(FsError::not_found(format!(
                "No live worker has the id {worker}: register before asking what may be evicted."
            ))
            .into());
        }
        if block_ids.len() > MAX_CANDIDATES {
            return Err(FsError::invalid_argument(format!(
                "{} eviction candidates are too many for one question: ask for at most {MAX_CANDIDATES}.",
                block_ids.len()
            ))
            .into());
        }
        let valid = match purpose {
            Purpose::Evicting => self.policy.valid(),
            Purpose::Looking => Duration::ZERO,
        };
        let valid_ms = u64::try_from(valid.as_millis()).ok();
        let mut answer = MayEvictResponse { valid_ms, ..MayEvictResponse::default() };
        for chunk in block_ids.chunks(LOOKUP_CHUNK) {
            let sorted = self.policy.may_evict(chunk, purpose).await?;
            answer.evictable.extend(sorted.evictable);
            answer.not_persisted.extend(sorted.not_persisted);
            answer.pinned.extend(sorted.pinned);
        }
        if purpose == Purpose::Evicting {
            self.policy.confirmed().await?;
        }
        Ok(Response::new(answer))
    }

    async fn deregister(
        &self,
        request: Request<DeregisterRequest>,
    ) -> Result<Response<DeregisterResponse>, Status> {
        alluxio_rpc::caller(&request)?;
        self.master.deregister(request.into_inner().worker_id())?;
        Ok(Response::new(DeregisterResponse {}))
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use tonic::Code;

    use super::super::Evictable;
    use super::super::test_cluster::TestCluster;
    use super::*;

    /// Even blocks may go, multiples of three exist only here.
    #[derive(Default)]
    struct TestPolicy {
        deposed: bool,
    }

    #[async_trait]
    impl EvictionPolicy for TestPolicy {
        async fn may_evict(&self, block_ids: &[i64], _: Purpose) -> Result<Evictable, FsError> {
            assert!(block_ids.len() <= LOOKUP_CHUNK);
            let (mut evictable, mut not_persisted) = (Vec::new(), Vec::new());
            for id in block_ids {
                match (id % 3, id % 2) {
                    (0, _) => not_persisted.push(*id),
                    (_, 0) => evictable.push(*id),
                    _ => {}
                }
            }
            Ok(Evictable { evictable, not_persisted, pinned: Vec::new() })
        }

        async fn confirmed(&self) -> Result<(), FsError> {
            if self.deposed { Err(FsError::unavailable("deposed")) } else { Ok(()) }
        }

        fn valid(&self) -> Duration {
            Duration::from_millis(70)
        }
    }

    fn asked<T>(message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(alluxio_rpc::Caller::default());
        request
    }

    #[tokio::test]
    async fn candidates_are_judged_in_chunks_and_bounded() {
        let cluster = TestCluster::new();
        let worker = cluster.register("w1", []).await;
        let service = CoordinationService::new(Arc::clone(&cluster.master), Arc::new(TestPolicy::default()));
        let ask = |count: i64| {
            asked(MayEvictRequest { worker_id: Some(worker), block_ids: (0..count).collect(), looking: None })
        };
        let answer = service.may_evict(ask(6_000)).await.unwrap().into_inner();
        assert_eq!((answer.evictable.len(), answer.not_persisted.len()), (2_000, 2_000));
        assert_eq!(answer.valid_ms, Some(70));
        let looking = asked(MayEvictRequest { looking: Some(true), ..ask(1).into_inner() });
        assert_eq!(service.may_evict(looking).await.unwrap().into_inner().valid_ms, Some(0));
        let error = service.may_evict(ask(100_001)).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
    }

    #[tokio::test]
    async fn only_live_workers_evict() {
        let cluster = TestCluster::new();
        let worker = cluster.register("w1", []).await;
        let service = CoordinationService::new(Arc::clone(&cluster.master), Arc::new(TestPolicy::default()));
        let ask = async |worker_id, looking| {
            let request = MayEvictRequest { worker_id, block_ids: vec![2], looking: Some(looking) };
            service.may_evict(asked(request)).await.map(Response::into_inner)
        };
        for unknown in [None, Some(worker + 1)] {
            assert_eq!(ask(unknown, false).await.unwrap_err().code(), Code::NotFound);
            assert_eq!(ask(unknown, true).await.unwrap().evictable, [2], "a look holds nobody up");
        }
        assert_eq!(ask(Some(worker), false).await.unwrap().evictable, [2]);
        cluster.master.deregister(worker).unwrap();
        assert_eq!(ask(Some(worker), false).await.unwrap_err().code(), Code::NotFound);
    }

    #[tokio::test]
    async fn a_deposed_master_lets_nothing_go() {
        let cluster = TestCluster::new();
        let worker = cluster.register("w1", []).await;
        let policy = Arc::new(TestPolicy { deposed: true });
        let service = CoordinationService::new(Arc::clone(&cluster.master), policy);
        let ask = |looking| {
            asked(MayEvictRequest { worker_id: Some(worker), block_ids: vec![2], looking: Some(looking) })
        };
        assert_eq!(service.may_evict(ask(false)).await.unwrap_err().code(), Code::Unavailable);
        assert!(service.may_evict(ask(true)).await.is_ok(), "nothing goes by it");
    }

    #[tokio::test]
    async fn a_worker_takes_itself_off_the_list() {
        let cluster = TestCluster::new();
        let id = cluster.register("w1", []).await;
        let service = CoordinationService::new(Arc::clone(&cluster.master), Arc::new(TestPolicy::default()));
        let leave = || asked(DeregisterRequest { worker_id: Some(id) });
        service.deregister(leave()).await.unwrap();
        assert!(!cluster.master.is_worker_live(id));
        assert_eq!(service.deregister(leave()).await.unwrap_err().code(), Code::NotFound);
    }
}

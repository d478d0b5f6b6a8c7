//! The generated service's methods, each handed to its room.

use super::{
    caching::{CacheJob, CacheQueue},
    load,
    local_block::{self, CreateReplies, OpenReplies},
    short_calls,
    way::Way,
    write_stream::{self, WriteReplies},
};
use crate::core::Core;
use alluxio_proto::grpc::block::{
    AsyncCacheRequest, AsyncCacheResponse, CacheRequest, CacheResponse, ClearMetricsRequest,
    ClearMetricsResponse, CreateLocalBlockRequest, FreeWorkerRequest, FreeWorkerResponse, LoadRequest,
    LoadResponse, MoveBlockRequest, MoveBlockResponse, OpenLocalBlockRequest, ReadRequest, ReadResponse,
    RemoveBlockRequest, RemoveBlockResponse, WriteRequest, block_worker_server::BlockWorker,
};
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

/// The generated server wants a type for the stream that the endpoint serves.
type NoReplies = futures::stream::Empty<Result<ReadResponse, Status>>;

/// Serves `alluxio.grpc.block.BlockWorker`, but for ReadBlock.
#[derive(Clone)]
pub struct BlockService {
    core: Arc<Core>,
    cache: CacheQueue,
}

impl BlockService {
    pub fn new(core: Arc<Core>) -> BlockService {
        let cache =
            CacheQueue::new(Arc::clone(&core), core.settings.cache_queue, core.settings.cache_workers);
        BlockService { core, cache }
    }
}

#[tonic::async_trait]
impl BlockWorker for BlockService {
    type ReadBlockStream = NoReplies;
    type WriteBlockStream = WriteReplies;
    type OpenLocalBlockStream = OpenReplies;
    type CreateLocalBlockStream = CreateReplies;

    /// Not reached: [`super::endpoint`] takes these calls before the generated server.
    async fn read_block(&self, _: Request<Streaming<ReadRequest>>) -> Result<Response<NoReplies>, Status> {
        Err(Status::internal("ReadBlock is served by the endpoint."))
    }

    async fn write_block(
        &self,
        request: Request<Streaming<WriteRequest>>,
    ) -> Result<Response<WriteReplies>, Status> {
        let way = Way::of(request.extensions());
        write_stream::serve(Arc::clone(&self.core), request.into_inner(), way).await.map(Response::new)
    }

    async fn open_local_block(
        &self,
        request: Request<Streaming<OpenLocalBlockRequest>>,
    ) -> Result<Response<OpenReplies>, Status> {
        local_block::open(Arc::clone(&self.core), request.into_inner()).await.map(Response::new)
    }

    async fn create_local_block(
        &self,
        request: Request<Streaming<CreateLocalBlockRequest>>,
    ) -> Result<Response<CreateReplies>, Status> {
        local_block::create(Arc::clone(&self.core), request.into_inner()).await.map(Response::new)
    }

    async fn async_cache(
        &self,
        request: Request<AsyncCacheRequest>,
    ) -> Result<Response<AsyncCacheResponse>, Status> {
        self.cache.submit(CacheJob::of_async(request.get_ref())?);
        Ok(Response::new(AsyncCacheResponse {}))
    }

    async fn cache(&self, request: Request<CacheRequest>) -> Result<Response<CacheResponse>, Status> {
        let job = CacheJob::of(request.get_ref())?;
        if request.get_ref().r#async.unwrap_or(false) {
            self.cache.submit(job);
        } else {
            self.cache.run(job).await?;
        }
        Ok(Response::new(CacheResponse {}))
    }

    async fn load(&self, request: Request<LoadRequest>) -> Result<Response<LoadResponse>, Status> {
        load::load(&self.cache, request.into_inner()).await.map(Response::new)
    }

    async fn remove_block(
        &self,
        request: Request<RemoveBlockRequest>,
    ) -> Result<Response<RemoveBlockResponse>, Status> {
        short_calls::remove(&self.core, request.get_ref()).await?;
        Ok(Response::new(RemoveBlockResponse {}))
    }

    async fn move_block(
        &self,
        request: Request<MoveBlockRequest>,
    ) -> Result<Response<MoveBlockResponse>, Status> {
        short_calls::relocate(&self.core, request.get_ref()).await?;
        Ok(Response::new(MoveBlockResponse {}))
    }

    async fn clear_metrics(
        &self,
        _request: Request<ClearMetricsRequest>,
    ) -> Result<Response<ClearMetricsResponse>, Status> {
        self.core.metrics.clear();
        Ok(Response::new(ClearMetricsResponse {}))
    }

    async fn free_worker(
        &self,
        _request: Request<FreeWorkerRequest>,
    ) -> Result<Response<FreeWorkerResponse>, Status> {
        short_calls::free_worker(&self.core).await?;
        Ok(Response::new(FreeWorkerResponse {}))
    }
}

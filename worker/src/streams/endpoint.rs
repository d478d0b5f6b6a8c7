//! The service as the RPC server sees it: the generated one, with two things it cannot do.
//!
//! - Cancelled requests are told from finished ones ([`half_close`]).
//! - ReadBlock's answer is written by hand ([`read_body`]): the generated server would copy every chunk.

use super::{half_close, read_block, read_body, service::BlockService, way::Way};
use crate::core::Core;
use alluxio_proto::grpc::block::{ReadRequest, ReadResponse, block_worker_server::BlockWorkerServer};
use alluxio_rpc::MessageLimits;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, header};
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};
use tonic::{Status, Streaming, body::Body, codec::Codec, server::NamedService};
use tonic_prost::ProstCodec;
use tower::Service;

const READ_BLOCK: &str = "/alluxio.grpc.block.BlockWorker/ReadBlock";

/// See the module. Cheap to clone.
#[derive(Clone)]
pub struct BlockEndpoint {
    core: Arc<Core>,
    others: BlockWorkerServer<BlockService>,
    message_limit: usize,
}

impl BlockEndpoint {
    pub fn new(core: Arc<Core>) -> BlockEndpoint {
        let others = BlockWorkerServer::new(BlockService::new(Arc::clone(&core)));
        BlockEndpoint { core, others, message_limit: usize::MAX }
    }
}

impl NamedService for BlockEndpoint {
    const NAME: &'static str = <BlockWorkerServer<BlockService> as NamedService>::NAME;
}

impl MessageLimits for BlockEndpoint {
    fn limit_messages(self, bytes: usize) -> Self {
        BlockEndpoint { core: self.core, others: self.others.limit_messages(bytes), message_limit: bytes }
    }
}

impl Service<Request<Body>> for BlockEndpoint {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <BlockWorkerServer<BlockService> as Service<Request<Body>>>::poll_ready(&mut self.others, context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let request = request.map(half_close::checked);
        if request.uri().path() != READ_BLOCK {
            return self.others.call(request);
        }
        let (core, limit) = (Arc::clone(&self.core), self.message_limit);
        Box::pin(async move { Ok(read(core, request, limit).await.unwrap_or_else(Status::into_http)) })
    }
}

async fn read(core: Arc<Core>, request: Request<Body>, limit: usize) -> Result<Response<Body>, Status> {
    let way = Way::of(request.extensions());
    let decoder = ProstCodec::<ReadResponse, ReadRequest>::default().decoder();
    let requests = Streaming::new_request(decoder, request.into_body(), None, Some(limit));
    let (chunks, listening) = read_block::serve(core, requests, way).await?;
    let mut response = Response::new(Body::new(read_body::ReadBody::new(chunks, listening)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(response)
}

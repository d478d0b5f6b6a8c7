//! The fake master as one of the original: it does not know our service.

use super::fake_master::{FakeMaster, Mind};
use alluxio_proto::own::coordination_server::CoordinationServer;
use alluxio_rpc::MessageLimits;
use futures::{FutureExt, future::BoxFuture, stream};
use http::{HeaderMap, HeaderValue, Request, Response, header::CONTENT_TYPE};
use http_body::Frame;
use http_body_util::StreamBody;
use parking_lot::Mutex;
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};
use tonic::{Status, body::Body, server::NamedService};
use tower::Service;

/// Our service, or UNIMPLEMENTED.
#[derive(Clone)]
pub struct MaybeOriginal {
    pub ours: CoordinationServer<FakeMaster>,
    pub mind: Arc<Mutex<Mind>>,
}

impl NamedService for MaybeOriginal {
    const NAME: &'static str = <CoordinationServer<FakeMaster> as NamedService>::NAME;
}

impl MessageLimits for MaybeOriginal {
    fn limit_messages(self, bytes: usize) -> Self {
        Self { ours: self.ours.limit_messages(bytes), ..self }
    }
}

impl Service<Request<Body>> for MaybeOriginal {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut mind = self.mind.lock();
        if !mind.original {
            return self.ours.call(request).boxed();
        }
        mind.unknown_questions += 1;
        std::future::ready(Ok(unimplemented())).boxed()
    }
}

/// The status in trailers: our server never says UNIMPLEMENTED, and would mend it in the headers.
fn unimplemented() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    Status::unimplemented("Method not found").add_header(&mut trailers).unwrap();
    let body = StreamBody::new(stream::iter([Ok::<_, Status>(Frame::<bytes::Bytes>::trailers(trailers))]));
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

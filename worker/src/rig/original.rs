//! The fake master as one of the original: it does not know our services.

use super::fake_master::Mind;
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
pub struct MaybeOriginal<S> {
    pub ours: S,
    pub mind: Arc<Mutex<Mind>>,
}

impl<S: NamedService> NamedService for MaybeOriginal<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: MessageLimits> MessageLimits for MaybeOriginal<S> {
    fn limit_messages(self, bytes: usize) -> Self {
        Self { ours: self.ours.limit_messages(bytes), ..self }
    }
}

impl<S> Service<Request<Body>> for MaybeOriginal<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>,
{
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

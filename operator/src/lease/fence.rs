//! Lets requests that change something out only while the tenure lasts.

use std::task::{Context, Poll};

use futures::future::{Either, Ready, ready};
use http::{Method, Request};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

use super::Tenure;

/// For the client of the operator's own acts; the Lease is written with another one.
#[derive(Clone, Debug)]
pub struct FenceLayer {
    pub tenure: Tenure,
}

/// What a request gets that came too late.
#[derive(Debug, thiserror::Error)]
#[error("This operator does not hold the lease any more: {method} {path} was not sent.")]
pub struct Fenced {
    method: Method,
    path: String,
}

impl<S> Layer<S> for FenceLayer {
    type Service = Fence<S>;

    fn layer(&self, inner: S) -> Fence<S> {
        Fence { inner, tenure: self.tenure.clone() }
    }
}

#[derive(Clone, Debug)]
pub struct Fence<S> {
    inner: S,
    tenure: Tenure,
}

impl<S> Service<Request<Body>> for Fence<S>
where
    S: Service<Request<Body>>,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<
        Ready<Result<S::Response, BoxError>>,
        futures::future::MapErr<S::Future, fn(S::Error) -> BoxError>,
    >;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        use futures::TryFutureExt;
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if !reads && !self.tenure.holds() {
            let path = request.uri().path().to_owned();
            return Either::Left(ready(Err(Fenced { method: request.method().clone(), path }.into())));
        }
        Either::Right(self.inner.call(request).map_err(Into::into as fn(S::Error) -> BoxError))
    }
}

#[cfg(test)]
mod tests {
    use http::Response;
    use tower::{ServiceExt, service_fn};

    use super::*;

    async fn sent(tenure: &Tenure, method: Method) -> Result<(), String> {
        let inner = service_fn(|_: Request<Body>| async { Ok::<_, BoxError>(Response::new(Body::empty())) });
        let fence = FenceLayer { tenure: tenure.clone() }.layer(inner);
        let request = Request::builder().method(method).uri("http://api/apis/x").body(Body::empty()).unwrap();
        fence.oneshot(request).await.map(drop).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn who_does_not_hold_the_lease_may_read_only() {
        let tenure = Tenure::default();
        assert_eq!(sent(&tenure, Method::GET).await, Ok(()));
        for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
            let error = sent(&tenure, method.clone()).await.unwrap_err();
            assert!(error.contains(&format!("{method} /apis/x was not sent")), "{error}");
            assert_eq!(sent(&Tenure::endless(), method).await, Ok(()));
        }
    }
}

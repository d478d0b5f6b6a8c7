//! From a request to its service: session check, unknown methods, panics.

use std::{
    any::Any,
    collections::HashMap,
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use futures::{FutureExt, future::BoxFuture};
use http::{HeaderValue, Request, Response};
use parking_lot::RwLock;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Code, Status, body::Body};
use tower::{Service, util::BoxCloneSyncService};

use super::{
    counted::counted,
    stage::{Act, Offer},
};
use crate::{Sessions, session::SaslService, unsupported};

/// Of an encoded error text. grpc-java takes 8 kB of headers and fails the call with another error when
/// there are more; paths, which stand in many texts, may be longer.
const LONGEST_MESSAGE: usize = 6 * 1024;

type Handler = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// Who may call a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Only a session.
    Session,
    /// Anyone; a session's caller is known all the same.
    Open,
}

/// The services of a server by their full gRPC names.
#[derive(Clone, Default)]
pub(super) struct Routes(HashMap<&'static str, (Access, Handler)>);

impl Routes {
    pub(super) fn add<S>(&mut self, name: &'static str, access: Access, server: S)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.0.insert(name, (access, BoxCloneSyncService::new(server)));
    }
}

#[derive(Clone)]
pub(super) struct Dispatch {
    act: Arc<RwLock<Act>>,
    /// What is offered whatever the act is.
    beside: Arc<Offer>,
    sessions: Sessions,
    shutdown: CancellationToken,
    /// Who waits for their last answers.
    calls: TaskTracker,
}

impl Dispatch {
    pub(super) fn new(
        act: Arc<RwLock<Act>>,
        beside: Arc<Offer>,
        sessions: Sessions,
        shutdown: CancellationToken,
        calls: TaskTracker,
    ) -> Self {
        Self { act, beside, sessions, shutdown, calls }
    }

    /// The service for a request, with the caller put where [`caller`](crate::caller) finds it.
    fn admit(&self, request: &mut Request<Body>) -> Result<(Handler, Arc<Offer>), Status> {
        if self.shutdown.is_cancelled() {
            return Err(Status::unavailable("The server is shutting down."));
        }
        let path = request.uri().path();
        let name = service_name(path);
        let stands_beside = name.is_some_and(|name| self.beside.routes.0.contains_key(name));
        let offer = match &*self.act.read() {
            _ if stands_beside => Arc::clone(&self.beside),
            // Word for word the original's.
            Act::Empty(_) if name == Some(version_service()) => {
                return Err(Status::unavailable("GetServiceVersion is not supported on standby master"));
            }
            Act::Empty(reason) => return Err(Status::unavailable(&**reason)),
            Act::Playing(offer) => Arc::clone(offer),
        };
        if let Some(guard) = &offer.guard {
            guard.check()?;
        }
        let Some((access, handler)) = name.and_then(|name| offer.routes.0.get(name)) else {
            return Err(unknown_service(path));
        };
        let caller = match (self.sessions.authenticate(request.headers(), path), access) {
            (Ok(caller), _) => caller,
            (Err(_), Access::Open) => crate::Caller::default(),
            (Err(status), Access::Session) => return Err(status),
        };
        let handler = handler.clone();
        request.extensions_mut().insert(caller);
        Ok((handler, offer))
    }
}

fn version_service() -> &'static str {
    alluxio_proto::grpc::version::service_version_client_service_server::SERVICE_NAME
}

/// `alluxio.grpc.file.X` of `/alluxio.grpc.file.X/GetStatus`.
fn service_name(path: &str) -> Option<&str> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    (!method.is_empty()).then_some(service)
}

fn unknown_service(path: &str) -> Status {
    // The one UNIMPLEMENTED: by it a Java client that wants SIMPLE finds out that this server has
    // authentication turned off, and says so.
    if service_name(path) == Some(SaslService::NAME) {
        return Status::unimplemented("Authentication is disabled on this server.");
    }
    unsupported(path)
}

impl Service<Request<Body>> for Dispatch {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (mut handler, offer) = match self.admit(&mut request) {
            Ok(admitted) => admitted,
            Err(status) => return std::future::ready(Ok(status.into_http())).boxed(),
        };
        let path = request.uri().path().to_owned();
        let call = self.calls.token();
        async move {
            let begun = Instant::now();
            // A panic must cost its own call and nothing else. The handler is a clone that is not
            // used again, so there is no half-changed state to see.
            let answering = AssertUnwindSafe(async { handler.call(request).await }).catch_unwind();
            let answered = match &offer.guard {
                None => answering.await,
                Some(guard) => tokio::select! {
                    biased;
                    answered = answering => answered,
                    // The check below finds that it has ended.
                    () = guard.ended() => Ok(Ok(Response::default())),
                },
            };
            if let Some(watcher) = &offer.watcher {
                watcher(begun.elapsed());
            }
            let response = match answered {
                Ok(Ok(response)) => presentable(response, &path),
                Err(panic) => panicked(&path, &*panic).into_http(),
            };
            let response = match &offer.guard {
                None => response,
                Some(guard) => guard.clone().watch(response),
            };
            Ok(counted(response, call))
        }
        .boxed()
    }
}

/// Mends errors that Java clients would take wrongly.
fn presentable(response: Response<Body>, path: &str) -> Response<Body> {
    let Some(code) = response.headers().get(Status::GRPC_STATUS) else {
        return response;
    };
    let code = Code::from_bytes(code.as_bytes());
    let length = response.headers().get(Status::GRPC_MESSAGE).map_or(0, HeaderValue::len);
    if code != Code::Unimplemented && length <= LONGEST_MESSAGE {
        return response;
    }
    let message = Status::from_header_map(response.headers()).map(|status| status.message().to_owned());
    let message = shortened(message.unwrap_or_default());
    match code {
        // What generated servers say, bare, of an unknown method; see `unsupported`.
        Code::Unimplemented if message.is_empty() => unsupported(path).into_http(),
        Code::Unimplemented => Status::internal(message).into_http(),
        code => Status::new(code, message).into_http(),
    }
}

/// A message is sent percent-encoded, so a byte may take three.
fn shortened(mut message: String) -> String {
    let longest = LONGEST_MESSAGE / 3;
    if message.len() > longest {
        message.truncate(message.floor_char_boundary(longest));
        message.push_str(" ...");
    }
    message
}

fn panicked(path: &str, panic: &(dyn Any + Send)) -> Status {
    let reason = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(method = path, reason, "a call failed unexpectedly");
    Status::internal(format!("{path} failed unexpectedly on the server; its log has the reason."))
}

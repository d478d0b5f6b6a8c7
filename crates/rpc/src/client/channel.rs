//! What the generated clients call through.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use alluxio_fs::FsError;
use alluxio_proto::grpc::version::ServiceType;
use futures::future::BoxFuture;
use http::{Request, Response, request::Parts};
use tonic::{Code, Status, body::Body};
use tower::Service;

use super::{handshake::Session, replay::Replay, target::Target};
use crate::{service_type::is_open, session::CHANNEL_ID};

/// A channel to one service of one server. It opens the session and checks the service's version
/// before the first call, and authenticates anew, once per call, when the server does not know the
/// session any more (it was restarted, or the session idled too long). Cheap to clone.
#[derive(Clone)]
pub struct SessionChannel {
    target: Arc<Target>,
    service: ServiceType,
    max_message: usize,
}

impl SessionChannel {
    pub(super) fn new(target: Arc<Target>, service: ServiceType, max_message: usize) -> Self {
        Self { target, service, max_message }
    }

    /// The largest answer to take: for `max_decoding_message_size` of the generated client.
    pub fn max_message(&self) -> usize {
        self.max_message
    }

    /// Connects, authenticates and checks the version now, so that a server that is not there is found
    /// out before anything is sent. Needed before streams, which cannot be tried a second time.
    ///
    /// # Errors
    /// UNAVAILABLE when the server cannot be reached; what it answers when it refuses.
    pub async fn connect(&self) -> Result<(), FsError> {
        if !is_open(self.service) {
            self.ready().await?;
        }
        Ok(())
    }

    async fn run(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let (parts, body) = request.into_parts();
        let (replay, body) = Replay::new(body);
        // An open service is asked before anyone knows which authentication the cluster wants; what it
        // refuses to those without a name (changes) is asked again with a session.
        let session = if is_open(self.service) { None } else { Some(self.ready().await?) };
        let response = self.attempt(parts.clone(), body, session.as_deref()).await?;
        if !is_unauthenticated(&response) {
            replay.accepted();
            return Ok(response);
        }
        if let Some(session) = &session {
            self.target.forget(session);
        }
        let Some(body) = replay.again() else { return Ok(response) };
        let session = self.ready().await?;
        self.attempt(parts, body, Some(&session)).await
    }

    async fn ready(&self) -> Result<Arc<Session>, Status> {
        let session = self.target.session().await?;
        self.target.check_version(&session, self.service).await?;
        Ok(session)
    }

    async fn attempt(
        &self,
        parts: Parts,
        body: Body,
        session: Option<&Session>,
    ) -> Result<Response<Body>, Status> {
        let mut request = Request::from_parts(parts, body);
        if let Some(id) = session.and_then(Session::channel_id) {
            request.headers_mut().insert(CHANNEL_ID, id.clone());
        }
        self.target.send(request).await
    }
}

/// A refused call has no body: its status stands in the headers.
fn is_unauthenticated(response: &Response<Body>) -> bool {
    response
        .headers()
        .get(Status::GRPC_STATUS)
        .is_some_and(|code| Code::from_bytes(code.as_bytes()) == Code::Unauthenticated)
}

impl Service<Request<Body>> for SessionChannel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Waiting for the connection and the session is part of the call: both differ per attempt.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().run(request))
    }
}

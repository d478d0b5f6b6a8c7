//! One server: its connection and our session with it.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use alluxio_proto::grpc::version::{
    GetServiceVersionPRequest, ServiceType,
    service_version_client_service_client::ServiceVersionClientServiceClient,
};
use futures::future::BoxFuture;
use http::{Request, Response};
use parking_lot::RwLock;
use tokio::sync::Mutex;
use tonic::{Status, body::Body, transport::Channel};
use tower::Service;

use super::{
    failure::{broken_answer, broken_call},
    handshake::{Identity, Session},
};
use crate::{Scheme, version_of};

pub(super) struct Target {
    address: String,
    /// Reconnects by itself with the next call after a failure.
    channel: Channel,
    identity: Arc<Identity>,
    current: RwLock<Option<Arc<Session>>>,
    /// Held while a session is opened, so that many callers open one. The handshake is bounded.
    opening: Mutex<()>,
}

impl Target {
    pub(super) fn new(address: String, channel: Channel, identity: Arc<Identity>) -> Self {
        Self { address, channel, identity, current: RwLock::default(), opening: Mutex::default() }
    }

    /// The live session, opened if there is none. Its service versions are checked by
    /// [`check_version`](Self::check_version).
    pub(super) async fn session(&self) -> Result<Arc<Session>, Status> {
        if let Some(session) = self.live() {
            return Ok(session);
        }
        let _one_at_a_time = self.opening.lock().await;
        if let Some(session) = self.live() {
            return Ok(session);
        }
        let session = Arc::new(match self.identity.scheme {
            Scheme::NoSasl => Session::anonymous(),
            Scheme::Simple => Session::open(Direct(self), &self.identity).await?,
        });
        *self.current.write() = Some(Arc::clone(&session));
        Ok(session)
    }

    fn live(&self) -> Option<Arc<Session>> {
        self.current.read().clone().filter(|session| session.is_alive())
    }

    /// Drops a session that the server does not know any more, unless it was replaced already.
    pub(super) fn forget(&self, session: &Arc<Session>) {
        let mut current = self.current.write();
        if current.as_ref().is_some_and(|known| Arc::ptr_eq(known, session)) {
            *current = None;
        }
    }

    /// Asks once per session whether the server speaks our version of `service`. A new session asks
    /// again: the server may have been restarted as something else.
    pub(super) async fn check_version(&self, session: &Session, service: ServiceType) -> Result<(), Status> {
        if session.has_checked(service) {
            return Ok(());
        }
        let (theirs, ours) = (self.version(service).await?, version_of(service));
        if theirs != ours {
            return Err(Status::failed_precondition(format!(
                "{} on {} has version {theirs}, this client speaks version {ours}: use a client and a server of \
                 the same release line.",
                service.as_str_name(),
                self.address
            )));
        }
        session.set_checked(service);
        Ok(())
    }

    pub(super) async fn version(&self, service: ServiceType) -> Result<i64, Status> {
        let request = GetServiceVersionPRequest { service_type: Some(service.into()), ..Default::default() };
        let reply = ServiceVersionClientServiceClient::new(Direct(self)).get_service_version(request).await?;
        Ok(reply.into_inner().version())
    }

    /// Sends a request as it is. Failures of the connection come back as UNAVAILABLE with the
    /// address in the text.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let mut channel = self.channel.clone();
        std::future::poll_fn(|cx| channel.poll_ready(cx))
            .await
            .map_err(|error| broken_call(error, &self.address))?;
        let response = channel.call(request).await.map_err(|error| broken_call(error, &self.address))?;
        Ok(broken_answer(response, &self.address))
    }
}

/// The target as a service for calls that need no session.
#[derive(Clone, Copy)]
pub(super) struct Direct<'a>(&'a Target);

impl<'a> Direct<'a> {
    pub(super) fn address(self) -> &'a str {
        &self.0.address
    }
}

impl<'a> Service<Request<Body>> for Direct<'a> {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'a, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send(request))
    }
}

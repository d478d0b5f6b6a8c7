//! Our side of a session.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use alluxio_proto::grpc::{
    sasl::{
        ChannelAuthenticationScheme, SaslMessage, SaslMessageType,
        sasl_authentication_service_client::SaslAuthenticationServiceClient,
    },
    version::ServiceType,
};
use http::HeaderValue;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

use super::target::Direct;
use crate::Scheme;

/// What SIMPLE sends where a password must stand.
const NO_PASSWORD: &str = "noPassword";

/// For the server to complete the stream after we half-closed it.
const FAREWELL: Duration = Duration::from_secs(5);

/// Who we are, for every server alike.
pub(super) struct Identity {
    pub scheme: Scheme,
    pub user: String,
    pub acts_for: Option<String>,
    /// For a handshake, from the first byte to the answer.
    pub patience: Duration,
}

/// A session with one server. Dropping it half-closes its stream, by which the server forgets it.
pub(super) struct Session {
    channel_id: Option<HeaderValue>,
    alive: Arc<AtomicBool>,
    /// A bit per service type whose version was found right.
    checked: AtomicU64,
    _end: Option<DropGuard>,
}

impl Session {
    /// What stands for a session where there is no authentication.
    pub(super) fn anonymous() -> Self {
        Self {
            channel_id: None,
            alive: Arc::new(AtomicBool::new(true)),
            checked: AtomicU64::new(0),
            _end: None,
        }
    }

    pub(super) async fn open(server: Direct<'_>, identity: &Identity) -> Result<Self, Status> {
        let patience = identity.patience;
        tokio::time::timeout(patience, Self::shake(server, identity)).await.unwrap_or_else(|_| {
            let address = server.address();
            Err(Status::unavailable(format!(
                "{address} did not answer the authentication within {patience:?}."
            )))
        })
    }

    async fn shake(server: Direct<'_>, identity: &Identity) -> Result<Self, Status> {
        let address = server.address();
        let id = Uuid::new_v4().to_string();
        let channel_id = HeaderValue::from_str(&id).map_err(|error| Status::internal(error.to_string()))?;
        // One message is ever sent; the sender is kept, as dropping it ends the session.
        let (sender, receiver) = mpsc::channel(1);
        sender
            .try_send(first_message(id, identity))
            .map_err(|error| Status::internal(format!("The handshake could not start: {error}")))?;
        let mut replies = SaslAuthenticationServiceClient::new(server)
            .authenticate(ReceiverStream::new(receiver))
            .await
            .map_err(|status| refused(status, address))?
            .into_inner();
        let reply = replies.message().await.map_err(|status| refused(status, address))?;
        if reply.map(|reply| reply.message_type()) != Some(SaslMessageType::Success) {
            return Err(Status::permission_denied(format!(
                "{address} did not finish the authentication of user {}.",
                identity.user
            )));
        }
        let alive = Arc::new(AtomicBool::new(true));
        let end = CancellationToken::new();
        tokio::spawn(hold_open(sender, replies, Arc::clone(&alive), end.clone()));
        Ok(Self {
            channel_id: Some(channel_id),
            alive,
            checked: AtomicU64::new(0),
            _end: Some(end.drop_guard()),
        })
    }

    pub(super) fn channel_id(&self) -> Option<&HeaderValue> {
        self.channel_id.as_ref()
    }

    /// Until the server ends the session or the connection breaks.
    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    pub(super) fn has_checked(&self, service: ServiceType) -> bool {
        self.checked.load(Ordering::Acquire) & bit(service) != 0
    }

    pub(super) fn set_checked(&self, service: ServiceType) {
        self.checked.fetch_or(bit(service), Ordering::AcqRel);
    }
}

fn bit(service: ServiceType) -> u64 {
    1 << (i32::from(service) & 63)
}

fn first_message(id: String, identity: &Identity) -> SaslMessage {
    let acts_for = identity.acts_for.as_deref().unwrap_or_default();
    let claim = format!("{acts_for}\0{}\0{NO_PASSWORD}", identity.user);
    SaslMessage {
        message_type: Some(SaslMessageType::Challenge.into()),
        message: Some(claim.into_bytes()),
        channel_ref: Some(format!("rust client of {}", identity.user)),
        client_id: Some(id),
        authentication_scheme: Some(ChannelAuthenticationScheme::Simple.into()),
    }
}

/// A refusal is final: codes that would be retried are replaced by ones that are not.
fn refused(status: Status, address: &str) -> Status {
    match status.code() {
        Code::Unauthenticated => {
            Status::permission_denied(format!("{address} refused the authentication: {}", status.message()))
        }
        Code::Unimplemented => Status::failed_precondition(format!(
            "{address} has authentication disabled: set alluxio.security.authentication.type=NOSASL here too."
        )),
        _ => status,
    }
}

/// Lives as long as the session.
async fn hold_open(
    sender: mpsc::Sender<SaslMessage>,
    mut replies: Streaming<SaslMessage>,
    alive: Arc<AtomicBool>,
    end: CancellationToken,
) {
    tokio::select! {
        () = end.cancelled() => {
            drop(sender);
            // Half-closed. The server's end of the stream says nothing new, so neither outcome matters.
            let _ = tokio::time::timeout(FAREWELL, replies.message()).await;
        }
        // After SUCCESS the server only ever ends the stream: the session is over.
        _ = replies.message() => {}
    }
    alive.store(false, Ordering::Release);
}

//! The SASL service: one stream per session, open as long as the session.
//!
//! Written by hand on tonic's codec layer instead of the generated server, because that one sets
//! aside 16 kB of buffers per stream, and these streams are idle for their whole life.

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use alluxio_proto::grpc::sasl::{ChannelAuthenticationScheme, SaslMessage, SaslMessageType};
use futures::{StreamExt, future::BoxFuture, stream, stream::BoxStream};
use http::Request;
use tonic::{
    Response, Status, Streaming,
    body::Body,
    codec::{BufferSettings, Codec, EnabledCompressionEncodings},
    server::{Grpc, StreamingService},
};
use tonic_prost::ProstCodec;
use tower::Service;

use super::{Live, Sessions, plain::Plain};
use crate::unsupported;

const AUTHENTICATE: &str = "/alluxio.grpc.sasl.SaslAuthenticationService/authenticate";

/// A handshake message is far smaller; what is larger is not a handshake.
const MESSAGE_LIMIT: usize = 64 * 1024;

type Replies = BoxStream<'static, Result<SaslMessage, Status>>;

#[derive(Clone)]
pub(crate) struct SaslService {
    sessions: Sessions,
    /// For the first message, from when the stream was opened.
    patience: Duration,
}

impl SaslService {
    pub(crate) const NAME: &str = alluxio_proto::grpc::sasl::sasl_authentication_service_server::SERVICE_NAME;

    pub(crate) fn new(sessions: Sessions, patience: Duration) -> Self {
        Self { sessions, patience }
    }

    async fn authenticate(self, mut inbound: Streaming<SaslMessage>) -> Result<Replies, Status> {
        let first = tokio::time::timeout(self.patience, inbound.message())
            .await
            .map_err(|_| Status::deadline_exceeded("No handshake message came in time."))??
            .ok_or_else(|| Status::unauthenticated("The stream ended before the handshake."))?;
        let live = self.admit(first).await?;
        // `message` stays absent: a Java client would feed even an empty one to a finished handshake.
        let success =
            SaslMessage { message_type: Some(SaslMessageType::Success.into()), ..SaslMessage::default() };
        Ok(stream::once(async { Ok(success) }).chain(held_open(inbound, live)).boxed())
    }

    async fn admit(&self, first: SaslMessage) -> Result<Live, Status> {
        let scheme = first.authentication_scheme();
        if scheme != ChannelAuthenticationScheme::Simple {
            return Err(Status::unauthenticated(format!(
                "Authentication scheme:{} is not supported",
                scheme.as_str_name()
            )));
        }
        let id = first.client_id().parse().map_err(|_| {
            Status::unauthenticated(format!("Channel Id is not a UUID: {}", first.client_id()))
        })?;
        let caller = self.sessions.impersonation.admit(Plain::parse(first.message())?).await?;
        self.sessions.registry.open(id, caller)
    }
}

/// The rest of the session's life: it yields nothing and ends when the client half-closes or goes
/// away, or when the server revokes the session. With it ends the session, as `live` is dropped.
fn held_open(
    inbound: Streaming<SaslMessage>,
    live: Live,
) -> impl futures::Stream<Item = Result<SaslMessage, Status>> {
    stream::unfold(Some((inbound, live)), |state| async {
        let (mut inbound, live) = state?;
        tokio::select! {
            () = live.revoked() => None,
            next = inbound.message() => match next {
                Ok(Some(_)) => Some((Err(Status::invalid_argument("The handshake is already complete.")), None)),
                // A broken stream is the same as a closed one: the client is gone.
                Ok(None) | Err(_) => None,
            },
        }
    })
}

/// The usual codec with small buffers.
struct SaslCodec;

impl SaslCodec {
    fn buffers() -> BufferSettings {
        BufferSettings::new(256, 256)
    }
}

impl Codec for SaslCodec {
    type Encode = SaslMessage;
    type Decode = SaslMessage;
    type Encoder = <ProstCodec<SaslMessage, SaslMessage> as Codec>::Encoder;
    type Decoder = <ProstCodec<SaslMessage, SaslMessage> as Codec>::Decoder;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<SaslMessage, SaslMessage>::raw_encoder(Self::buffers())
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<SaslMessage, SaslMessage>::raw_decoder(Self::buffers())
    }
}

struct Authenticate(SaslService);

impl StreamingService<SaslMessage> for Authenticate {
    type Response = SaslMessage;
    type ResponseStream = Replies;
    type Future = BoxFuture<'static, Result<Response<Replies>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<SaslMessage>>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move { service.authenticate(request.into_inner()).await.map(Response::new) })
    }
}

impl Service<Request<Body>> for SaslService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let method = Authenticate(self.clone());
        Box::pin(async move { Ok(serve(method, request).await) })
    }
}

async fn serve(method: Authenticate, request: Request<Body>) -> http::Response<Body> {
    if request.uri().path() != AUTHENTICATE {
        return unsupported(request.uri().path()).into_http();
    }
    let none = EnabledCompressionEncodings::default();
    let mut grpc = Grpc::new(SaslCodec)
        .apply_compression_config(none, none)
        .apply_max_message_size_config(Some(MESSAGE_LIMIT), None);
    grpc.streaming(method, request).await
}

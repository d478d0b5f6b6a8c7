//! Requests made by hand, as a client with its own idea of the protocol would.

use std::net::SocketAddr;

use alluxio_proto::grpc::{
    metric::{GetMetricsPOptions, GetMetricsPResponse},
    sasl::{
        ChannelAuthenticationScheme, SaslMessage, SaslMessageType,
        sasl_authentication_service_client::SaslAuthenticationServiceClient,
    },
};
use http::uri::PathAndQuery;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

pub const GET_METRICS: &str = "/alluxio.grpc.metric.MetricsMasterClientService/GetMetrics";

pub fn connect(addr: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{addr}")).unwrap().connect_lazy()
}

/// A call with this channel id, if any.
pub async fn call(
    channel: Channel,
    path: &'static str,
    id: Option<&str>,
) -> Result<GetMetricsPResponse, Status> {
    let mut request = Request::new(GetMetricsPOptions {});
    if let Some(id) = id {
        request.metadata_mut().insert("channel-id", id.parse().unwrap());
    }
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let codec = ProstCodec::<GetMetricsPOptions, GetMetricsPResponse>::default();
    grpc.unary(request, PathAndQuery::from_static(path), codec).await.map(tonic::Response::into_inner)
}

/// A session as long as both halves live.
pub struct RawSession {
    pub requests: mpsc::Sender<SaslMessage>,
    pub replies: Streaming<SaslMessage>,
}

pub fn claim(id: &str, response: &[u8]) -> SaslMessage {
    SaslMessage {
        message_type: Some(SaslMessageType::Challenge.into()),
        message: Some(response.to_vec()),
        client_id: Some(id.to_owned()),
        authentication_scheme: Some(ChannelAuthenticationScheme::Simple.into()),
        channel_ref: Some("by hand".to_owned()),
    }
}

pub async fn authenticate(channel: Channel, first: SaslMessage) -> Result<RawSession, Status> {
    let (requests, receiver) = mpsc::channel(4);
    requests.send(first).await.unwrap();
    let mut replies = SaslAuthenticationServiceClient::new(channel)
        .authenticate(ReceiverStream::new(receiver))
        .await?
        .into_inner();
    let reply = replies.message().await?.expect("a reply");
    assert_eq!(reply.message_type(), SaslMessageType::Success);
    assert_eq!(reply.message, None, "a Java client would choke on it");
    Ok(RawSession { requests, replies })
}

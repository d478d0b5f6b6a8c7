//! A client that gives up: the stream is reset as the Java client does it, or the connection breaks.
//! Made by hand on HTTP/2: tonic's client cannot reset a stream whose requests are still open.

use super::Rig;
use alluxio_proto::grpc::sasl::{
    ChannelAuthenticationScheme, SaslMessage, SaslMessageType,
    sasl_authentication_service_client::SaslAuthenticationServiceClient,
};
use bytes::{BufMut, Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream};
use prost::Message;
use tokio::{net::TcpStream, sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Endpoint};

/// A stream of one call, on a connection of its own.
pub struct RawCall {
    pub body: SendStream<Bytes>,
    pub replies: RecvStream,
    connection: JoinHandle<()>,
    /// The session lives as long as these.
    _session: (mpsc::Sender<SaslMessage>, Streaming<SaslMessage>),
}

impl RawCall {
    /// Calls `method` and sends the messages; the response headers have come when this returns.
    pub async fn start(rig: &Rig, method: &str, messages: Vec<Bytes>) -> RawCall {
        let address = rig.worker.rpc_addr();
        let id = uuid::Uuid::new_v4().to_string();
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        let (sender, receiver) = mpsc::channel(4);
        let first = SaslMessage {
            message_type: Some(SaslMessageType::Challenge.into()),
            message: Some(b"\0ann\0noPassword".to_vec()),
            client_id: Some(id.clone()),
            authentication_scheme: Some(ChannelAuthenticationScheme::Simple.into()),
            channel_ref: Some("raw".into()),
        };
        sender.send(first).await.unwrap();
        let mut stub = SaslAuthenticationServiceClient::new(channel);
        let mut session = stub.authenticate(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        session.message().await.unwrap().unwrap();

        let (mut client, connection) =
            h2::client::handshake(TcpStream::connect(address).await.unwrap()).await.unwrap();
        // Its end is the test's doing.
        let connection = tokio::spawn(async move { drop(connection.await) });
        let request =
            http::Request::post(format!("http://{address}/alluxio.grpc.block.BlockWorker/{method}"))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .header("channel-id", id)
                .body(())
                .unwrap();
        let (response, mut body) = client.send_request(request, false).unwrap();
        for message in messages {
            body.send_data(message, false).unwrap();
        }
        let replies = response.await.unwrap().into_body();
        RawCall { body, replies, connection, _session: (sender, session) }
    }

    pub fn cancel(mut self) {
        self.body.send_reset(Reason::CANCEL);
        // The connection sends it; nobody waits for that.
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_secs(5)).await;
            drop(self);
        });
    }

    pub fn break_connection(self) {
        self.connection.abort();
    }
}

/// A message in gRPC's frame.
pub fn frame(message: &impl Message) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(message.encoded_len() as u32);
    message.encode(&mut frame).unwrap();
    frame.freeze()
}

//! The service on a domain socket.

use super::{Rig, block, client::read_request, content, until};
use crate::streams::Way;
use alluxio_proto::grpc::{
    block::block_worker_client::BlockWorkerClient,
    sasl::{
        ChannelAuthenticationScheme, SaslMessage, SaslMessageType,
        sasl_authentication_service_client::SaslAuthenticationServiceClient,
    },
};
use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, transport::Endpoint};

#[tokio::test]
async fn a_block_is_read_over_the_socket_which_goes_with_the_worker() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("sockets");
    let settings = [
        ("alluxio.worker.data.server.domain.socket.address", path.to_str().unwrap()),
        ("alluxio.worker.data.server.domain.socket.as.uuid", "true"),
    ];
    let rig = Rig::with(1 << 20, &settings, |_| {}).await;
    rig.client.write_block(block(1, 0), &content(1000)).await.unwrap();
    let socket = std::path::PathBuf::from(rig.worker.core.address.domain_socket_path.clone().unwrap());
    assert_eq!(socket.parent(), Some(path.as_path()));

    let target = socket.clone();
    let connect = tower::service_fn(move |_| {
        let target = target.clone();
        async move { UnixStream::connect(target).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://worker").connect_with_connector_lazy(connect);
    let id = uuid::Uuid::new_v4().to_string();
    let (sender, receiver) = mpsc::channel(1);
    let claim = SaslMessage {
        message_type: Some(SaslMessageType::Challenge.into()),
        message: Some(b"\0ann\0noPassword".to_vec()),
        client_id: Some(id.clone()),
        authentication_scheme: Some(ChannelAuthenticationScheme::Simple.into()),
        channel_ref: Some("socket".into()),
    };
    sender.send(claim).await.unwrap();
    let mut sasl = SaslAuthenticationServiceClient::new(channel.clone());
    let mut session = sasl.authenticate(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    session.message().await.unwrap().unwrap();

    let (requests, receiver) = mpsc::channel(1);
    requests.send(read_request(block(1, 0), 0, 1000)).await.unwrap();
    let mut request = Request::new(ReceiverStream::new(receiver));
    request.metadata_mut().insert("channel-id", id.parse().unwrap());
    let mut replies = BlockWorkerClient::new(channel).read_block(request).await.unwrap().into_inner();
    let data = replies.message().await.unwrap().unwrap().chunk.unwrap().data.unwrap();
    assert_eq!(data, content(1000));
    // The rest of the answer: what was sent is counted at its end.
    assert!(replies.message().await.unwrap().is_none());
    let metrics = &rig.worker.core.metrics;
    until("the read is counted", || metrics.bytes_read(Way::DomainSocket).total() == 1000).await;
    assert_eq!(metrics.bytes_read(Way::Network).total(), 0);
    // The block was written over the network.
    assert_eq!(metrics.bytes_written(Way::Network).total(), 1000);
    assert_eq!(metrics.bytes_written(Way::DomainSocket).total(), 0);

    drop((requests, replies, session, sender));
    let (worker, _home) = rig.into_worker();
    worker.shutdown().await;
    assert!(!socket.exists());
}

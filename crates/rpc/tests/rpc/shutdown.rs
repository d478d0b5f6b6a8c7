//! How a server ends.

use std::time::{Duration, Instant};

use alluxio_proto::grpc::metric::{
    MetricsHeartbeatPRequest, MetricsHeartbeatPResponse,
    metrics_master_client_service_client::MetricsMasterClientServiceClient,
};
use alluxio_rpc::SessionChannel;
use tokio::task::JoinHandle;
use tonic::{Code, Response, Status};

use crate::rig::{Rig, who};

const TIMEOUT: &str = "alluxio.network.connection.server.shutdown.timeout";

fn slow_call(channel: &SessionChannel) -> JoinHandle<Result<Response<MetricsHeartbeatPResponse>, Status>> {
    let mut client = MetricsMasterClientServiceClient::new(channel.clone());
    tokio::spawn(async move { client.metrics_heartbeat(MetricsHeartbeatPRequest::default()).await })
}

async fn with_slow_call(
    heartbeat: Duration,
) -> (Rig, SessionChannel, JoinHandle<Result<Response<MetricsHeartbeatPResponse>, Status>>) {
    let rig = Rig::start_at("127.0.0.1:0".parse().unwrap(), &[(TIMEOUT, "2s")], heartbeat).await;
    let channel = rig.channel(&rig.connector("ann", &[]));
    who(&channel).await.unwrap();
    let call = slow_call(&channel);
    tokio::time::sleep(Duration::from_millis(100)).await;
    (rig, channel, call)
}

#[tokio::test]
async fn a_call_under_way_is_finished() {
    let (rig, channel, call) = with_slow_call(Duration::from_millis(600)).await;
    let began = Instant::now();
    rig.stop().await;
    assert!(call.await.unwrap().is_ok());
    assert!(began.elapsed() < Duration::from_secs(2), "it must not wait for the open session");
    assert_eq!(who(&channel).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut() {
    let (rig, _channel, call) = with_slow_call(Duration::from_secs(600)).await;
    let began = Instant::now();
    rig.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

#[tokio::test]
async fn an_idle_server_stops_at_once() {
    let rig = Rig::start(&[]).await;
    let channel = rig.channel(&rig.connector("ann", &[]));
    who(&channel).await.unwrap();
    let began = Instant::now();
    rig.stop().await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_peer_that_sleeps_does_not_hold_up_the_end() {
    use tokio::{io::AsyncWriteExt, net::TcpStream};
    let rig = Rig::start(&[(TIMEOUT, "10min")]).await;
    // The preface and empty settings, and then not even an answer to a ping.
    let mut asleep = TcpStream::connect(rig.addr).await.unwrap();
    asleep.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let channel = rig.channel(&rig.connector("ann", &[]));
    who(&channel).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), rig.stop()).await.expect("it waits for a peer that sleeps");
}

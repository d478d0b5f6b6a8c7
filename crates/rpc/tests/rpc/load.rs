//! Many connections, and other kinds of them.

use std::time::Duration;

use alluxio_rpc::raise_open_file_limit;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;
use uuid::Uuid;

use crate::{
    raw::{self, GET_METRICS, authenticate, claim},
    rig::{Rig, server, who},
};

/// Resident memory of this process.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_thousand_idle_connections_cost_little() {
    raise_open_file_limit().unwrap();
    let rig = Rig::start(&[]).await;
    who(&rig.channel(&rig.connector("warm", &[]))).await.unwrap();
    let before = resident_kb();
    let mut open = Vec::new();
    for n in 0..1000 {
        let connector = rig.connector(&format!("user{n}"), &[]);
        let channel = rig.channel(&connector);
        who(&channel).await.unwrap();
        open.push((connector, channel));
    }
    rig.expect_sessions(1000).await;
    // Both ends of each connection and session are in this process.
    let each = resident_kb().saturating_sub(before) / 1000;
    println!("{each} kB per idle connection, both ends");
    assert!(each < 160, "{each} kB per idle connection");
    assert!(rig.who("one-more", &[]).await.is_ok());
    rig.stop().await;
}

#[tokio::test]
async fn a_unix_domain_socket_serves_the_same() {
    let path = std::env::temp_dir().join(format!("alluxio-rpc-{}.sock", Uuid::new_v4()));
    let listener = UnixListener::bind(&path).unwrap();
    let (server, _sessions) = server(&[], Duration::ZERO);
    let stop = CancellationToken::new();
    let served = tokio::spawn(server.serve(listener, stop.clone()));
    let socket = path.clone();
    let channel =
        Endpoint::from_static("http://socket").connect_with_connector_lazy(tower::service_fn(move |_| {
            let socket = socket.clone();
            async move { UnixStream::connect(socket).await.map(TokioIo::new) }
        }));
    let id = Uuid::new_v4().to_string();
    let _session = authenticate(channel.clone(), claim(&id, b"\0ann\0x")).await.unwrap();
    let metrics = raw::call(channel, GET_METRICS, Some(&id)).await.unwrap().metrics;
    assert_eq!(metrics["user"].string_value(), "ann");
    stop.cancel();
    served.await.unwrap().unwrap();
    std::fs::remove_file(path).unwrap();
}

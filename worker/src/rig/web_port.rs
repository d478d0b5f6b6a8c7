//! Health, role, metrics.

use super::{Rig, conf, content};
use crate::worker::Worker;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub async fn http(worker: &Worker, method: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(worker.web_addr()).await.unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn a_registered_worker_is_ready() {
    let rig = Rig::new(1 << 20).await;
    rig.client.write_block(super::block(1, 0), &content(1000)).await.unwrap();
    assert_eq!(http(&rig.worker, "GET", "/livez").await.0, 200);
    assert_eq!(http(&rig.worker, "GET", "/readyz").await.0, 200);
    let (_, role) = http(&rig.worker, "GET", "/role").await;
    assert!(role.contains("\"role\":\"worker\"") && role.contains("\"blocks\":1"), "{role}");
    let (status, text) = http(&rig.worker, "GET", "/metrics/prometheus/").await;
    assert_eq!(status, 200);
    assert!(text.contains("Worker_CapacityUsed_127_0_0_1 1000"), "{text}");
    assert!(http(&rig.worker, "GET", "/metrics/json/").await.1.contains("\"gauges\""));
    let (status, error) = http(&rig.worker, "POST", "/api/v1/worker/logLevel?logName=root&level=DEBUG").await;
    assert_eq!(status, 500, "no logs are set up in tests");
    assert!(error.contains("statusCode"), "{error}");
}

#[tokio::test]
async fn an_unregistered_worker_lives_but_is_not_ready() {
    let home = tempfile::tempdir().unwrap();
    let worker = Worker::start(conf(home.path(), 1000, 1, &[])).await.unwrap();
    assert_eq!(http(&worker, "GET", "/livez").await.0, 200);
    let (status, why) = http(&worker, "GET", "/readyz").await;
    assert_eq!(status, 503);
    assert!(why.contains("not registered"), "{why}");
    worker.shutdown().await;
}

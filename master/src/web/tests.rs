mod serving;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use alluxio_conf::Configuration;
use alluxio_fs::FsError;
use alluxio_proto::grpc::{WorkerNetAddress, file::MountPointInfo};
use alluxio_telemetry::metrics::key;
use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;
use crate::block::{BlockMaster, BlockOptions, Registration, no_blocks::NoBlocks};
use crate::fs::fixture::Rig;
use crate::meta::{ClusterConfiguration, MasterFacts, Peers};
use alluxio_web::connections::{Limits, serve_within};

/// A master that replays, serves or holds log levels, as the test wants it.
#[derive(Default)]
struct TestMaster {
    serving: Mutex<bool>,
    levels: Mutex<BTreeMap<String, String>>,
    hashing: Mutex<bool>,
    standby: Mutex<bool>,
}

impl RoleSource for TestMaster {
    fn status(&self) -> RoleStatus {
        RoleStatus {
            role: "PRIMARY".to_owned(),
            serving: *self.serving.lock(),
            term: 3,
            applied_sequence: 7,
            durable_sequence: 6,
            lag_ms: 0,
            cluster_id: Some("c".to_owned()),
            journal_format: Some(1),
            journal_reads: 2,
            version: "0.1.0".to_owned(),
            leader: None,
            known_workers: None,
            reporting_workers: None,
            reported_blocks: None,
        }
    }

    fn not_ready(&self) -> Option<String> {
        (!*self.serving.lock()).then(|| "replaying the journal".to_owned())
    }

    fn not_leading(&self) -> Option<NotLeading> {
        self.standby.lock().then(|| NotLeading {
            text: "The leader is m2:19998.".to_owned(),
            leader_page: Some("http://m2:19999/".to_owned()),
        })
    }
}

impl LogLevels for TestMaster {
    fn level(&self, target: &str) -> String {
        self.levels.lock().get(target).cloned().unwrap_or_else(|| "INFO".to_owned())
    }

    fn set_level(&self, target: &str, level: &str) -> Result<(), String> {
        if level == "LOUD" {
            return Err("LOUD is not a log level".to_owned());
        }
        self.levels.lock().insert(target.to_owned(), level.to_owned());
        Ok(())
    }
}

#[async_trait]
impl TreeHashes for TestMaster {
    async fn tree_hash(&self) -> Result<(u64, u64), FsError> {
        if *self.hashing.lock() {
            return Err(FsError::unavailable("One at a time."));
        }
        Ok((7, 0xabc))
    }
}

impl MountSource for TestMaster {
    fn mount_points(&self) -> BTreeMap<String, MountPointInfo> {
        let mount = |total, used| MountPointInfo {
            ufs_uri: Some("/data".to_owned()),
            ufs_capacity_bytes: Some(total),
            ufs_used_bytes: Some(used),
            ..Default::default()
        };
        BTreeMap::from([("/".to_owned(), mount(100, 40)), ("/s3".to_owned(), mount(-1, -1))])
    }
}

fn web() -> (Arc<TestMaster>, Arc<MasterWeb>) {
    let master = Arc::new(TestMaster::default());
    let metrics = Metrics::master();
    metrics.counter(key::MASTER_CREATE_FILE_OPS).add(4);
    let settings = WebSettings::new(&Configuration::defaults(), None);
    let web = MasterWeb::new(master.clone(), metrics, master.clone(), settings);
    (master, web)
}

async fn call(web: &Arc<MasterWeb>, method: Method, path: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let answer = web.router().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(web: &Arc<MasterWeb>, path: &str) -> (StatusCode, String) {
    call(web, Method::GET, path).await
}

#[tokio::test]
async fn health_during_replay_and_after() {
    let (master, web) = web();
    assert_eq!(get(&web, "/livez").await.0, StatusCode::OK);
    let (status, reason) = get(&web, "/readyz").await;
    assert_eq!((status, reason.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "replaying the journal\n"));
    assert_eq!(get(&web, "/api/v1/master/info").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    *master.serving.lock() = true;
    assert_eq!(get(&web, "/readyz").await.0, StatusCode::OK);
}

/// The port is up before the master is: its pages say so, and look again by themselves.
#[tokio::test]
async fn pages_of_a_master_that_replays() {
    let (_, web) = web();
    for path in ["/overview", "/browse", "/workers", "/config"] {
        let (status, page) = get(&web, path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(page.contains("replaying the journal") && page.contains("data-refresh=\"15000\""), "{page}");
    }
    for path in ["/metrics", "/logs", "/assets/script.js"] {
        assert_eq!(get(&web, path).await.0, StatusCode::OK, "{path}");
    }
    let (status, error) = get(&web, "/api/v1/master/webui_overview").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(error.contains("\"statusCode\":\"UNAVAILABLE\""), "{error}");
    assert_eq!(call(&web, Method::OPTIONS, "/overview").await.0, StatusCode::METHOD_NOT_ALLOWED);
}

/// They say where the leader is, and look again by themselves.
#[tokio::test]
async fn pages_of_a_standby() {
    let (master, web) = web();
    *master.standby.lock() = true;
    for path in ["/overview", "/browse", "/workers", "/config"] {
        let (status, page) = get(&web, path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(page.contains("Standby master") && page.contains("The leader is m2:19998."), "{page}");
        assert!(page.contains("href=\"http://m2:19999/\"") && page.contains("data-refresh"), "{page}");
    }
    let (_, error) = get(&web, "/api/v1/master/webui_overview").await;
    assert!(error.contains("UNAVAILABLE") && error.contains("m2:19998"), "{error}");
}

#[tokio::test]
async fn the_role_has_exactly_these_fields() {
    let (_, web) = web();
    let role: Value = serde_json::from_str(&get(&web, "/role").await.1).unwrap();
    let expected = json!({
        "role": "PRIMARY", "serving": false, "term": 3, "appliedSequence": 7, "durableSequence": 6,
        "lagMs": 0, "clusterId": "c", "journalFormat": 1, "journalReads": 2, "version": "0.1.0",
    });
    assert_eq!(role, expected);
}

#[tokio::test]
async fn metrics_with_and_without_a_slash() {
    let (_, web) = web();
    for path in ["/metrics/prometheus", "/metrics/prometheus/"] {
        let (status, text) = get(&web, path).await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.contains("Master_CreateFileOps 4"), "{text}");
    }
    for path in ["/metrics/json", "/metrics/json/"] {
        let json: Value = serde_json::from_str(&get(&web, path).await.1).unwrap();
        assert_eq!(json["counters"]["Master.CreateFileOps"]["count"], 4);
    }
}

#[tokio::test]
async fn log_levels_are_set_and_told() {
    let (master, web) = web();
    let post = async |query: &str| {
        let (status, body) = call(&web, Method::POST, &format!("/api/v1/master/logLevel{query}")).await;
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };
    let (status, told) = post("?logName=alluxio_master&level=DEBUG").await;
    assert_eq!(
        (status, &told["level"], &told["logName"]),
        (StatusCode::OK, &json!("DEBUG"), &json!("alluxio_master"))
    );
    assert_eq!(master.level("alluxio_master"), "DEBUG");
    assert_eq!(post("?logName=other").await.1["level"], "INFO");
    for query in ["?logName=a&level=LOUD", "?level=DEBUG", ""] {
        let (status, error) = post(query).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(error["statusCode"], "INVALID_ARGUMENT", "{query}");
    }
    assert_eq!(get(&web, "/api/v1/master/logLevel?logName=a").await.0, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn master_info_has_the_keys_of_the_original() {
    let (master, web) = web();
    *master.serving.lock() = true;
    let conf = Configuration::defaults();
    let none = Arc::new(NoBlocks);
    let blocks = Arc::new(BlockMaster::new(BlockOptions::from_conf(&conf), none.clone(), none));
    let address =
        WorkerNetAddress { host: Some("w1".to_owned()), rpc_port: Some(29999), ..Default::default() };
    let id = blocks.worker_id(address).unwrap();
    blocks.request_lease(id).unwrap();
    let facts = Registration {
        capacity: [("MEM".to_owned(), 10)].into(),
        used: [("MEM".to_owned(), 1)].into(),
        ..Default::default()
    };
    let attempt = blocks.begin_registration(id, facts).unwrap();
    blocks.finish_registration(attempt).await.unwrap();
    let info = InfoSources {
        facts: Arc::new(MasterFacts::new(&conf, "m1".to_owned(), 19998, 19999, "c".to_owned())),
        configuration: Arc::new(ClusterConfiguration::new(conf.clone())),
        blocks,
        mounts: master.clone(),
        hashes: master.clone(),
    };
    let rig = Rig::new().await;
    let pages = PageSources::new(&conf, &info, rig.fs.clone(), Arc::new(Peers::new(None, None)));
    web.show(info, pages);
    let info: Value =
        serde_json::from_str(&get(&web, "/api/v1/master/info?raw_configuration=true").await.1).unwrap();
    let mut keys: Vec<&str> = info.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "capacity",
            "configuration",
            "lostWorkers",
            "metrics",
            "mountPoints",
            "revision",
            "rpcAddress",
            "startTimeMs",
            "tierCapacity",
            "ufsCapacity",
            "uptimeMs",
            "version",
            "workers",
        ]
    );
    assert_eq!(info["capacity"], json!({"total": 10, "used": 1}));
    assert_eq!(info["tierCapacity"], json!({"MEM": {"total": 10, "used": 1}}));
    assert_eq!(info["ufsCapacity"], json!({"total": 100, "used": 40}));
    assert_eq!(info["rpcAddress"], "m1:19998");
    assert_eq!(info["metrics"]["Master.CreateFileOps"], 4);
    assert_eq!(info["workers"][0]["address"]["host"], "w1");
    assert_eq!(info["workers"][0]["numVCpu"], 0);
    assert_eq!(info["workers"][0]["state"], "ACTIVE");
    assert!(info["configuration"]["alluxio.logs.dir"].as_str().unwrap().contains("${"));
    assert_eq!(info["mountPoints"]["/"]["ufsUri"], "/data");
    let hash: Value = serde_json::from_str(&get(&web, "/debug/tree_hash").await.1).unwrap();
    assert_eq!(hash, json!({"sequence": 7, "hash": "0000000000000abc"}));
    *master.hashing.lock() = true;
    assert_eq!(get(&web, "/debug/tree_hash").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

const REQUEST: Duration = Duration::from_millis(300);

async fn listening(
    web: &Arc<MasterWeb>,
) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let limits = Limits { connections: 20, request: REQUEST, stall: REQUEST, drain: Duration::from_secs(1) };
    let served = tokio::spawn(serve_within(limits, listener, web.router(), shutdown.clone()));
    (address, shutdown, served)
}

async fn livez(address: std::net::SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Connections that send nothing are closed, the one that never asked as well as the one that asked before.
#[tokio::test]
async fn idle_connections_do_not_stop_the_health_check() {
    let (_, web) = web();
    let (address, shutdown, served) = listening(&web).await;
    let mut asked = TcpStream::connect(address).await.unwrap();
    asked.write_all(b"GET /livez HTTP/1.1\r\nHost: m\r\n\r\n").await.unwrap();
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let started = Instant::now();
    let answer = livez(address).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(started.elapsed() >= REQUEST, "there was no room before");
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(REQUEST * 20, asked.read_to_end(&mut rest)).await;
    closed.unwrap().unwrap();
    shutdown.cancel();
    served.await.unwrap();
}

#[tokio::test]
async fn shutting_down_ends_idle_connections() {
    let (_, web) = web();
    let (address, shutdown, served) = listening(&web).await;
    assert!(livez(address).await.ends_with("ok\n"));
    let idle = TcpStream::connect(address).await.unwrap();
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(10), served).await.unwrap().unwrap();
    drop(idle);
}

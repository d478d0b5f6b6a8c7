//! Services that come and go.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alluxio_proto::grpc::{
    meta::{
        GetConfigHashPOptions,
        meta_master_configuration_service_client::MetaMasterConfigurationServiceClient,
        meta_master_configuration_service_server::MetaMasterConfigurationServiceServer,
    },
    metric::{
        MetricsHeartbeatPRequest, MetricsHeartbeatPResponse,
        metrics_master_client_service_client::MetricsMasterClientServiceClient,
    },
};
use alluxio_rpc::{Role, ServiceType, Stage};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Response, Status};
use uuid::Uuid;

use crate::{
    answers::version,
    fakes::Settings,
    raw::{self, GET_METRICS, authenticate, claim, connect},
    rig::{Rig, conf, server, who},
};

const STANDBY: &str = "This master is a standby.";

async fn with_slow_call(
    heartbeat: Duration,
) -> (Rig, JoinHandle<Result<Response<MetricsHeartbeatPResponse>, Status>>) {
    let rig = Rig::start_at("127.0.0.1:0".parse().unwrap(), &[], heartbeat).await;
    let channel = rig.channel(&rig.connector("ann", &[]));
    who(&channel).await.unwrap();
    let mut client = MetricsMasterClientServiceClient::new(channel);
    let call =
        tokio::spawn(async move { client.metrics_heartbeat(MetricsHeartbeatPRequest::default()).await });
    // Until it is at the server nothing is shown; nothing else tells that it is.
    tokio::time::sleep(Duration::from_millis(100)).await;
    (rig, call)
}

#[tokio::test]
async fn an_empty_stage_answers_unavailable_to_everything() {
    let rig = Rig::start(&[]).await;
    rig.stage.shut(STANDBY);
    for path in [GET_METRICS, "/alluxio.grpc.file.Unknown/Method"] {
        let status = raw::call(connect(rig.addr), path, None).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unavailable, STANDBY));
    }
    let status = version(&rig, ServiceType::MetricsMasterClientService.into()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "GetServiceVersion is not supported on standby master");
    let first = claim(&Uuid::new_v4().to_string(), b"\0ann\0noPassword");
    let status = authenticate(connect(rig.addr), first).await.err().expect("it is refused");
    assert_eq!((status.code(), status.message()), (Code::Unavailable, STANDBY));
    rig.stage.shut("The leader is m2:19998.");
    let status = raw::call(connect(rig.addr), GET_METRICS, None).await.unwrap_err();
    assert_eq!(status.message(), "The leader is m2:19998.");
    assert_eq!(rig.who("ann", &[]).await.unwrap_err().kind, alluxio_fs::ErrorKind::Unavailable);
    rig.open(Arc::new(|| true));
    assert!(rig.who("ann", &[]).await.is_ok());
    rig.stop().await;
}

/// What is for everybody's ears whoever leads. Nothing else comes in by it.
#[tokio::test]
async fn what_stands_beside_an_empty_stage_answers() {
    let rig = Rig::start(&[]).await;
    let stage = Stage::new(&conf(&[]), Role::Master, rig.sessions.clone(), STANDBY)
        .beside(MetaMasterConfigurationServiceServer::new(Settings));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(stage.clone().serve(listener, stop.clone()));
    let connector = rig.connector("ann", &[]);
    let open = ServiceType::MetaMasterConfigService;
    let channel = connector.channel("127.0.0.1", addr.port(), open).unwrap();
    let mut client = MetaMasterConfigurationServiceClient::new(channel);
    client.get_config_hash(GetConfigHashPOptions {}).await.unwrap();
    let status = raw::call(connect(addr), GET_METRICS, None).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, STANDBY));
    let first = claim(&Uuid::new_v4().to_string(), b"\0ann\0noPassword");
    assert!(authenticate(connect(addr), first).await.is_err());
    // Nor does it need a mandate.
    let (services, _) = server(&[], Duration::ZERO);
    stage.open(services, Arc::new(|| false));
    client.get_config_hash(GetConfigHashPOptions {}).await.unwrap();
    stop.cancel();
    serving.await.unwrap().unwrap();
    rig.stop().await;
}

#[tokio::test]
async fn who_waits_for_an_answer_is_told_and_the_session_ends() {
    let (rig, call) = with_slow_call(Duration::from_secs(600)).await;
    let first = claim(&Uuid::new_v4().to_string(), b"\0ann\0noPassword");
    let mut session = authenticate(connect(rig.addr), first).await.unwrap();
    let began = Instant::now();
    rig.stage.shut(STANDBY);
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.message().contains("whether the call was carried out is not known"), "{status}");
    let end = session.replies.message().await;
    assert!(!matches!(end, Ok(Some(_))), "the session goes on");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    rig.expect_sessions(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn no_answer_is_sent_without_the_mandate() {
    let (rig, call) = with_slow_call(Duration::from_millis(600)).await;
    assert!(call.await.unwrap().is_ok());
    let may = Arc::new(AtomicBool::new(true));
    let asked = may.clone();
    rig.open(Arc::new(move || asked.load(Ordering::SeqCst)));
    let channel = rig.channel(&rig.connector("ann", &[]));
    who(&channel).await.unwrap();
    let mut client = MetricsMasterClientServiceClient::new(channel.clone());
    let answer = async {
        let begun = client.metrics_heartbeat(MetricsHeartbeatPRequest::default());
        let lost = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            may.store(false, Ordering::SeqCst);
        };
        tokio::join!(begun, lost).0
    };
    // The handler has come to its end meanwhile.
    assert_eq!(answer.await.unwrap_err().code(), Code::Unavailable);
    // Nor is anything begun, or an error told.
    for path in [GET_METRICS, "/alluxio.grpc.file.Unknown/Method"] {
        let status = raw::call(connect(rig.addr), path, None).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{path}");
    }
    may.store(true, Ordering::SeqCst);
    assert!(who(&channel).await.is_ok(), "the same session goes on");
    rig.stop().await;
}

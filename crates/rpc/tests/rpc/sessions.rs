//! Who gets in, as whom, and for how long.

use alluxio_conf::Configuration;
use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::{
    meta::{
        GetConfigHashPOptions, UpdateConfigurationPRequest,
        meta_master_configuration_service_client::MetaMasterConfigurationServiceClient,
    },
    sasl::ChannelAuthenticationScheme,
};
use alluxio_rpc::{NoGroups, ServiceType, Sessions};
use tonic::Code;
use uuid::Uuid;

use crate::{
    raw::{self, GET_METRICS, authenticate, claim, connect},
    rig::{Rig, who},
};

const NOSASL: (&str, &str) = ("alluxio.security.authentication.type", "NOSASL");
const METHOD: &str = "alluxio.grpc.metric.MetricsMasterClientService/GetMetrics";

#[tokio::test]
async fn a_session_carries_its_user() {
    let rig = Rig::start(&[]).await;
    assert_eq!(rig.who("ann", &[]).await.unwrap(), ("ann".into(), "ann".into()));
    rig.stop().await;
}

#[tokio::test]
async fn an_open_service_is_called_with_a_session_when_it_wants_one() {
    let rig = Rig::start(&[]).await;
    let connector = rig.connector("ann", &[]);
    let service = ServiceType::MetaMasterConfigService;
    let channel = connector.channel("127.0.0.1", rig.addr.port(), service).unwrap();
    let mut settings = MetaMasterConfigurationServiceClient::new(channel);
    let hash = settings.get_config_hash(GetConfigHashPOptions {}).await.unwrap().into_inner();
    assert_eq!((hash.cluster_config_hash(), rig.sessions.len()), ("", 0), "no session for what is open");
    let done = settings.update_configuration(UpdateConfigurationPRequest::default()).await.unwrap();
    assert_eq!(done.into_inner().status.into_keys().collect::<Vec<_>>(), ["ann"]);
    rig.stop().await;
}

#[tokio::test]
async fn a_call_without_a_channel_id_is_refused() {
    let rig = Rig::start(&[]).await;
    let status = raw::call(connect(rig.addr), GET_METRICS, None).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), format!("Channel Id is missing for call: {METHOD}."));
    rig.stop().await;
}

#[tokio::test]
async fn a_call_with_an_unknown_channel_id_is_refused() {
    let rig = Rig::start(&[]).await;
    for id in [&*Uuid::new_v4().to_string(), "not-a-uuid"] {
        let status = raw::call(connect(rig.addr), GET_METRICS, Some(id)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated);
        assert_eq!(status.message(), format!("Channel: {id} is not authenticated for call: {METHOD}"));
    }
    rig.stop().await;
}

#[tokio::test]
async fn impersonation_follows_the_rules() {
    let rig = Rig::start(&[("alluxio.master.security.impersonation.svc.users", "ann")]).await;
    let as_ann = [("alluxio.security.login.impersonation.username", "ann")];
    assert_eq!(rig.who("svc", &as_ann).await.unwrap(), ("ann".into(), "svc".into()));

    let error = rig.who("eve", &as_ann).await.unwrap_err();
    // Not UNAUTHENTICATED, which would be tried again for two minutes.
    assert_eq!(error.kind, ErrorKind::PermissionDenied);
    assert!(error.message.contains("Failed to authenticate client user=\"eve\""), "{error}");

    let status = authenticate(connect(rig.addr), claim(&Uuid::new_v4().to_string(), b"ann\0eve\0x"))
        .await
        .err()
        .unwrap();
    assert_eq!(status.code(), Code::Unauthenticated);
    rig.stop().await;
}

#[tokio::test]
async fn an_empty_password_is_refused() {
    let rig = Rig::start(&[]).await;
    let first = claim(&Uuid::new_v4().to_string(), b"\0ann\0");
    let status = authenticate(connect(rig.addr), first).await.err().unwrap();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), "Plain authentication failed: No password provided");
    rig.stop().await;
}

#[tokio::test]
async fn another_scheme_is_refused() {
    let rig = Rig::start(&[]).await;
    let mut first = claim(&Uuid::new_v4().to_string(), b"\0ann\0x");
    first.authentication_scheme = Some(ChannelAuthenticationScheme::Nosasl.into());
    let status = authenticate(connect(rig.addr), first).await.err().unwrap();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), "Authentication scheme:NOSASL is not supported");
    rig.stop().await;
}

#[tokio::test]
async fn without_authentication_there_is_no_user() {
    let rig = Rig::start(&[NOSASL]).await;
    assert_eq!(rig.who("ann", &[NOSASL]).await.unwrap(), (String::new(), String::new()));
    assert_eq!(rig.sessions.len(), 0);

    let error = rig.who("ann", &[]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::FailedPrecondition);
    assert!(error.message.contains("authentication disabled"), "{error}");
    rig.stop().await;
}

#[test]
fn custom_authentication_is_refused_at_the_start() {
    let conf = Configuration::defaults().with(&[("alluxio.security.authentication.type", "CUSTOM")]).unwrap();
    let error = Sessions::new(&conf, std::sync::Arc::new(NoGroups)).err().unwrap().to_string();
    assert!(error.contains("alluxio.security.authentication.type=CUSTOM is not supported"), "{error}");
}

#[tokio::test]
async fn a_session_ends_when_its_stream_is_half_closed() {
    let rig = Rig::start(&[]).await;
    let channel = connect(rig.addr);
    let id = Uuid::new_v4().to_string();
    let mut session = authenticate(channel.clone(), claim(&id, b"\0ann\0x")).await.unwrap();
    assert!(raw::call(channel.clone(), GET_METRICS, Some(&id)).await.is_ok());

    drop(session.requests);
    assert!(session.replies.message().await.unwrap().is_none(), "the server completes its half");
    rig.expect_sessions(0).await;
    let status = raw::call(channel, GET_METRICS, Some(&id)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    rig.stop().await;
}

#[tokio::test]
async fn a_session_ends_with_its_connection() {
    let rig = Rig::start(&[]).await;
    let connector = rig.connector("ann", &[]);
    who(&rig.channel(&connector)).await.unwrap();
    rig.expect_sessions(1).await;
    drop(connector);
    rig.expect_sessions(0).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_live_id_is_refused_to_a_second_stream_and_kept_by_the_first() {
    let rig = Rig::start(&[]).await;
    let id = Uuid::new_v4().to_string();
    let channel = connect(rig.addr);
    let _first = authenticate(channel.clone(), claim(&id, b"\0ann\0x")).await.unwrap();
    let status = authenticate(connect(rig.addr), claim(&id, b"\0eve\0x")).await.err().unwrap();
    assert_eq!(status.code(), Code::Internal);
    let metrics = raw::call(channel, GET_METRICS, Some(&id)).await.unwrap().metrics;
    assert_eq!(metrics["user"].string_value(), "ann");
    rig.stop().await;
}

#[tokio::test]
async fn several_sessions_share_one_connection() {
    let rig = Rig::start(&[]).await;
    let channel = connect(rig.addr);
    let mut open = Vec::new();
    for n in 0..300 {
        let id = Uuid::new_v4().to_string();
        let session =
            authenticate(channel.clone(), claim(&id, format!("\0user{n}\0x").as_bytes())).await.unwrap();
        open.push((n, id, session));
    }
    for (n, id, _) in &open {
        let metrics = raw::call(channel.clone(), GET_METRICS, Some(id)).await.unwrap().metrics;
        assert_eq!(metrics["user"].string_value(), format!("user{n}"));
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_revoked_session_is_opened_again_by_the_next_call() {
    let rig = Rig::start(&[]).await;
    let channel = rig.channel(&rig.connector("ann", &[]));
    for _ in 0..5 {
        who(&channel).await.unwrap();
        rig.sessions.revoke_all();
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let rig = Rig::start(&[]).await;
    let addr = rig.addr;
    let channel = rig.channel(&rig.connector("ann", &[]));
    who(&channel).await.unwrap();
    rig.stop().await;

    let status = who(&channel).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.message().contains(&addr.to_string()), "{status}");

    let rig = Rig::start_at(addr, &[], std::time::Duration::ZERO).await;
    assert_eq!(who(&channel).await.unwrap().0, "ann");
    rig.stop().await;
}

#[tokio::test]
async fn the_configuration_service_needs_no_session_but_knows_one() {
    let rig = Rig::start(&[]).await;
    let connector = rig.connector("ann", &[]);
    let channel =
        connector.channel("127.0.0.1", rig.addr.port(), ServiceType::MetaMasterConfigService).unwrap();
    let options = alluxio_proto::grpc::meta::GetConfigHashPOptions {};
    let hash = MetaMasterConfigurationServiceClient::new(channel).get_config_hash(options).await.unwrap();
    assert_eq!(hash.into_inner().cluster_config_hash(), "");
    assert_eq!(rig.sessions.len(), 0);

    let raw_channel = connect(rig.addr);
    let id = Uuid::new_v4().to_string();
    let _session = authenticate(raw_channel.clone(), claim(&id, b"\0ann\0x")).await.unwrap();
    let mut request = tonic::Request::new(options);
    request.metadata_mut().insert("channel-id", id.parse().unwrap());
    let hash = MetaMasterConfigurationServiceClient::new(raw_channel).get_config_hash(request).await.unwrap();
    assert_eq!(hash.into_inner().cluster_config_hash(), "ann");
    rig.stop().await;
}

//! Finding the master that leads, and holding out until there is one.

use std::{net::SocketAddr, sync::atomic::Ordering, time::Duration};

use alluxio_client::{Cluster, MetaMasterClient};
use alluxio_conf::{Configuration, key};
use alluxio_fs::ErrorKind;
use alluxio_proto::grpc::meta::{
    meta_master_client_service_server::MetaMasterClientServiceServer,
    meta_master_configuration_service_server::MetaMasterConfigurationServiceServer,
};
use alluxio_rpc::{ServiceType, version_of};

use crate::{
    master::FakeMaster,
    rig::{Server, conf, serve_at},
};

async fn start(name: &'static str, addr: SocketAddr) -> Server {
    serve(FakeMaster { name, ..FakeMaster::default() }, addr).await
}

async fn serve(master: FakeMaster, addr: SocketAddr) -> Server {
    let (meta, settings) = (ServiceType::MetaMasterClientService, ServiceType::MetaMasterConfigService);
    serve_at(addr, &Configuration::defaults(), |server| {
        server.service(meta, version_of(meta), MetaMasterClientServiceServer::new(master.clone())).service(
            settings,
            version_of(settings),
            MetaMasterConfigurationServiceServer::new(master),
        )
    })
    .await
}

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

async fn who_leads(client: &MetaMasterClient) -> String {
    client.get_master_info(&[]).await.unwrap().leader_master_address().to_owned()
}

#[tokio::test]
async fn calls_follow_the_leader() {
    let (one, two) = (start("one", anywhere()).await, start("two", anywhere()).await);
    one.stand_by();
    let addresses = format!("{},{}", one.addr, two.addr);
    let cluster = Cluster::connect(&conf(&[("alluxio.master.rpc.addresses", &addresses)])).await.unwrap();
    let client = MetaMasterClient::new(&cluster);
    assert_eq!(who_leads(&client).await, "two");

    two.stand_by();
    one.lead();
    assert_eq!(who_leads(&client).await, "one");
}

#[tokio::test]
async fn a_call_holds_out_until_a_master_is_there() {
    let addr = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let port = addr.port().to_string();
    let settings = [("alluxio.master.hostname", "127.0.0.1"), ("alluxio.master.rpc.port", port.as_str())];
    let client = MetaMasterClient::new(&Cluster::without_defaults(&conf(&settings)).unwrap());
    let call = tokio::spawn(async move { who_leads(&client).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!call.is_finished());
    let _server = start("late", addr).await;
    assert_eq!(call.await.unwrap(), "late");
}

#[tokio::test]
async fn a_call_gives_up_after_the_retry_time() {
    let settings = [
        ("alluxio.master.rpc.addresses", "127.0.0.1:1,127.0.0.1:2"),
        ("alluxio.user.rpc.retry.max.duration", "200ms"),
    ];
    let error = Cluster::connect(&conf(&settings)).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.starts_with("No master leads. 127.0.0.1:1: "), "{error}");
    assert!(error.message.contains("tried"), "{error}");
}

#[tokio::test]
async fn the_cluster_tells_its_defaults() {
    let server = start("one", anywhere()).await;
    let address = server.addr.to_string();
    let settings =
        [("alluxio.master.rpc.addresses", &*address), ("alluxio.user.file.writetype.default", "MUST_CACHE")];
    let cluster = Cluster::connect(&conf(&settings)).await.unwrap();
    assert_eq!(cluster.conf().get(key::USER_BLOCK_SIZE_BYTES_DEFAULT), 7 << 20);
    assert_eq!(cluster.conf().get(key::USER_FILE_WRITETYPE_DEFAULT), "MUST_CACHE", "ours is stronger");

    let off = conf(&settings).with(&[("alluxio.user.conf.cluster.default.enabled", "false")]).unwrap();
    let cluster = Cluster::connect(&off).await.unwrap();
    assert_eq!(cluster.conf().get(key::USER_BLOCK_SIZE_BYTES_DEFAULT), 64 << 20);
}

#[tokio::test]
async fn changes_of_the_defaults_are_followed() {
    let master = FakeMaster { name: "one", ..FakeMaster::default() };
    let changes = master.changes.clone();
    let server = serve(master, anywhere()).await;
    let address = server.addr.to_string();
    let settings = [("alluxio.master.rpc.addresses", &*address), ("alluxio.user.conf.sync.interval", "20ms")];
    let cluster = Cluster::connect(&conf(&settings)).await.unwrap();
    let never = conf(&settings).with(&[("alluxio.user.conf.sync.interval", "-1")]).unwrap();
    let never = Cluster::connect(&never).await.unwrap();
    for change in 1..3 {
        changes.fetch_add(1, Ordering::SeqCst);
        let followed = async {
            while cluster.conf().get(key::USER_BLOCK_SIZE_BYTES_DEFAULT) != (7 + change) << 20 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), followed).await.expect("the change is seen");
        // Nothing breaks while the master is away, and it is followed again afterwards.
        server.stand_by();
        tokio::time::sleep(Duration::from_millis(60)).await;
        server.lead();
    }
    assert_eq!(never.conf().get(key::USER_BLOCK_SIZE_BYTES_DEFAULT), 7 << 20, "told not to follow");
}

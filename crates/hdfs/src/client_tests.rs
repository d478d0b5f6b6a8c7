use super::*;
use crate::Limits;

fn settings(properties: &[(&str, &str)]) -> Settings {
    let properties =
        properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let limit = Duration::from_millis(300);
    Settings { properties, limits: Limits { call: limit, transfer: limit }, ..Settings::default() }
}

#[test]
fn a_name_without_a_port_is_a_name_service_or_gets_the_usual_port() {
    let url = |authority: &str, properties: &[(&str, &str)]| {
        Hdfs::new(authority, settings(properties)).map(|h| h.url)
    };
    let service = [
        ("dfs.ha.namenodes.ns", "a,b"),
        ("dfs.namenode.rpc-address.ns.a", "h:1"),
        ("dfs.namenode.rpc-address.ns.b", "i:1"),
    ];
    assert_eq!(url("nn", &[]).unwrap(), "hdfs://nn:8020");
    assert_eq!(url("nn:9000", &[]).unwrap(), "hdfs://nn:9000");
    assert_eq!(url("ns", &service).unwrap(), "hdfs://ns");
    assert_eq!(url("", &[("fs.defaultFS", "hdfs://nn:9000")]).unwrap(), "hdfs://");
    let refusal = url("", &[]).unwrap_err().to_string();
    assert!(refusal.contains("fs.defaultFS"), "{refusal}");
}

#[test]
fn observers_are_never_asked() {
    let observer = "org.apache.hadoop.hdfs.server.namenode.ha.ObserverReadProxyProvider";
    let hdfs = Hdfs::new("nn", settings(&[("dfs.client.failover.proxy.provider.ns", observer)])).unwrap();
    assert!(!hdfs.settings.properties["dfs.client.failover.proxy.provider.ns"].contains("Observer"));
}

#[tokio::test]
async fn a_namenode_that_does_not_answer_is_waited_for_within_the_limit_and_asked_anew() {
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hdfs = Hdfs::new(&deaf.local_addr().unwrap().to_string(), settings(&[])).unwrap();
    for _ in 0..2 {
        let late = hdfs.status("/").await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        assert!(late.to_string().contains("no answer from HDFS"), "{late}");
        // Each attempt has a connection of its own.
        deaf.accept().await.unwrap();
    }
}

#[tokio::test]
async fn a_namenode_that_is_not_there_is_told() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hdfs = Hdfs::new(&free.to_string(), settings(&[("dfs.client.failover.max.attempts", "0")])).unwrap();
    let refused = hdfs.make_folders("/a", 0o755).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "{refused}");
}

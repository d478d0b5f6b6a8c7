use std::{collections::BTreeMap, time::Duration};

use alluxio_conf::Configuration;
use alluxio_journal::{
    Existing, Uuid,
    store::local::{LocalStore, Sharing},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::{
    checkpoint::{Checkpointer, Every},
    namespace::now_ms,
};

/// The original's metrics: name and kind.
const ORIGINAL: &str = include_str!("../../../crates/telemetry/src/metrics/metrics.tsv");

/// Names those that are left out in the first column of its table, `*` at the end standing for any end.
const DOCUMENTED: &str = include_str!("../../../docs/metrics.md");

async fn master(folder: &TempDir) -> Master {
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (journal, root) = (path("journal"), path("root"));
    std::fs::create_dir(&root).unwrap();
    let conf = Configuration::defaults()
        .with(&[
            ("alluxio.master.hostname", "127.0.0.1"),
            ("alluxio.master.bind.host", "127.0.0.1"),
            ("alluxio.master.web.bind.host", "127.0.0.1"),
            ("alluxio.master.rpc.port", "0"),
            ("alluxio.master.web.port", "0"),
            ("alluxio.master.journal.folder", &journal),
            ("alluxio.master.mount.table.root.ufs", &root),
        ])
        .unwrap();
    let store = LocalStore::new(&journal, Sharing::Exclusive);
    alluxio_journal::format(&store, Uuid::from_u128(1), Existing::Keep).await.unwrap();
    drop(store);
    Master::start(conf, None).await.unwrap()
}

async fn get(master: &Master, path: &str) -> Value {
    let mut stream = TcpStream::connect(master.web_addr()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (_, body) = reply.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// Name -> (kind as `/metrics/json` groups them, what it says).
async fn shown(master: &Master) -> BTreeMap<String, (String, Value)> {
    let body = get(master, "/metrics/json").await;
    let mut shown = BTreeMap::new();
    for kind in ["gauges", "counters", "meters", "timers"] {
        for (name, value) in body[kind].as_object().unwrap() {
            shown.insert(name.clone(), (kind.to_owned(), value.clone()));
        }
    }
    shown
}

fn left_out() -> Vec<&'static str> {
    let rows = DOCUMENTED.lines().filter(|line| line.starts_with("| `Master."));
    rows.flat_map(|line| {
        line.split('|').nth(1).unwrap().split('`').filter(|name| name.starts_with("Master."))
    })
    .collect()
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |begin| name.starts_with(begin))
}

#[tokio::test]
async fn each_metric_of_the_original_is_shown_or_left_out_for_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let master = master(&folder).await;
    let shown = shown(&master).await;
    let left_out = left_out();
    let mut wrong = Vec::new();
    let listed: BTreeMap<&str, &str> = ORIGINAL.lines().filter_map(|line| line.split_once('\t')).collect();
    for (name, kind) in listed.iter().filter(|(name, _)| name.starts_with("Master.")) {
        let documented = left_out.iter().any(|pattern| fits(pattern, name));
        match shown.get(*name) {
            Some(_) if documented => wrong.push(format!("{name}: shown, but documented as left out")),
            None if !documented => wrong.push(format!("{name}: neither shown nor documented as left out")),
            // The original calls one of its gauges a counter in the list.
            Some((group, _)) if *group != format!("{}s", kind.to_lowercase()) => {
                wrong.push(format!("{name}: a {kind} in the original, but among the {group}"));
            }
            _ => {}
        }
    }
    for pattern in left_out {
        if !listed.keys().any(|name| fits(pattern, name)) {
            wrong.push(format!("{pattern}: documented as left out, but the original has no such metric"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    master.shutdown().await;
}

#[tokio::test]
async fn times_and_flushes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let before = now_ms();
    let master = master(&folder).await;
    let shown = shown(&master).await;
    for name in ["Master.StartTime", "Master.LastGainPrimacyTime"] {
        let told = shown[name].1["value"].as_i64().unwrap();
        assert!((before..=now_ms()).contains(&told), "{name}: {told}");
    }
    // The first records of a new cluster.
    assert!(shown["Master.JournalFlushTimer"].1["count"].as_u64().unwrap() > 0);
    assert_eq!(shown["Master.JournalFlushFailure"].1["count"], 0);
    assert!(shown["Master.JournalEntriesSinceCheckPoint"].1["value"].as_u64().unwrap() > 0);
    let connector = alluxio_rpc::Connector::new(&Configuration::defaults(), "ann").unwrap();
    let service = alluxio_rpc::ServiceType::MetaMasterClientService;
    connector.version("127.0.0.1", master.rpc_addr().port(), service).await.unwrap();
    let calls = self::shown(&master).await["Master.TotalRpcs"].1["count"].clone();
    assert_eq!(calls, 1);
    let shutdown = tokio::time::timeout(Duration::from_secs(20), master.shutdown());
    shutdown.await.expect("it ends");
}

/// Also while somebody has the tree hashed or a checkpoint is written: this is read from the journal.
#[tokio::test]
async fn the_last_checkpoint_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let master = master(&folder).await;
    let told = async || {
        let mut masters = get(&master, "/api/v1/master/webui_masters").await;
        let mut primary = masters["primaryMasterInfo"].take();
        let mut metrics = get(&master, "/api/v1/master/webui_metrics").await;
        [
            primary["journalEntriesSinceCheckpoint"].take(),
            metrics["journalEntriesSinceCheckpoint"].take(),
            primary["lastCheckpointTime"].take(),
            metrics["journalLastCheckpointTime"].take(),
        ]
    };
    let records = master.namespace().journal().durable();
    assert!(records > 0);
    let [of_masters, of_metrics, shown, instant] = told().await;
    assert_eq!([of_masters, of_metrics], [records, records]);
    assert_eq!([shown, instant], ["N/A", "N/A"]);
    let before = now_ms();
    Checkpointer::new(master.namespace().clone(), Every::NEVER, 0).write().await.unwrap();
    let [of_masters, of_metrics, shown, instant] = told().await;
    assert_eq!([of_masters, of_metrics], [0, 0]);
    assert_ne!(shown, "N/A");
    let instant: jiff::Timestamp = instant.as_str().unwrap().parse().unwrap();
    assert!((before..=now_ms()).contains(&instant.as_millisecond()), "{instant}");
    master.shutdown().await;
}

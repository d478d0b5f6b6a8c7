//! From one AlluxioCluster to another, as docs/moving-in.md tells it: from one master to three.

use alluxio_tests::{
    e2e::{Deployed, Operator, Outside, all_are_there},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    available::single,
    ends::{GONE, some_files},
    ha::LIMIT,
    operators::uids,
    roll::{ROLL, is_rolled},
};

const BACKUP: &str = "alluxio.master.journal.init.from.backup";

/// Takes a backup; its address, as it is printed.
fn backup(cluster: &Deployed<'_>) -> Result<String> {
    let printed = cluster
        .exec("demo-masters-0", &["alluxio", "fsadmin", "backup", "/underfs/backups", "--allow-leader"])?;
    let uri = printed.lines().find_map(|line| line.split_once("Backup URI").map(|(_, rest)| rest));
    let uri = uri.with_context(|| format!("no address is printed: {printed}"))?;
    Ok(uri.trim_start_matches([' ', ':']).trim().to_owned())
}

/// The new object, as the documents have it.
fn lake(outside: &Outside, backup: &str) -> Value {
    json!({
        "apiVersion": "alluxio.org/v1alpha1",
        "kind": "AlluxioCluster",
        "metadata": {"name": "lake"},
        "spec": {
            "masters": {"count": 3},
            "zookeeper": {"addresses": [outside.zookeeper.address()]},
            "journal": {"claim": {"accessMode": "ReadWriteMany", "storageClassName": "shared", "size": "1Gi"}},
            "underStorage": {"root": {"claim": "demo-files"}},
            "properties": {BACKUP: backup},
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_master_becomes_three_by_a_backup() -> Result<()> {
    let scenario = Scenario::begin("one_master_becomes_three_by_a_backup").await?;
    let operator = Operator::install(&[])?;
    let outside = Outside::zookeeper()?;
    let demo = Deployed::apply(&scenario, "demo", &single(&scenario)?)?;
    demo.available(LIMIT).await?;
    let count = some_files(&demo).await?;
    let uri = backup(&demo)?;
    println!("the backup: {uri}");
    demo.delete(GONE).await?;

    let lake = Deployed::apply(&scenario, "lake", &lake(&outside, &uri).to_string())?;
    lake.available(LIMIT).await?;
    all_are_there(&lake.client_conf()?, "/written", count).await?;
    let content = lake.exec("lake-masters-0", &["alluxio", "fs", "cat", "/content"])?;
    ensure!(content == "what was written\n", "{content:?}");

    let before = uids(&lake).await?;
    lake.edit(&json!({"spec": {"properties": {BACKUP: null}}}))?;
    lake.until("the property is out", ROLL, is_rolled).await?;
    for (pod, uid) in uids(&lake).await? {
        let is_master = pod.contains("-masters-");
        ensure!((before.get(&pod) != Some(&uid)) == is_master, "{pod} is {uid}; before: {before:?}");
    }
    all_are_there(&lake.client_conf()?, "/written", count).await?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

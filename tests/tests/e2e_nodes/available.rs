//! The first cluster of the documents: twelve lines.

use std::time::Duration;

use alluxio_tests::{
    e2e::{Deployed, Operator, example, kubectl_with, promised, ready_pods},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(120);
/// What is started, with its images on the nodes, is available so soon.
const PROMISED: Duration = Duration::from_secs(60);

/// The example's cluster, `demo`. Its claim, which all nodes share here, is applied.
pub fn single(scenario: &Scenario) -> Result<String> {
    let text = example("single.yaml")?;
    let (claim, cluster) = text.split_once("\n---\n").context("the example has two objects")?;
    let mut claim: Value = serde_yaml::from_str(claim)?;
    claim["spec"]["storageClassName"] = "shared".into();
    claim["spec"]["accessModes"] = serde_json::json!(["ReadWriteMany"]);
    kubectl_with(scenario.namespace(), &["apply", "--filename", "-"], &claim.to_string())?;
    Ok(cluster.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_lines_give_a_cluster() -> Result<()> {
    let scenario = Scenario::begin("twelve_lines_give_a_cluster").await?;
    let operator = Operator::install(&[])?;
    let text = single(&scenario)?;
    ensure!(text.lines().count() <= 12, "{} lines", text.lines().count());
    let cluster = Deployed::apply(&scenario, "demo", &text)?;
    let said = cluster.told();
    promised("a single master, from kubectl apply to Available", cluster.available(LIMIT).await?, PROMISED)?;

    let workers = cluster.pods("worker").await?;
    ensure!(ready_pods(&workers).len() == 3, "a worker on each node: {:?}", ready_pods(&workers));
    cluster.leader_is_known_everywhere("demo-masters-0").await?;
    cluster.runs_the_tests()?;

    // The columns of `kubectl get`, as people read them.
    let table = cluster.kubectl(&["get", "alx"])?;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    let [header, row] = &*rows else { anyhow::bail!("{table}") };
    ensure!(header[..] == ["NAME", "MASTERS", "WORKERS", "LEADER", "VERSION", "STATUS", "AGE"], "{table}");
    let version = env!("CARGO_PKG_VERSION");
    ensure!(row[..6] == ["demo", "1/1", "3/3", "demo-masters-0", version, "Available"], "{table}");
    // What the conditions said on the way; no ZooKeeper is no fault.
    let began = [
        "Progressing=True/Creating",
        "ZooKeeperReachable=Unknown/NotConfigured",
        "Degraded=False/AsExpected",
    ];
    said.has_said(&began, LIMIT).await?;
    operator.is_content()?;
    scenario.finish().await
}

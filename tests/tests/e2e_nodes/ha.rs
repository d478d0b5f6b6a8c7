//! Clusters of three masters, whose ZooKeeper is outside.

use std::time::Duration;

use alluxio_tests::{
    e2e::{Deployed, Operator, Outside, example, kubectl, kubectl_with, promised, ready_pods},
    kube::Scenario,
};
use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use tokio::time::sleep;

pub const LIMIT: Duration = Duration::from_secs(180);
/// From `kubectl apply` on, with the images on the nodes.
const AVAILABLE: Duration = Duration::from_secs(60);
/// Until status and Service name the master that serves.
pub const TOLD: Duration = Duration::from_secs(3);

/// After so long nothing is under way any more, and so long a cluster at rest is looked at.
const CALM: Duration = Duration::from_secs(30);
const AT_REST: Duration = Duration::from_secs(60);

/// Where the masters' journal lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    Hdfs,
    SharedVolume,
}

impl Journal {
    /// What is outside of the nodes.
    pub fn outside(self) -> Result<Outside> {
        match self {
            Journal::Hdfs => Outside::start(),
            Journal::SharedVolume => Outside::zookeeper(),
        }
    }

    /// The example of three masters, and all that it names. Returns it with the cluster's name.
    pub fn example(self, scenario: &Scenario, outside: &Outside) -> Result<(&'static str, String)> {
        match self {
            Journal::Hdfs => {
                outside.configure(scenario.namespace())?;
                Ok(("ha", outside.adapted(&example("ha-hdfs.yaml")?)))
            }
            Journal::SharedVolume => {
                shared_claim(scenario, "files")?;
                Ok(("shared", outside.adapted(&example("ha-shared-volume.yaml")?)))
            }
        }
    }

    /// The example, applied and available.
    pub async fn cluster<'a>(self, scenario: &'a Scenario, outside: &Outside) -> Result<Deployed<'a>> {
        let (name, text) = self.example(scenario, outside)?;
        let cluster = Deployed::apply(scenario, name, &text)?;
        cluster.available(LIMIT).await?;
        Ok(cluster)
    }
}

/// A claim that all nodes share.
pub fn shared_claim(scenario: &Scenario, name: &str) -> Result<()> {
    let claim = serde_json::json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"storageClassName": "shared", "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    kubectl_with(scenario.namespace(), &["apply", "--filename", "-"], &claim.to_string()).map(drop)
}

/// An example of three masters does what the documents say.
async fn is_highly_available(name: &str, journal: Journal) -> Result<()> {
    let scenario = Scenario::begin(name).await?;
    let operator = Operator::install(&[])?;
    let outside = journal.outside()?;
    let (name, text) = journal.example(&scenario, &outside)?;
    let cluster = Deployed::apply(&scenario, name, &text)?;
    promised("three masters, from kubectl apply to Available", cluster.available(LIMIT).await?, AVAILABLE)?;
    let masters = cluster.pods("master").await?;
    ensure!(ready_pods(&masters).len() == 3, "{:?}", ready_pods(&masters));
    let leader = cluster.serving().await?.context("no master serves")?;
    cluster.leader_is_known_everywhere(&leader.pod).await?;
    cluster.runs_the_tests()?;
    promised("status and Service name the leader", cluster.agrees(TOLD).await?, TOLD)?;
    if journal == Journal::Hdfs {
        nothing_is_written_at_rest(&scenario).await?;
    }
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}

/// The operator renews its Lease, and changes nothing else.
async fn nothing_is_written_at_rest(scenario: &Scenario) -> Result<()> {
    sleep(CALM).await;
    let from = scenario.audit().end()?;
    sleep(AT_REST).await;
    let mut changes = scenario.audit().changes_since(from)?;
    // What an earlier test has left in its namespace is not at rest.
    let elsewhere = |namespace: &str| namespace.starts_with("e2e-") && namespace != scenario.namespace();
    changes.retain(|it| it.user.contains(":alluxio-operator:") && !elsewhere(&it.namespace));
    let (leases, others): (Vec<_>, Vec<_>) =
        changes.into_iter().partition(|change| change.resource.starts_with("leases."));
    ensure!(!leases.is_empty(), "the operator has not renewed its lease");
    ensure!(others.is_empty(), "of a cluster at rest the operator changed {others:?}");
    println!("{AT_REST:.0?} at rest: the operator wrote its lease {} times, and nothing else", leases.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_masters_with_a_journal_on_hdfs() -> Result<()> {
    is_highly_available("three_masters_with_a_journal_on_hdfs", Journal::Hdfs).await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_masters_with_a_journal_on_a_shared_volume() -> Result<()> {
    is_highly_available("three_masters_with_a_journal_on_a_shared_volume", Journal::SharedVolume).await
}

/// With one worker, there as well. It asks for less than it would by itself: the masters have taken most of a node of two processors.
fn on_one_node(example: &str) -> String {
    let group = "    - name: default\n      scheduling: {nodeSelector: {kubernetes.io/hostname: node1}}\n      \
                 resources: {requests: {cpu: 100m}}\n";
    format!("{example}  workers:\n{group}")
}

async fn starts_on_one_node(cluster: &Deployed<'_>) -> Result<()> {
    let took = cluster.available(LIMIT).await?;
    let masters = cluster.pods("master").await?;
    for master in &masters {
        let node = cluster.node_of(&master.name_any()).await?;
        ensure!(node == "1", "{} is on node {node}", master.name_any());
    }
    ensure!(ready_pods(&masters).len() == 3, "{:?}", ready_pods(&masters));
    let leader = cluster.serving().await?.context("no master serves")?;
    cluster.leader_is_known_everywhere(&leader.pod).await?;
    promised("three masters on one node, from kubectl apply to Available", took, AVAILABLE)
}

/// That they shall be on nodes of their own is a wish: where there is one node, they share it.
#[tokio::test(flavor = "multi_thread")]
async fn three_masters_start_on_one_node() -> Result<()> {
    let scenario = Scenario::begin("three_masters_start_on_one_node").await?;
    let operator = Operator::install(&[])?;
    let outside = Journal::SharedVolume.outside()?;
    let (name, text) = Journal::SharedVolume.example(&scenario, &outside)?;
    kubectl("default", &["cordon", "node2", "node3"])?;
    let started = match Deployed::apply(&scenario, name, &on_one_node(&text)) {
        Ok(cluster) => starts_on_one_node(&cluster).await,
        Err(error) => Err(error),
    };
    kubectl("default", &["uncordon", "node2", "node3"])?;
    started?;
    operator.is_content()?;
    scenario.finish().await?;
    outside.finish()
}
